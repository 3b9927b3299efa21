#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Recorded calls of the original, followed to the letter but for the improvements listed in
# docs/compatibility.md.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
}

teardown_file() {
	stop_redis
}

# One record as a line of shell, NUL-terminated.  The first line that the original prints on stderr is
# noise of its own.
records() {
	jq -j --arg o "$file" '.cases[] | "name=\(.name | @sh) want_rc=\(.exit) recorded=\(.file // "" | @sh) " +
		"argv=(\([.argv[] | gsub("@OUT@"; $o)] | @sh)) " +
		"stdout=\(.stdout | gsub("@OUT@"; $o) | gsub("@CONFDIR@"; "/etc/rspamd") | @sh) " +
		"stderr=\(.stderr | gsub("@OUT@"; $o) | sub("no actions defined\n"; "") | @sh)\u0000"' "$DATA/cli/cases.json"
}

# Prints what differs from the record; silence is success.
check_same() {
	[ "$rc" -eq "$want_rc" ] || echo "$name: exit code $rc, recorded $want_rc"
	diff "$want_out" "$out" | sed "s/^/$name: stdout /"
	diff "$want_err" "$err" | sed "s/^/$name: stderr /"
	if [ -n "$recorded" ] && [ "$want_rc" -eq 0 ]; then
		# Compared in one go at the end.
		cp "$file" "$BATS_TEST_TMPDIR/files/$name.rnm" || echo "$name: wrote no file"
	elif [ -e "$file" ]; then
		echo "$name: wrote a file"
	fi
}

# Refused where the original wrote a bad file: exit 1, a sentence with these words, no file.
check_refused() {
	local words
	[ "$rc" -eq 1 ] || echo "$name: exit code $rc, expected 1"
	[ ! -e "$file" ] || echo "$name: wrote a file"
	for words in "$@"; do
		grep -qF -- "$words" "$err" || echo "$name: stderr lacks '$words': $(cat "$err")"
	done
}

check_case() {
	case $name in
	export_symbolic | export_space_rule) check_refused providers ;;
	export_other_digest) check_refused 0123456789abcdef 376616275a1a984c --any-digest ;;
	export_no_digest) check_refused 376616275a1a984c --any-digest ;;
	export_empty_ann | export_garbage_ann) check_refused rn_embed_ ;;
	export_bad_norm) check_refused rn_embed_bad_norm_aabbccdd_1 roc_thresholds ;;
	list_keywrongtype)
		sed -i 's/_1, Updated: \(.*\) \[stale\]/_1, Updated: \1/' "$want_out"
		check_same
		;;
	export_keywrongtype)
		[ "$rc" -eq 0 ] || echo "$name: exit code $rc"
		grep -q '^Loading model from key: rn_embed_keywrongtype_aabbccdd_1 (version 1)$' "$out" || echo "$name: $(cat "$out")"
		[ "$(cat "$err")" = "skip stale model profile: version=2 key=strkey_golden" ] || echo "$name: $(cat "$err")"
		;;
	list_badjson | export_badjson)
		# The recorded lines come first, then one for each malformed member.
		grep '^malformed model profile' "$err" >"$err.malformed"
		[ "$(wc -l <"$err.malformed")" -eq 4 ] || echo "$name: $(cat "$err")"
		grep -qF "not json at all" "$err.malformed" || echo "$name: the member is not named"
		sed -i '/^malformed model profile/d' "$err"
		check_same
		;;
	export_ver_string_v7)
		[ "$rc" -eq 0 ] || echo "$name: exit code $rc"
		[ "$(python "$BATS_TEST_DIRNAME/rnm1.py" show "$file" | jq .model_version)" = 7 ] || echo "$name: version"
		;;
	export_ver_string | export_empty_fields | export_default_v2 | export_default_v2.0 | export_default_v0x2)
		# The file is smaller than the recorded one, which has a list of no thresholds or empty fields.
		sed -i "s/File size: .*/File size: $(stat -c %s "$file") bytes/" "$want_out"
		check_same
		;;
	digest_export)
		# The digest line comes first, as the work is done.
		{ tail -n 1 "$want_out"; head -n -1 "$want_out"; } >"$want_out.sorted"
		mv "$want_out.sorted" "$want_out"
		check_same
		;;
	out_is_dir | out_dir_missing)
		[ "$rc" -eq 1 ] || echo "$name: exit code $rc"
		diff "$want_out" "$out" | sed "s/^/$name: stdout /"
		[ "$(wc -l <"$err")" -eq 1 ] && [ "$(grep -oF "${argv[-1]}" "$err" | wc -l)" -eq 1 ] || echo "$name: $(cat "$err")"
		;;
	conf_missing)
		[ "$rc" -eq 1 ] && [ ! -s "$out" ] || echo "$name: exit code $rc"
		[ "$(cat "$err")" = "cannot open the configuration /nonexistent.conf: No such file or directory" ] || echo "$name: $(cat "$err")"
		;;
	help | h)
		sed -i '/^   --any-digest /d' "$out"
		check_same
		;;
	*) check_same ;;
	esac
}

# run_cases COMMAND...: every recorded call; fails after naming all that differ.
run_cases() {
	local count=0 differences="$BATS_TEST_TMPDIR/differences"
	local file="$BATS_TEST_TMPDIR/model.rnm" want_out="$BATS_TEST_TMPDIR/want_out" want_err="$BATS_TEST_TMPDIR/want_err"
	local record name want_rc recorded argv stdout stderr
	mkdir "$BATS_TEST_TMPDIR/files"
	: >"$differences"
	while IFS= read -r -d '' record; do
		eval "$record"
		rm -f "$file"
		printf %s "$stdout" >"$want_out"
		printf %s "$stderr" >"$want_err"
		call "$@" -c "$CONF" "${argv[@]}"
		check_case >>"$differences" || true
		count=$((count + 1))
	done < <(records)
	[ "$count" -eq "$(jq '.cases | length' "$DATA/cli/cases.json")" ]
	[ "$count" -ge 100 ]
	[ "$(ls "$BATS_TEST_TMPDIR/files" | wc -l)" -ge 25 ]
	python "$BATS_TEST_DIRNAME/rnm1.py" same "$DATA/cli/files" "$BATS_TEST_TMPDIR/files" >>"$differences" 2>&1 || true
	cat "$differences"
	[ ! -s "$differences" ]
}

@test "every recorded call of neural_export" {
	run_cases neural_export
}

@test "the same as a verb of rnm" {
	run_cases rnm neural_export
}

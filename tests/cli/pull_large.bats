#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Signed models too large to be held: the same judgement, little memory, and a file in place that need not be read.

load helpers
load pull

setup_file() {
	pull_setup_file
	for version in 5 6; do
		python "$BATS_TEST_DIRNAME/made_model.py" "$WORK/m$version.rnm" 46 digest=aa5f939b29f3d241 version=$version \
			seed=$version hidden=8000
	done
	mkdir "$WORK/variants"
	python "$BATS_TEST_DIRNAME/large_variants.py" "$WORK/m5.rnm" 8000 "$WORK/variants"
	cp "$WORK/m5.rnm" "$WORK/variants/good.rnm"
}

teardown_file() {
	pull_teardown_file
}

setup() {
	pull_setup
}

part_size() {
	stat -c %s "$HERE/.model.rnm.rnmpart"
}

# ---- in pieces ----------------------------------------------------------------------------------------------------

@test "cut again and again, at the edges of pieces, it is put together from all of them" {
	local size at=0 upto
	publish "$WORK/m5.rnm"
	size=$(stat -c %s "$WORK/m5.rnm")
	[ "$size" -gt 1200000 ]
	pulls --dry-run --json
	expect_rc 0
	expect_json ".received == $size and .changed"
	expect_folder "$HERE"
	for upto in 1 262143 262144 262145 1048575 1048576 $((size - 1)); do
		script "/m.rnm cut $((upto - at))"
		refused 5 http.cut "the connection ended before all had come"
		[ "$(part_size)" = "$upto" ]
		at=$upto
	done
	script
	pulls --json
	expect_rc 0
	expect_json ".resumed == $size - 1 and .received == 1"
	installed 5
	# And without a last byte to ask for.
	publish "$WORK/m6.rnm"
	size=$(stat -c %s "$WORK/m6.rnm")
	script "/m.rnm cut 1"
	pulls
	expect_rc 5
	cp "$WORK/m6.rnm" "$HERE/.model.rnm.rnmpart"
	script
	pulls --json
	expect_rc 0
	expect_json ".resumed == $size and .received == 0"
	[ "$(requests /m.rnm)" = 0 ]
	installed 6
}

@test "a beginning that is damaged, wherever, costs a second fetch and no more" {
	local at
	publish "$WORK/m5.rnm"
	for at in 0 262143 262144 1099999; do
		rm -f "$HERE"/model* "$HERE"/.model*
		script "/m.rnm cut 1100000"
		pulls
		expect_rc 5
		printf X | dd of="$HERE/.model.rnm.rnmpart" bs=1 seek=$at conv=notrunc status=none
		script
		pulls --json
		expect_rc 0
		expect_json ".resumed == 0"
		installed 5
	done
}

# judgement FILE: of the last call, without what only a signed file has.  Where in a frame zstd notices damage depends on
# how much of it is there.
judgement() {
	jq '.signature = null | .findings |= map(if .id == "frame.corrupt" then .offset = null else . end)' "$out" >"$1"
	cat "$err" >>"$1"
	echo "$rc" >>"$1"
}

@test "another file in the place of the rest is refused, and what is right fetched again" {
	publish "$WORK/m5.rnm"
	script "/m.rnm cut 1100000"
	pulls
	expect_rc 5
	# Of another length, and with the beginning of another.
	script "/m.rnm as $WORK/m3.rnm"
	refused 7 statement.size "bytes, the signed statement is about"
	[ ! -e "$HERE/.model.rnm.rnmpart" ]
	script "/m.rnm cut 1100000"
	pulls
	script "/m.rnm range 1100000-$(($(stat -c %s "$WORK/m5.rnm") - 1))/$(stat -c %s "$WORK/m5.rnm")" "/m.rnm ok"
	pulls --json
	expect_rc 0
	installed 5
}

@test "what is signed is judged as what is not" {
	local file name
	rnm -q sign "$WORK"/variants/*.rnm -k "$WORK/key" --any-file
	for file in "$WORK"/variants/*.rnm; do
		name=$(basename "$file" .rnm)
		call rnm verify "$file" --json
		judgement "$BATS_TEST_TMPDIR/bare"
		call rnm verify "$file" --key "$PUB" --json
		[ "$rc" = 3 ] || expect_json ".signature.statement.name != null"
		judgement "$BATS_TEST_TMPDIR/signed"
		diff "$BATS_TEST_TMPDIR/bare" "$BATS_TEST_TMPDIR/signed" || { echo "$name"; return 1; }
	done
}

@test "an unsound one is not put in place" {
	publish "$WORK/m5.rnm"
	pulls
	installed 5
	publish "$WORK/variants/nan-last.rnm" --any-file
	refused 1 kann.non-finite "finite"
	publish "$WORK/variants/damaged-end.rnm" --any-file
	refused 1 frame.corrupt "found damage"
	publish "$WORK/variants/cut.rnm" --any-file
	refused 3 rnm1.truncated "expected" --allow-rollback
	publish "$WORK/m6.rnm"
	pulls
	installed 6
}

@test "memory does not grow with the model" {
	! grep -q __asan_init "$RNM" || skip "a sanitizer's memory is not the program's own"
	python "$BATS_TEST_DIRNAME/made_model.py" "$HERE/large.rnm" 4096 hidden=2500 digest=aa5f939b29f3d241 version=9 seed=2
	[ "$(stat -c %s "$HERE/large.rnm")" -gt 30000000 ]
	publish "$HERE/large.rnm"
	# peak MIB COMMAND...
	peak() {
		python - "$@" <<-'END'
		import resource, subprocess, sys
		subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
		peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		print(f"{peak} KiB")
		sys.exit(peak >= int(sys.argv[1]) * 1024)
		END
	}
	# libcurl and what it brings are 12 of these.
	peak 28 "$RNM" pull -q "$URL" --key "$PUB" --to "$TO"
	cmp "$TO" "$HERE/large.rnm"
	peak 16 "$RNM" verify "$TO" --key "$PUB" --name m.rnm
}

# ---- what is in place ---------------------------------------------------------------------------------------------

# believe SECONDS: has the state say that the file, as it is, was found to hold the model, so long ago.
believe() {
	python - "$TO" "$1" <<-'END'
	import hashlib, json, os, struct, sys, time
	path, age = sys.argv[1], float(sys.argv[2])
	state = json.load(open(path + ".rnmpull"))
	st = os.stat(path)
	times = [part for ns in (st.st_mtime_ns, st.st_ctime_ns) for part in divmod(ns, 10**9)]
	facts = struct.pack("=7Q", st.st_dev, st.st_ino, st.st_size, *times)
	state["hashed"] = hashlib.blake2b(facts, digest_size=32, key=bytes.fromhex(state["model"])).hexdigest()
	state["hashed_at"] = int(time.time() - age)
	json.dump(state, open(path + ".rnmpull", "w"))
	END
}

damage() {
	printf X | dd of="$TO" bs=1 seek=700 conv=notrunc status=none
}

@test "the file in place is not read while nothing of it changes, for a day" {
	publish "$WORK/m3.rnm"
	pulls
	installed 3
	# So that it can be seen whether it is read.
	damage
	believe 60
	pulls
	expect_rc 0
	expect_out "unchanged: version 3"
	call rnm verify "$TO" --key "$PUB" --name m.rnm
	expect_rc 7
	pulls --dry-run
	expect_out "would install: version 3"
	pulls --check
	expect_out "installed: version 3"
	installed 3
	# A day later; when the clock has been set back; of another model.
	for age in 86401 -3600; do
		damage
		believe $age
		pulls
		expect_out "installed: version 3"
		installed 3
	done
	damage
	believe 60
	sed -i 's/"hashed": "\(.\)/"hashed": "\1\1/; s/\("hashed": "[0-9a-f]\{64\}\)./\1/' "$TO.rnmpull"
	pulls
	expect_out "installed: version 3"
	# Whatever changes of its inode: time, number, size.
	damage
	believe 60
	touch -d '2020-01-01' "$TO"
	pulls
	expect_out "installed: version 3"
	damage
	believe 60
	cp -p "$TO" "$TO.copy"
	mv "$TO.copy" "$TO"
	pulls
	expect_out "installed: version 3"
	believe 60
	chmod 600 "$TO"
	damage
	pulls
	expect_out "installed: version 3"
	publish "$WORK/m4.rnm"
	damage
	believe 60
	pulls
	expect_out "installed: version 4"
	installed 4
	[ "$(jq .hashed "$TO.rnmpull")" = null ]
}

@test "that it need not be read is believed only of a file that had been at rest" {
	publish "$WORK/m3.rnm"
	pulls
	installed 3
	[ "$(jq .hashed "$TO.rnmpull")" = null ]
	for _ in $(seq 200); do
		pulls
		expect_out "unchanged: version 3"
		[ "$(jq .hashed_at "$TO.rnmpull")" = null ] || break
		sleep 0.2
	done
	# Whole seconds of both: 3 at least are 2 for certain.
	(($(jq .hashed_at "$TO.rnmpull") - $(stat -c %Z "$TO") >= 3))
	cp "$TO.rnmpull" "$BATS_TEST_TMPDIR/state"
	pulls
	expect_out "unchanged: version 3"
	cmp "$TO.rnmpull" "$BATS_TEST_TMPDIR/state"
	damage
	pulls
	expect_out "installed: version 3"
	installed 3
	sed -i 's/"pending"/"hashed_at": 5, "pending"/' "$TO.rnmpull"
	pulls
	expect_rc 3
	expect_err "found hashed_at"
}

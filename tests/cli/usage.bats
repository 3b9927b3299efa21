#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line itself: help, spelling mistakes, exit codes.

load helpers

setup_file() {
	common_setup_file
}

@test "the exit codes are pinned" {
	call rnm help exit-codes
	expect_rc 0
	[ "$(sed -n 's/^ *\([0-9]\+\)  \([a-z-]*\) .*/\1 \2/p' "$out" | tr '\n' ';')" = "0 done;1 no;2 usage;3 malformed;4 not-found;5 io;6 redis;7 signature;8 refused;129 hangup;130 interrupted;141 closed-pipe;143 terminated;" ] || { show; false; }
}

@test "--version" {
	call rnm --version
	expect_rc 0
	grep -qE '^rnm [0-9]+\.[0-9]+\.[0-9]+$' "$out"
	call rnm -V
	expect_rc 0
}

@test "no verb: exit 2, the usage line and the verbs" {
	local verb
	call rnm
	expect_rc 2
	expect_no_out
	[ "$(head -n 1 "$err")" = "usage: rnm [OPTION...] VERB [ARGUMENT...]" ] || { show; false; }
	for verb in config digest list export inspect diff merge import backup restore neural_export help; do
		grep -qE "^  $verb +[a-z]" "$err" || { show; false; }
	done
	expect_err "rnm help"
	call rnm -q
	expect_rc 2
	expect_err "usage: rnm"
}

@test "every verb has a page with options and examples, three ways to get it" {
	local verb
	for verb in config digest list export inspect diff merge import backup restore help neural_export; do
		call rnm help "$verb"
		expect_rc 0
		expect_out "Options:"
		expect_out "Examples:"
		expect_out "  rnm "
		expect_no_err
		[ "$verb" = neural_export ] && continue
		cp "$out" "$BATS_TEST_TMPDIR/page"
		call rnm "$verb" --help
		diff "$BATS_TEST_TMPDIR/page" "$out"
		call rnm "$verb" -h --unknown
		diff "$BATS_TEST_TMPDIR/page" "$out"
	done
}

@test "the overview names every verb and topic, and fits 80 columns" {
	local word
	call rnm help
	expect_rc 0
	for word in config digest list export inspect neural_export help exit-codes environment json --var --lua54-numbers; do
		expect_out "$word"
	done
	[ "$(awk 'length > 80' "$out" | wc -l)" -eq 0 ]
	cp "$out" "$BATS_TEST_TMPDIR/page"
	call rnm --help
	diff "$BATS_TEST_TMPDIR/page" "$out"
}

@test "topics: environment and json" {
	call rnm help environment
	expect_rc 0
	expect_out RNM_REDIS_PASSWORD
	expect_out SOURCE_DATE_EPOCH
	call rnm help json
	expect_rc 0
	expect_out digest_match
}

@test "did you mean: verbs, options, topics" {
	call rnm exprot -o x
	expect_rc 2
	expect_err "unknown verb 'exprot'"
	expect_err "did you mean 'rnm export'?"
	call rnm list --settngs x
	expect_rc 2
	expect_err "unknown option '--settngs'"
	expect_err "did you mean '--settings'?"
	call rnm help exit-code
	expect_rc 2
	expect_err "did you mean 'rnm help exit-codes'?"
	local case
	for case in "LIST:rnm list" "Export:rnm export" "xeport:rnm export" "ilst:rnm list" "verison:rnm --version" \
		"version:rnm --version" "HLEP:rnm help"; do
		call rnm "${case%%:*}"
		expect_rc 2
		expect_plain_error
		expect_err "did you mean '${case#*:}'?"
	done
	call rnm list --JSON
	expect_err "did you mean '--json'?"
	call rnm list --rlue x
	expect_err "did you mean '--rule'?"
	call rnm help EXIT-CODES
	expect_err "did you mean 'rnm help exit-codes'?"
	call rnm -v
	expect_err "did you mean '-V'?"
	call rnm frobnicate
	expect_rc 2
	expect_err "all verbs: rnm help"
}

@test "an option before the verb that belongs there is pointed out" {
	call rnm list --var=A=B
	expect_rc 2
	expect_err "'--var' stands before the verb"
}

@test "an option of a verb in front of it is pointed out" {
	local case
	for case in "--json list:'--json' stands after the verb: rnm list --json" \
		"-r embed list:'-r' stands after the verb: rnm list -r RULE" \
		"--rule=embed export:'--rule' stands after the verb: rnm export --rule RULE" \
		"-q --all digest:'--all' stands after the verb: rnm digest --all" \
		"--json:'--json' stands after the verb: rnm VERB --json"; do
		call rnm ${case%%:*}
		expect_rc 2
		expect_plain_error
		expect_err "${case#*:}"
	done
}

@test "arguments of options: missing, unwanted, not a number, too many words" {
	call rnm list -r
	expect_rc 2
	expect_err "option '-r' requires an argument"
	call rnm list --rule --json
	expect_rc 2
	expect_err "option '--rule' requires an argument"
	call rnm list --json=1
	expect_rc 2
	expect_err "option '--json' does not take an argument"
	expect_err "hint: type only --json"
	call rnm export -v abc -o x
	expect_rc 2
	expect_err "'abc' is not a number"
	call rnm export -v=1 -o x
	expect_rc 2
	expect_err "'=1' is not a number"
	call rnm list extra
	expect_rc 2
	expect_err "unexpected argument 'extra'"
	call rnm list -- --json
	expect_rc 2
	expect_err "unexpected argument '--json'"
	call rnm list -z
	expect_rc 2
	expect_err "unknown option '-z'"
	call rnm list --
	[ "$rc" -ne 2 ]
}

@test "options that exclude each other" {
	local pair
	for pair in "digest --all -r x" "digest --all --explain" "config --check --origin" \
		"export --all -v 1 -o d" "export --newest -v 1 -o f"; do
		call rnm $pair
		expect_rc 2
		expect_no_out
		expect_plain_error
		expect_err "exclude each other"
	done
}

@test "--var and --lua-env" {
	call rnm --var=K list
	expect_rc 2
	expect_err "bad variable 'K': expected NAME=VALUE"
	call rnm --var CONFDIR=/x config
	expect_rc 2
	expect_err "option '--var' needs its value in the same word"
	call rnm --lua-env=x.lua list
	expect_rc 2
	expect_plain_error
	expect_err "--lua-env is not supported"
}

@test "text of the user cannot move the cursor" {
	call rnm "$(printf 'li\033[2Jst')"
	expect_rc 2
	expect_err 'li\x1b[2Jst'
	! grep -q "$(printf '\033')" "$err" || false
	call neural_export "$(printf -- '--\033[2J\n')"
	expect_rc 1
	expect_err 'unknown option'
	! grep -q "$(printf '\033')" "$err" || false
}

@test "stdout that cannot be written: exit 5, 1 for the drop-in" {
	rc=0
	rnm help >/dev/full 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	[ "$rc" -eq 5 ]
	grep -q "No space left on device" "$BATS_TEST_TMPDIR/err"
	rc=0
	rnm help >&- 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	[ "$rc" -eq 5 ]
	rc=0
	neural_export --help >/dev/full 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	[ "$rc" -eq 1 ]
}

@test "a pipe that nobody reads any more: silent, exit 141" {
	to_closed_pipe rnm help
	expect_rc 141
	expect_no_err
	to_closed_pipe neural_export --help
	expect_rc 141
	expect_no_err
}

@test "colours only on a terminal, and not with NO_COLOR or --no-color" {
	need_terminal
	local escape
	escape=$(printf '\033')
	in_terminal "rnm help" | grep -qF "$escape["
	! in_terminal "rnm --no-color help" | grep -qF "$escape[" || false
	! in_terminal "env NO_COLOR=1 rnm help" | grep -qF "$escape[" || false
	! in_terminal "env TERM=dumb rnm help" | grep -qF "$escape[" || false
	! env -u NO_COLOR TERM=xterm rnm help | grep -qF "$escape[" || false
}

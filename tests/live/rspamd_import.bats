#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real rspamd loads what rnm imports, and prunes what rnm says it will.

load ../cli/helpers
load rspamd

setup_file() {
	common_setup_file
	prepare_rspamd
	start_rspamd
}

teardown_file() {
	stop_rspamd
	stop_redis
}

@test "both workers load an imported model, and write its profile as rnm has written it" {
	imported 1 1
	key=$(jq -r .key "$out")
	size=$(cli hstrlen "$key" ann)
	wait_for "loaded ANN for default:default from $key; $size bytes compressed; version=1" 2
	# A worker adds the profile anew when it has loaded the model: any other form of it would be a second member.
	wait_for "ann default:default is not changed, our version = 1, remote version = 1" 2
	[ "$(cli --raw zrange $THEIRS 0 -1)" = "$(cli --raw zrange $OURS 0 -1)" ]
	[ "$(cli zcard $THEIRS)" = 1 ]
	! grep -q "cannot parse\|cannot load\|bad profile" "$LOG"
}

@test "a second import is loaded without a restart" {
	imported 2 2
	key=$(jq -r .key "$out")
	wait_for "ann default:default is changed, our version = 1, remote version = 2" 2
	wait_for "loaded ANN for default:default from $key; $(cli hstrlen "$key" ann) bytes compressed; version=2" 2
	[ "$(cli zcard $THEIRS)" = 2 ]
}

@test "the profile that is named is the one that rspamd takes away" {
	imported 3 3
	call rnm import -c "$CONF" "$WORK/4.rnm" --json
	expect_rc 0
	expect_json '.evicts | length == 1 and .[0].version == "1"'
	victim=$(jq -r '.evicts[0].key' "$out")
	[ "$(cli exists "$victim")" = 1 ]
	cli zadd $THEIRS "$(date +%s.%N)" "$(cli --raw zrevrange $OURS 0 0)" >/dev/null
	for _ in $(seq 100); do
		[ "$(cli zcard $THEIRS)" = 4 ] || break
		sleep 0.1
	done
	[ "$(cli --raw zrange $THEIRS 0 -1 | jq -s -c 'map(.version) | sort')" = "[2,3,4]" ]
	[ "$(cli exists "$victim")" = 0 ]
}

# This rspamd has 26 meta tokens, fewer than the ones that rnm knows: what --force is for.
@test "an imported model answers mail" {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../cli/made_model.py" "$WORK/answers.rnm" 28 symbols=SYM_A,SYM_B
	call rnm import -c "$CONF" "$WORK/answers.rnm"
	expect_rc 8
	expect_err "expected a model for vectors of 48, 46 meta tokens and 2 symbols, found one for 28"
	call rnm import -q -c "$CONF" "$WORK/answers.rnm" --force --json
	expect_rc 0
	cli zadd $THEIRS "$(date +%s.%N)" "$(cli --raw zrevrange $OURS 0 0)" >/dev/null
	wait_for "loaded ANN for default:default from $(jq -r .key "$out"); " 2
	python - "$WORK/normal.sock" >"$BATS_TEST_TMPDIR/answer" <<-'END'
	import socket, sys
	mail = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: hello\r\n\r\nhello\r\n"
	worker = socket.socket(socket.AF_UNIX)
	worker.connect(sys.argv[1])
	worker.sendall(b"POST /checkv2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(mail), mail))
	answer = b""
	while piece := worker.recv(65536):
	    answer += piece
	print(answer.split(b"\r\n\r\n", 1)[1].decode())
	END
	jq -e '.symbols | keys | map(select(. == "NEURAL_SPAM" or . == "NEURAL_HAM")) | length == 1' "$BATS_TEST_TMPDIR/answer" || {
		cat "$BATS_TEST_TMPDIR/answer"
		tail -5 "$LOG"
		false
	}
}

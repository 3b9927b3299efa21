#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm pull: the ways to the server (TLS, nginx, many pulls at once), and what is done with a model.

load helpers
load pull

setup_file() {
	pull_setup_file
	export CERTS="$WORK/certs"
	mkdir "$CERTS"
	"$BATS_TEST_DIRNAME/../make_certs" "$CERTS"
	start_redis
	cat >"$WORK/rnm.conf" <<-END
	redis { servers = "$SOCKET"; }
	neural { rules {
	  default { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true; }
	  other { providers = [ { type = "llm"; model = "x"; dim = 4; } ]; }
	} }
	END
	export CONF="$WORK/rnm.conf"
}

teardown_file() {
	pull_teardown_file
	stop_redis
}

setup() {
	pull_setup
	cli flushall >/dev/null
}

teardown() {
	local file
	for file in "$BATS_TEST_TMPDIR"/*/pid; do stop_by_pid "$file"; done
	stop_by_pid "$BATS_TEST_TMPDIR/pid"
}

# ---- TLS --------------------------------------------------------------------------------------------------------

# tls_server CERT: sets TLS_URL.
tls_server() {
	start_server "$BATS_TEST_TMPDIR/$1" "$ROOT" "$CERTS/$1.pem" "$CERTS/${2:-server}.key"
	TLS_URL="https://localhost:$(cat "$BATS_TEST_TMPDIR/$1/port")/m.rnm"
}

@test "https: only a certificate that is trusted, valid and for this name will do" {
	local cert
	publish "$WORK/m3.rnm"
	tls_server good
	URL=$TLS_URL
	refused 5 http.certificate "the server's certificate does not pass"
	refused 5 http.certificate "the server's certificate does not pass" --cacert "$CERTS/other-ca.pem"
	refused 5 http.certificate "the server's certificate does not pass" --cacertdir "$CERTS/no-hash-dir"
	refused 2 http.tls-file "the trusted CAs cannot be read" --cacert "$CERTS/none.pem"
	# With a CA of ours those of the system count no more.
	pulls --cacertdir "$CERTS/ca-dir"
	expect_rc 0
	installed 3
	for cert in wrong expired future stranger self; do
		tls_server $cert
		URL=$TLS_URL
		refused 5 http.certificate "the server's certificate does not pass" --cacert "$CERTS/ca.pem"
	done
	URL=${URL/https/http}
	refused 5 http.cut ""
}

@test "https: redirects to https are followed, and passwords stay where they are" {
	publish "$WORK/m3.rnm"
	tls_server good
	printf '/m.rnm redirect %s\n' "${TLS_URL/m.rnm/m.rnm?moved}" "$TLS_URL" >"$BATS_TEST_TMPDIR/good/script"
	# From plain http to https, on another port: another server.
	script "/m.rnm redirect ${TLS_URL/m.rnm/other}"
	cp "$ROOT/m.rnm" "$ROOT/other"
	call rnm pull "${URL/:\/\//://me:secret@}" --key "$PUB" --to "$TO" --cacert "$CERTS/ca.pem"
	expect_rc 0
	installed 3
	grep -q '^GET /m.rnm Authorization' "$SERVER/log"
	grep -q '^GET /other ' "$BATS_TEST_TMPDIR/good/log"
	! grep -q Authorization "$BATS_TEST_TMPDIR/good/log" || false
	# Round and round.
	URL=$TLS_URL
	printf '/m.rnm redirect %s\n' "$TLS_URL" >"$BATS_TEST_TMPDIR/good/script"
	publish "$WORK/m4.rnm"
	refused 5 http.redirects "from one place to the next" --cacert "$CERTS/ca.pem"
	# And back to plain http, on the same host.
	printf '/m.rnm redirect http://127.0.0.1:%s/m.rnm\n' "$(cat "$SERVER/port")" >"$BATS_TEST_TMPDIR/good/script"
	refused 8 http.redirect "the server sends us elsewhere, and not to https" --cacert "$CERTS/ca.pem"
}

# ---- nginx ------------------------------------------------------------------------------------------------------

@test "a real nginx: fetched, not modified, resumed after a kill" {
	command -v nginx >/dev/null || skip "nginx is not installed"
	local dir="$BATS_TEST_TMPDIR/nginx" port pid
	mkdir -p "$dir"
	port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	cat >"$dir/conf" <<-END
	daemon off; master_process off; pid $dir/nginx.pid; error_log $dir/error.log;
	events { }
	http {
	  log_format test '\$request_method \$uri \$status \$bytes_sent "\$http_range"';
	  access_log $dir/log test; sendfile on; tcp_nopush on;
	  client_body_temp_path $dir; proxy_temp_path $dir; fastcgi_temp_path $dir; uwsgi_temp_path $dir; scgi_temp_path $dir;
	  server { listen 127.0.0.1:$port; root $ROOT; limit_rate 2m; limit_rate_after 64k; }
	}
	END
	nginx -c "$dir/conf" -p "$dir" 3>&- 2>"$dir/stderr" &
	echo $! >"$dir/pid"
	python "$BATS_TEST_DIRNAME/made_model.py" "$WORK/m5.rnm" 1000 hidden=1000 digest=aa5f939b29f3d241 version=5
	publish "$WORK/m5.rnm"
	URL="http://127.0.0.1:$port/m.rnm"
	for _ in $(seq 100); do
		curl -sf -o /dev/null "$URL.sig" && break
		sleep 0.05
	done
	rnm pull "$URL" --key "$PUB" --to "$TO" >/dev/null 2>&1 3>&- &
	pid=$!
	for _ in $(seq 200); do
		[ "$(stat -c %s "$HERE/.model.rnm.rnmpart" 2>/dev/null || echo 0)" -lt 1000000 ] || break
		sleep 0.02
	done
	kill -9 $pid
	wait $pid || true
	[ ! -e "$TO" ]
	pulls --json
	expect_rc 0
	expect_json '.resumed >= 1000000 and .resumed + .received == .statement.size'
	installed 5
	pulls
	expect_out unchanged
	grep -q '^GET /m.rnm 206 [0-9]* "bytes=[0-9]*-"$' "$dir/log"
	grep -q '^GET /m.rnm.rnmsig 304 ' "$dir/log"
}

# ---- disks, crashes, crowds -----------------------------------------------------------------------------------

@test "a full disk: the model in place stays, and the rest comes when there is room" {
	need_namespace
	publish "$WORK/m3.rnm"
	local disk="$BATS_TEST_TMPDIR/disk"
	mkdir "$disk"
	export disk out="$BATS_TEST_TMPDIR/out" err="$BATS_TEST_TMPDIR/err"
	"$BATS_TEST_DIRNAME/with_mount.sh" "$disk" size=64k bash -c '
		set -eu
		echo old >"$disk/model.rnm"
		fill() { head -c "$1" /dev/zero >"$disk/filler" || true; }
		for room in 0 4096 8192 12288 16384 20480 24576; do
			rm -f "$disk/filler" "$disk"/.model*
			fill $((65536 - 4096 * $(ls -A "$disk" | wc -l) - room))
			rc=0
			rnm pull "'"$URL"'" --key "'"$PUB"'" --to "$disk/model.rnm" >"$out" 2>"$err" || rc=$?
			echo "room $room: $rc"
			[ "$rc" = 0 ] || [ "$rc" = 5 ]
			[ "$rc" != 0 ] || break
			grep -q "No space left on device" "$err"
			[ "$(cat "$disk/model.rnm")" = old ]
			[ ! -e "$disk/model.rnm.sig" ]
		done
		rm -f "$disk/filler"
		rnm pull "'"$URL"'" --key "'"$PUB"'" --to "$disk/model.rnm" >/dev/null
		cmp "$disk/model.rnm" "'"$WORK/m3.rnm"'"
	' >"$BATS_TEST_TMPDIR/rooms"
	grep -q '^room 0: 5' "$BATS_TEST_TMPDIR/rooms"
}

@test "of two pulls of one file the second is refused; many at once leave a whole one" {
	publish "$WORK/m3.rnm"
	script "/m.rnm drip"
	rnm pull "$URL" --key "$PUB" --to "$TO" >/dev/null 2>&1 3>&- &
	echo $! >"$BATS_TEST_TMPDIR/pid"
	for _ in $(seq 100); do
		[ "$(requests /m.rnm)" = 0 ] || break
		sleep 0.05
	done
	pulls
	expect_rc 8
	expect_err "another pull holds the lock"
	# What is remembered elsewhere does not help.
	mkdir "$HERE/state"
	pulls --state "$HERE/state"
	expect_rc 8
	expect_err "another pull is writing $HERE/.model.rnm.rnmpart"
	stop_by_pid "$BATS_TEST_TMPDIR/pid"
	script
	local i pids=()
	for i in 1 2 3 4; do
		rnm pull "$URL" --key "$PUB" --to "$TO" >/dev/null 2>"$BATS_TEST_TMPDIR/err$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || [ $? = 8 ]; done
	installed 3
}

@test "a pull killed at any moment leaves the old model with its signature, or the next one repairs it" {
	publish "$WORK/m3.rnm"
	pulls
	installed 3
	publish "$WORK/m4.rnm"
	local step
	for step in rename:1 rename:2 rename:3 rename:4 fsync:5 fsync:8 pwrite64:1 linkat:3; do
		# strace kills it on its way into the call.
		strace -f -o /dev/null -e "inject=${step%:*}:signal=KILL:when=${step#*:}" \
			rnm pull "$URL" --key "$PUB" --to "$TO" >/dev/null 2>&1 || true
		cmp -s "$TO" "$WORK/m3.rnm" || cmp -s "$TO" "$WORK/m4.rnm"
	done
	pulls
	expect_rc 0
	installed 4
	expect_folder "$HERE" model.rnm model.rnm.rnmpull model.rnm.rnmpull.lock model.rnm.rnmsig model.rnm.sig
}

@test "what is remembered is written before the model is moved, and a state that is damaged stops the pull" {
	publish "$WORK/m4.rnm"
	rnm pull "$URL" --key "$PUB" --to "$TO" >/dev/null
	# The old model comes back, but not the memory of it.
	cp "$WORK/m3.rnm" "$TO"
	rm "$TO.rnmsig"
	publish "$WORK/m3.rnm"
	refused 8 pull.rollback "version 4 has been seen"
	local text
	for text in '' '{' '[]' '{"rnm_pull":2,"pending":false,"seen":[]}' '{"rnm_pull":1,"pending":false}' \
		'{"rnm_pull":1,"pending":false,"seen":[{"name":"m.rnm","key":"x","model_version":1,"created":1}]}' \
		'{"rnm_pull":1,"pending":false,"seen":[],"model":"00"}'; do
		printf %s "$text" >"$TO.rnmpull"
		refused 3 pull.state "expected what an earlier pull remembers in $TO.rnmpull"
	done
	head -c 600000 /dev/zero >"$TO.rnmpull"
	refused 3 file.too-large ""
}

# ---- commands ---------------------------------------------------------------------------------------------------

@test "--exec: the variables, no surprises of the shell, and until it succeeds" {
	local name="m.rnm \$(touch $HERE/surprise)"
	publish "$WORK/m3.rnm" --rule 'a;rule'
	pulls --exec 'env | grep ^RNM_ | LC_ALL=C sort; exit 3' --json
	expect_rc 5
	expect_json '.id == "pull.exec" and .command_ran and .changed and .status == "io"'
	expect_err "the command of --exec failed with exit code 3"
	installed 3
	diff - <(grep ^RNM_ "$err" | grep -vE '^RNM_(BUILD|SHARED|TESTS)=') <<-END
	RNM_BLAKE2B=$(b2sum -l 256 "$WORK/m3.rnm" | cut -d' ' -f1)
	RNM_FILE=$TO
	RNM_MODEL_VERSION=3
	RNM_NAME=m.rnm
	RNM_PREVIOUS_VERSION=0
	RNM_PROVIDERS_DIGEST=aa5f939b29f3d241
	RNM_REDIS_KEY=
	RNM_RULE=a;rule
	RNM_SIGNER=$(cat "$PUB")
	RNM_URL=$URL
	END
	# Owed until it has been done, also when nothing is new.
	pulls --exec 'kill -9 $$'
	expect_rc 5
	expect_err "ended by signal 9"
	pulls --exec 'echo to stdout; exit 0'
	expect_rc 0
	expect_out "handed on: version 3"
	! grep -q "to stdout" "$out" || false
	expect_err "to stdout"
	pulls --exec "touch $HERE/again"
	expect_rc 0
	expect_out unchanged
	[ ! -e "$HERE/again" ]
	publish "$WORK/m4.rnm"
	RNM_NAME=inherited pulls --exec 'test "$RNM_NAME" = m.rnm && test "$RNM_PREVIOUS_VERSION" = 3'
	expect_rc 0
	publish "$WORK/m4.rnm" --name "${name//\//_}"
	rm "$TO"
	pulls --name "${name//\//_}" --exec 'echo "$RNM_NAME"'
	expect_rc 0
	[ ! -e "$HERE/surprise" ]
}

@test "--exec: the signals of the command are the usual ones, and SIGTERM ends it too" {
	publish "$WORK/m3.rnm"
	# A shell in which SIGPIPE is ignored would go on for ever.
	pulls --exec 'yes | head -n 1 >/dev/null'
	expect_rc 0
	publish "$WORK/m4.rnm"
	rnm pull "$URL" --key "$PUB" --to "$TO" --exec "echo \$\$ >$HERE/child; sleep 60" >/dev/null 2>&1 3>&- &
	local pid=$! rc=0
	for _ in $(seq 100); do
		[ ! -s "$HERE/child" ] || break
		sleep 0.05
	done
	kill -TERM $pid
	wait $pid || rc=$?
	[ "$rc" = 143 ]
	! kill -0 "$(cat "$HERE/child")" 2>/dev/null || false
}

# ---- rules and Redis ---------------------------------------------------------------------------------------------

@test "-r: only what fits the rule, under the digest as its name too" {
	publish "$WORK/m3.rnm"
	refused 1 verify.rule-digest "digest" -c "$CONF" -r other
	pulls -c "$CONF" -r default
	expect_rc 0
	installed 3
	publish "$WORK/m4.rnm" --name aa5f939b29f3d241
	refused 7 statement.name "aa5f939b29f3d241"
	refused 7 statement.name "aa5f939b29f3d241" -c "$CONF" -r other
	pulls -c "$CONF" -r default
	expect_rc 0
	refused 4 rule.unknown "nowhere" -c "$CONF" -r nowhere
	refused 8 pull.no-config "no configuration was read" --redis "unix://$SOCKET" --import || true
}

@test "--import: into Redis, once, and again when Redis has lost it" {
	mkdir "$HERE/state"
	publish "$WORK/m3.rnm"
	into() { call rnm pull "$URL" --key "$PUB" --import -c "$CONF" --state "$HERE/state" "$@"; }
	into --json --dry-run
	expect_rc 0
	expect_json '.changed and (.imported.written | not)'
	[ "$(cli dbsize)" = 0 ]
	into --json
	expect_rc 0
	expect_json '.changed and .imported.written and .imported.version == 3'
	[ "$(rnm list -c "$CONF" --json | jq '.lists[0].served.version')" = 3 ]
	expect_folder "$HERE/state" m.rnm.rnmpull m.rnm.rnmpull.lock
	into
	expect_out "unchanged: version 3"
	cli flushall >/dev/null
	into --json
	expect_rc 0
	expect_json '(.changed | not) and .imported.written'
	publish "$WORK/m4.rnm"
	into --to "$TO"
	expect_rc 0
	installed 4
	[ "$(rnm list -c "$CONF" --json | jq '.lists[0].served.version')" = 4 ]
}

@test "--import: what Redis refuses is owed, and costs no second download" {
	mkdir "$HERE/state"
	publish "$WORK/m3.rnm"
	into() { call rnm pull "$URL" --key "$PUB" --import -c "$CONF" --state "$HERE/state" --json "$@"; }
	cli acl setuser default -exec >/dev/null
	into
	expect_rc 6
	expect_json '.changed and .imported == null'
	cli acl setuser default +@all >/dev/null
	script
	into
	expect_rc 0
	expect_json '.imported.written and .received == 0'
	[ "$(requests /m.rnm)" = 0 ]
	into
	expect_json '.imported == null'
}

@test "from a published tree: version after version, and back by a new one" {
	local digest=aa5f939b29f3d241
	published() { rnm publish "$@" --to "$ROOT/tree" --sign "$WORK/key" >/dev/null; }
	URL="http://127.0.0.1:$(cat "$SERVER/port")/tree/models/$digest"
	published "$WORK/m3.rnm"
	pulls -c "$CONF" -r default
	expect_rc 0
	expect_out "installed: version 3 of $digest"
	cmp "$TO" "$ROOT/tree/models/$digest"
	published "$WORK/m4.rnm"
	pulls --json
	expect_rc 0
	expect_json '.changed and .statement.model_version == 4'
	cmp "$TO" "$ROOT/tree/models/$digest"
	rnm publish --rollback "$digest" --to "$ROOT/tree" --sign "$WORK/key" >/dev/null
	pulls --json
	expect_rc 0
	expect_json '.changed and (.rolled_back | not) and .statement.model_version == 5'
	[ "$(rnm inspect "$TO" --json --hash | jq -r .weights_hash)" = "$(rnm inspect "$WORK/m3.rnm" --json --hash | jq -r .weights_hash)" ]
	# The immutable object has the same bytes, statement and signature.
	pulls
	expect_out unchanged
	# The same again, signed anew: no download, other signatures.
	rnm publish --renew --valid-for 2d --to "$ROOT/tree" --sign "$WORK/key" >/dev/null
	script
	pulls --json
	expect_rc 0
	expect_json '(.changed | not) and .received == 0'
	[ "$(requests /tree/models/$digest)" = 0 ]
	cmp "$TO.rnmsig" "$ROOT/tree/models/$digest.rnmsig"
}

@test "from a published tree: what a publisher did not finish lies there under its hash" {
	local digest=aa5f939b29f3d241 hash
	published() { rnm publish "$@" --to "$ROOT/half" --sign "$WORK/key" >/dev/null; }
	URL="http://127.0.0.1:$(cat "$SERVER/port")/half/models/$digest?token=1"
	published "$WORK/m3.rnm"
	cp -a "$ROOT/half/models/$digest" "$BATS_TEST_TMPDIR/old"
	published "$WORK/m4.rnm"
	hash=$(jq -r .blake2b "$ROOT/half/models/$digest.rnmsig" | head -n 1)
	# As if it had been killed between statement and model.
	cp -a "$BATS_TEST_TMPDIR/old" "$ROOT/half/models/$digest"
	script
	pulls --json
	expect_rc 0
	expect_json '.changed and .statement.model_version == 4'
	cmp "$TO" "$ROOT/half/objects/$hash.rnm"
	cmp "$TO.sig" "$ROOT/half/objects/$hash.rnm.sig"
	[ "$(requests "/half/objects/$hash.rnm?token=1")" = 1 ]
	# Other bytes there are no way in.
	rm -f "$TO"*
	cp -a "$BATS_TEST_TMPDIR/old" "$ROOT/half/objects/$hash.rnm"
	refused 7 statement.size "the signed statement is about"
	rm "$ROOT/half/objects/$hash.rnm"
	refused 7 statement.size "the signed statement is about"
}

# ---- the configuration that is printed ------------------------------------------------------------------------

@test "--print-config: what rspamd's configuration says then" {
	local key
	key=$(cat "$PUB")
	cd "$HERE"
	call rnm pull "$URL" --key "$PUB" --to ./model.rnm -r default --print-config
	expect_rc 0
	expect_no_err
	expect_out "url = \"sign+key=$key+$HERE/model.rnm\";"
	expect_out "4.1.3"
	{
		cat "$CONF"
		echo 'neural {'
		cat "$out"
		echo '}'
	} >"$HERE/whole.conf"
	rnm config -c "$HERE/whole.conf" neural |
		jq -e ".. | .external_model? // empty | .url == \"sign+key=$key+$HERE/model.rnm\" and .merge_alpha == 1" >/dev/null
	[ "$(requests /m.rnm.rnmsig)" = 0 ]
	expect_folder "$HERE" whole.conf
	mkdir keys
	cp "$PUB" keys/a.pub
	cp "$WORK/other.pub" keys/b.pub
	call rnm pull "$URL" --trusted keys --to model.rnm --print-config
	expect_rc 2
	expect_err "2 keys are trusted, and a map of rspamd can have one"
	local bad
	for bad in 'a"b' 'a\b' 'a$b' $'a\nb' 'a{b'; do
		call rnm pull "$URL" --key "$PUB" --to "$bad" --print-config
		expect_rc 2
		expect_err "a character that does not stand in a rspamd configuration"
	done
	call rnm pull "$URL" --key "$PUB" --to model.rnm -r 'a"b' --print-config
	expect_rc 2
}

@test "options that lack others" {
	local options
	while read -r options; do
		# shellcheck disable=SC2086
		call rnm pull "$URL" $options
		expect_rc 2
		expect_plain_error
	done <<-END
	--to $TO
	--key $PUB
	--key $PUB --import
	--key $PUB --import --state $HERE --print-config
	--key $PUB --to $TO -s web
	--key $PUB --to $TO --redis redis://127.0.0.1
	--key $PUB --to $TO --tls-key $PUB
	--key $PUB --to $TO --every 0
	--key $PUB --to $TO --every 20m --dry-run
	--key $PUB --to $TO --every 20m --allow-rollback
	--key $PUB --to /dev/stdout
	--key $PUB --to $TO --name a/b
	--key nonsense-that-is-no-key --to
	END
	call rnm pull --key "$PUB" --to "$TO"
	expect_rc 2
	call rnm pull "$URL" --key "$PUB" --to "$HERE/none/model"
	expect_rc 5
	expect_plain_error
}

# ---- staying ----------------------------------------------------------------------------------------------------

# wait_for TEXT: in the output of the process that stays.
wait_for() {
	for _ in $(seq 200); do
		! grep -qF -- "$1" "$HERE/out" "$HERE/err" || return 0
		sleep 0.05
	done
	cat "$HERE/out" "$HERE/err"
	return 1
}

@test "--every: looks, looks at once after SIGHUP, and ends cleanly after SIGTERM" {
	local pid rc=0 begin
	publish "$WORK/m3.rnm"
	# The service manager's end.
	python -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(30)
with open(sys.argv[2], "wb", 0) as f:
    while True:
        message = s.recv(4096)
        f.write(message + b"\n")
        if message.startswith(b"STOPPING"):
            break' "$HERE/notify" "$HERE/notified" 3>&- &
	echo $! >"$BATS_TEST_TMPDIR/pid"
	for _ in $(seq 100); do [ ! -S "$HERE/notify" ] || break; sleep 0.05; done
	NOTIFY_SOCKET="$HERE/notify" rnm pull "$URL" --key "$PUB" --to "$TO" --every 1h >"$HERE/out" 2>"$HERE/err" 3>&- &
	pid=$!
	wait_for "installed: version 3"
	publish "$WORK/m4.rnm"
	for _ in $(seq 100); do ! grep -q READY=1 "$HERE/notified" || break; sleep 0.05; done
	kill -HUP $pid
	wait_for "installed: version 4"
	installed 4
	# A failure is told, and the next look is not far.
	script "/m.rnm.rnmsig status 500"
	kill -HUP $pid
	wait_for "HTTP status 500"
	wait_for "next look in "
	[ "$(sed -n 's/.*next look in \([0-9]*\) s.*/\1/p' "$HERE/err")" -le 66 ]
	begin=$(date +%s%N)
	kill -TERM $pid
	wait $pid || rc=$?
	[ "$rc" = 0 ]
	(($(date +%s%N) - begin < 1000000000))
	for _ in $(seq 100); do ! grep -q STOPPING=1 "$HERE/notified" || break; sleep 0.05; done
	grep -q '^STATUS=model is current, next look in' "$HERE/notified"
	grep -q '^STATUS=last look failed' "$HERE/notified"
	grep -qx STOPPING=1 "$HERE/notified"
}

@test "--every: waits longer and longer, and as long as a server asks for" {
	local pid
	script "/m.rnm.rnmsig status 503 Retry-After: 4000"
	rnm pull "$URL" --key "$PUB" --to "$TO" --every 1s >"$HERE/out" 2>"$HERE/err" 3>&- &
	pid=$!
	echo $pid >"$BATS_TEST_TMPDIR/pid"
	wait_for "next look in 4000 s"
	script "/m.rnm.rnmsig status 404"
	kill -HUP $pid
	# A second, twice as long, and twice as long again.
	for _ in $(seq 200); do
		[ "$(grep -c "next look in" "$HERE/err")" -lt 3 ] || break
		sleep 0.05
	done
	[ "$(sed -n 's/.*next look in \([0-9]*\) s.*/\1/p' "$HERE/err" | sed -n '2p;3p' | tr '\n' ' ')" = "2 4 " ]
	kill -TERM $pid
	wait $pid
}

@test "--every: a mistake in the command line ends it at once" {
	call timeout 10 "$BIN/rnm" pull ftp://x/m.rnm --key "$PUB" --to "$TO" --every 1h
	expect_rc 2
}

@test "the systemd units: well formed and hardened, and the service does its work" {
	command -v systemd-analyze >/dev/null || skip "systemd is not installed"
	local units="$BATS_TEST_DIRNAME/../../packaging/systemd" unit command
	mkdir "$HERE/units" "$HERE/keys"
	cp "$units"/rnm-pull* "$HERE/units"
	sed -i "s|/usr/bin/rnm|$BIN/rnm|" "$HERE"/units/*.service
	for unit in rnm-pull@.service rnm-pull-daemon@.service rnm-pull@.timer; do
		run systemd-analyze verify --man=no "$HERE/units/$unit"
		[ "$status" -eq 0 ] && [ -z "$output" ] || { echo "$output"; false; }
	done
	for unit in rnm-pull@.service rnm-pull-daemon@.service; do
		systemd-analyze security --offline=true --threshold=20 "$units/$unit" >/dev/null
		grep -qx 'StateDirectory=rnm/pull' "$units/$unit"
	done
	publish "$WORK/m3.rnm"
	cp "$PUB" "$HERE/keys"
	mkdir -p "$HERE/state/rnm/pull"
	command=$(sed -n 's/^ExecStart=//p' "$HERE/units/rnm-pull@.service")
	command=${command//%S/$HERE/state}
	command=${command//%i/embed}
	command=${command//\/etc\/rnm\/keys/$HERE/keys}
	# shellcheck disable=SC2016
	URL=$URL OPTIONS="-c $CONF -r default" call bash -c "$command"
	expect_rc 0
	cmp "$HERE/state/rnm/pull/embed.rnm" "$WORK/m3.rnm"
}

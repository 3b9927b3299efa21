# SPDX-License-Identifier: Apache-2.0
# Shared by all files here.  $RNM is the absolute path of the command under test.

# Data, and a folder of this bats file with the command under both of its names.
common_setup_file() {
	[ -n "${RNM:-}" ] && [ -x "$RNM" ] || {
		echo "set RNM to the absolute path of the rnm to test" >&2
		return 1
	}
	export DATA="$BATS_TEST_DIRNAME/../data"
	export WORK="$BATS_FILE_TMPDIR"
	export BIN="$WORK/bin"
	export TZ=UTC LC_ALL=C NO_COLOR=1
	unset CONFDIR LOCAL_CONFDIR RUNDIR DBDIR LOGDIR WWWDIR PLUGINSDIR RULESDIR LUALIBDIR SHAREDIR
	unset SOURCE_DATE_EPOCH RNM_REDIS_PASSWORD
	mkdir -p "$BIN"
	ln -sf "$RNM" "$BIN/rnm"
	ln -sf "$RNM" "$BIN/neural_export"
	export PATH="$BIN:$PATH"
}

# start_redis [OPTION...]: a private server; sets SOCKET.  One per file, ended by its pid.
start_redis() {
	export SOCKET="$WORK/redis.sock"
	redis-server --port 0 --unixsocket "$SOCKET" --dir "$WORK" --dbfilename dump.rdb --save '' \
		--daemonize no --logfile "$WORK/redis.log" "$@" 3>&- 4>&- &
	echo $! >"$WORK/redis.pid"
	for _ in $(seq 100); do
		redis-cli -s "$SOCKET" ping >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	cat "$WORK/redis.log" >&2
	return 1
}

stop_redis() {
	local pid
	[ -e "$WORK/redis.pid" ] || return 0
	pid=$(cat "$WORK/redis.pid")
	kill "$pid" 2>/dev/null || return 0
	wait "$pid" 2>/dev/null || true
	for _ in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -9 "$pid"
}

cli() {
	redis-cli -s "$SOCKET" "$@"
}

# The recorded data set and its configuration, as $WORK/rnm.conf.
start_recorded_redis() {
	cp "$DATA/cli/dump.rdb" "$WORK/dump.rdb"
	start_redis
	sed "s|@REDIS@|$SOCKET|" "$DATA/cli/rnm.conf" >"$WORK/rnm.conf"
	export CONF="$WORK/rnm.conf"
}

# start_redis_with_big BYTES: of the recorded models the default and the unit ones, and one with a network of so many random
# bytes, which no compression makes shorter, as embed/big.
start_redis_with_big() {
	local key
	start_recorded_redis
	for key in $(cli --scan --pattern 'rn3_*'); do
		case $key in
		*_3_default | *_3_unit) ;;
		*) cli del "$key" >/dev/null ;;
		esac
	done
	{
		printf 'KAN\001'
		head -c "$1" /dev/urandom
	} >"$WORK/big"
	# From a file, so that the frame says how long its content is.
	zstd -q -1 --rm "$WORK/big"
	cli copy rn_embed_unit_aabbccdd_1 rn_embed_big_aabbccdd_1 >/dev/null
	cli -x hset rn_embed_big_aabbccdd_1 ann <"$WORK/big.zst" >/dev/null
	cli zadd rn3_embed_3_big 1795400000 "$(cli zrange rn3_embed_3_unit 0 0 | sed 's/_unit_/_big_/')" >/dev/null
	rm "$WORK/big.zst"
}

# call COMMAND...: runs it; status in $rc, output in the files $out and $err.
call() {
	out="$BATS_TEST_TMPDIR/out" err="$BATS_TEST_TMPDIR/err" rc=0
	"$@" >"$out" 2>"$err" || rc=$?
}

# Assertions that show what was there instead.
show() {
	echo "rc=$rc"
	echo "stdout: $(cat "$out")"
	echo "stderr: $(cat "$err")"
}
expect_rc() {
	[ "$rc" -eq "$1" ] || {
		echo "expected exit code $1"
		show
		return 1
	}
}
expect_out() {
	grep -qF -- "$1" "$out" || {
		echo "expected on stdout: $1"
		show
		return 1
	}
}
expect_err() {
	grep -qF -- "$1" "$err" || {
		echo "expected on stderr: $1"
		show
		return 1
	}
}
expect_no_out() {
	[ ! -s "$out" ] || {
		echo "expected nothing on stdout"
		show
		return 1
	}
}
expect_no_err() {
	[ ! -s "$err" ] || {
		echo "expected nothing on stderr"
		show
		return 1
	}
}
# expect_json FILTER: jq must say true of the one document on stdout.
expect_json() {
	[ "$(jq -s length "$out")" = 1 ] || {
		echo "expected one JSON document"
		show
		return 1
	}
	jq -e "$1" "$out" >/dev/null || {
		echo "expected to hold: $1"
		show
		return 1
	}
}
# One sentence and perhaps its hint, each beginning as messages of rnm do.
expect_plain_error() {
	local lines
	lines=$(wc -l <"$err")
	[ "$(head -c 5 "$err")" = "rnm: " ] && [ "$lines" -ge 1 ] && [ "$lines" -le 2 ] || {
		echo "expected one sentence"
		show
		return 1
	}
	[ "$lines" -eq 1 ] || sed -n 2p "$err" | grep -q '^  hint: ' || {
		echo "expected the second line to be a hint"
		show
		return 1
	}
}
# No temporary file of a replacement is left in a folder: it holds exactly the names given.
expect_folder() {
	local folder=$1 found
	shift
	found=$(ls -A "$folder" | tr '\n' ' ')
	[ "$found" = "$*${*:+ }" ] || {
		echo "expected in $folder: $*"
		echo "found: $found"
		return 1
	}
}

# Skips where nobody may mount, not even in a namespace of his own.
need_namespace() {
	"$BATS_TEST_DIRNAME/with_mount.sh" "$BATS_TEST_TMPDIR" size=4k true 2>/dev/null || skip "no mount namespace here"
}

# Skips where no pseudo-terminal can be made.
need_terminal() {
	command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no pseudo-terminal here"
}
# in_terminal COMMAND: a line of shell with stdout and stderr on a terminal; its output as printed.
in_terminal() {
	env -u NO_COLOR TERM=xterm script -qec "$1" /dev/null </dev/null
}

# to_closed_pipe COMMAND...: nobody reads any more when it starts; as call.
to_closed_pipe() {
	out=/dev/null err="$BATS_TEST_TMPDIR/err" rc=0
	{
		sleep 0.3
		"$@" 2>"$err" || rc=$?
		echo "$rc" >"$BATS_TEST_TMPDIR/rc"
	} 3>&- | true
	rc=$(cat "$BATS_TEST_TMPDIR/rc")
}

# wait_for_file FILE LOG: until a server that was started writes it.
wait_for_file() {
	for _ in $(seq 200); do
		[ ! -e "$1" ] || return 0
		sleep 0.05
	done
	cat "$2"
	return 1
}

python() {
	/usr/bin/python3 "$@"
}

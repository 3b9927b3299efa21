# SPDX-License-Identifier: Apache-2.0
# Shared by the tests of rnm pull: a publisher's folder, a web server, and what a pull must leave alone.

# start_server DIR ROOT [CERT KEY]: sets the pid in DIR/pid.
start_server() {
	mkdir -p "$1"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/http_server.py" "$@" 3>&- 4>&- 2>"$1/stderr" &
	echo $! >"$1/pid"
	for _ in $(seq 200); do
		[ ! -e "$1/port" ] || return 0
		sleep 0.05
	done
	cat "$1/stderr" >&2
	return 1
}

# stop_by_pid FILE
stop_by_pid() {
	local pid
	[ -e "$1" ] || return 0
	pid=$(cat "$1")
	rm "$1"
	kill "$pid" 2>/dev/null || return 0
	wait "$pid" 2>/dev/null || true
}

# The publisher: keys, models of two versions, and a server of $ROOT at $URL.
pull_setup_file() {
	common_setup_file
	export ROOT="$WORK/www" SERVER="$WORK/server" PUB="$WORK/publisher.pub"
	mkdir "$ROOT"
	rnm key new "$WORK/key" --pubout "$PUB" >/dev/null
	rnm key new "$WORK/other.key" --pubout "$WORK/other.pub" >/dev/null
	local version
	for version in 3 4; do
		python "$BATS_TEST_DIRNAME/made_model.py" "$WORK/m$version.rnm" 46 digest=aa5f939b29f3d241 version=$version \
			seed=$version hidden=100
	done
	start_server "$SERVER" "$ROOT"
	URL="http://127.0.0.1:$(cat "$SERVER/port")/m.rnm"
	export URL
}

pull_teardown_file() {
	stop_by_pid "$SERVER/pid"
}

pull_setup() {
	HERE="$BATS_TEST_TMPDIR/here"
	TO="$HERE/model.rnm"
	mkdir "$HERE"
	rm -rf "${ROOT:?}"/*
	script
}

# script LINE...: what the server is to do.
script() {
	printf '%s\n' "$@" >"$SERVER/script.new"
	mv "$SERVER/script.new" "$SERVER/script"
	: >"$SERVER/log"
}

# publish MODEL [OPTION of sign...]: as m.rnm, as a publisher would; signed an hour ago plus a second for each call.
TICK=0
publish() {
	local model=$1
	shift
	TICK=$((TICK + 1))
	cp "$model" "$ROOT/m.rnm"
	SOURCE_DATE_EPOCH=${SIGNED:-$(($(date +%s) - 3600 + TICK))} \
		rnm sign "$ROOT/m.rnm" -k "${KEY:-$WORK/key}" --name m.rnm "$@" >/dev/null
	touch -d "@$((1700000000 + TICK))" "$ROOT"/m.rnm*
}

# pulls OPTION...: rnm pull into $TO.
pulls() {
	call rnm pull "$URL" --key "$PUB" --to "$TO" "$@"
}

# what is in place, as one text
in_place() {
	(cd "$HERE" && for file in model.rnm model.rnm.sig model.rnm.rnmsig; do
		[ ! -e $file ] || stat -c '%n %i %Y' $file
		[ ! -e $file ] || sha256sum $file
	done)
}

# installed VERSION: the model of this version is in place, with signatures that Debian's or our own verifier takes.
installed() {
	cmp "$TO" "$WORK/m$1.rnm"
	rnm verify "$TO" --key "$PUB" --name m.rnm >/dev/null
	[ ! -e "$HERE/.model.rnm.rnmpart" ]
}

# refused CODE ID WORDS [OPTION...]: with this id and these words; what is in place stays as it was, and a pull of what
# is right works afterwards.
refused() {
	local code=$1 id=$2 words=$3 before
	shift 3
	before=$(in_place)
	pulls --json "$@"
	expect_rc "$code"
	expect_json ".id == \"$id\" and .status != \"done\" and .changed == null"
	expect_err "$words"
	expect_plain_error
	[ "$(in_place)" = "$before" ] || {
		echo "the files in place have changed"
		return 1
	}
}

requests() {
	grep -c "^GET $1 " "$SERVER/log" || true
}

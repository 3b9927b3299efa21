#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# How long the verbs that write and read whole models hold the server, which is one thread: by its own SLOWLOG.

load helpers

M=aa5f939b29f3d241
LIMIT=5000 # microseconds

setup_file() {
	common_setup_file
	start_redis
	export CONF="$WORK/rnm.conf"
	cat >"$CONF" <<-END
	redis { servers = "$SOCKET"; }
	neural { rules { default { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true; } } }
	END
	# 5 MB, which is more than any network that rspamd trains by itself.
	python "$BATS_TEST_DIRNAME/made_model.py" "$WORK/m.rnm" 46 hidden=30000 digest=$M version=3
}

teardown_file() {
	stop_redis
}

setup() {
	cli config set slowlog-log-slower-than $LIMIT >/dev/null
	cli flushall >/dev/null
}

# quick COMMAND...: at least one of five runs had no command that took longer.  A machine with other things to do
# interrupts the server in the middle of one, but not each time.
quick() {
	for _ in 1 2 3 4 5; do
		[ -z "${BEFORE:-}" ] || $BEFORE >/dev/null
		cli slowlog reset >/dev/null
		"$@"
		[ "$(cli slowlog len)" != 0 ] || return 0
		cli --json slowlog get 10 | jq -c '.[] | [.[2], .[3][0:2]]'
	done
	return 1
}

@test "import" {
	BEFORE="cli flushall" quick rnm import -q -c "$CONF" "$WORK/m.rnm"
	[ "$(cli zcard rn3_default_3_default)" = 1 ]
}

@test "export" {
	rnm import -q -c "$CONF" "$WORK/m.rnm"
	quick rnm export -q -c "$CONF" -o "$BATS_TEST_TMPDIR/out.rnm"
}

@test "backup and restore" {
	rnm import -q -c "$CONF" "$WORK/m.rnm"
	# A value of 5 MB also where one command carries several fields.
	quick rnm backup -q -c "$CONF" -o "$BATS_TEST_TMPDIR/backup"
	BEFORE="cli flushall" quick rnm restore -q -c "$CONF" "$BATS_TEST_TMPDIR/backup"
	[ "$(cli zcard rn3_default_3_default)" = 1 ]
}

# What EXEC does is in no SLOWLOG as a whole, but in a number of its own.
longest_exec() {
	cli info latencystats | sed -n 's/^latency_percentiles_usec_exec:p100=\([0-9]*\).*/\1/p'
}
gather() {
	cli eval 'for i = 1, 20000 do redis.call("sadd", KEYS[1], string.rep("0.5,", 100) .. i) end' 1 "$1" >/dev/null
}

@test "restore of 20,000 vectors of each class" {
	local key=rn_default_default_${M:0:8}_3 longest
	cli config set latency-tracking-info-percentiles 100 >/dev/null
	rnm import -q -c "$CONF" "$WORK/m.rnm"
	gather ${key}_spam_set
	gather ${key}_ham_set
	rnm backup -q -c "$CONF" --with-training -o "$BATS_TEST_TMPDIR/backup"
	for _ in 1 2 3 4 5; do
		# Also in the place of those that are there.
		cli spop ${key}_spam_set >/dev/null
		cli unlink ${key}_ham_set >/dev/null
		cli config resetstat >/dev/null
		cli slowlog reset >/dev/null
		rnm restore -q -c "$CONF" --replace "$BATS_TEST_TMPDIR/backup"
		[ "$(cli scard ${key}_spam_set) $(cli scard ${key}_ham_set)" = "20000 20000" ]
		longest=$(longest_exec)
		echo "EXEC: $longest, others: $(cli slowlog len)"
		[ "$longest" -gt $LIMIT ] || [ "$(cli slowlog len)" != 0 ] || return 0
	done
	return 1
}

@test "it would be seen" {
	cli config set slowlog-log-slower-than 1 >/dev/null
	cli slowlog reset >/dev/null
	rnm import -q -c "$CONF" "$WORK/m.rnm"
	cli --json slowlog get 100 | jq -e 'map(.[3][0]) | contains(["HSET", "HMGET"])'
}

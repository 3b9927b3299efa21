#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real rspamd loses its models with its Redis, starts dark, and loads what rnm restores.

load ../cli/helpers
load rspamd

setup_file() {
	common_setup_file
	prepare_rspamd
}

teardown_file() {
	stop_rspamd
	stop_redis
}

@test "a model that rspamd has loaded is backed up, lost, restored, and loaded again by a new rspamd" {
	local key size
	start_rspamd
	imported 1 1
	key=$(jq -r .key "$out")
	size=$(cli hstrlen "$key" ann)
	wait_for "loaded ANN for default:default from $key; $size bytes compressed; version=1" 2
	call rnm backup -c "$CONF" -o "$WORK/backup"
	expect_rc 0
	stop_rspamd
	cli flushall >/dev/null
	# Without models it starts, finds nothing, and its first look leaves a profile without a network.
	start_rspamd
	[ "$(cli exists "$key")" = 0 ]
	call rnm restore -c "$CONF" "$WORK/backup"
	expect_rc 0
	expect_out "1 restored"
	cli zadd $THEIRS "$(cli --raw zscore $OURS "$(cli --raw zrevrange $OURS 0 0)")" "$(cli --raw zrevrange $OURS 0 0)" >/dev/null
	wait_for "loaded ANN for default:default from $key; $size bytes compressed; version=1" 2
	[ "$(cli hstrlen "$key" ann)" = "$size" ]
	! grep -q "cannot parse\|cannot load\|bad profile" "$LOG"
}

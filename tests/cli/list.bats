#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm list: what is shown of the models in Redis.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
	# Two keys that end, far enough away for a slow machine; they live in a set of their own.
	local profile='{"digest":"d","symbols":[],"redis_key":"%s","version":%s,"providers_digest":"%s"}'
	cli zadd rn3_embed_3_ours 1700000300 "$(printf "$profile" ours_9 9 ffffffffffffffff)" \
		1700000200 "$(printf "$profile" ours_2 2 376616275a1a984c)" \
		1700000100 "$(printf "$profile" ours_8 8 376616275a1a984c)" \
		1700000000 "$(printf "$profile" ours_1 1 376616275a1a984c)"
	cli hset ours_9 ann ABC
	cli hset ours_2 ann ABCD
	cli hset ours_1 ann ABCDE
	cli expire ours_2 90000
	cli expire rn3_embed_3_ours 180000
}

teardown_file() {
	stop_redis
}

@test "a table that says which model is served and why" {
	call rnm list -c "$CONF" -r embed -s ours
	expect_rc 0
	expect_no_err
	grep -qE '^rule embed, settings ours \(rn3_embed_3_ours, expires in 2d 1h\), digest 376616275a1a984c$' "$out" || { show; false; }
	[ "$(sed -n 2p "$out")" = "$(sed -n 2p "$out" | sed 's/ *$//')" ]
	grep -qE '^ +9  2023-11-14 22:18:20  +3 B  never +ffffffffffffffff  ours_9  ' "$out" || { show; false; }
	grep -qE '^ +2  2023-11-14 22:16:40  +4 B  1d 0h +same +ours_2  served' "$out" || { show; false; }
	grep -qE '^ +8  2023-11-14 22:15:00  +-  - +same +ours_8  ' "$out" || { show; false; }
	expect_out "  Served: version 2 (ours_2), "
	expect_out "  The original neural_export would export version 9 (ours_9)."
}

@test "--json has the documented fields" {
	call rnm list -c "$CONF" -r embed -s ours --json
	expect_rc 0
	expect_json '.server | endswith("redis.sock")'
	expect_json '.lists | length == 1'
	expect_json '.lists[0] | .rule == "embed" and .prefix == "embed" and .settings == "ours" and
		.zset == "rn3_embed_3_ours" and .zset_expiry == "expires" and .zset_ttl_ms > 0 and
		.digest == "376616275a1a984c" and .served == {version: 2, key: "ours_2"} and
		.original_exports == {version: 9, key: "ours_9"} and (.served_why | length > 0)'
	expect_json '.lists[0].models | map(.version) == [9, 2, 8, 1]'
	expect_json '.lists[0].models | map(.live) == [true, true, false, true]'
	expect_json '.lists[0].models | map(.size) == [3, 4, null, 5]'
	expect_json '.lists[0].models | map(.digest_match) == ["other", "same", "same", "same"]'
	expect_json '.lists[0].models | map(.served) == [false, true, false, false]'
	expect_json '.lists[0].models | map(.original_exports) == [true, false, false, false]'
	expect_json '.lists[0].models | map(.expiry) == ["never", "expires", "no-key", "never"]'
	expect_json '.lists[0].models | all((.verdict | length > 0) and .updated[0:10] == "2023-11-14" and .malformed == false)'
}

@test "--all: every rule and settings id; rules are known by their prefix" {
	call rnm list -c "$CONF" --all --json
	expect_rc 0
	expect_json '.lists | length == 30'
	expect_json '[.lists[] | select(.rule == "with space")] | length == 1 and .[0].prefix == "p p"'
	expect_json '[.lists[] | select(.rule == "symbolic") | .digest] == [null]'
}

@test "--all with a broken set still shows the others" {
	# rn3_embed_3_wrongtype is no sorted set: SCAN asks for those only.
	call rnm list -c "$CONF" --all
	expect_rc 0
	expect_out "rule embed, settings default "
}

@test "--all narrowed down by -r and -s" {
	call rnm list -c "$CONF" --all -r embed -s unit --json
	expect_json '.lists | map([.rule, .settings]) == [["embed", "unit"]]'
	call rnm list -c "$CONF" --all -r symbolic --json
	expect_json '.lists | map(.rule) == ["symbolic"]'
}

@test "--all with -r or -s that fit nothing: exit 4 and what there is" {
	call rnm list -c "$CONF" --all -s nosuch
	expect_rc 4
	expect_no_out
	expect_plain_error
	expect_err "there are no models of the settings id 'nosuch' in Redis"
	expect_err "'unit'"
	call rnm list -c "$CONF" --all -r nosuch --json
	expect_rc 4
	expect_no_out
	expect_plain_error
	expect_err "there are no models of the rule 'nosuch' in Redis"
	expect_err "the rules with models: 'embed', 'with space', 'symbolic'"
	call rnm list -c "$CONF" --all -r symbolic -s nosuch
	expect_rc 4
	expect_err "the rule 'symbolic' and the settings id 'nosuch'"
	expect_err "the settings ids with models of this rule: 'default'"
}

@test "--all: a rule that cannot be used does not hide the others" {
	sed 's/rules {/& broken { providers = "x"; }/' "$CONF" >"$BATS_TEST_TMPDIR/c.conf"
	call rnm list -c "$BATS_TEST_TMPDIR/c.conf" --all
	expect_rc 3
	expect_plain_error
	expect_err "c.conf:2: "
	expect_out "rule embed, settings default "
	call rnm list -c "$BATS_TEST_TMPDIR/c.conf" --all --json
	expect_rc 3
	expect_json '(.lists | length == 30) and (.problems | length == 1) and .problems[0].rule == "broken" and
		(.problems[0].problem | contains("providers"))'
	# Somebody else's rule is no problem of this one.
	call rnm list -c "$BATS_TEST_TMPDIR/c.conf" --all -r embed -s unit --json
	expect_rc 0
	expect_no_err
	expect_json '.problems == []'
	call rnm list -c "$BATS_TEST_TMPDIR/c.conf" --all -r broken
	expect_rc 3
	expect_plain_error
}

@test "a prefix that no rule has" {
	cli zadd rn3_ghost_3_default 1 '{"digest":"d","symbols":[],"redis_key":"g","version":1}' >/dev/null
	call rnm list -c "$CONF" --all --json
	cli del rn3_ghost_3_default >/dev/null
	expect_rc 0
	expect_json '[.lists[] | select(.prefix == "ghost")] | length == 1 and .[0].rule == null and
		.[0].models[0].digest_match == null and .[0].models[0].verdict == null'
}

@test "no models: exit 0 and said so" {
	call rnm list -c "$CONF" -r embed -s nosuch
	expect_rc 0
	expect_out "no models"
	call rnm list -c "$CONF" -r embed -s nosuch --json
	expect_json '.lists[0] | .models == [] and .served == null and .original_exports == null'
}

@test "malformed profiles are listed and marked" {
	call rnm list -c "$CONF" -r embed -s badjson --json
	expect_rc 0
	expect_json '.lists[0].models | length == 5 and (map(select(.malformed)) | length == 4) and
		(map(select(.malformed) | .problem) | all(length > 0))'
	expect_json '.lists[0].served.version == 1'
}

@test "one key of the wrong type does not make the others look stale" {
	call rnm list -c "$CONF" -r embed -s keywrongtype --json
	expect_rc 0
	expect_json '.lists[0].models | map([.live, .wrong_type]) == [[false, true], [true, false]]'
}

@test "--redis without a configuration: the rule is its prefix, no digest is known" {
	CONFDIR=/nonexistent call rnm list --redis "unix://$SOCKET" -r embed -s ours
	expect_rc 0
	expect_no_err
	expect_out "prefix embed, settings ours"
	expect_out "Which one is served cannot be said"
	expect_out ffffffffffffffff
	CONFDIR=/nonexistent call rnm list --redis "unix://$SOCKET" --all --json
	expect_rc 0
	expect_json '[.lists[] | select(.settings == "ours")][0] | .rule == null and .served == null and .digest == null'
	CONFDIR=/nonexistent call rnm list --redis "unix://$SOCKET" -c /nonexistent/x.conf
	expect_rc 4
}

@test "--redis with a default configuration that lacks the rule: which file that is, and the ways out" {
	mkdir "$BATS_TEST_TMPDIR/etc"
	cp "$CONF" "$BATS_TEST_TMPDIR/etc/rspamd.conf"
	CONFDIR="$BATS_TEST_TMPDIR/etc" call rnm list --redis "unix://$SOCKET" -r other
	expect_rc 4
	expect_plain_error
	expect_err "$BATS_TEST_TMPDIR/etc/rspamd.conf"
	expect_err 'no rule "other"'
	expect_err "--all"
	expect_err "-c FILE"
	CONFDIR="$BATS_TEST_TMPDIR/etc" call rnm list --redis "unix://$SOCKET" -r embed
	expect_rc 0
}

@test "long keys are cut in the table, whole in JSON" {
	local key
	key=$(head -c 300 /dev/zero | tr '\0' k)
	cli zadd rn3_embed_3_long 1 "{\"digest\":\"d\",\"symbols\":[],\"redis_key\":\"$key\",\"version\":1,\"providers_digest\":\"376616275a1a984c\"}" >/dev/null
	call rnm list -c "$CONF" -r embed -s long
	grep -qE '^ +1  .*  same +k{61}\.\.\.  [a-z]' "$out" || { show; false; }
	call rnm list -c "$CONF" -r embed -s long --json
	expect_json ".lists[0].models[0].key == \"$key\""
	cli del rn3_embed_3_long >/dev/null
}

@test "versions are exact integers up to 63 bits; the drop-in prints them as the original" {
	local profile='{"digest":"d","symbols":[],"redis_key":"k","version":%s,"providers_digest":"376616275a1a984c"}'
	cli zadd rn3_embed_3_big 2 "$(printf "$profile" 9223372036854775807)" 1 "$(printf "$profile" 9007199254740993)" >/dev/null
	call rnm list -c "$CONF" -r embed -s big
	grep -qE '^ +9223372036854775807  ' "$out" || { show; false; }
	grep -qE '^ +9007199254740993  ' "$out" || { show; false; }
	call rnm list -c "$CONF" -r embed -s big --json
	grep -qF '"version":9223372036854775807,' "$out" || { show; false; }
	grep -qF '"version":9007199254740993,' "$out" || { show; false; }
	call neural_export -c "$CONF" -r embed -s big --list
	expect_out "Version: 9.007199254741e+15,"
	cli del rn3_embed_3_big >/dev/null
}

@test "a version that is no number is null" {
	cli zadd rn3_embed_3_odd 1 '{"digest":"d","symbols":[],"redis_key":"a","version":true}' \
		2 '{"digest":"d","symbols":[],"redis_key":"b","version":"x"}' 3 '{"digest":"d","symbols":[],"redis_key":"c"}' \
		4 '{"digest":"d","symbols":[],"redis_key":"d","version":"7"}' 5 '{"digest":"d","symbols":[],"redis_key":"e","version":1.5}' >/dev/null
	call rnm list -c "$CONF" -r embed -s odd --json
	expect_json '.lists[0].models | map(.version) == [1.5, 7, null, null, null]'
	cli del rn3_embed_3_odd >/dev/null
}

@test "a list that nobody reads to the end: silent, exit 141" {
	to_closed_pipe rnm list -c "$CONF" --all
	expect_rc 141
	expect_no_err
	to_closed_pipe neural_export -c "$CONF" -r embed --list
	expect_rc 141
	expect_no_err
}

@test "--redis replaces the servers of the configuration" {
	sed 's|servers = .*;|servers = "127.0.0.1:1";|' "$CONF" >"$BATS_TEST_TMPDIR/other.conf"
	call rnm list -c "$BATS_TEST_TMPDIR/other.conf" -r embed
	expect_rc 5
	call rnm list -c "$BATS_TEST_TMPDIR/other.conf" -r embed --redis "unix://$SOCKET"
	expect_rc 0
	expect_out "Served: version 3"
}

@test "keys and settings from Redis cannot move the cursor" {
	cli zadd "$(printf 'rn3_embed_3_evil\033c')" 1 '{"digest":"d","symbols":[],"redis_key":"k\u001b[2J\nx\u009b","version":1,"providers_digest":"376616275a1a984c"}' >/dev/null
	for option in "" --json; do
		call rnm list -c "$CONF" --all $option
		! grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$out" || { show; false; }
	done
	call neural_export -c "$CONF" -r embed -s "$(printf 'evil\033c')" --list
	expect_out 'k\1b[2J\0ax\c2\9b'
	! grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$out" || { show; false; }
	cli del "$(printf 'rn3_embed_3_evil\033c')" >/dev/null
}

@test "only SCAN, and commands that read, are used" {
	cli config resetstat >/dev/null
	call rnm list -c "$CONF" --all
	expect_rc 0
	! cli info commandstats | grep -oE '^cmdstat_[a-z|]+' | sed 's/cmdstat_//' |
		grep -vxE 'scan|type|zrevrange|hexists|hstrlen|pttl|config\|resetstat|info|hello|select|auth|ping' || false
}

@test "--all looks under the module's own prefix, also without a usable rule" {
	cli zadd zz3_some_3_default 1700000000 \
		'{"digest":"d","symbols":[],"version":1,"redis_key":"zz_key"}' >/dev/null
	cat >"$BATS_TEST_TMPDIR/zz.conf" <<-EOF
		redis { servers = "$SOCKET" }
		neural { prefix = "zz"; rules { } }
	EOF
	call rnm list --all -c "$BATS_TEST_TMPDIR/zz.conf" --json
	expect_rc 0
	[ "$(jq -r '.lists[].zset' "$out")" = zz3_some_3_default ]
	cli del zz3_some_3_default >/dev/null
}

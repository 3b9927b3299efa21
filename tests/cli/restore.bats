#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm restore: everything comes back, only what is missing, and whole or not at all.

load helpers

# Hashes of any size as listpacks: their DUMP then depends on nothing but what they hold.
setup_file() {
	common_setup_file
	cp "$DATA/cli/dump.rdb" "$WORK/dump.rdb"
	start_redis --hash-max-listpack-value 100000000 --enable-debug-command yes
	sed "s|@REDIS@|$SOCKET|" "$DATA/cli/rnm.conf" >"$WORK/rnm.conf"
	export CONF="$WORK/rnm.conf"
	echo count >"$WORK/orders"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/cut_requests.py" "$WORK/p.sock" "$SOCKET" "$WORK/orders" 3>&- 4>&- &
	echo $! >"$WORK/proxy.pid"
	for _ in $(seq 100); do [ ! -S "$WORK/p.sock" ] || break; sleep 0.05; done
	call_backup 0
	mv "$WORK/dir0" "$WORK/recorded"
}

teardown_file() {
	kill "$(cat "$WORK/proxy.pid")" 2>/dev/null || true
	stop_redis
}

call_backup() {
	rnm backup -q -c "$CONF" --all --with-training -o "$WORK/dir$1" >/dev/null
}

setup() {
	DIR="$BATS_TEST_TMPDIR/dir"
	cli -n 1 flushdb >/dev/null
	export CONFDIR=/nonexistent
	DB="unix://$SOCKET?db=1"
	KEY=rn_r_default_d_1
	ZSET=rn3_r_3_default
}

# In database 1: model [VERSION]: a hash with a network, a profile, two sets of vectors.
model() {
	local v=${1:-1} i
	head -c 30000 /dev/urandom >"$BATS_TEST_TMPDIR/blob"
	cli -n 1 hset rn_r_default_d_$v roc_thresholds '[0.5,0.25]' hostname "scanner" >/dev/null
	cli -n 1 -x hset rn_r_default_d_$v ann <"$BATS_TEST_TMPDIR/blob" >/dev/null
	cli -n 1 expire rn_r_default_d_$v 100000 >/dev/null
	cli -n 1 zadd $ZSET "1700000000.$v" "{\"digest\":\"d\",\"symbols\":[],\"version\":$v,\"redis_key\":\"rn_r_default_d_$v\"}" >/dev/null
	cli -n 1 expire $ZSET 200000 >/dev/null
	for i in $(seq 600); do echo "sadd rn_r_default_d_${v}_spam_set spam-$v-$i-$RANDOM"; echo "sadd rn_r_default_d_${v}_ham_set ham-$i"; done |
		cli -n 1 >/dev/null
}

backup_1() {
	rnm backup -q --redis "$DB" --all --with-training -o "$DIR" "$@" >/dev/null
}
restore_1() {
	call rnm restore --redis "$DB" "$DIR" "$@"
}

# nothing_changed DB: no key but those in which a restore gathers vectors, each with its time to live.
nothing_changed() {
	local key ttl
	for key in $(cli -n "$1" --raw --scan); do
		[[ $key =~ ^rn_restore_[0-9a-f]{16}_\{.*_set\}$ ]] || { echo "$key"; return 1; }
		ttl=$(cli -n "$1" ttl "$key")
		[ "$ttl" -gt 3000 ] && [ "$ttl" -le 3600 ] || { echo "$key: $ttl"; return 1; }
	done
}

# state DB: type, digest and contents of every key.  DUMP tells hashes and sorted sets byte for byte; the order in which
# it tells the members of a set is that of a hash table, so there DEBUG DIGEST-VALUE has the word.
state() {
	cli -n "$1" --raw --scan | grep -v '^rn_restore_' | sort >"$BATS_TEST_TMPDIR/state-keys"
	sed 's/.*/type "&"/' "$BATS_TEST_TMPDIR/state-keys" | cli -n "$1" >"$BATS_TEST_TMPDIR/state-types"
	sed 's/.*/debug digest-value "&"/' "$BATS_TEST_TMPDIR/state-keys" | cli -n "$1" >"$BATS_TEST_TMPDIR/state-digests"
	paste "$BATS_TEST_TMPDIR/state-types" "$BATS_TEST_TMPDIR/state-keys" |
		sed 's/^set\t.*/echo set/; t; s/^[a-z]*\t\(.*\)/dump "\1"/' | cli -n "$1" --no-raw >"$BATS_TEST_TMPDIR/state-dumps"
	paste -d ' ' "$BATS_TEST_TMPDIR"/state-{keys,types,digests,dumps}
}

@test "backup, FLUSHALL, restore: every key is what it was, by DUMP" {
	local before
	# Keys that are no models are no part of a backup.
	cli del rn_embed_orphan strkey_golden >/dev/null
	state 0 >"$BATS_TEST_TMPDIR/before"
	call rnm backup -c "$CONF" --all -o "$DIR" --json
	expect_rc 0
	jq -r '.sets[] | .zset, (.models[] | select(.fields | length > 0).key)' "$DIR"/manifest-*.json | sort -u >"$BATS_TEST_TMPDIR/keys"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/keys")" -gt 55 ]
	cli flushall >/dev/null
	call rnm restore -c "$CONF" "$DIR" --json
	expect_rc 0
	expect_no_err
	expect_json '.status == "done" and .written == 40 and .same == 0 and .kept == 0 and .failed == 0'
	state 0 >"$BATS_TEST_TMPDIR/after"
	cut -d' ' -f1 "$BATS_TEST_TMPDIR/after" | sort >"$BATS_TEST_TMPDIR/names"
	LC_ALL=C join -t '~' <(sort "$BATS_TEST_TMPDIR/before") <(sort "$BATS_TEST_TMPDIR/after") >"$BATS_TEST_TMPDIR/equal"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/equal")" -eq "$(wc -l <"$BATS_TEST_TMPDIR/after")" ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/after")" -eq "$(wc -l <"$BATS_TEST_TMPDIR/keys")" ]
	# And once more, with nothing to do.
	call rnm restore -c "$CONF" "$DIR" --json
	expect_rc 0
	expect_json '.written == 0 and .same == 40'
}

@test "with training vectors and times to live" {
	local ttl
	model 1
	cli -n 1 sadd rn_r_default_pending_spam_set one two three >/dev/null
	cli -n 1 expire ${KEY}_ham_set 300 >/dev/null
	state 1 >"$BATS_TEST_TMPDIR/before"
	backup_1
	jq -e '.sets[0].models[0].training | map(.vectors) == [600, 600]' "$DIR"/manifest-*.json
	cli -n 1 flushdb >/dev/null
	restore_1
	expect_rc 0
	expect_out "r     default         1  written  written  written   $KEY"
	expect_out "2 restored, 0 there already, 0 kept in another form, 0 failed"
	diff "$BATS_TEST_TMPDIR/before" <(state 1)
	[ "$(cli -n 1 scard rn_r_default_pending_spam_set)" -eq 3 ]
	ttl=$(cli -n 1 ttl $KEY)
	[ "$ttl" -gt 99000 ] && [ "$ttl" -le 100000 ]
	ttl=$(cli -n 1 ttl $ZSET)
	[ "$ttl" -gt 199000 ] && [ "$ttl" -le 200000 ]
	# Never: never.  Less than an hour: an hour.
	[ "$(cli -n 1 ttl ${KEY}_spam_set)" -eq -1 ]
	ttl=$(cli -n 1 ttl ${KEY}_ham_set)
	[ "$ttl" -gt 3500 ] && [ "$ttl" -le 3600 ]
}

@test "scores, names and values of every kind" {
	local before
	model 1
	cli -n 1 zadd $ZSET inf last -inf first 0 'no JSON' 5e-324 '' 0.1 tenth 1e300 great >/dev/null
	cli -n 1 eval 'redis.call("hset", KEYS[1], "a\0b", "c\0d", "", "", "\255 \n", "\254")' 1 $KEY >/dev/null
	cli -n 1 eval 'redis.call("sadd", KEYS[1], "", "\0", "\255\n")' 1 ${KEY}_ham_set >/dev/null
	before=$(state 1)
	backup_1
	cli -n 1 flushdb >/dev/null
	restore_1
	expect_rc 0
	[ "$(state 1)" = "$before" ]
	restore_1
	expect_rc 0
	expect_out "0 restored, 7 there already"
}

@test "only what is missing is written" {
	local before
	model 1
	model 2
	backup_1
	before=$(state 1)
	cli -n 1 del rn_r_default_d_2 >/dev/null
	restore_1 --json
	expect_rc 0
	expect_json '.written == 1 and .same == 1 and (.models | map(.hash) == ["same", "written"]) and (.models | map(.profiles, .training) | unique == ["same"])'
	[ "$(state 1)" = "$before" ]
	cli -n 1 del $ZSET rn_r_default_d_1_spam_set >/dev/null
	restore_1 --json
	expect_rc 0
	expect_json '.models | map([.hash, .profiles, .training]) == [["same", "written", "written"], ["same", "written", "same"]]'
	[ "$(state 1)" = "$before" ]
	# A hash that has lost its network is as good as none, and its lock of long ago is nobody's.
	cli -n 1 hdel $KEY ann >/dev/null
	cli -n 1 hset $KEY lock 1000 obsolete 1 >/dev/null
	restore_1 --json
	expect_rc 0
	[ "$(state 1)" = "$before" ]
}

@test "what is newer stays, unless --replace" {
	local before newer
	model 1
	backup_1
	before=$(state 1 | grep -v _spam_set)
	model 1
	cli -n 1 zadd $ZSET 1800000000 "$(cli -n 1 --raw zrange $ZSET 0 0)" >/dev/null
	newer=$(state 1)
	restore_1
	expect_rc 8
	expect_plain_error
	expect_err "1 of 1 models are in Redis in another form than in the backup, and stay so"
	expect_err "--replace"
	expect_out "0 restored, 0 there already, 1 kept in another form, 0 failed"
	[ "$(state 1)" = "$newer" ]
	restore_1 --replace --dry-run
	expect_rc 0
	expect_out "1 would be restored"
	[ "$(state 1)" = "$newer" ]
	restore_1 --replace
	expect_rc 0
	[ "$(state 1 | grep -v _spam_set)" = "$before" ]
	# Vectors that came since are more, not others.
	[ "$(cli -n 1 scard ${KEY}_spam_set)" -gt 600 ]
}

@test "a profile never comes back to a key that holds another model" {
	model 1
	backup_1
	cli -n 1 hset $KEY ann other >/dev/null
	cli -n 1 del $ZSET >/dev/null
	restore_1
	expect_rc 8
	[ "$(cli -n 1 exists $ZSET)" -eq 0 ]
}

@test "what training changes meanwhile is no other model; vectors that came since stay" {
	local before
	model 1
	backup_1
	cli -n 1 hset $KEY hostname other obsolete 1 lock 1000 >/dev/null
	cli -n 1 sadd ${KEY}_spam_set newer >/dev/null
	before=$(state 1)
	restore_1
	expect_rc 0
	expect_out "0 restored, 1 there already"
	[ "$(state 1)" = "$before" ]
	# Vectors that are gone are another matter.
	cli -n 1 srem ${KEY}_ham_set ham-7 >/dev/null
	restore_1
	expect_rc 8
	[ "$(cli -n 1 scard ${KEY}_ham_set)" -eq 599 ]
	restore_1 --replace
	expect_rc 0
	[ "$(cli -n 1 scard ${KEY}_ham_set)" -eq 600 ]
	[ "$(cli -n 1 scard ${KEY}_spam_set)" -eq 601 ]
}

@test "large sets are gathered under temporary keys, which are gone afterwards; small ones are not" {
	local i
	model 1
	for i in $(seq 100); do echo "sadd rn_r_default_pending_ham_set small-$i"; done | cli -n 1 >/dev/null
	backup_1
	cli -n 1 flushdb >/dev/null
	cli -n 1 config resetstat >/dev/null
	restore_1 --dry-run
	expect_rc 0
	expect_out "2 large training sets would be gathered under temporary keys first and then renamed"
	restore_1 --dry-run --json
	expect_json '.models | map(.gathered) == [2, 0]'
	[ "$(cli -n 1 dbsize)" -eq 0 ]
	! cli info commandstats | grep -qi 'cmdstat_\(sadd\|unlink\|rename\|multi\)'
	restore_1
	expect_rc 0
	expect_out "2 large training sets were gathered under temporary keys first and then renamed"
	[ "$(cli -n 1 dbsize)" -eq 5 ]
	cli info commandstats | grep -q 'cmdstat_rename:calls=2,'
	# Nothing to write, nothing gathered.
	restore_1 --json
	expect_json '.models | map(.gathered) == [0, 0]'
	cli info commandstats | grep -q 'cmdstat_rename:calls=2,'
	[ "$(cli -n 1 ttl ${KEY}_spam_set)" -eq -1 ]
}

@test "what was gathered serves the next attempt, is gathered anew when it is gone, and does not stay" {
	local before order
	model 1
	backup_1
	before=$(state 1)
	cli flushdb >/dev/null
	# Somebody registers another model meanwhile: looked at again, not gathered again.
	echo "race ZADD $ZSET 1 x" >"$WORK/orders"
	cli config resetstat >/dev/null
	call rnm restore --redis "unix://$WORK/p.sock" "$DIR"
	expect_rc 0
	[ "$(cli info commandstats | sed -n 's/^cmdstat_sadd:calls=\([0-9]*\),.*/\1/p')" -eq 6 ]
	cli zrem $ZSET x >/dev/null
	# A list that was there keeps the time to live that it has.
	[ "$(cli ttl $ZSET)" -eq -1 ]
	cli expire $ZSET 200000 >/dev/null
	[ "$(state 0)" = "$before" ]
	[ "$(cli dbsize)" -eq 4 ]
	# A key that has been evicted meanwhile, or changed.
	for order in '12 return(redis.call("unlink",unpack(redis.call("keys","rn_restore_*"))))' \
		'9 return(redis.call("spop",redis.call("keys","rn_restore_*")[1]))'; do
		cli flushdb >/dev/null
		echo "race EVAL ${order#* } 0" >"$WORK/orders"
		cli config resetstat >/dev/null
		call rnm restore --redis "unix://$WORK/p.sock" "$DIR"
		expect_rc 0
		[ "$(cli info commandstats | sed -n 's/^cmdstat_sadd:calls=\([0-9]*\),.*/\1/p')" -eq "${order%% *}" ]
		[ "$(state 0)" = "$before" ]
		[ "$(cli dbsize)" -eq 4 ]
	done
	# Somebody who is faster with the very set makes it unnecessary.
	cli flushdb >/dev/null
	echo "race SADD ${KEY}_spam_set mine" >"$WORK/orders"
	call rnm restore --redis "unix://$WORK/p.sock" "$DIR"
	expect_rc 8
	[ "$(cli --raw smembers ${KEY}_spam_set)" = mine ]
	[ "$(cli dbsize)" -eq 4 ]
	echo count >"$WORK/orders"
	cli flushdb >/dev/null
}

@test "a restore that was killed leaves what expires; rnm doctor knows it" {
	local gathered="rn_restore_0123456789abcdef_{rn_r_default_pending_ham_set}"
	cli -n 1 sadd "$gathered" one two >/dev/null
	cli -n 1 expire "$gathered" 3600 >/dev/null
	call rnm doctor --redis "$DB" --json
	expect_rc 0
	expect_json '.findings == []'
	cli -n 1 persist "$gathered" >/dev/null
	call rnm doctor --redis "$DB" --fix --json
	expect_rc 0
	expect_json '.repaired == 1 and (.findings | map([.id, .key, .state])) == [["doctor.orphan-vectors", "'"$gathered"'", "repaired"]]'
	[ "$(cli -n 1 dbsize)" -eq 0 ]
	# Killed in the middle: the line to Redis holds its breath behind the first batches.
	model 1
	backup_1
	cli -n 1 flushdb >/dev/null
	echo "hold 12000" >"$WORK/orders"
	rnm restore -q --redis "unix://$WORK/p.sock?db=1" "$DIR" 3>&- &
	for _ in $(seq 200); do [ "$(cli -n 1 dbsize)" -eq 0 ] || break; sleep 0.05; done
	kill -9 $!
	wait $! || true
	[ "$(cli -n 1 dbsize)" -eq 1 ]
	nothing_changed 1
	echo count >"$WORK/orders"
	restore_1
	expect_rc 0
	expect_out "1 restored"
}

@test "somebody trains: refused, unless --force" {
	model 1
	model 2
	backup_1
	cli -n 1 del rn_r_default_d_2 >/dev/null
	cli -n 1 hset $KEY lock "$(date +%s)" >/dev/null
	restore_1 --json
	expect_rc 8
	expect_err "rn_r_default_d_2: cannot restore rn_r_default_d_2: somebody trains from $KEY now"
	expect_err "--force"
	expect_json '.failed == 1 and .same == 1'
	[ "$(cli -n 1 exists rn_r_default_d_2)" -eq 0 ]
	restore_1 --force
	expect_rc 0
	[ "$(cli -n 1 exists rn_r_default_d_2)" -eq 1 ]
	# The lock itself is no part of a backup.
	cli -n 1 hset rn_r_default_d_2 lock "$(date +%s)" >/dev/null
	backup_1
	cli -n 1 flushdb >/dev/null
	restore_1
	expect_rc 0
	[ "$(cli -n 1 hexists rn_r_default_d_2 lock)" -eq 0 ]
}

@test "a broken line: nothing or everything has changed, and the next run does it" {
	local total n before step gathered=0
	model 1
	backup_1
	before=$(state 1)
	cli -n 1 flushdb >/dev/null
	echo count >"$WORK/orders"
	rm -f "$WORK/orders.bytes"
	call rnm restore --redis "unix://$WORK/p.sock?db=1" "$DIR"
	expect_rc 0
	for _ in $(seq 100); do [ ! -e "$WORK/orders.bytes" ] || break; sleep 0.05; done
	total=$(cat "$WORK/orders.bytes")
	[ "$total" -gt 40000 ]
	[ "$(state 1)" = "$before" ]
	# The first bytes and the last ones one by one, the blob in steps.
	step=$((total / 12))
	for n in 1 40 200 400 600 $(seq "$step" "$step" $((total - 100))) $(seq $((total - 24)) $((total - 1))); do
		cli -n 1 flushdb >/dev/null
		echo "cut $n" >"$WORK/orders"
		call rnm restore --redis "unix://$WORK/p.sock?db=1" "$DIR"
		nothing_changed 1 || { echo "cut after $n of $total"; show; state 1; false; }
		((gathered += $(cli -n 1 dbsize))) || true
		expect_rc 5
	done
	# Some of the cuts were late enough for vectors to have been gathered.
	[ "$gathered" -gt 10 ]
	cli -n 1 flushdb >/dev/null
	# All of it went out, and the answer did not come back: everything has happened.
	echo "cut $total" >"$WORK/orders"
	call rnm restore --redis "unix://$WORK/p.sock?db=1" "$DIR"
	expect_rc 5
	expect_err "cannot tell whether it was possible to restore $KEY, all of it or nothing"
	for _ in $(seq 100); do [ "$(cli -n 1 exists $KEY)" -eq 0 ] || break; sleep 0.05; done
	[ "$(state 1)" = "$before" ]
	[ "$(cli -n 1 dbsize)" -eq 4 ]
	restore_1
	expect_rc 0
	expect_out "0 restored, 1 there already"
	[ "$(state 1)" = "$before" ]
}

@test "somebody else is faster: looked at again, and his stays" {
	model 1
	backup_1
	cli -n 1 flushdb >/dev/null
	# In database 0, which the one who is faster uses.
	cli copy x y >/dev/null 2>&1 || true
	rnm restore -q --redis "unix://$SOCKET?db=0" "$DIR" >/dev/null
	cli del $KEY >/dev/null
	echo "race HSET $KEY ann mine" >"$WORK/orders"
	call rnm restore --redis "unix://$WORK/p.sock" "$DIR"
	expect_rc 8
	expect_out "1 kept in another form"
	[ "$(cli hget $KEY ann)" = mine ]
	[ "$(cli hlen $KEY)" -eq 1 ]
	cli del $KEY ${KEY}_spam_set ${KEY}_ham_set $ZSET >/dev/null
	echo count >"$WORK/orders"
}

@test "two restores at once: one writes, the other finds it there" {
	local before i first second
	model 1
	backup_1
	before=$(state 1)
	for i in 1 2 3 4 5; do
		cli -n 1 flushdb >/dev/null
		rnm restore --redis "$DB" "$DIR" --json >"$BATS_TEST_TMPDIR/first" 3>&- &
		rnm restore --redis "$DB" "$DIR" --json >"$BATS_TEST_TMPDIR/second" 3>&-
		wait $!
		[ "$(cat "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/second" | jq -s -c 'map([.written, .same]) | sort')" = "[[0,1],[1,0]]" ]
		[ "$(state 1)" = "$before" ]
	done
}

@test "a master that becomes a replica half-way: nothing has changed, and the message says so" {
	model 1
	backup_1
	cli del $KEY ${KEY}_spam_set ${KEY}_ham_set $ZSET >/dev/null
	echo "race REPLICAOF 127.0.0.1 1" >"$WORK/orders"
	call rnm restore --redis "unix://$WORK/p.sock" "$DIR"
	cli replicaof no one >/dev/null
	echo count >"$WORK/orders"
	expect_rc 6
	expect_err "cannot restore $KEY: Redis refused UNLINK: READONLY"
	expect_err "after a fail-over run the command again"
	[ "$(cli exists $KEY $ZSET)" -eq 0 ]
}

@test "a damaged backup changes nothing" {
	local object
	model 1
	backup_1
	object=$(find "$DIR/objects" -type f -size +29k)
	cli -n 1 flushdb >/dev/null
	cp "$object" "$BATS_TEST_TMPDIR/good"
	# Any byte but the one that is there.
	tail -c 1 "$object" | tr '\000-\377' '\001-\377\000' >"$BATS_TEST_TMPDIR/byte"
	dd if="$BATS_TEST_TMPDIR/byte" of="$object" bs=1 seek=29999 conv=notrunc status=none
	restore_1
	expect_rc 3
	expect_err "found another hash: $object"
	[ "$(cli -n 1 dbsize)" -eq 0 ]
	restore_1 --dry-run
	expect_rc 3
	truncate -s 29999 "$object"
	restore_1
	expect_rc 3
	expect_err "found another size: $object"
	rm "$object"
	restore_1
	expect_rc 3
	expect_err "found none: $object"
	ln -s /dev/zero "$object"
	restore_1
	expect_rc 3
	[ "$(cli -n 1 dbsize)" -eq 0 ]
	rm "$object"
	mv "$BATS_TEST_TMPDIR/good" "$object"
	restore_1
	expect_rc 0
}

# changed FILTER MANIFEST: as somebody has it who changes a manifest by hand.
changed() {
	jq "del(.blake2b) | .version = 1 | $1" "$2"
}

@test "a manifest that is not what was written" {
	local good
	model 1
	backup_1
	good=$(ls "$DIR"/manifest-*.json)
	cli -n 1 flushdb >/dev/null
	sed '0,/"score": 1/s//"score": 3/' "$good" >"$DIR/manifest-x.json"
	! cmp -s "$good" "$DIR/manifest-x.json" || { cat "$good"; false; }
	call rnm restore --redis "$DB" "$DIR/manifest-x.json"
	expect_rc 3
	expect_plain_error
	expect_err "manifest-x.json: expected the manifest that was written, found it changed"
	expect_err "restore from another manifest of the folder"
	[ "$(cli -n 1 dbsize)" -eq 0 ]
	changed . "$good" >"$DIR/manifest-x.json"
	call rnm restore --redis "$DB" "$DIR/manifest-x.json"
	expect_rc 0
	[ "$(cli -n 1 exists rn_r_default_d_1)" -eq 1 ]
}

@test "hostile manifests" {
	local filter good
	model 1
	backup_1
	good=$(ls "$DIR"/manifest-*.json)
	cli -n 1 flushdb >/dev/null
	for filter in '.version = 3' '.format = "x"' 'del(.sets)' '.sets = {}' '.sets[0] = 1' 'del(.sets[0].zset)' '.sets[0].zset = 1' \
		'.sets[0].zset = {hex: "00"}' '.sets[0].zset = {hex: "0g"}' '.sets[0].zset = {hex: "012"}' '.sets[0].models[0].profiles[0].score = "x"' \
		'.sets[0].models[0].fields[2].blake2b = "../../../../etc/passwd"' '.sets[0].models[0].fields[2].blake2b = "AB"' \
		'.sets[0].models[0].fields[2].size = -1' '.sets[0].models[0].fields[2].size = 1e30' '.sets[0].models[0].fields[2] |= del(.size, .blake2b)' \
		'.sets[0].models[0].key = null' '.sets[0].models[0].ttl_ms = "x"' '.sets[0].models[0].training = [{},{},{}]' \
		'.sets[0].models[0].fields = [range(1025) | {name: "\(.)", text: ""}]' '.sets[0].models[0].fields[0].name = 5' '.sets[0].zset = "other"'; do
		changed "$filter" "$good" >"$DIR/manifest-x.json"
		call rnm restore --redis "$DB" "$DIR/manifest-x.json"
		expect_rc 3
		expect_plain_error
		expect_err "manifest-x.json"
	done
	head -c 300 "$good" >"$DIR/manifest-x.json"
	call rnm restore --redis "$DB" "$DIR/manifest-x.json"
	expect_rc 3
	expect_plain_error
	: >"$DIR/manifest-x.json"
	call rnm restore --redis "$DB" "$DIR/manifest-x.json"
	expect_rc 3
	[ "$(cli -n 1 dbsize)" -eq 0 ]
	# With such a manifest among those that stay no object is removed.
	mv "$DIR/manifest-x.json" "$DIR/manifest-20200101T000000.000Z.json"
	model 1
	call rnm backup --redis "$DB" --all -o "$DIR" --keep 2 --json
	expect_rc 0
	expect_json '.removed_generations == 1'
}

@test "training vectors that are none" {
	local object
	model 1
	backup_1
	cli -n 1 flushdb >/dev/null
	for content in '\005\000\000\000abc' '\377\377\377\377abc' '\001\000\000'; do
		printf "$content" >"$BATS_TEST_TMPDIR/o"
		object=$(b2sum -l 256 "$BATS_TEST_TMPDIR/o" | cut -d' ' -f1)
		cp "$BATS_TEST_TMPDIR/o" "$DIR/objects/$object"
		changed ".sets[0].models[0].training[0] |= (.blake2b = \"$object\" | .size = $(stat -c %s "$BATS_TEST_TMPDIR/o"))" \
			"$(ls "$DIR"/manifest-*.json | head -1)" >"$DIR/manifest-x.json"
		call rnm restore --redis "$DB" "$DIR/manifest-x.json"
		expect_rc 3
		expect_err "expected training vectors, each behind its length"
		[ "$(cli -n 1 dbsize)" -eq 0 ]
	done
}

@test "an older manifest, one rule, one settings id" {
	local first
	model 1
	backup_1
	first=$(ls "$DIR"/manifest-*.json)
	cli -n 1 flushdb >/dev/null
	model 2
	backup_1
	cli -n 1 flushdb >/dev/null
	call rnm restore --redis "$DB" "$first" -r r -s default
	expect_rc 0
	[ "$(cli -n 1 exists rn_r_default_d_1)$(cli -n 1 exists rn_r_default_d_2)" = 10 ]
	restore_1
	expect_rc 0
	[ "$(cli -n 1 exists rn_r_default_d_2)" -eq 1 ]
	restore_1 -r other
	expect_rc 4
	expect_plain_error
	restore_1 -s other
	expect_rc 4
	expect_plain_error
}

@test "what Redis refuses is named with command and user; nothing has changed" {
	local command
	model 1
	backup_1
	cli -n 1 flushdb >/dev/null
	cli acl setuser back on '>pw' '~*' +@all >/dev/null
	sed "s|servers = \"$SOCKET\";|& username = \"back\"; password = \"pw\"; db = 1;|" "$CONF" >"$BATS_TEST_TMPDIR/c.conf"
	for command in watch multi hset zadd pexpire persist sadd exec unlink rename scard hlen; do
		cli acl setuser back +@all "-$command" >/dev/null
		call rnm restore -c "$BATS_TEST_TMPDIR/c.conf" "$DIR"
		expect_rc 6
		expect_err "Redis refused ${command^^}"
		expect_err "ACL SETUSER back +$command"
		nothing_changed 1
		# What was gathered goes too, if it may.
		[ $command = unlink ] || [ "$(cli -n 1 dbsize)" -eq 0 ]
		cli -n 1 flushdb >/dev/null
	done
	cli acl deluser back >/dev/null
}

@test "a server without memory, one that only reads, and a read-only configuration" {
	model 1
	backup_1
	cli -n 1 flushdb >/dev/null
	cli config set maxmemory 1 >/dev/null
	restore_1
	cli config set maxmemory 0 >/dev/null
	expect_rc 6
	expect_err "OOM"
	expect_err "maxmemory"
	[ "$(cli -n 1 dbsize)" -eq 0 ]
	sed "s|servers = \"$SOCKET\"|read_servers = \"$SOCKET\"|" "$CONF" >"$BATS_TEST_TMPDIR/c.conf"
	call rnm restore -c "$BATS_TEST_TMPDIR/c.conf" "$DIR"
	expect_rc 8
	expect_plain_error
	cli replicaof 127.0.0.1 1 >/dev/null
	restore_1
	cli replicaof no one >/dev/null
	expect_rc 5
	expect_err "replica"
	[ "$(cli -n 1 dbsize)" -eq 0 ]
}

@test "keys of another kind are left alone" {
	model 1
	backup_1
	cli -n 1 flushdb >/dev/null
	cli -n 1 set $ZSET text >/dev/null
	restore_1
	expect_rc 6
	expect_err "WRONGTYPE"
	[ "$(cli -n 1 dbsize)" -eq 1 ]
	cli -n 1 flushdb >/dev/null
	cli -n 1 set $KEY text >/dev/null
	restore_1 --replace
	expect_rc 6
	expect_err "cannot read $KEY: Redis refused HLEN: WRONGTYPE"
	[ "$(cli -n 1 dbsize)" -eq 1 ]
	cli -n 1 flushdb >/dev/null
	cli -n 1 set ${KEY}_spam_set text >/dev/null
	restore_1
	expect_rc 6
	[ "$(cli -n 1 dbsize)" -eq 1 ]
}

@test "no backup there" {
	call rnm restore --redis "$DB"
	expect_rc 2
	expect_plain_error
	call rnm restore --redis "$DB" "$DIR"
	expect_rc 4
	expect_plain_error
	mkdir "$DIR"
	call rnm restore --redis "$DB" "$DIR"
	expect_rc 4
	expect_plain_error
	expect_err "the folder holds no manifest"
	model 1
	backup_1
	call flock -x "$DIR" rnm restore --redis "$DB" "$DIR"
	expect_rc 8
	expect_err "another process works in the backup folder"
}

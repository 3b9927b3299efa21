#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm doctor and rnm refresh: every finding made in a real Redis, its repair, and a second run that is clean.

load helpers

D=954230f4936c9433 # digest of the rule `embed` below
Z=rn3_embed_3_default
K=rn_embed_default_954230f4 # its models, without their versions

# The rights that docs/redis.md tells.
READING="+ping +select +dbsize +scan +type +zcard +zrevrange +zscan +hexists +hstrlen +hmget +hget +hlen +hkeys +pttl +scard +sscan +memory"
REPAIRING="+role +watch +unwatch +multi +exec +discard +zrem +zadd +hdel +srem +expire +unlink"

setup_file() {
	common_setup_file
	start_redis
	export CONF="$WORK/rnm.conf"
	configure "servers = \"$SOCKET\";" >"$CONF"
}

teardown_file() {
	stop_redis
}

setup() {
	cli flushall >/dev/null
	cli config set maxmemory 0 >/dev/null
	NOW=$(date +%s)
}

# configure REDIS: a configuration with this section redis.
configure() {
	cat <<-END
	redis { $1 }
	neural { rules {
	  embed { providers = [ { type = "fasttext_embed"; model = "x"; dim = 10; } ]; disable_symbols_input = true;
	    train { max_trains = 10; } }
	  symbols { profile { default = [ "B", "A" ]; } }
	} }
	END
}

# profile VERSION [KEY]: as rspamd writes it.
profile() {
	printf '{"digest":"%s","symbols":[],"version":%s,"redis_key":"%s","providers_digest":"%s"}' "$D" "$1" "${2:-${K}_$1}" "$D"
}
# add VERSION AGE: its profile, so many seconds old.
add() {
	cli zadd "$Z" $((NOW - $2)) "$(profile "$1")" >/dev/null
}
# live VERSION AGE [TTL]: with a network of its own, for rspamd's two days.
live() {
	add "$1" "$2"
	cli hset "${K}_$1" ann "network $1" >/dev/null
	cli expire "${K}_$1" "${3:-172800}" >/dev/null
	cli expire "$Z" 172800 >/dev/null
}
# vectors KEY WIDTH COUNT [SEED]
vectors() {
	python - "$@" <<-'END' | cli --pipe >/dev/null
	import ctypes, sys
	z = ctypes.CDLL("libzstd.so.1")
	z.ZSTD_compress.restype = z.ZSTD_compressBound.restype = ctypes.c_size_t
	def frame(data):
	    room = z.ZSTD_compressBound(ctypes.c_size_t(len(data)))
	    out = ctypes.create_string_buffer(room)
	    size = z.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 3)
	    return out.raw[:size]
	key, width, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int((sys.argv[4:] or ["0"])[0])
	for i in range(count):
	    text = ";".join("%.14g" % (((seed + i) * 131 + j * 7) % 9973 / 9973) for j in range(width)).encode()
	    parts = [b"SADD", key.encode(), frame(text)]
	    sys.stdout.buffer.write(b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
	END
}

doctor() {
	call rnm doctor -c "$CONF" --json "$@"
}
# finds CODE FILTER: the examination ends with this code, and FILTER holds for its findings.
finds() {
	doctor
	expect_rc "$1"
	expect_no_err
	expect_json "[.findings[] | select(.id | startswith(\"doctor.\"))] | $2"
}
# repairs COUNT: so many repairs are done, none fails; the next run finds nothing that can be repaired.
repairs() {
	doctor --fix
	expect_json ".repaired == $1 and .failed == 0 and all(.findings[]; .state != \"open\" or .remedy == \"none\")"
	doctor --fix
	expect_json '.repaired == 0 and .failed == 0 and all(.findings[]; .remedy == "none")'
}
# leaves COMMAND...: run by redis-cli, prints the lines of stdin.
leaves() {
	cli "$@" | diff - /dev/stdin
}

@test "all is well: exit 0, nothing said, nothing changed" {
	live 2 10
	live 1 20
	vectors ${K}_2_spam_set 10 3
	cli monitor >"$WORK/monitor" &
	local pid=$!
	sleep 0.3
	finds 0 'length == 0'
	expect_json '.models == 2 and .lists == 1 and .keys == 4 and .problems == 0'
	sleep 0.3
	kill $pid
	# Only questions, and of those none that holds the server for long.
	[ "$(sed -n 's/.*\] "\([A-Za-z]*\)".*/\1/p' "$WORK/monitor" | tr a-z A-Z | sort -u | tr '\n' ' ')" = \
		"DBSIZE HEXISTS HGET HKEYS HLEN HMGET HSTRLEN PING PTTL SCAN SCARD SSCAN TYPE ZCARD ZREVRANGE " ] || { cat "$WORK/monitor"; false; }
	call rnm doctor -c "$CONF"
	expect_rc 0
	expect_out "2 models in 1 list among 4 keys: 0 problems, 0 warnings, 0 notes"
}

@test "an empty server, and one of others" {
	finds 0 'length == 0'
	cli mset rn_other 1 rn3_other 2 rnd_x 3 rn 4 rn_ 5 rn3_a_3_b 6 >/dev/null
	cli hset rn_embed_default_954230f4_x ann 1 >/dev/null
	cli hset rn_embed_default_954230F4_1 ann 1 >/dev/null
	cli hset rn_954230f4_1 ann 1 >/dev/null
	cli set rn_embed_default_954230f4_5 1 >/dev/null
	finds 0 'length == 0'
}

@test "tombstones: old profiles with nothing behind them, whatever hides them or lies under their key" {
	live 1 9000
	add 2 5000
	cli hset ${K}_2 lock 5 hostname gone obsolete 1 >/dev/null
	add 3 5001
	# Young, being trained from, with vectors: all these are in use.
	add 4 60
	add 5 5002
	cli hset ${K}_5 lock "$NOW" hostname here >/dev/null
	add 6 5003
	vectors ${K}_6_ham_set 10 1
	finds 1 'map(.id) as $ids | ($ids | map(select(. == "doctor.tombstone")) | length == 2) and
		(map(select(.id == "doctor.tombstone") | .key) == ["'${K}_2'", "'${K}_3'"])'
	# Four newer profiles hide the model.
	expect_json 'any(.findings[]; .id == "doctor.shadowed" and .key == "'${K}_1'")'
	doctor --fix
	expect_json '.repaired == 2'
	[ "$(cli exists ${K}_2)" = 0 ]
	cli zrange $Z 0 -1 | diff - <(profile 1; echo; profile 6; echo; profile 5; echo; profile 4; echo)
	finds 0 'length == 0'
}

@test "what is to be removed is not written anew first, however it is written" {
	live 1 10
	add 2 5000
	cli zadd $Z $((NOW - 5000)) "$(profile 3 | sed 's/,/, /')" >/dev/null
	cli zadd $Z $((NOW - 20)) "$(profile 4 | sed 's/,/, /')" >/dev/null
	cli hset ${K}_4 ann "" >/dev/null
	cli zadd $Z $((NOW - 5001)) "$(profile 5)" $((NOW - 5002)) "$(profile 5 | sed 's/,/, /')" >/dev/null
	repairs 5
	cli zrange $Z 0 -1 | diff - <(profile 1; echo)
	[ "$(cli exists ${K}_4)" = 0 ]
	finds 0 'length == 0'
}

@test "what a repair settles, or brings to light, is part of the same run" {
	# Four tombstones hide a model that will not live long.
	local version
	live 1 9000 100
	for version in 2 3 4 5; do add $version 5000; done
	doctor --fix
	expect_rc 0
	expect_json '.repaired == 5 and .problems == 0 and .warnings == 0 and
		(.findings | map([.id, .key, .state]) | unique) == [["doctor.expiring", "'${K}_1'", "repaired"],
		["doctor.shadowed", "'${K}_1'", "gone"], ["doctor.tombstone", "'${K}_2'", "repaired"],
		["doctor.tombstone", "'${K}_3'", "repaired"], ["doctor.tombstone", "'${K}_4'", "repaired"],
		["doctor.tombstone", "'${K}_5'", "repaired"], ["doctor.unserved", "'$Z'", "gone"]]'
	finds 0 'length == 0'
	# Another list, in which nothing has been repaired, is still as it was.
	add 6 5000
	cli zadd rn3_embed_3_other $((NOW - 10)) "$(profile 7)" >/dev/null
	doctor --fix
	expect_rc 1
	expect_json '.repaired == 1 and (.findings | map([.id, .settings, .state]) | sort) ==
		[["doctor.tombstone", "default", "repaired"], ["doctor.unserved", "other", "open"]]'
}

@test "two profiles of an empty network: both go at once, and what they hid is served" {
	live 1 100
	add 2 50
	cli zadd $Z $((NOW - 5)) "$(profile 2 | sed 's/,/, /')" >/dev/null
	cli hset ${K}_2 ann '' >/dev/null
	finds 1 'map([.id, .remedy]) == [["doctor.unserved", "none"], ["doctor.empty-network", "drop-profile"],
		["doctor.empty-network", "drop-profile"]]'
	doctor --fix
	expect_rc 0
	expect_json '.repaired == 2'
	cli zrange $Z 0 -1 | diff - <(profile 1; echo)
	[ "$(cli exists ${K}_2)" = 0 ]
	finds 0 'length == 0'
}

@test "with a tombstone goes the copy of an external model that nobody would find again" {
	live 1 10
	add 2 5000
	cli hset ${K}_2_base version 1 ann_data x created_at 1 providers_digest y >/dev/null
	add 3 5001
	cli set ${K}_3_base 'somebody else' >/dev/null
	add 4 5002
	cli hset ${K}_4_base version 1 user bob >/dev/null
	repairs 3
	cli keys '*' | sort | diff - <(printf '%s\n' $Z ${K}_1 ${K}_3_base ${K}_4_base | sort)
	finds 0 'length == 0'
}

@test "a tombstone that names somebody else's hash takes only itself away" {
	live 2 10
	cli zadd $Z $((NOW - 5000)) "$(profile 1 rn_embed_default_954230f4_1)" >/dev/null
	cli hset ${K}_1 mine 1 >/dev/null
	repairs 1
	[ "$(cli hget ${K}_1 mine)" = 1 ]
	[ "$(cli zcard $Z)" = 1 ]
}

@test "expiring: the served model, its list; never shortened" {
	live 2 10 1000
	live 1 20 500
	finds 1 'map([.id, .key]) == [["doctor.expiring", "'${K}_2'"]]'
	call rnm doctor -c "$CONF" --expiring 10m --json
	expect_rc 0
	repairs 1
	(($(cli ttl ${K}_2) > 172700))
	(($(cli ttl ${K}_1) <= 500))
	cli expire $Z 100 >/dev/null
	cli persist ${K}_2 >/dev/null
	finds 1 'map(.id) == ["doctor.expiring"] and (.[0].text | contains("list"))'
	repairs 1
	(($(cli ttl $Z) > 172700))
	[ "$(cli ttl ${K}_2)" = -1 ]
}

@test "two profiles of one key: one is kept, with the newest time" {
	live 7 500
	cli hset ${K}_7 lock 5 >/dev/null
	cli zadd $Z $((NOW - 9)) '{"version":7,"digest":"'$D'","symbols":[], "redis_key":"'${K}_7'","providers_digest":"'$D'"}' >/dev/null
	# What is under the key is said once.
	finds 1 'map([.id, .remedy]) == [["doctor.twin", "write-profile"], ["doctor.dead-lock", "unlock"]]'
	repairs 2
	cli zrange $Z 0 -1 withscores | diff - <(profile 7; echo; echo $((NOW - 9)))
}

@test "two profiles of one key that differ: named, and left alone" {
	live 7 10
	cli zadd $Z $((NOW - 20)) "$(profile 6 ${K}_7)" >/dev/null
	finds 1 'map([.id, .remedy]) == [["doctor.twin", "none"]]'
	doctor --fix
	expect_rc 1
	expect_json '.repaired == 0'
	[ "$(cli zcard $Z)" = 2 ]
}

@test "a profile in another form is written as rspamd does, with its time and distance" {
	cli zadd $Z $((NOW - 10)).5 '{ "redis_key":"'${K}_3'","distance":0.5,"version":"3","digest":"'$D'","symbols":["A","B"],"providers_digest":"'$D'"}' >/dev/null
	cli hset ${K}_3 ann x >/dev/null
	cli zadd $Z $((NOW - 11)) "version = 2; redis_key = ${K}_2; digest = $D; symbols = []; providers_digest = $D # by hand" >/dev/null
	cli hset ${K}_2 ann y >/dev/null
	finds 1 'map([.id, .remedy]) == [["doctor.not-canonical", "write-profile"], ["doctor.not-json", "write-profile"]]'
	repairs 2
	cli zrange $Z 0 -1 withscores | diff - <(
		profile 2
		printf '\n%s\n' $((NOW - 11))
		printf '{"digest":"%s","symbols":["A","B"],"version":3,"distance":0.500000,"redis_key":"%s","providers_digest":"%s"}\n' $D ${K}_3 $D
		echo $((NOW - 10)).5
	)
}

@test "profiles that nobody can read: removed when nothing is behind them, else left to a person" {
	live 9 10
	cli zadd $Z 5 'not json at all' 6 '{"version":3,"redis_key":"'${K}_3 7 '{"version":4,"redis_key":"'${K}_4'","digest":"d","symbols":[],"extra":1}' >/dev/null
	cli zadd $Z 8 '{"version":8,"redis_key":"'${K}_8'","digest":"d","symbols":[],"extra":1}' >/dev/null
	cli hset ${K}_8 ann x >/dev/null
	finds 1 'map([.id, .remedy]) | sort == [["doctor.not-json", "drop-profile"], ["doctor.not-json", "drop-profile"],
		["doctor.schema", "drop-profile"], ["doctor.schema", "none"]]'
	doctor --fix
	expect_rc 1
	expect_json '.repaired == 3'
	[ "$(cli zcard $Z)" = 2 ]
	finds 1 'map([.id, .key]) == [["doctor.schema", "'${K}_8'"]]'
}

@test "no model that workers could load, and models for other inputs" {
	local other='{"digest":"0123456789abcdef","symbols":[],"version":3,"redis_key":"'${K}_3'","providers_digest":"0123456789abcdef"}'
	cli zadd $Z $((NOW - 10)) "$other" >/dev/null
	cli hset ${K}_3 ann x >/dev/null
	finds 1 'map(.id) == ["doctor.unserved", "doctor.digest"] and (.[1].text | contains("0123456789abcdef") and contains("'$D'"))'
	# A list that waits for its first training is well.
	cli flushall >/dev/null
	add 0 10
	finds 0 'length == 0'
}

@test "an empty network, keys of other types, locks" {
	live 1 30
	add 2 20
	cli hset ${K}_2 ann '' >/dev/null
	add 3 10
	cli set ${K}_3 x >/dev/null
	cli hset ${K}_1 lock $((NOW - 500)) hostname mx1 >/dev/null
	finds 1 'map([.id, .key, .remedy]) | contains([["doctor.empty-network", "'${K}_2'", "drop-profile"],
		["doctor.wrong-type", "'${K}_3'", "none"], ["doctor.dead-lock", "'${K}_1'", "unlock"]])'
	doctor --fix
	expect_json '.repaired == 2'
	[ "$(cli hexists ${K}_1 lock)$(cli hexists ${K}_1 ann)$(cli exists ${K}_2)" = 010 ]
	# One of a training that runs, and one from the far future, which locks nobody out.
	cli hset ${K}_1 lock $((NOW + 25)) hostname mx1 >/dev/null
	finds 1 'map(.id) == ["doctor.wrong-type"]'
	cli hset ${K}_1 lock $((NOW + 25000)) hostname mx1 >/dev/null
	finds 1 'map(.id) == ["doctor.dead-lock", "doctor.wrong-type"] or map(.id) == ["doctor.wrong-type", "doctor.dead-lock"]'
}

@test "something else under the name of the list of a rule" {
	cli set $Z x >/dev/null
	cli sadd rn3_symbols_3_other x >/dev/null
	cli set rn3_ghost_3_default x >/dev/null
	finds 1 'map([.id, .rule, .settings, .key, .remedy]) | sort == [
		["doctor.wrong-type", "embed", "default", "'$Z'", "none"],
		["doctor.wrong-type", "symbols", "other", "rn3_symbols_3_other", "none"]]'
	doctor --fix
	expect_rc 1
	expect_json '.repaired == 0'
	[ "$(cli get $Z)" = x ]
}

@test "keys that are left behind: with their size, and only those that never expire" {
	live 1 10
	cli hset ${K}_7 ann x pca y rnm_tool z >/dev/null
	cli hset ${K}_8 ann x >/dev/null
	cli expire ${K}_8 1000 >/dev/null
	cli hset ${K}_9 ann x user bob >/dev/null
	vectors ${K}_7_spam_set 10 2
	vectors ${K}_1_spam_set 10 2
	cli hset ${K}_1_base ann_data x >/dev/null
	cli hset rn_gone_default_c8qsbjge_2_base version 1 ann_data x >/dev/null
	vectors rn_gone_default_pending_ham_set 10 1
	vectors rn_embed_other_pending_ham_set 10 1
	vectors rn_symbols_default_pending_spam_set 10 1
	finds 1 'map([.id, .key]) | sort == [["doctor.orphan-model", "'${K}_7'"], ["doctor.orphan-model", "rn_gone_default_c8qsbjge_2_base"],
		["doctor.orphan-vectors", "'${K}_7_spam_set'"], ["doctor.orphan-vectors", "rn_gone_default_pending_ham_set"]]'
	expect_json 'all(.findings[]; .bytes > 40)'
	repairs 4
	cli keys '*' | sort | diff - <(printf '%s\n' $Z ${K}_1 ${K}_1_base ${K}_1_spam_set ${K}_8 ${K}_9 \
		rn_embed_other_pending_ham_set rn_symbols_default_pending_spam_set | sort)
}

@test "what lists of another version name is not left behind" {
	cli zadd rn3_embed_2_default 5 "$(profile 1)" >/dev/null
	cli zadd rn2_embed_3_default 5 "$(profile 2)" >/dev/null
	cli hset ${K}_1 ann x >/dev/null
	cli hset ${K}_2 ann x >/dev/null
	finds 0 'length == 0'
}

@test "training vectors of mixed lengths: a small minority goes, from both sets" {
	live 1 10
	vectors ${K}_1_spam_set 10 40
	vectors ${K}_1_ham_set 10 36
	vectors ${K}_1_ham_set 9 3
	vectors ${K}_1_spam_set 12 1
	cli sadd ${K}_1_spam_set 'no vector' >/dev/null
	finds 1 'map([.id, .remedy]) == [["doctor.mixed-widths", "drop-vectors"]] and
		(.[0].text | contains("76 of 81 vectors have 10 numbers") and contains("3 of 9 numbers") and
		contains("1 of 12 numbers") and contains("1 no vectors at all"))'
	repairs 1
	[ "$(cli scard ${K}_1_spam_set) $(cli scard ${K}_1_ham_set)" = "40 36" ]
}

@test "training vectors: more than a fifth of another length is nobody's guess" {
	live 1 10
	vectors rn_embed_default_pending_spam_set 10 12
	vectors rn_embed_default_pending_spam_set 9 4
	finds 1 'map([.id, .remedy]) == [["doctor.mixed-widths", "none"]]'
	doctor --fix
	expect_json '.repaired == 0'
	[ "$(cli scard rn_embed_default_pending_spam_set)" = 16 ]
	# Exactly a fifth.
	vectors rn_embed_default_pending_spam_set 10 4 1000
	finds 1 'map(.remedy) == ["drop-vectors"]'
	repairs 1
	[ "$(cli scard rn_embed_default_pending_spam_set)" = 16 ]
}

@test "a class that training waits for" {
	live 1 10
	vectors ${K}_1_spam_set 10 10
	vectors ${K}_1_ham_set 10 4
	finds 1 'map(.id) == ["doctor.imbalance"] and (.[0].text | startswith("4 of 10 ham vectors, and 10 of spam"))'
	vectors ${K}_1_ham_set 10 6 100
	finds 0 'length == 0'
	# Both are on their way: nothing is odd about that.
	cli flushall >/dev/null
	live 1 10
	vectors ${K}_1_spam_set 10 9
	finds 0 'length == 0'
}

@test "the same network for two rules; a list with too many profiles" {
	live 1 10
	cli zadd rn3_ghost_3_ours $NOW "$(profile 1 rn_ghost_ours_954230f4_1)" >/dev/null
	cli hset rn_ghost_ours_954230f4_1 ann "network 1" >/dev/null
	finds 0 'map([.id, .level]) == [["doctor.same-weights", "note"]]'
	cli hset rn_ghost_ours_954230f4_1 ann "network 2" >/dev/null
	finds 0 'length == 0'
	cli eval 'for i = 1, 300 do redis.call("ZADD", KEYS[1], i, "{\"redis_key\":\"rn_ghost_x_954230f4_" .. i .. "\"}") end' 1 rn3_ghost_3_x >/dev/null
	cli hset rn_ghost_x_954230f4_7 ann x >/dev/null
	finds 1 'map([.id, .key]) == [["doctor.crowded", "rn3_ghost_3_x"]]'
}

@test "traps of the configuration are findings too" {
	sed 's/disable_symbols_input = true;/& max_profiles = 0; timeout = "3s"; prefix = "symbols";/' "$CONF" >"$WORK/trap.conf"
	call rnm doctor -c "$WORK/trap.conf" --json
	expect_rc 1
	expect_json 'any(.findings[]; .id == "config.prefix-shared" and .line > 0 and .remedy == "none")'
}

@test "--dry-run tells what --fix would do; reading needs no right to write" {
	add 2 5000
	live 1 10
	vectors ${K}_1_spam_set 10 2
	cli hset ${K}_7 ann x >/dev/null
	# shellcheck disable=SC2086
	cli acl setuser reader reset on '>p' '~*' $READING >/dev/null
	call rnm doctor -c "$CONF" --fix --dry-run
	expect_rc 1
	expect_out "--fix would do: removes the profile"
	configure "servers = \"$SOCKET\"; username = reader; password = p;" >"$WORK/reader.conf"
	call rnm doctor -c "$WORK/reader.conf" --json
	expect_rc 1
	expect_json '.findings | map([.id, .state]) == [["doctor.tombstone", "open"], ["doctor.orphan-model", "open"]]'
	[ "$(cli zcard $Z)" = 2 ]
}

@test "a right that is missing: the repair says which command and which user, the others go on" {
	add 2 5000
	live 1 10 600
	# shellcheck disable=SC2086
	cli acl setuser fixer reset on '>p' '~*' $READING $REPAIRING -zrem >/dev/null
	configure "servers = \"$SOCKET\"; username = fixer; password = p;" >"$WORK/fixer.conf"
	call rnm doctor -c "$WORK/fixer.conf" --fix --json
	expect_rc 6
	expect_json '.repaired == 1 and .failed == 1'
	expect_json '.findings | any(.state == "failed" and (.outcome | contains("ZREM") and contains("fixer")))'
	[ "$(cli zcard $Z)" = 2 ]
	cli hset ${K}_7 ann x >/dev/null
	cli hset ${K}_1 lock 5 >/dev/null
	cli zadd $Z 7 "$(profile 1 | sed 's/,/, /')" >/dev/null
	vectors ${K}_1_spam_set 10 9
	vectors ${K}_1_ham_set 8 1
	cli acl setuser fixer +zrem >/dev/null
	call rnm doctor -c "$WORK/fixer.conf" --fix --json
	expect_rc 0
	expect_json '.failed == 0 and (.findings | map(.remedy) | sort) ==
		["delete-key", "drop-profile", "drop-vectors", "unlock", "write-profile"]'
}

@test "a right to read that is missing: the command, the user, all rights, and what is not found" {
	local command lost
	live 1 10 600
	vectors ${K}_1_spam_set 10 2
	configure "servers = \"$SOCKET\"; username = reader; password = p;" >"$WORK/reader.conf"
	while read -r command lost; do
		# shellcheck disable=SC2086
		cli acl setuser reader reset on '>p' '~*' $READING "-$command" >/dev/null
		call rnm doctor -c "$WORK/reader.conf" --json
		expect_rc 1
		expect_json '.findings | map(select(.id == "doctor.unreadable")) | length == 1 and
			(.[0].text | contains("'"$command"'") and contains("'"$lost"'")) and
			(.[0].advice | contains("ACL SETUSER reader +'"$command"' (all that an examination needs: '"${READING#+ping }"')"))'
		expect_json 'all(.findings[]; .id != "doctor.unserved")'
	done <<-END
		zrevrange cannot list the models
		hexists Redis does not show the key
		sscan Redis does not show the training set
		type keys that are left behind
		pttl models that expire soon
		zcard lists with too many profiles
		scard tombstones
		hmget dead locks
		hstrlen empty networks
		hget copies of networks
		hlen keys that are left behind
		hkeys keys that are left behind
	END
	# Without its size and the number of all keys nothing is overlooked.
	cli hset ${K}_7 ann x >/dev/null
	# shellcheck disable=SC2086
	cli acl setuser reader reset on '>p' '~*' $READING -memory -dbsize >/dev/null
	call rnm doctor -c "$WORK/reader.conf" --json
	expect_json '.findings | map([.id, .bytes]) == [["doctor.expiring", null], ["doctor.orphan-model", null]]'
	# Nothing can be said without this one.
	# shellcheck disable=SC2086
	cli acl setuser reader reset on '>p' '~*' $READING -scan >/dev/null
	call rnm doctor -c "$WORK/reader.conf"
	expect_rc 6
	expect_plain_error
	expect_err "ACL SETUSER reader +scan (all that an examination needs: +select +dbsize"
}

@test "a configuration without write servers, and a replica, are not repaired" {
	local port=$((20000 + RANDOM % 20000))
	configure "read_servers = \"$SOCKET\";" >"$WORK/ro.conf"
	call rnm doctor -c "$WORK/ro.conf" --fix
	expect_rc 8
	expect_plain_error
	call rnm doctor -c "$WORK/ro.conf"
	expect_rc 0
	cli replicaof 127.0.0.1 $port >/dev/null
	call rnm doctor -c "$CONF" --fix
	cli replicaof no one >/dev/null
	expect_no_out
	[ "$rc" -ne 0 ]
	expect_err "replica"
}

@test "many keys: small batches, nothing that holds the server, a bounded report" {
	live 1 10
	cli eval 'for i = 1, 60000 do redis.call("SET", "other:" .. i, "x") end for i = 1, 2000 do redis.call("SADD", "rn_gone_default_954230f4_" .. i .. "_spam_set", "x") end' 0 >/dev/null
	call rnm doctor -c "$CONF"
	expect_rc 1
	expect_out "and 1990 more of doctor.orphan-vectors"
	[ "$(wc -l <"$out")" -lt 50 ]
	doctor --fix
	expect_rc 0
	expect_json '.repaired == 2000 and (.findings | length) == 2000'
	finds 0 'length == 0'
}

# A million keys, a network of 4 MiB for two rules, two training sets of 10000 vectors with 198 odd ones, and 9900 vectors
# that nobody names.
crowd() {
	cli flushall >/dev/null
	cli eval 'for i = 1, 1000000 do redis.call("SET", "other:" .. i, "x") end' 0 >/dev/null
	live 1 10
	cli zadd rn3_ghost_3_ours $NOW "$(profile 1 rn_ghost_ours_954230f4_1)" >/dev/null
	head -c $(((4 << 20) - 100)) /dev/urandom >"$WORK/network"
	cli -x hset ${K}_1 ann <"$WORK/network" >/dev/null
	cli -x hset rn_ghost_ours_954230f4_1 ann <"$WORK/network" >/dev/null
	vectors ${K}_1_spam_set 10 9900
	vectors ${K}_1_spam_set 9 99
	vectors ${K}_1_ham_set 10 9900
	vectors ${K}_1_ham_set 9 99
	vectors rn_gone_default_954230f4_1_ham_set 10 9900
}
# is_slow WORDS: whether a question always takes the server longer than 5 ms, and not only once, when others had the processor.
is_slow() {
	case $1 in SCAN | SSCAN | ZSCAN | H* | ZREVRANGE | TYPE | PTTL | SCARD | MEMORY) ;; *) return 0 ;; esac
	for _ in 1 2 3 4 5; do
		cli slowlog reset >/dev/null
		cli "$@" >/dev/null
		[ "$(cli slowlog len)" -gt 0 ] || return 1
	done
}
# held_by COMMAND...: whether a command of it has held the server for longer than 5 ms, by the server's own account, in which
# EXEC, with all that it does, is a number of its own.
held_by() {
	local quoted words
	cli config resetstat >/dev/null
	cli slowlog reset >/dev/null
	call "$@"
	cli --json slowlog get -1 >"$WORK/slow"
	while read -r quoted; do
		eval "words=($quoted)"
		if is_slow "${words[@]}"; then
			echo "slow: $quoted"
			return 0
		fi
	done < <(jq -r '.[][3] | @sh' "$WORK/slow")
	(($(cli info latencystats | sed -n 's/^latency_percentiles_usec_exec:p100=\([0-9]*\).*/\1/p')0 > 50000))
}
seldom_held() {
	crowd
	held_by rnm doctor -c "$CONF" --json && return 1
	expect_rc 1 && expect_json '.keys == 1000007 and (.findings | map(.id) | sort) ==
		["doctor.mixed-widths", "doctor.orphan-vectors", "doctor.same-weights"]' || return 1
	held_by rnm doctor -c "$CONF" --fix --json && return 1
	expect_rc 0 && expect_json '.repaired == 2' || return 1
	[ "$(cli scard ${K}_1_spam_set) $(cli scard ${K}_1_ham_set)" = "9900 9900" ] || return 1
	held_by rnm refresh -c "$CONF" && return 1
	expect_rc 0
}

@test "no command holds a server with a million keys for longer than 5 ms" {
	cli config set slowlog-log-slower-than 5000 slowlog-max-len 10000 latency-tracking-info-percentiles 100 >/dev/null
	seldom_held || seldom_held || { cat "$WORK/slow"; false; }
	# That would be seen.
	held_by redis-cli -s "$SOCKET" eval 'for i = 1, 1000000 do end return #redis.call("keys", "*")' 0
}

@test "cached model files: padded, poisoned, from the future" {
	local url=https://models.example.net/rnm/aa5f939b29f3d241 maps="$BATS_TEST_TMPDIR/maps" file
	mkdir "$maps"
	file="$maps/a79cd5ecb59883949de159201915bfe8e1f7070d.map"
	cat >"$WORK/map.conf" <<-END
	redis { servers = "$SOCKET"; }
	neural { rules { default { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; }
	  disable_symbols_input = true; external_model { url = "$url"; } } } }
	END
	python "$BATS_TEST_DIRNAME/made_model.py" "$WORK/map.rnm" 46 digest=aa5f939b29f3d241 version=3
	python "$BATS_TEST_DIRNAME/made_model.py" "$WORK/map-other.rnm" 46 digest=0123456789abcdef version=3
	cached() { # FILE MODIFIED: as rspamd keeps it
		python -c 'import struct, sys
head = b"rmcd2001" + struct.pack("<qQQQ", 16384, int(sys.argv[3]), 0, 0)
open(sys.argv[2], "wb").write(head + bytes(16384 - len(head)) + open(sys.argv[1], "rb").read())' "$1" "$file" "$2"
	}
	maps() {
		call rnm doctor -c "$WORK/map.conf" --maps-dir "$maps" --json "$@"
	}
	maps
	expect_rc 0
	cached "$WORK/map.rnm" "$NOW"
	maps
	expect_rc 0
	expect_json '.findings == []'
	cached "$WORK/map.rnm" $((NOW + 9000))
	maps
	expect_json '.findings | map([.id, .remedy]) == [["doctor.cache-future", "none"]]'
	head -c 100 /dev/zero | cat "$WORK/map.rnm" - >"$WORK/padded"
	cached "$WORK/padded" "$NOW"
	maps
	expect_rc 1
	expect_json '.findings | map([.id, .key]) == [["doctor.cache-padded", "'"$file"'"]] and (.[0].text | contains("100 zeros"))'
	cached "$WORK/map-other.rnm" "$NOW"
	maps
	expect_json '.findings | map(.id) == ["doctor.cache-poisoned"] and (.[0].text | contains("0123456789abcdef"))'
	echo '<html>' >"$WORK/html"
	cached "$WORK/html" "$NOW"
	maps
	expect_json '.findings | map(.id) == ["doctor.cache-poisoned"]'
	echo short >"$file"
	maps
	expect_json '.findings | map(.id) == ["doctor.cache-form"]'
	maps --fix
	expect_rc 0
	[ ! -e "$file" ]
	maps
	expect_rc 0
}

# cached_as FILE URL FOLDER: makes the cache of that URL, and prints its path.
cached_as() {
	local path
	path="$3/$(printf %s "$2" | b2sum | cut -c1-40).map"
	python -c 'import struct, sys
head = b"rmcd2001" + struct.pack("<qQQQ", 16384, 5, 0, 0)
open(sys.argv[2], "wb").write(head + bytes(16384 - len(head)) + open(sys.argv[1], "rb").read())' "$1" "$path"
	echo "$path"
}

@test "external models: lists of sources, sections, and files that rspamd reads itself" {
	local dir="$BATS_TEST_TMPDIR" rule='providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true;'
	local key=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef first second third
	mkdir "$dir/maps"
	cat >"$dir/rnm.conf" <<-END
	redis { servers = "$SOCKET"; }
	neural { rules {
	  list { $rule external_model { url = [ "HTTP://a.example/m.rnm", "fallback+$dir/fallback.rnm" ]; } }
	  section { $rule external_model { url { urls = [ "key=$key:https://b.example/m" ]; poll = 3; } } }
	  upstreams { $rule external_model { url { upstreams = "http://user:p@c.example/m?x=1+2"; } } }
	  file { $rule external_model { url = "sign+key=abc+file://$dir/file.rnm"; } }
	  path { $rule external_model { url = "$dir/none.rnm"; } }
	} }
	END
	python "$BATS_TEST_DIRNAME/made_model.py" "$dir/good" 46 digest=aa5f939b29f3d241 version=3
	python "$BATS_TEST_DIRNAME/made_model.py" "$dir/bad" 46 digest=0123456789abcdef version=3
	look() {
		first=$(cached_as "$dir/$1" HTTP://a.example/m.rnm "$dir/maps")
		second=$(cached_as "$dir/$1" https://b.example/m "$dir/maps")
		third=$(cached_as "$dir/$1" 'http://user:p@c.example/m?x=1+2' "$dir/maps")
		cp "$dir/$1" "$dir/fallback.rnm"
		cp "$dir/$1" "$dir/file.rnm"
		call rnm doctor -c "$dir/rnm.conf" --maps-dir "$dir/maps" --json
	}
	look good
	expect_rc 0
	expect_json '.findings == []'
	look bad
	expect_rc 1
	expect_json '.findings | map([.rule, .id, .key, .remedy]) == [
		["list", "doctor.cache-poisoned", "'"$first"'", "delete-file"],
		["list", "doctor.external-file", "'"$dir/fallback.rnm"'", "none"],
		["section", "doctor.cache-poisoned", "'"$second"'", "delete-file"],
		["upstreams", "doctor.cache-poisoned", "'"$third"'", "delete-file"],
		["file", "doctor.external-file", "'"$dir/file.rnm"'", "none"]]'
	# Files are looked at without a folder of caches, too.
	echo '<html>' >"$dir/file.rnm"
	call rnm doctor -c "$dir/rnm.conf" --json
	expect_json '.findings | map(.rule) == ["list", "file"] and (.[1].text | contains("is no model")) and
		(.[1].advice | contains("rnm verify '"$dir/file.rnm"' -r file"))'
	call rnm doctor -c "$dir/rnm.conf" --maps-dir "$dir/maps" --fix --json
	expect_rc 1
	expect_json '.repaired == 3 and .problems == 2'
	[ -z "$(ls "$dir/maps")" ]
	[ "$(cat "$dir/file.rnm")" = '<html>' ]
}

@test "a server that is gone half-way: what was done is told, and the exit code says what happened" {
	call rnm doctor -c "$CONF" --redis "unix://$WORK/none.sock" --json
	expect_rc 5
	expect_no_out
	expect_plain_error
}

@test "without a configuration: what Redis itself tells" {
	live 1 10
	add 2 5000
	cli hset ${K}_7 ann x >/dev/null
	vectors rn_any_default_pending_ham_set 10 1
	call env CONFDIR="$WORK/none" rnm doctor --redis "unix://$SOCKET" --json
	expect_rc 1
	expect_json '.findings | map([.id, .rule]) == [["doctor.tombstone", "embed"], ["doctor.orphan-model", null]]'
	call env CONFDIR="$WORK/none" rnm doctor
	expect_rc 4
	expect_plain_error
}

@test "a progress line that moves, on a terminal" {
	need_terminal
	cli eval 'for i = 1, 400000 do redis.call("SET", "other:" .. i, "x") end' 0 >/dev/null
	local line="$WORK/slow.sock" pid
	configure "servers = \"$line\"; timeout = 20;" >"$WORK/slow.conf"
	/usr/bin/python3 - "$line" "$SOCKET" 3>&- 4>&- <<-'END' &
	import select, socket, sys, time
	listener = socket.socket(socket.AF_UNIX)
	listener.bind(sys.argv[1])
	listener.listen(1)
	client, _ = listener.accept()
	server = socket.socket(socket.AF_UNIX)
	server.connect(sys.argv[2])
	while True:
	    for ready in select.select([client, server], [], [])[0]:
	        data = ready.recv(1 << 20)
	        if not data:
	            sys.exit()
	        time.sleep(0.004 if ready is client else 0)
	        (server if ready is client else client).sendall(data)
	END
	pid=$!
	for _ in $(seq 100); do [ ! -S "$line" ] || break; sleep 0.05; done
	in_terminal "rnm doctor -c $WORK/slow.conf" >"$WORK/typed"
	kill $pid 2>/dev/null || true
	[ "$(tr '\r' '\n' <"$WORK/typed" | sed -n 's/^looking through the keys: \([0-9]*\)% of 400000.*/\1/p' | sort -un | wc -l)" -gt 3 ] || {
		cat -v "$WORK/typed"
		false
	}
	tr '\r' '\n' <"$WORK/typed" | grep -q '400000 keys'
}

@test "--expiring takes a time" {
	local bad
	for bad in '' x 5x -5 1.5h 99999999999 12hh 0; do
		call rnm doctor -c "$CONF" --expiring "$bad"
		expect_rc 2
		expect_plain_error
		expect_err "expected a time such as"
	done
}

# ---- refresh ------------------------------------------------------------------------------------------------

@test "refresh: the served model of every rule and its list get ann_expire again" {
	live 2 10 1000
	live 1 20 500
	call rnm refresh -c "$CONF" --dry-run
	expect_rc 0
	expect_out "rule embed, settings default: ${K}_2 would live 2d 0h (before: 16m "
	(($(cli ttl ${K}_2) <= 1000))
	call rnm refresh -c "$CONF"
	expect_rc 0
	expect_out "rule embed, settings default: ${K}_2 lives 2d 0h (before: 16m "
	(($(cli ttl ${K}_2) > 172700))
	(($(cli ttl ${K}_1) <= 500))
	call rnm refresh -c "$CONF" --expire 30d --json
	expect_json '.models | map([.rule, .settings, .key, .renewed, .ttl_after_ms]) == [["embed", "default", "'${K}_2'", true, 2592000000]]'
	(($(cli ttl ${K}_2) > 2591000))
	(($(cli ttl $Z) > 2591000))
	# Never less.
	call rnm refresh -c "$CONF"
	expect_rc 0
	expect_out "stays: it has as much already"
	(($(cli ttl ${K}_2) > 2591000))
	call rnm refresh -c "$CONF" --quiet
	expect_rc 0
	[ ! -s "$out" ]
}

@test "refresh: nothing to renew" {
	call rnm refresh -c "$CONF"
	expect_rc 0
	expect_out "no models of the configured rules"
	add 3 10
	call rnm refresh -c "$CONF"
	expect_rc 1
	expect_out "rule embed, settings default: nothing to renew: "
	live 4 5
	cli persist ${K}_4 >/dev/null
	cli persist $Z >/dev/null
	call rnm refresh -c "$CONF" --json
	expect_rc 0
	expect_json '.models[0] | .due == false and .ttl_before_ms == null and .reason == "it never expires"'
	[ "$(cli ttl ${K}_4)" = -1 ]
	# A prefix that no rule has says nothing about what is served.
	cli zadd rn3_ghost_3_default 5 "$(profile 1 g)" >/dev/null
	call rnm refresh -c "$CONF" --json
	expect_json '.models | length == 1'
	call rnm refresh -c "$CONF" -r nosuch
	expect_rc 4
	call rnm refresh -c "$CONF" --expire never
	expect_rc 2
}

@test "refresh needs a configuration, and a server to write to" {
	call env CONFDIR="$WORK/none" rnm refresh --redis "unix://$SOCKET"
	expect_rc 8
	expect_plain_error
	configure "read_servers = \"$SOCKET\";" >"$WORK/ro.conf"
	call rnm refresh -c "$WORK/ro.conf"
	expect_rc 8
	live 1 10 100
	cli acl setuser half reset on '>p' '~*' +ping +select +role +scan +type +zrevrange +hexists +pttl +watch +unwatch +multi +exec \
		+discard >/dev/null
	configure "servers = \"$SOCKET\"; username = half; password = p;" >"$WORK/half.conf"
	call rnm refresh -c "$WORK/half.conf"
	expect_rc 6
	expect_plain_error
	expect_err "EXPIRE"
	expect_err "half"
	(($(cli ttl ${K}_1) <= 100))
}

@test "the systemd units: well formed and hardened, and the services do their work" {
	command -v systemd-analyze >/dev/null || skip "systemd is not installed"
	local units="$BATS_TEST_DIRNAME/../../packaging/systemd" unit command
	mkdir -p "$WORK/units" "$WORK/etc" "$WORK/state/rnm"
	cp "$units"/rnm-* "$WORK/units"
	cp "$CONF" "$WORK/etc/rspamd.conf"
	live 1 10 1000
	for unit in refresh backup; do
		sed -i "s|/usr/bin/rnm|$BIN/rnm|" "$WORK/units/rnm-$unit.service"
		run systemd-analyze verify --man=no "$WORK/units/rnm-$unit.service" "$WORK/units/rnm-$unit.timer"
		[ "$status" -eq 0 ] && [ -z "$output" ] || { echo "$output"; false; }
		# In tenths: 0 is the best there is, 100 the worst.
		systemd-analyze security --offline=true --threshold=20 "$units/rnm-$unit.service" >/dev/null
		systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$units/rnm-$unit.timer")" >/dev/null
			command=$(sed -n 's/^ExecStart=//p' "$WORK/units/rnm-$unit.service")
		# %S is /var/lib; systemd makes the StateDirectory in it.
		# shellcheck disable=SC2086
		call env CONFDIR="$WORK/etc" ${command/\%S/$WORK/state}
		expect_rc 0
	done
	(($(cli ttl ${K}_1) > 172700))
	[ "$(ls "$WORK"/state/rnm/backup/manifest-*.json | wc -l)" = 1 ]
	grep -qx 'StateDirectory=rnm' "$units/rnm-backup.service"
	# The checks would find something.
	sed 's/^ProtectHome=.*/ProtectHome=perhaps/' "$WORK/units/rnm-refresh.service" >"$WORK/units/rnm-bad.service"
	run systemd-analyze verify --man=no "$WORK/units/rnm-bad.service"
	[ -n "$output" ]
	sed -i '/^Protect/d' "$WORK/units/rnm-refresh.service"
	! systemd-analyze security --offline=true --threshold=20 "$WORK/units/rnm-refresh.service" >/dev/null || false
}

# ---- when things go wrong half-way ------------------------------------------------------------------------------

@test "the connection breaks after N bytes of commands, and of answers" {
	local direction
	configure "servers = \"$WORK/line.sock\"; timeout = 20;" >"$WORK/line.conf"
	for direction in commands answers; do
		run timeout 200 /usr/bin/python3 "$BATS_TEST_DIRNAME/doctor_cuts.py" "$RNM" "$WORK/line.conf" "$WORK/line.sock" "$SOCKET" $direction
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

# at_multi COMMAND...: repairs over a line on which the command runs before the first MULTI arrives.
at_multi() {
	local pid
	configure "servers = \"$WORK/multi.sock\"; timeout = 20;" >"$WORK/multi.conf"
	rm -f "$WORK/multi.sock"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/at_multi.py" "$WORK/multi.sock" "$SOCKET" "$@" 3>&- 4>&- &
	pid=$!
	for _ in $(seq 100); do [ ! -S "$WORK/multi.sock" ] || break; sleep 0.05; done
	call rnm doctor -c "$WORK/multi.conf" --fix --json
	kill $pid
}

@test "what changes between the look and the transaction is looked at again" {
	live 1 6000
	add 2 5000
	at_multi redis-cli -s "$SOCKET" hset ${K}_2 ann x
	expect_rc 0
	expect_json '.findings | map([.id, .state]) == [["doctor.tombstone", "gone"]]'
	[ "$(cli zcard $Z)$(cli exists ${K}_2)" = 21 ]
}

@test "a master that becomes a replica half-way, and one without memory: named, and nothing has changed" {
	local before
	live 1 10
	add 2 5000
	before=$(cli zrange $Z 0 -1 withscores)
	at_multi redis-cli -s "$SOCKET" replicaof 127.0.0.1 1
	cli replicaof no one >/dev/null
	expect_rc 6
	expect_json '.failed == 1 and (.findings[0] | .id == "doctor.tombstone" and .state == "failed" and
		(.outcome | contains("READONLY") and contains("master")))'
	[ "$(cli zrange $Z 0 -1 withscores)" = "$before" ]
	cli zadd $Z $((NOW - 20)) "$(profile 3 | sed 's/,/, /')" >/dev/null
	cli hset ${K}_3 ann x >/dev/null
	before=$(cli zrange $Z 0 -1 withscores)
	cli config set maxmemory 1 >/dev/null
	doctor --fix
	cli config set maxmemory 0 >/dev/null
	expect_rc 6
	# Redis queues nothing then, not even what would free memory.
	expect_json '.failed == 2 and (.findings | map(.id) | sort) == ["doctor.not-canonical", "doctor.tombstone"] and
		all(.findings[]; .outcome | contains("refused ZREM") and contains("maxmemory"))'
	[ "$(cli zrange $Z 0 -1 withscores)" = "$before" ]
	repairs 2
}

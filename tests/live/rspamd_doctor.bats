#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a running rspamd 3.4 keeps in Redis is what rnm doctor takes it for, and --fix leaves it what it works with.
# 3.4 differs: its list has another name (rspamd.bash), its vectors have 26 meta tokens, it knows no rules with providers,
# no pending sets and no copies of external models, and it leaves the vectors of an old model without an expiry.
# Profile, lock, sets and their keys are those of 4.1.

load ../cli/helpers
load rspamd

setup_file() {
	common_setup_file
	# By their score, 0 with a date and 1 without: what has been learned is ham or spam.
	TRAIN='max_trains = 10; autotrain = true; spam_score = 0.5; ham_score = 0.2; learn_mode = "balanced";' prepare_rspamd
	start_rspamd
}

teardown_file() {
	stop_rspamd
	stop_redis
}

# mails FIRST LAST: one of each class for each number, all of them different.
mails() {
	python - "$WORK/normal.sock" "$1" "$2" <<-'END'
	import socket, sys
	for n in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
	    for head in "Date: Mon, 23 Nov 2026 15:00:00 +0000\r\nMessage-ID: <%d@b.example>\r\n" % n, "":
	        to = ", ".join("u%d@d.example" % i for i in range(1 + n % 20))
	        mail = (head + "From: a@b.example\r\nTo: %s\r\nSubject: hello%s\r\n\r\n%s\r\n" % (to, "!" * n, "some word " * (n * 20))).encode()
	        worker = socket.socket(socket.AF_UNIX)
	        worker.connect(sys.argv[1])
	        worker.sendall(b"POST /checkv2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(mail), mail))
	        while worker.recv(65536):
	            pass
	END
}

# The profile that it has made, its key, the sizes of its sets.
key() {
	cli --raw zrange $THEIRS 0 0 | jq -r .redis_key
}
gathered() {
	echo "$(cli scard "$(key)_spam_set") $(cli scard "$(key)_ham_set")"
}
# All keys of rspamd with their content; expiry is renewed each second.
state() {
	cli --raw eval 'local keys = redis.call("keys", "*") table.sort(keys) for i, key in ipairs(keys) do
		local kind, value = redis.call("type", key).ok, {}
		if kind == "zset" then value = { redis.call("dump", key) } end
		if kind == "set" then value = redis.call("smembers", key) end
		if kind == "hash" then value = redis.call("hgetall", key) end
		table.sort(value)
		keys[i] = key .. " " .. redis.sha1hex(table.concat(value, "\n")) end return keys' 0
}

@test "profile, vectors and keys of a running rspamd are read, and nothing of them is repaired" {
	local before
	mails 1 4
	sleep 0.5
	[[ $(gathered) != 0* && $(gathered) != *" 0" ]] || { gathered; tail "$LOG"; false; }
	before=$(state)
	# Under its own name the list is one of another version, whose keys are not left behind.
	call rnm doctor -c "$CONF" --fix --json
	expect_rc 0
	expect_json '.lists == 0 and .findings == []'
	cli copy $THEIRS $OURS >/dev/null
	call rnm doctor -c "$CONF" --fix --json
	expect_rc 0
	expect_json '.lists == 1 and .findings == []'
	cli del $OURS >/dev/null
	[ "$(state)" = "$before" ]
	# Its vectors are told from one that is none of its own.
	cli copy $THEIRS $OURS >/dev/null
	printf '1;2;3' | zstd -q | cli -x sadd "$(key)_spam_set" >/dev/null
	call rnm doctor -c "$CONF" --fix --json
	expect_rc 0
	expect_json '.repaired == 1 and (.findings | map(.id) == ["doctor.mixed-widths"]) and
		(.findings[0].text | contains("vectors have 28 numbers, but 1 of 3 numbers"))'
	cli del $OURS >/dev/null
	[ "$(state)" = "$before" ]
}

@test "the lock of a training that goes on is left alone; that of one that has died is removed" {
	local n old host before
	# It can neither save what it trains nor give its lock back.
	cli acl setuser default -zadd -hdel >/dev/null
	for n in $(seq 5 60); do
		mails "$n" "$n"
		[ "$(cli hexists "$(key)" lock)" = 0 ] || break
	done
	wait_for "cannot save ANN default:default"
	old=$(key)
	host=$(cli hget "$old" hostname)
	[ "$(cli hexists "$old" lock)" = 1 ] && [ -n "$host" ]
	cli acl setuser default +hdel +zadd >/dev/null
	cli copy $THEIRS $OURS >/dev/null
	call rnm doctor -c "$CONF" --fix --json
	expect_rc 0
	expect_json '.findings == []'
	[ "$(cli hexists "$old" lock)" = 1 ]
	call rnm import -c "$CONF" "$WORK/1.rnm"
	expect_rc 8
	expect_err "$host"
	stop_rspamd
	cli hincrby "$old" lock -3600 >/dev/null
	call rnm doctor -c "$CONF" --fix --json
	expect_rc 0
	expect_json '.findings | map([.id, .key, .state]) == [["doctor.dead-lock", "'"$old"'", "repaired"]] and
		(.[0].text | startswith("the lock of '"$host"' is dated 1h 0m ago"))'
	[ "$(cli hexists "$old" lock)" = 0 ]
	[[ $(gathered) =~ ^1[0-9]\ 1[0-9]$ ]]
	# What was gathered is trained from now; this rspamd leaves the old vectors where they are.
	cli del $OURS >/dev/null
	start_rspamd
	wait_for "ann default:default is not changed, our version = 1, remote version = 1" 4
	cli copy $THEIRS $OURS >/dev/null
	before=$(state)
	call rnm doctor -c "$CONF" --fix --json
	expect_rc 0
	expect_json '.models == 1 and .findings == []'
	[ "$(state)" = "$before" ]
}

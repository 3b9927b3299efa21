#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real rspamd learns from mail and trains; rnm watch publishes what comes of it, and holds back what is bad.
#
# rspamd 3.4 differs from those that rnm watch is for in three things.  Its list has another name (rspamd.bash), and it has
# no rules with providers, for which alone models are published: the test hands each profile over to the list of such a rule
# with as many inputs, and adds the providers digest.  And it tells mails apart so coarsely that few of their vectors differ
# (equal ones count once): what is missing for a training is put into its sets, as it would write it.  The training,
# the hash with the model, and what it marks as obsolete are its own.

load ../cli/helpers
load rspamd

# Metatokens and symbols of this rspamd.
INPUTS=28

setup_file() {
	common_setup_file
	export KEY="$WORK/publisher.key" TREE="$WORK/tree"
	install -m 600 "$DATA/sign/kp1.ucl" "$KEY"
	prepare_rspamd
	cat >"$CONF" <<-END
	redis { servers = "$SOCKET"; }
	neural { rules { default {
		providers = [ { type = "llm"; model = "m"; dim = $INPUTS; } ]; disable_symbols_input = true; fusion { include_meta = false; }
	} } }
	END
	DIGEST=$(rnm digest -c "$CONF" -r default)
	export DIGEST
	# What is spam is said by a header.
	cat >"$WORK/symbols.lua" <<-'END'
	for name, kind in pairs({ SYM_A = 'spam', SYM_B = 'ham' }) do
	  rspamd_config:register_symbol({ name = name, type = 'normal', score = kind == 'spam' and 10.0 or -10.0,
	    callback = function(task) return task:get_header('X-Kind') == kind end })
	end
	END
	TRAIN='max_trains = 60; spam_score = 5; ham_score = -5;' configure |
		sed "s|^lua = .*|lua = \"$WORK/symbols.lua\"|; s|watch_interval = 1;|watch_interval = 0.5;|" >"$WORK/rspamd.conf"
	python - "$WORK" $INPUTS <<-'END'
	import json, random, sys
	folder, inputs = sys.argv[1], int(sys.argv[2])
	random.seed(11)
	# Two lots of each class: to train from, and to judge with.
	for lot in ("train", "held"):
	    for kind, place in (("spam", -2), ("ham", -1)):
	        with open(f"{folder}/{lot}.{kind}", "w") as file:
	            for _ in range(150):
	                vector = [round(random.random(), 6) for _ in range(inputs)]
	                vector[-2:] = 0, 0
	                vector[place] = 1
	                print(json.dumps(vector), file=file)
	END
	local kind
	for kind in spam ham; do
		python "$BATS_TEST_DIRNAME/../cli/vectors.py" train "$SOCKET" "train.$kind" "$WORK/train.$kind"
	done
	start_rspamd
}

teardown_file() {
	[ ! -e "$WORK/watch.pid" ] || kill -9 "$(cat "$WORK/watch.pid")" || true
	stop_rspamd
	stop_redis
}

# mail KIND: a message that a worker learns from.
mail() {
	python - "$WORK/normal.sock" "$1" <<-'END'
	import socket, sys
	text = f"X-Kind: {sys.argv[2]}\r\nFrom: a@b.example\r\nTo: c@d.example\r\nSubject: hello\r\n\r\nhello\r\n".encode()
	worker = socket.socket(socket.AF_UNIX)
	worker.connect(sys.argv[1])
	worker.sendall(b"POST /checkv2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
	while worker.recv(65536):
	    pass
	END
}

# gather SPAM HAM: each model has these lots as its training sets.
gather() {
	local key
	for key in $(cli --raw zrange $THEIRS 0 -1 | jq -r .redis_key); do
		cli copy "$1" "${key}_spam_set" >/dev/null
		cli copy "$2" "${key}_ham_set" >/dev/null
	done
}

# hand_over: profiles of models that were trained, as they are read here; sets NEWEST, the highest version.
hand_over() {
	local profile
	while read -r profile; do
		cli zadd $OURS NX "$(date +%s.%N)" "$profile" >/dev/null
	done < <(cli --raw zrange $THEIRS 0 -1 | jq -c "select(.version > 0) | .providers_digest = \"$DIGEST\"")
	NEWEST=$(cli --raw zrange $OURS 0 -1 | jq -s 'map(.version) | max // 0')
}

# learn SPAM HAM EVENT: rspamd trains from these lots, and rnm watch says EVENT of what comes of it.  How often rspamd
# trains until the sets are taken away again is up to it: what counts is the newest model.
learn() {
	local before=${NEWEST:-0}
	for _ in $(seq 300); do
		gather "$1" "$2"
		hand_over
		if [ "$NEWEST" -gt "$before" ] && jq -se "any(.event == \"$3\" and .model_version == $NEWEST)" "$WORK/events" >/dev/null; then
			cli --raw --scan --pattern '*_set' | xargs redis-cli -s "$SOCKET" del >/dev/null
			return 0
		fi
		sleep 0.2
	done
	cat "$WORK/events" "$WORK/watch.log"
	grep -F ANN "$LOG" | tail -20
	return 1
}

# published VERSION: what consumers get is the network that rspamd has trained under this version, to the byte.
published() {
	cli --raw hget "$(cli --raw zrange $OURS 0 -1 | jq -r "select(.version == $1).redis_key")" ann | head -c -1 | zstd -qdc >"$WORK/theirs.kann"
	call rnm diff --json "$TREE/models/$DIGEST" "$WORK/theirs.kann"
	expect_json '.verdict == "same-network"'
	call rnm verify "$TREE/models/$DIGEST" -c "$CONF" -r default --key "$DATA/sign/kp1.pub" --json
	expect_rc 0
	call rnm inspect "$TREE/models/$DIGEST" --json
	expect_json ".model_version == $1"
}

@test "what rspamd trains is published, what it mistrains is held back, and the next good one is published again" {
	local first held
	cli config set notify-keyspace-events Kz >/dev/null
	"$BIN/rnm" watch -c "$CONF" -r default --to "$TREE" --sign "$KEY" --every 1h --json --min-auc 0.9 --spam "$WORK/held.spam" --ham "$WORK/held.ham" \
		>"$WORK/events" 2>"$WORK/watch.log" 3>&- 4>&- &
	echo $! >"$WORK/watch.pid"
	# The first mail makes the profile, and is the first vector.
	mail spam
	mail ham
	wait_for "save spam vector of $INPUTS elts in "
	wait_for "save ham vector of $INPUTS elts in "
	cli --raw --scan --pattern '*_set' | xargs redis-cli -s "$SOCKET" del >/dev/null

	learn train.spam train.ham published
	first=$NEWEST
	published "$first"
	jq -se "any(.event == \"published\" and .model_version == $first and .auc > 0.9 and .spam == 150 and .ham == 150)" "$WORK/events" >/dev/null

	# Somebody has learned all mail the wrong way round.
	learn train.ham train.spam held
	held=$NEWEST
	jq -se "any(.event == \"held\" and .model_version == $held and .gate == \"auc\" and .auc < 0.9)" "$WORK/events" >/dev/null
	grep -q "rule default: version $held was held back: the area under its ROC curve is 0\.[0-8]" "$WORK/watch.log"
	call rnm inspect "$TREE/models/$DIGEST" --json
	expect_json ".model_version >= $first and .model_version < $held"

	learn train.spam train.ham published
	[ "$NEWEST" -gt "$held" ]
	published "$NEWEST"
	kill "$(cat "$WORK/watch.pid")"
}

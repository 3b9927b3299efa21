#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The manual pages: complete, well formed, and true.

load helpers
load pull

setup_file() {
	local file
	common_setup_file
	export LC_ALL=C.UTF-8
	# mandoc looks up references in a folder with an index of its own.
	cp -r "$RNM_BUILD/man" "$WORK/man"
	makewhatis "$WORK/man"
	export MANPATH="$WORK/man"
	mkdir "$WORK/text"
	for file in "$WORK"/man/man?/*; do
		mandoc -T utf8 -O width=1000 "$file" | col -bx >"$WORK/text/$(basename "$file")"
	done
}

teardown_file() {
	stop_by_pid "$WORK/server/pid"
	stop_redis
	[ ! -e "$WORK/store.pid" ] || kill "$(cat "$WORK/store.pid")"
	[ ! -e "$WORK/site/pid" ] || kill "$(cat "$WORK/site/pid")"
}

all_verbs() {
	rnm help | sed -n '/^Verbs:/,/^$/s/^  \([a-z_]\+\) .*/\1/p'
}

page() { # VERB: the file
	if [ "$1" = neural_export ]; then echo "$WORK/man/man1/$1.1"; else echo "$WORK/man/man1/rnm-$1.1"; fi
}

# has FILE TEXT: the rendered page holds it.
has() {
	grep -qF -- "$2" "$WORK/text/$(basename "$1")" || {
		echo "$1 lacks: $2"
		return 1
	}
}

@test "a page for the command, for each verb and for the library, and no other" {
	local verb
	{
		echo rnm.1
		for verb in $(all_verbs); do basename "$(page "$verb")"; done
	} | sort | diff - <(ls "$RNM_BUILD/man/man1" | sort)
	[ "$(ls "$RNM_BUILD/man/man3")" = librnm.3 ]
}

@test "lint finds nothing, not even in style" {
	local file
	for file in "$WORK"/man/man?/*; do
		run mandoc -T lint -W style "$file"
		[ "$status" -eq 0 ] && [ -z "$output" ] || {
			echo "$output"
			return 1
		}
	done
	# It would find something.
	sed 's/^\.Sh EXAMPLES/.Sh EXAMPELS\n.Xx/' "$WORK/man/man1/rnm.1" >"$WORK/bad.1"
	! mandoc -T lint -W style "$WORK/bad.1" >"$WORK/bad" || false
	grep -q "unknown macro" "$WORK/bad"
}

@test "every option of the table is on the page of its verb" {
	local verb row count=0
	for verb in $(all_verbs); do
		while read -r row; do
			has "$(page "$verb")" "$row"
			count=$((count + 1))
		done < <([ "$verb" = neural_export ] || rnm help "$verb" |
			sed -n '/^Options:/,/^$/s/^ *\(-.*\)/\1/p' | sed 's/   .*//')
	done
	[ "$count" -gt 40 ]
	for row in "-c, --config cfg" "-r, --rule rule" "-s, --settings id" "-o, --output file" "-v, --version version" \
		--list --digest --any-digest "-h, --help"; do
		has "$(page neural_export)" "$row"
	done
	has "$WORK/man/man1/rnm.1" "--var=NAME=VALUE"
	has "$WORK/man/man1/rnm.1" "-V, --version"
}

@test "what each page says: sections, exit codes, environment" {
	local verb file section word
	for verb in $(all_verbs); do
		file=$(page "$verb")
		for section in NAME SYNOPSIS DESCRIPTION ENVIRONMENT "EXIT STATUS" EXAMPLES "SEE ALSO"; do
			grep -qx ".Sh $section" "$file" || { echo "$file lacks $section"; false; }
		done
		has "$WORK/man/man1/rnm.1" "$(basename "$file" .1)(1)"
	done
	while read -r word; do
		for file in "$WORK/man/man1/rnm.1" "$(page list)"; do
			sed -n '/^\.Sh EXIT STATUS/,/^\.Sh/p' "$file" | grep -qx ".It $word"
		done
	done < <(rnm help exit-codes | sed -n 's/^ *\([0-9]\+\)  [a-z].*/\1/p')
	for word in $(rnm help environment | grep -E '^  [A-Z]' | tr -d ,); do
		grep -q "Ev $word" "$WORK/man/man1/rnm.1" || { echo "rnm.1 lacks $word"; false; }
	done
	has "$(page list)" RNM_REDIS_PASSWORD
	! has "$(page config)" RNM_REDIS_PASSWORD >/dev/null || false
	has "$(page config)" "/etc/rspamd/rspamd.conf"
	has "$(page export)" "--all and --version"
	has "$(page eval)" "[--redis[=URL]]"
	has "$(page merge)" "MODEL[=SHARE] ..."
	has "$(page diff)" "[-h] A B"
	# What is set in the configuration and not by options.
	for word in ssl ssl_ca ssl_ca_dir ssl_cert ssl_key sni no_ssl_verify sentinels sentinel_masters_pattern \
		sentinel_username sentinel_password; do
		sed -n '/^\.Sh REDIS/,/^\.Sh ENV/p' "$WORK/man/man1/rnm.1" | grep -qE "(Li|It Li) $word\b" || {
			echo "rnm.1 lacks $word"
			false
		}
	done
	for verb in list export inspect verify score eval diff merge; do
		grep -q "in the section REDIS" "$(page "$verb")"
	done
}

@test "every verb has examples, and what it prints as JSON is told" {
	local verb
	for verb in $(all_verbs); do
		[ "$(python "$BATS_TEST_DIRNAME/manual_examples.py" --show "$(page "$verb")" mandoc -T utf8 -O width=200 | wc -l)" -ge 1 ] || {
			echo "$verb has no examples"
			false
		}
		rnm help "$verb" | grep -q -- --json || continue
		rnm help json | grep -q "^rnm $verb " || { echo "rnm help json lacks $verb"; false; }
		has "$(page "$verb")" "rnm $verb "
		grep -qx ".Sh JSON DOCUMENTS" "$(page "$verb")"
	done
	[ "$(rnm help json | awk 'length > 80' | wc -l)" -eq 0 ]
	[ "$(rnm help environment | awk 'length > 80' | wc -l)" -eq 0 ]
}

@test "man shows the same commands as mandoc, character by character" {
	man --version 2>/dev/null | grep -q '^man ' || skip "man-db is not installed"
	local file
	for file in "$WORK"/man/man1/*; do
		python "$BATS_TEST_DIRNAME/manual_examples.py" --show "$file" mandoc -T utf8 -O width=200 >"$WORK/by-mandoc"
		MANWIDTH=200 python "$BATS_TEST_DIRNAME/manual_examples.py" --show "$file" man -E UTF-8 --warnings -l >"$WORK/by-man" 2>"$WORK/warnings"
		diff "$WORK/by-mandoc" "$WORK/by-man"
		[ ! -s "$WORK/warnings" ] || { cat "$WORK/warnings"; false; }
	done
}

free_ports() {
	python -c 'import socket
servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in servers])'
}

# A model that is signed, with a server for it, as https://models.example.
prepare_publisher() {
	mkdir "$WORK/www"
	rnm key new "$WORK/publisher.key" --pubout "$WORK/models/publisher.pub" >/dev/null
	cp "$WORK/models/publisher.pub" "$WORK/models/keys"
	cp "$WORK/models/embed.rnm" "$WORK/www"
	rnm sign "$WORK/www/embed.rnm" -k "$WORK/publisher.key" --name embed.rnm --not-after never >/dev/null
	start_server "$WORK/server" "$WORK/www"
}

# Models and vectors under the names that the pages use.
prepare_models() {
	local set vectors="$BATS_TEST_DIRNAME/vectors.py" nets="$DATA/models"
	mkdir -p "$WORK/models/backup"
	for set in embed:3 old:2 new:3 published:2 a:2 b:3 c:3; do
		rnm export -q -r embed -v "${set#*:}" -o "$WORK/models/${set%:*}.rnm" >/dev/null
	done
	cp "$nets/embedding_256_pca32.kann" "$WORK/models/net.kann"
	cp "$nets/embedding_256_pca32.pca" "$WORK/models/net.pca"
	python "$vectors" write csv "$nets/embedding_256_pca32.json" "$WORK/models/mail.csv"
	python "$vectors" write objects "$nets/embedding_64.json" "$WORK/models/mail.jsonl"
	python "$vectors" write f4 "$nets/embedding_64.json" "$WORK/models/mail.npy"
	python "$vectors" classes 1 "$WORK/models/spam.jsonl" "$WORK/models/ham.jsonl" 64
	python "$vectors" npy_of "$WORK/models/spam.jsonl" "$WORK/models/spam.npy"
	python "$vectors" npy_of "$WORK/models/ham.jsonl" "$WORK/models/ham.npy"
	cp "$WORK/certs/ca.pem" "$WORK/models"
	rnm backup -q --all -o "$WORK/models/backups" >/dev/null
	mkdir -p "$WORK/models/site/models"
	cp "$WORK/models/embed.rnm" "$WORK/models/site/models/376616275a1a984c"
	prepare_keys "$WORK/models"
	prepare_publisher
}

# The key pair of the seed 00 01 .. 1f, and a model that is signed with it, now.
prepare_keys() {
	local public=deexo9q6qgrh5qyq7ggq6fba3h3eqmdg5cj5oxidhsbjgjwktbqb
	(umask 077; printf 'type = "sign"; pubkey = "%s"; privkey = "%s";\n' $public \
		yeyroboyfobqyrrbkanaogabxyrnbjcnwefctmyd3ogsbqwd6a8goo6y97h7ceaz7yh4pchhmnou3uthsgcs31sb9k8apd1c1eindhn >"$1/spam.key")
	mkdir -p "$1/keys"
	printf %s $public | tee "$1/spam.pub" >"$1/keys/spam.pub"
	echo secret >"$1/password"
	env -u SOURCE_DATE_EPOCH rnm sign -q "$1/embed.rnm" -k "$1/spam.key"
}

# The servers, the configuration and the folder that the examples speak of.
prepare_examples() {
	local class key
	cp "$DATA/cli/dump.rdb" "$WORK/dump.rdb"
	mkdir "$WORK/certs"
	"$BATS_TEST_DIRNAME/../make_certs" "$WORK/certs"
	read -r PORT TLS_PORT < <(free_ports)
	start_redis --notify-keyspace-events Kz --port "$PORT" --tls-port "$TLS_PORT" --tls-auth-clients no --tls-cert-file "$WORK/certs/good.pem" \
		--tls-key-file "$WORK/certs/server.key" --tls-ca-cert-file "$WORK/certs/ca.pem"
	cli keys '*' | grep -vE '^(rn3_embed_3|rn_embed)_(default|unit)(_|$)' | while read -r key; do cli del "$key" >/dev/null; done
	# A profile without its network, which neural_export would mention.
	cli zremrangebyrank rn3_embed_3_default 0 0 >/dev/null
	# The recorded models have statistics for fewer inputs than their networks.
	for key in $(cli keys 'rn_embed_default_*'); do
		cli hset "$key" norm_stats "$(jq -nc '{mode: "zscore", mean: [range(64) | 0.25], std: [range(64) | 0.5]}')" >/dev/null
	done
	export CONFDIR="$WORK/etc" SOURCE_DATE_EPOCH=1795416888 BASH_ENV="$WORK/stand-ins"
	mkdir -p "$CONFDIR"
	sed "s|@REDIS@|$SOCKET|" "$DATA/cli/manual.conf" >"$CONFDIR/rspamd.conf"
	prepare_models
	for class in spam ham; do
		python "$BATS_TEST_DIRNAME/vectors.py" train "$SOCKET" "rn_embed_default_aabbccdd_3_${class}_set" "$WORK/models/$class.jsonl"
	done
	# The recorded profiles are not written as workers write them, which rnm doctor would tell.
	rnm doctor -q --fix >/dev/null
	for key in $(cli keys '*'); do cli copy "$key" "$key" DB 2 >/dev/null; done
	start_models
	# A store with a bucket.
	mkdir -p "$WORK/store/models"
	printf '[default]\naws_access_key_id = AKIA\naws_secret_access_key = secret\n' >"$WORK/models/s3.keys"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/s3_server.py" "$WORK/store.port" "$WORK/store" AKIA secret us-east-1 3>&- 4>&- &
	echo $! >"$WORK/store.pid"
	while [ ! -e "$WORK/store.port" ]; do sleep 0.05; done
	export STORE="http://127.0.0.1:$(cat "$WORK/store.port")"
	# Another host is this one, and what would stay ends after its first look.  Without --foreground, timeout sends
	# SIGCONT as well, which cancels the stop that LeakSanitizer waits for at the end.
	cat >"$BASH_ENV" <<-END
	ssh() { shift; eval "\$*"; }
	generate-vectors() { cat mail.jsonl; }
	rnm() {
	  local limit= models=http://127.0.0.1:$(cat "$WORK/server/port")
	  [ "\$1" != probe ] || {
	    models=https://127.0.0.1:$(cat "$WORK/site/port.models")
	    set -- "\${@/192.0.2.7,192.0.2.8/127.0.0.1,127.0.0.2}"
	  }
	  [ "\$1" != serve ] || { serve_for_a_moment "\$@"; return; }
	  case "\$*" in *" --every "*) limit="timeout --foreground --preserve-status 1" ;; esac
	  command \$limit "$BIN/rnm" "\${@/https:\/\/models.example/\$models}"
	}
	END
	cat >>"$BASH_ENV" <<-'END'
	# A server has another folder, other addresses and another log here, and ends when it is ready.
	serve_for_a_moment() {
		local word words=() pid
		for word in "$@"; do
			case $word in
			/srv/models | "$PWD/served") word=site ;;
			:80 | 127.0.0.1:*) word=0 ;;
			/var/log/*) word=serve.log ;;
			esac
			words+=("$word")
		done
		case "$*" in *--dry-run*) command rnm "${words[@]}"; return ;; esac
		# Not what the last one has said.
		rm -f serve.notes
		command rnm "${words[@]}" 2>serve.notes &
		pid=$!
		until grep -qs "serving at" serve.notes; do
			kill -0 $pid || return
			sleep 0.05
		done
		kill $pid
		wait $pid && echo served
	}
	END
}

# A web server with a model, whose CA is trusted.
start_models() {
	local name
	mkdir "$WORK/site"
	for name in good other bare; do
		rnm export -q -r embed -v 3 -o "$WORK/site/$name" >/dev/null
	done
	/usr/bin/python3 "$BATS_TEST_DIRNAME/odd_server.py" "$WORK/site" 127.0.0.1 127.0.0.2 \
		"models=$WORK/certs/good.pem,$WORK/certs/server.key" >"$WORK/site/log" 2>&1 3>&- 4>&- &
	echo $! >"$WORK/site/pid"
	export SSL_CERT_FILE="$WORK/certs/ca.pem"
	wait_for_file "$WORK/site/port" "$WORK/site/log"
}

# What an example has written into Redis does not concern the next page.
restore_models() {
	local key
	cli flushdb >/dev/null
	for key in $(cli -n 2 keys '*'); do cli -n 2 copy "$key" "$key" DB 0 >/dev/null; done
}

@test "the examples do what the pages say" {
	local file failed=0
	prepare_examples
	for file in "$WORK"/man/man1/*; do
		rm -rf "$WORK/run"
		cp -r "$WORK/models" "$WORK/run"
		restore_models
		cd "$WORK/run"
		python "$BATS_TEST_DIRNAME/manual_examples.py" "$file" "$CONFDIR" "$PORT" "$TLS_PORT" 3>&- || failed=1
	done
	[ "$failed" -eq 0 ]
}

@test "an example that fails, or prints something else, is noticed" {
	sed 's/^\$ rnm config gpt/$ rnm config gtp/; s/"enabled": false/"enabled": true/' "$(page config)" >"$WORK/wrong.1"
	CONFDIR="$WORK/etc" run python "$BATS_TEST_DIRNAME/manual_examples.py" "$WORK/wrong.1" "$WORK/etc" 1 1
	[ "$status" -eq 1 ]
	[[ $output == *"there is no section 'gtp'"* ]]
	sed 's/"enabled": false/"enabled": true/' "$(page config)" >"$WORK/wrong.1"
	CONFDIR="$WORK/etc" run python "$BATS_TEST_DIRNAME/manual_examples.py" "$WORK/wrong.1" "$WORK/etc" 1 1
	[ "$status" -eq 1 ]
	[[ $output == *'"enabled": false'* ]]
}

@test "librnm(3) names every header and shows the example that is compiled" {
	local header
	for header in "$BATS_TEST_DIRNAME"/../../include/rnm/*.h; do
		has "$WORK/man/man3/librnm.3" "<rnm/$(basename "$header")>"
	done
	mandoc -T utf8 -O width=200 "$WORK/man/man3/librnm.3" | col -bx |
		sed -n '/^ *\/\* SPDX/,/^ERRORS/p' | sed '$d' >"$WORK/shown.c"
	diff -wB "$BATS_TEST_DIRNAME/../../examples/digest.c" "$WORK/shown.c"
}

@test "the generator: the same pages again, an unknown section, folders that are not there" {
	local date docgen="$RNM_BUILD/rnm-docgen" by_hand="$BATS_TEST_DIRNAME/../../docs/man"
	date=$(sed -n 's/^\.Dd //p' "$WORK/man/man1/rnm.1")
	mkdir "$WORK/again" "$WORK/odd"
	"$docgen" "$date" "$by_hand" "$WORK/again"
	diff -r "$WORK/again" "$RNM_BUILD/man/man1"
	printf '.Sh DESCRIPTION\nText.\n.Sh NONSENSE\nText.\n' >"$WORK/odd/rnm-list.mdoc"
	run "$docgen" "$date" "$WORK/odd" "$WORK/again"
	[ "$status" -eq 1 ]
	[ "$output" = "rnm-docgen: rnm-list: the manual has no section 'NONSENSE'" ]
	run "$docgen" "$date" "$by_hand" "$WORK/nowhere"
	[ "$status" -eq 1 ]
	[[ $output == *"No such file or directory" ]]
	run "$docgen"
	[ "$status" -eq 1 ]
}

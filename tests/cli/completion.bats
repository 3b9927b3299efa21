#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Completion: what the command offers, and what three real shells make of it.

load helpers

# Names that a shell would obey, expand or take apart.
hostile_names() {
	NAMES=('with space' '$(touch x)' '`touch y`' 'dq"quote' "sq'uote" 'co:lon' 'ban!g' 'back\slash' '~home' '-dash'
		'at@slash/per%' '*star' 'ключ' 'eq=ual' 'semi;touch z' '{brace,x}' '$HOME' '#hash' 'x|y>z<w&v' '(paren)' '[set]?')
}

hostile_config() { # NAME...
	printf '%s\0' "$@" | jq -Rs --arg server "$SOCKET" '{redis: {servers: $server},
		neural: {rules: ([split("\u0000")[:-1][] | {key: ., value: {providers: []}}] | from_entries)}}'
}

setup_file() {
	local name
	common_setup_file
	export LC_ALL=C.UTF-8 TERM=xterm
	export COMPLETIONS="$BATS_TEST_DIRNAME/../../completions"
	start_recorded_redis
	export CONFDIR="$WORK/etc" HOME="$WORK/home" TYPED="$WORK/typed"
	export XDG_CONFIG_HOME="$HOME/.config" XDG_DATA_HOME="$HOME/.local/share" XDG_CACHE_HOME="$HOME/.cache"
	mkdir -p "$CONFDIR" "$HOME" "$WORK/folder/sub dir" "$WORK/empty"
	cp "$CONF" "$CONFDIR/rspamd.conf"
	hostile_names
	hostile_config "${NAMES[@]}" $'new\nline' $'ta\tb' >"$WORK/hostile.conf"
	for name in "${NAMES[@]}" $'new\nline'; do
		cli zadd "rn3_hostile_3_$name" 1 '{}' >/dev/null
	done
	echo 'neural { rules { other { } hostile { providers = [] } } }' >"$WORK/folder/other file.conf"
	echo "redis { servers = \"$SOCKET\"; }" >>"$WORK/folder/other file.conf"
	touch "$WORK/folder/my model.rnm" "$WORK/folder/two.rnm"
	# The command of the shells under test only says what it was called with.
	mkdir -p "$WORK/typing"
	printf '#!/bin/bash\n[ "$1" = __complete ] && exec "%s" "$@"\n' "$RNM" >"$WORK/typing/rnm"
	printf 'printf "%%s\\0" "$@" >"$TYPED.part" && mv "$TYPED.part" "$TYPED"\n' >>"$WORK/typing/rnm"
	chmod +x "$WORK/typing/rnm"
	ln -s rnm "$WORK/typing/neural_export"
}

teardown_file() {
	stop_redis
}

# ask WORD...: as zsh asks.  An answer may fail to come within the limit on a busy machine.
ask() {
	local _
	for _ in 1 2 3 4 5; do
		call rnm __complete zsh "$@"
		expect_rc 0
		expect_no_err
		[ -s "$out" ] && break
	done
	sed '1d; s/\t.*//' "$out" >"$BATS_TEST_TMPDIR/words"
}

# expect_words WORD...: exactly these were offered.
expect_words() {
	printf '%s\n' "$@" | diff - "$BATS_TEST_TMPDIR/words" || { show; return 1; }
}
expect_no_words() {
	[ ! -s "$BATS_TEST_TMPDIR/words" ] || { show; return 1; }
}
expect_word() {
	grep -qxF -e "$1" "$BATS_TEST_TMPDIR/words" || { echo "expected $1"; show; return 1; }
}
expect_no_word() {
	! grep -qxF -e "$1" "$BATS_TEST_TMPDIR/words" || { echo "did not expect $1"; show; return 1; }
}

all_verbs() {
	rnm help | sed -n '/^Verbs:/,/^$/s/^  \([a-z_]\+\) .*/\1/p'
}

@test "every verb and topic" {
	mapfile -t verbs < <(all_verbs)
	[ "${#verbs[@]}" -ge 7 ]
	ask rnm ''
	expect_words "${verbs[@]}"
	expect_out "$(printf 'list\tlist the models of a rule in Redis')"
	ask rnm help ''
	expect_words "${verbs[@]}" exit-codes environment json
	ask rnm help list ''
	expect_no_words
	ask rnm nonsense ''
	expect_no_words
}

@test "every option of every verb, from the table" {
	local verb option
	for verb in $(all_verbs); do
		ask rnm "$verb" -
		[ -s "$BATS_TEST_TMPDIR/words" ]
		for option in $(rnm help "$verb" | sed -n '/^Options:/,/^$/s/^ .*\(--[a-z0-9-]*\).*/\1/p'); do
			expect_word "$option"
		done
	done
	ask rnm --
	for option in --config --var= --version --help; do
		expect_word "$option"
	done
	# It only says that it is not supported.
	expect_no_word --lua-env
	ask neural_export --
	expect_word --any-digest
	expect_no_word --json
}

@test "options that were given, or exclude those, are not offered" {
	ask rnm list --json -r embed --
	expect_no_word --json
	expect_no_word --rule
	expect_word --settings
	ask rnm export --newest --
	expect_no_word --version
	ask rnm digest -a --
	expect_no_word --explain
	expect_no_word --rule
	ask rnm --var=A=B --
	expect_word --var=
	ask rnm list -- -
	expect_no_words
	ask rnm list --help -
	expect_no_words
	ask rnm -qV ''
	expect_no_words
}

@test "letters: the last one may have its argument in the same word" {
	ask rnm list -j
	expect_words -j
	ask rnm list -rem
	expect_word -rembed
	ask rnm list -jqrem
	expect_word -jqrembed
	ask rnm list -Z
	expect_no_words
}

@test "rules, with what they are trained for" {
	ask rnm list -r ''
	expect_words embed symbolic 'with space'
	expect_out "$(printf 'embed\tdigest 376616275a1a984c')"
	expect_out "$(printf 'symbolic\tno providers, so no digest')"
	ask rnm digest --rule ''
	expect_words embed symbolic 'with space'
	ask rnm export --rule=em
	expect_words --rule=embed --rule=symbolic '--rule=with space'
	ask neural_export -r ''
	expect_words embed symbolic 'with space'
	ask /usr/bin/neural_export -r ''
	expect_words embed symbolic 'with space'
	ask rnm neural_export -r ''
	expect_words embed symbolic 'with space'
}

@test "settings ids of the rule that was typed" {
	ask rnm list -r symbolic -s ''
	expect_words default
	ask rnm list -r embed -s ''
	expect_word unit
	expect_word default
	expect_out "$(printf 'unit\trn3_embed_3_unit')"
	ask rnm list -s ''
	expect_no_words
	ask rnm list --all -s ''
	expect_word unit
	ask neural_export --rule symbolic --settings ''
	expect_words default
}

@test "versions that are there, newest first, and which one is served" {
	ask rnm export -r embed -v ''
	expect_words 3 2
	expect_out "$(printf '3\t2026-11-23 02:16:40, served')"
	ask rnm export -r embed -s unit --version=
	expect_words --version=1
	ask neural_export -r embed -v ''
	expect_words 3 2
	ask rnm export -r nope -v ''
	expect_no_words
}

@test "the parts of redis:RULE/SETTINGS@VERSION" {
	ask rnm inspect ''
	[ "$(head -n 1 "$out")" = "files 0" ]
	expect_words redis:
	ask rnm inspect redis:
	[ "$(head -n 1 "$out")" = "words 6" ]
	expect_words redis:embed redis:symbolic 'redis:with space'
	ask rnm inspect redis:symbolic/
	expect_words redis:symbolic/default
	ask rnm inspect redis:embed/unit@
	expect_words redis:embed/unit@1
	ask rnm inspect redis:embed@
	expect_words redis:embed@3 redis:embed@2
	ask rnm inspect -c "$WORK/hostile.conf" redis:
	expect_word 'redis:at%40slash%2Fper%25'
	ask rnm inspect redis:%zz/
	expect_no_words
	ask rnm inspect embed.rnm ''
	expect_no_words
}

@test "a MODEL, wherever a verb takes one" {
	local verb
	cd "$WORK/folder"
	for verb in inspect verify score eval diff merge; do
		ask rnm "$verb" --quiet ''
		[[ $(head -n 1 "$out") == "files 0"* ]]
		expect_words redis:
		ask rnm "$verb" redis:
		expect_words redis:embed redis:symbolic 'redis:with space'
		ask rnm "$verb" redis:embed/
		expect_word redis:embed/unit
		ask rnm "$verb" redis:embed/default@
		expect_words redis:embed/default@3 redis:embed/default@2
		ask rnm "$verb" -- redis:embed/unit@
		expect_words redis:embed/unit@1
	done
	for verb in diff merge; do
		ask rnm "$verb" two.rnm ''
		[[ $(head -n 1 "$out") == "files 0"* ]]
		ask rnm "$verb" redis:embed redis:embed/unit@
		expect_words redis:embed/unit@1
	done
	for verb in inspect verify score eval "diff two.rnm"; do
		# shellcheck disable=SC2086
		ask rnm $verb two.rnm ''
		[ "$(cat "$out")" = "words 0" ]
	done
}

@test "the share of a model is typed behind its name" {
	cd "$WORK/folder"
	ask rnm merge tw
	[ "$(head -n 1 "$out")" = "files 0 nospace" ]
	ask rnm merge redis:em
	[ "$(head -n 1 "$out")" = "words 6 nospace" ]
	ask rnm merge two.rnm=
	[ "$(cat "$out")" = "words 0 nospace" ]
	ask rnm merge two.rnm=0.
	[ "$(cat "$out")" = "words 0 nospace" ]
	# A file that is not there may be one that is, and has a = in its name.
	ask rnm merge tw=
	[ "$(head -n 1 "$out")" = "files 0 nospace" ]
	ask rnm inspect two.rnm=
	[ "$(head -n 1 "$out")" = "files 0" ]
	ask rnm merge two.rnm=.5 redis:embed=.5 redis:with=space --keep ''
	expect_words two.rnm redis:embed redis:with=space
	ask rnm merge two.rnm --keep=
	expect_words --keep=two.rnm
	# The version of the result is nobody's yet.
	ask rnm merge two.rnm -v ''
	expect_no_words
}

@test "an argument that is optional, and names that follow from the MODEL" {
	ask rnm eval --red
	expect_word --redis
	expect_word --redis=
	ask rnm list --red
	expect_no_word --redis=
	# It has no argument in the next word: that is the model.
	ask rnm eval --redis ''
	[ "$(head -n 1 "$out")" = "files 0" ]
	ask rnm eval --redis=
	[ "$(cat "$out")" = "words 8" ]
	ask rnm eval redis:embed --redis -s ''
	expect_word unit
	ask rnm eval redis:embed/unit --redis -v ''
	expect_words 1
	ask rnm eval redis:embed/unit --redis -s default -v ''
	expect_words 3 2
	ask rnm eval redis:embed/unit --redis -r symbolic -s ''
	expect_words default
	ask rnm eval redis:%zz --redis -s ''
	expect_no_words
	CONFDIR=/nonexistent ask rnm eval redis:embed --redis -s ''
	expect_no_words
	CONFDIR=/nonexistent ask rnm eval redis:embed "--redis=unix://$SOCKET" -s ''
	expect_word unit
	ask rnm score two.rnm --format ''
	expect_words auto json csv npy
	ask rnm eval two.rnm --format=
	expect_words --format=auto --format=json --format=csv --format=npy
}

@test "sections of the configuration, in order" {
	ask rnm config ''
	expect_words neural redis
	ask rnm config neural ''
	expect_words neural redis
}

@test "files and folders are left to the shell" {
	local line
	for line in "list -c:files 0" "list --config=x:files 9" "list -cx:files 2" "export -o:files 0" \
		"export --all -o:folders 0" "list --password-file:files 0" "list --cacert:files 0" "list --cacertdir:folders 0" \
		"list --cacertdir=x:folders 12" "score m --vectors:files 0" "eval m --spam:files 0" "eval m --report=x:files 9"; do
		# shellcheck disable=SC2086
		ask rnm ${line%:*} $([[ ${line%:*} == *x ]] || echo '')
		if [[ ${line%:*} != *x ]]; then ask rnm ${line%:*} ''; fi
		[ "$(head -n 1 "$out")" = "${line##*:}" ] || { echo "$line"; show; false; }
		expect_no_words
	done
	ask rnm list --redis ''
	[ "$(cat "$out")" = "words 0" ]
}

@test "-c, --var, --redis and ~ of the words so far count" {
	ask rnm list -c "$WORK/folder/other file.conf" -r ''
	expect_words other hostile
	ask rnm -c "$WORK/folder/other file.conf" list -r ''
	expect_words other hostile
	ask neural_export --config="$WORK/folder/other file.conf" -r ''
	expect_words other hostile
	cp "$WORK/folder/other file.conf" "$HOME/mine.conf"
	ask rnm list -c '~/mine.conf' -r ''
	expect_words other hostile
	mkdir -p "$WORK/varied"
	cp "$HOME/mine.conf" "$WORK/varied/rspamd.conf"
	ask rnm --var=CONFDIR="$WORK/varied" list -r ''
	expect_words other hostile
	ask rnm list --redis "unix://$SOCKET" -r embed -v ''
	expect_no_words
	ask rnm export --redis "unix://$SOCKET" -r embed -v ''
	expect_words 3 2
	# Without a configuration a rule is what Redis has models of.
	CONFDIR=/nonexistent ask rnm list --redis "unix://$SOCKET" -r ''
	expect_word embed
	expect_word hostile
	CONFDIR=/nonexistent ask rnm list -r ''
	expect_no_words
}

@test "names that no terminal shows are left out" {
	ask rnm list -c "$WORK/hostile.conf" -r ''
	hostile_names
	expect_words "${NAMES[@]}"
	ask rnm list -c "$WORK/folder/other file.conf" -r hostile -s ''
	[ "$(wc -l <"$BATS_TEST_TMPDIR/words")" -eq "${#NAMES[@]}" ]
	expect_word '$(touch x)'
}

@test "neither help nor a hint knows of it" {
	call rnm help
	! grep -q complete "$out" || false
	call rnm help __complete
	expect_rc 2
	call rnm __complet
	expect_rc 2
	! grep -q __complete "$err" || false
	call rnm __complete
	expect_rc 2
	expect_no_out
	expect_no_err
	for words in "zsh" "zsh rnm" "tcsh" "bash" "bash x" "bash x y z"; do
		# shellcheck disable=SC2086
		call rnm __complete $words
		expect_no_err
		[ "$(sed 1d "$out")" = "" ] || { show; false; }
	done
}

@test "nothing is written, nothing is read from standard input, and Redis is only asked" {
	local command
	cd "$WORK/empty"
	cli config resetstat
	ask rnm export -o out.rnm -r ''
	ask rnm export -o out.rnm -r embed -s ''
	ask rnm export -o out.rnm -r embed -v ''
	expect_folder "$WORK/empty"
	for command in $(cli info commandstats | sed -n 's/^cmdstat_\([^:]*\):.*/\1/p'); do
		[[ " scan type zrevrange hexists ping config|resetstat info " == *" $command "* ]] || {
			echo "unexpected command $command"
			return 1
		}
	done
	[ "$(printf 'secret\nmore\n' | (rnm __complete zsh rnm list --password-file - -s ''; cat))" = "$(printf 'words 0\nsecret\nmore')" ]
	[ "$(printf 'neural {}' | (rnm __complete zsh rnm list -c /dev/stdin -r ''; cat))" = "$(printf 'words 0\nneural {}')" ]
}

@test "errors stay silent: broken configurations, servers that are down" {
	printf 'neural { rules {' >"$WORK/broken.conf"
	printf 'redis { servers = "/nonexistent.sock"; } neural { rules { one {} } }' >"$WORK/down.conf"
	ask rnm list -c "$WORK/broken.conf" -r ''
	expect_no_words
	ask rnm list -c "$WORK/down.conf" -r ''
	expect_words one
	ask rnm list -c "$WORK/down.conf" -r one -s ''
	expect_no_words
	ask rnm export -c "$WORK/down.conf" -r one -v ''
	expect_no_words
	ask rnm inspect -c "$WORK/down.conf" redis:one/
	expect_no_words
}

# Accepts connections and says nothing; several, because each has the timeout.
start_silent_server() {
	/usr/bin/python3 - "$WORK/port" 3>&- <<-'END' &
		import os, socket, sys, time
		server = socket.create_server(("127.0.0.1", 0))
		with open(sys.argv[1] + ".part", "w") as file:
		    file.write(str(server.getsockname()[1]))
		os.rename(sys.argv[1] + ".part", sys.argv[1])
		time.sleep(60)
	END
	SILENT=$!
	for _ in $(seq 200); do
		[ -e "$WORK/port" ] && return
		sleep 0.05
	done
	return 1
}

@test "a server that hangs does not hold up the shell" {
	local port start
	start_silent_server
	port=$(cat "$WORK/port")
	printf 'redis { servers = "127.0.0.1:%s, 127.0.0.2:%s, localhost:%s"; timeout = 30; } neural { rules { one {} } }' \
		"$port" "$port" "$port" >"$WORK/hang.conf"
	start=$(date +%s%N)
	call rnm __complete zsh rnm list -c "$WORK/hang.conf" -r one -s ''
	expect_rc 0
	expect_no_out
	expect_no_err
	[ $((($(date +%s%N) - start) / 1000000)) -ge 900 ]
	# A second, and what a loaded machine needs to start and end a process.
	[ $((($(date +%s%N) - start) / 1000000)) -lt 6000 ]
	kill "$SILENT"
}

# inserted LINE [TAIL]: what bash would put in place of TAIL.
inserted() {
	local _
	for _ in 1 2 3 4 5; do
		call rnm __complete bash "$1" "${2-}"
		[ -s "$out" ] && break
	done
	sed 1d "$out"
}

@test "bash: the end of the line that readline replaces" {
	[ "$(inserted 'rnm exp' exp)" = export ]
	[ "$(inserted 'rnm list --rule=em' em)" = embed ]
	[ "$(inserted 'rnm list --rule=em' --rule=em)" = --rule=embed ]
	[ "$(inserted 'rnm list -r with\ s' 'with\ s')" = 'with\ space' ]
	[ "$(inserted 'rnm list -r "with s' 'with s')" = 'with space' ]
	[ "$(inserted 'rnm list -r "with s' '"with s')" = 'with space' ]
	[ "$(inserted 'rnm list -r "with"\ s' '"with"\ s')" = 'with\ space' ]
	[ "$(inserted 'rnm inspect redis:em' em)" = embed ]
	[ "$(inserted 'rnm list -r embed' embed)" = embed ]
	[ "$(inserted 'rnm list -r nope' nope)" = "" ]
	[ "$(inserted 'rnm list -r em' em2)" = "" ]
	[ "$(inserted "rnm list -r \$'em" em)" = "" ]
	inserted 'rnm --va' --va
	[ "$(head -n 1 "$out")" = "words nospace" ]
	inserted 'rnm inspect red' red
	[ "$(head -n 1 "$out")" = "files nospace" ]
	inserted 'rnm merge redis:em' em
	[ "$(cat "$out")" = "$(printf 'words nospace\nembed')" ]
	inserted 'rnm inspect two' two
	[ "$(cat "$out")" = files ]
	# Readline would look for files by the end of the path alone.
	inserted 'rnm inspect two:x' x
	[ "$(cat "$out")" = words ]
	inserted 'rnm list -c two=' ''
	[ "$(cat "$out")" = words ]
	inserted 'rnm list --config=x' x
	[ "$(cat "$out")" = files ]
}

@test "bash: what is inserted is the name and nothing else, within and without quotes" {
	local name quote text
	hostile_names
	cd "$WORK/empty"
	for quote in '' '"' "'"; do
		inserted "rnm list -c $WORK/hostile.conf -r $quote" >"$BATS_TEST_TMPDIR/inserted"
		mapfile -t text <"$BATS_TEST_TMPDIR/inserted"
		[ "${#text[@]}" -eq "${#NAMES[@]}" ]
		for name in "${!NAMES[@]}"; do
			eval "set -- $quote${text[name]}$quote"
			[ "$#" -eq 1 ] && [ "$1" = "${NAMES[name]}" ] || {
				echo "inserted: $quote${text[name]}$quote, read as: $*, expected: ${NAMES[name]}"
				return 1
			}
		done
	done
	expect_folder "$WORK/empty"
}

# Cases for all three shells; what differs stands in the tests.  The quotes of bash, zsh and fish are alike here.
common_cases() {
	cat <<-'END'
		rnm exp<TAB> => export
		rnm <TAB><TAB> => ?config|digest|neural_export
		rnm list --js<TAB> => list|--json
		rnm help exi<TAB> => help|exit-codes
		rnm list -r em<TAB> => list|-r|embed
		rnm list --rule=em<TAB> => list|--rule=embed
		rnm list -rem<TAB> => list|-rembed
		rnm list -r wi<TAB> => list|-r|with space
		rnm list -r "wi<TAB> => list|-r|with space
		rnm list -r 'wi<TAB> => list|-r|with space
		rnm list -r with\ s<TAB> => list|-r|with space
		rnm list --rule="wi<TAB> => list|--rule=with space
		rnm list -r embed -s uni<TAB> => list|-r|embed|-s|unit
		rnm export -r embed -s unit -v <TAB> => export|-r|embed|-s|unit|-v|1
		rnm config neu<TAB> => config|neural
		rnm inspect redis:embed/uni<TAB> => inspect|redis:embed/unit
		rnm verify redis:embed/unit@<TAB> => verify|redis:embed/unit@1
		rnm score redis:wi<TAB> => score|redis:with space
		rnm eval redis:embed --redis -s uni<TAB> => eval|redis:embed|--redis|-s|unit
		rnm eval --redis tw<TAB> => eval|--redis|two.rnm
		rnm inspect my<TAB> => inspect|my model.rnm
		rnm verify "my<TAB> => verify|my model.rnm
		rnm score tw<TAB>--vectors oth<TAB> => score|two.rnm|--vectors|other file.conf
		rnm score tw<TAB>--format js<TAB> => score|two.rnm|--format|json
		rnm diff my<TAB>redis:embed/uni<TAB> => diff|my model.rnm|redis:embed/unit
		rnm merge two.rnm=0.6 my<TAB> => merge|two.rnm=0.6|my model.rnm
		rnm merge two.rnm=0.6 redis:em<TAB> => merge|two.rnm=0.6|redis:embed
		rnm merge two.rnm=<TAB>1 => merge|two.rnm=1
		rnm merge two.rnm=0.6 redis:embed=.4 -k tw<TAB> => merge|two.rnm=0.6|redis:embed=.4|-k|two.rnm
		rnm list --cacertdir su<TAB><TAB> => ?sub
		neural_export -r em<TAB> => -r|embed
		rnm list -c oth<TAB> => list|-c|other file.conf
		rnm list --config=oth<TAB> => list|--config=other file.conf
		rnm list -c other\ file.conf -r oth<TAB> => list|-c|other file.conf|-r|other
		rnm -c ../hostile.conf list -r \$\(<TAB> => -c|../hostile.conf|list|-r|$(touch x)
		rnm -c ../hostile.conf list -r '$(<TAB> => -c|../hostile.conf|list|-r|$(touch x)
		rnm -c ../hostile.conf list -r "\$(<TAB> => -c|../hostile.conf|list|-r|$(touch x)
		rnm -c ../hostile.conf list -r '`<TAB> => -c|../hostile.conf|list|-r|`touch y`
		rnm -c ../hostile.conf list -r dq<TAB> => -c|../hostile.conf|list|-r|dq"quote
		rnm -c ../hostile.conf list -r "dq<TAB> => -c|../hostile.conf|list|-r|dq"quote
		rnm -c ../hostile.conf list -r sq<TAB> => -c|../hostile.conf|list|-r|sq'uote
		rnm -c ../hostile.conf list -r 'sq<TAB> => -c|../hostile.conf|list|-r|sq'uote
		rnm -c ../hostile.conf list -r co<TAB> => -c|../hostile.conf|list|-r|co:lon
		rnm -c ../hostile.conf list -r co:<TAB> => -c|../hostile.conf|list|-r|co:lon
		rnm -c ../hostile.conf list -r ban<TAB> => -c|../hostile.conf|list|-r|ban!g
		rnm -c ../hostile.conf list -r "ban<TAB> => -c|../hostile.conf|list|-r|ban!g
		rnm -c ../hostile.conf list -r back<TAB> => -c|../hostile.conf|list|-r|back\slash
		rnm -c ../hostile.conf list -r semi<TAB> => -c|../hostile.conf|list|-r|semi;touch z
		rnm -c ../hostile.conf list -r eq=<TAB> => -c|../hostile.conf|list|-r|eq=ual
		rnm -c ../hostile.conf list -r кл<TAB> => -c|../hostile.conf|list|-r|ключ
		rnm -c ../hostile.conf inspect redis:at<TAB> => -c|../hostile.conf|inspect|redis:at%40slash%2Fper%25
		rnm -c other\ file.conf list -r hostile -s \$\(<TAB> => -c|other file.conf|list|-r|hostile|-s|$(touch x)
		rnm -c other\ file.conf list -r hostile -s '`<TAB> => -c|other file.conf|list|-r|hostile|-s|`touch y`
		rnm -c other\ file.conf list -r hostile -s wi<TAB> => -c|other file.conf|list|-r|hostile|-s|with space
		rnm -c ../hostile.conf list -r <TAB><TAB> => ?ключ|hash|paren
	END
}

# type_into SHELL...: cases on standard input.  No name was obeyed: nothing new is in the folder.
type_into() {
	need_terminal
	cd "$WORK/folder"
	PATH="$WORK/typing:$PATH" /usr/bin/python3 "$BATS_TEST_DIRNAME/shell_type.py" "$@" 3>&-
	expect_folder "$WORK/folder" "my model.rnm other file.conf sub dir two.rnm"
}

bash_startup() { # LINE...: the file of a bash without the caller's configuration
	printf '%s\n' "PS1='READY> '" "HISTFILE=" "bind 'set enable-bracketed-paste off' 'set bell-style none'" "$@" >"$WORK/bashrc"
}

@test "bash: typed" {
	bash_startup "source '$COMPLETIONS/rnm.bash'"
	{
		common_cases
		cat <<-'END'
			rnm export --all -o su<TAB> => export|--all|-o|sub dir/
			rnm list -r "with"\ s<TAB> => list|-r|with space
			rnm list -r w"ith s<TAB> => list|-r|with space
			rnm list -r $'with s<TAB>' => list|-r|with s
			rnm inspect red<TAB>x => inspect|redis:x
			rnm inspect other:<TAB>x => inspect|other:x
			rnm merge tw<TAB>=0.6 my<TAB>=0.4 => merge|two.rnm=0.6|my model.rnm=0.4
			rnm merge redis:em<TAB>/uni<TAB>=1 => merge|redis:embed/unit=1
			rnm --va<TAB>A=B => --var=A=B
			rnm -c ../hostile.conf list -r "sq<TAB> => -c|../hostile.conf|list|-r|sq'uote
			FOO=1 rnm list -r em<TAB> => list|-r|embed
			true; rnm list -r em<TAB> => list|-r|embed
		END
	} | type_into bash --noprofile --rcfile "$WORK/bashrc" -i
}

@test "bash: loaded by the package bash-completion, also behind sudo" {
	[ -e /usr/share/bash-completion/bash_completion ] || skip "bash-completion is not installed"
	mkdir -p "$WORK/bash-completion/completions"
	cp "$COMPLETIONS/rnm.bash" "$WORK/bash-completion/completions/rnm"
	ln -sf rnm "$WORK/bash-completion/completions/neural_export"
	bash_startup "BASH_COMPLETION_USER_DIR='$WORK/bash-completion'" \
		"source /usr/share/bash-completion/bash_completion" 'sudo() { "$@"; }'
	type_into bash --noprofile --rcfile "$WORK/bashrc" -i <<-'END'
		rnm exp<TAB> => export
		neural_export -r em<TAB> => -r|embed
		rnm list --rule=em<TAB> => list|--rule=embed
		rnm inspect redis:em<TAB> => inspect|redis:embed
		rnm merge tw<TAB>=0.6 my<TAB>=0.4 => merge|two.rnm=0.6|my model.rnm=0.4
		rnm -c ../hostile.conf list -r \$\(<TAB> => -c|../hostile.conf|list|-r|$(touch x)
		rnm list -c oth<TAB> => list|-c|other file.conf
		sudo rnm list -r em<TAB> => list|-r|embed
		sudo rnm list -r "wi<TAB> => list|-r|with space
	END
}

@test "bash: other options of the shell do no harm" {
	bash_startup "source '$COMPLETIONS/rnm.bash'" "set -u" "set -o posix" "COMP_WORDBREAKS=\${COMP_WORDBREAKS//[:=]}"
	type_into bash --noprofile --rcfile "$WORK/bashrc" -i <<-'END'
		rnm exp<TAB> => export
		rnm list --rule=em<TAB> => list|--rule=embed
		rnm -c ../hostile.conf list -r co:<TAB> => -c|../hostile.conf|list|-r|co:lon
		rnm nonsense <TAB>x => nonsense|x
	END
}

@test "zsh: typed" {
	mkdir -p "$WORK/zsh"
	printf '%s\n' "PROMPT='READY> '" "unsetopt prompt_cr prompt_sp beep" "fpath=('$COMPLETIONS' \$fpath)" \
		"autoload -Uz compinit; compinit -u -D" >"$WORK/zsh/.zshrc"
	{
		common_cases
		cat <<-'END'
			rnm export --all -o su<TAB> => export|--all|-o|sub dir
			rnm list -cothe<TAB> => list|-cother file.conf
			rnm list -r w"ith s<TAB> => list|-r|with space
			rnm inspect redi<TAB>x => inspect|redis:x
			rnm merge tw<TAB>=0.6 my<TAB>=0.4 => merge|two.rnm=0.6|my model.rnm=0.4
			rnm merge redis:em<TAB>/uni<TAB>=1 => merge|redis:embed/unit=1
			rnm --va<TAB>A=B => --var=A=B
			rnm -c ../hostile.conf list -r "sq<TAB> => -c|../hostile.conf|list|-r|sq'uote
			rnm list -r em<TAB> => list|-r|embed
			rnm export -<TAB><TAB> => ?read this rspamd configuration|--dry-run
		END
	} | ZDOTDIR="$WORK/zsh" type_into zsh -d -i
}

fish_command() {
	printf '%s\n' --no-config -i -C "function fish_prompt; echo 'READY> '; end; set fish_greeting; source '$COMPLETIONS/rnm.fish'"
}

@test "fish: typed" {
	mapfile -t start < <(fish_command)
	{
		# Without bash's !, and with fish's own view of backslashes in double quotes.
		common_cases | grep -vF '"ban<TAB>'
		cat <<-'END'
			rnm --va<TAB>A=B => --var=A=B
			rnm -c ../hostile.conf list -r "sq<TAB> => -c|../hostile.conf|list|-r|sq'uote
			rnm export --all -o su<TAB> => export|--all|-o|sub dir/
			rnm export --d<TAB> => export|--dry-run
		END
	} | type_into fish "${start[@]}"
}

@test "fish: complete -C" {
	fish_answer() {
		local _ answer
		for _ in 1 2 3 4 5; do
			answer=$(fish --no-config -c "source '$COMPLETIONS/rnm.fish'; complete -C $(printf "'%s'" "${1//\'/\\\'}")")
			[ -n "$answer" ] && break
		done
		printf '%s\n' "$answer"
	}
	[ "$(fish_answer 'rnm exp')" = "$(printf 'export\twrite a model from Redis to an RNM1 file')" ]
	[ "$(fish_answer 'rnm list --rule=em')" = "$(printf -- '--rule=embed\tdigest 376616275a1a984c')" ]
	[ "$(fish_answer 'neural_export -r embed -v ')" = "$(printf '3\t2026-11-23 02:16:40, served\n2\t2026-11-23 02:15:00, older version')" ]
	[ "$(fish_answer "rnm -c $WORK/hostile.conf list -r \\\$\\(" | cut -f1)" = '$(touch x)' ]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm config: recorded trees, origins, findings, errors.

load helpers

setup_file() {
	common_setup_file
}

# Values as the record's printer shows them: six decimals, which also cannot tell 1 from 1.0.  What
# get_all_opt makes of a repeated section: later members win, one level deep.
normal='def six: walk(if type == "number" then (. * 1000000 | round) / 1000000 else . end);
	if type == "object" and has("__chain__") then (.__chain__ | add) else . end | six'

check_value() {
	[ "$rc" -eq 0 ] || { echo "$name: exit code $rc: $(cat "$err")"; return; }
	sed "s|@DIR@|$dir|g" "$dir/expected.json" | jq -S "$normal" >"$BATS_TEST_TMPDIR/want.json"
	jq -S "$normal" "$out" >"$BATS_TEST_TMPDIR/got.json"
	diff "$BATS_TEST_TMPDIR/want.json" "$BATS_TEST_TMPDIR/got.json" | sed "s/^/$name: /"
}

# The same file and line, if the record names one.
check_failure() {
	local want
	if grep -q 'NOT FOUND' "$dir/expected.error"; then
		# Not a failure of the original: its section is not there.
		[ "$rc" -eq 4 ] || echo "$name: exit code $rc, expected 4"
		return
	fi
	[ "$rc" -eq 3 ] || echo "$name: exit code $rc, expected 3"
	[ ! -s "$out" ] || echo "$name: printed $(cat "$out")"
	want=$(sed "s|@DIR@|$dir|g" "$dir/expected.error" | sed -nE \
		-e 's|.*error while parsing ([^:]*): line: ([0-9]+).*|\1:\2|p' \
		-e 's|.*ucl parser error: (/[^ :]*):([0-9]+) .*|\1:\2|p' \
		-e 's|.*cannot open file ([^:]*): .*|\1|p' \
		-e 's|.*in file "<string>" on line ([0-9]+),.*|:\1|p' | head -n 1)
	[ -n "$want" ] || { echo "$name: the record names no place"; return; }
	grep -qF -- "$want" "$err" || echo "$name: expected $want in: $(cat "$err")"
}

@test "every recorded configuration" {
	local name dir section environment count=0
	: >"$BATS_TEST_TMPDIR/differences"
	for dir in "$DATA"/config/*/; do
		name=$(basename "$dir")
		cp -r "$dir" "$BATS_TEST_TMPDIR/"
		dir="$BATS_TEST_TMPDIR/$name"
		find "$dir" -name '*.conf' -exec sed -i "s|@DIR@|$dir|g" {} +
		section=$(jq -r .section "$dir/case.json")
		mapfile -t environment < <(jq -r '.env | to_entries[] | "\(.key)=\(.value)"' "$dir/case.json")
		call env "${environment[@]}" CONFDIR=/etc/rspamd LOCAL_CONFDIR="$dir" DBDIR=/var/lib/rspamd \
			RUNDIR=/run/rspamd LOGDIR=/var/log/rspamd SHAREDIR=/usr/share/rspamd \
			rnm config -c "$dir/main.conf" "$section" --json
		if [ -e "$dir/expected.json" ]; then
			check_value
		else
			check_failure
		fi >>"$BATS_TEST_TMPDIR/differences"
		count=$((count + 1))
	done
	cat "$BATS_TEST_TMPDIR/differences"
	[ "$count" -ge 40 ]
	[ ! -s "$BATS_TEST_TMPDIR/differences" ]
}

conf() {
	cat >"$BATS_TEST_TMPDIR/c.conf"
}

small() {
	conf <<-'END'
	redis { servers = "127.0.0.1"; timeout = 2s; }
	neural {
	  timeout = 20;
	  rules {
	    default { providers = [ { type = "symbols"; weight = 0.5; } ]; }
	  }
	}
	END
}

@test "one section, several, all" {
	small
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" redis
	expect_rc 0
	expect_json '. == {servers: "127.0.0.1", timeout: 2}'
	[ "$(wc -l <"$out")" -gt 1 ]
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" redis --json
	[ "$(wc -l <"$out")" -eq 1 ]
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" redis neural --json
	expect_json 'keys == ["neural", "redis"] and .neural.timeout == 20'
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf"
	expect_json 'keys == ["neural", "redis"]'
	call rnm -c "$BATS_TEST_TMPDIR/c.conf" config redis
	expect_rc 0
}

@test "the whole tree is what the sections are, one by one" {
	local name
	conf <<-'END'
	number = 5;
	list = [1, 2];
	twice { a = 1; same = x; }
	twice { b = 2; same = y; }
	neural { rules { a { x = 1; x = 2; } } }
	END
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" --json
	expect_rc 0
	expect_json 'keys == ["list", "neural", "number", "twice"]'
	cp "$out" "$BATS_TEST_TMPDIR/tree.json"
	for name in number twice neural; do
		call rnm config -c "$BATS_TEST_TMPDIR/c.conf" "$name" --json
		[ "$(jq -cS . "$out")" = "$(jq -cS ".$name" "$BATS_TEST_TMPDIR/tree.json")" ] || { show; false; }
	done
	# No module can read a list; it hides nothing else.
	[ "$(jq -c .list "$BATS_TEST_TMPDIR/tree.json")" = '[1,2]' ]
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" list
	expect_rc 3
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" --origin
	expect_rc 0
	expect_out "twice.b = 2  # $BATS_TEST_TMPDIR/c.conf:4"
	expect_out "list[2] = 2  # $BATS_TEST_TMPDIR/c.conf:2"
}

@test "a template's mistake: the place once, the cause once" {
	printf 'neural {\n  x = "{= env.X|nosuch =}";\n}\n' >"$BATS_TEST_TMPDIR/c.conf"
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" neural
	expect_rc 3
	expect_plain_error
	grep -qE "^rnm: $BATS_TEST_TMPDIR/c\.conf:2:[0-9]+: .*unknown filter" "$err" || { show; false; }
	! grep -qF '<string>' "$err" || { show; false; }
	# The drop-in says what the original says.
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" --list
	expect_rc 1
	[ "$(cat "$err")" = "cannot call lua jinja_template script: Runtime Error in file \"<string>\" on line 2, column 17: unknown filter \"nosuch\"
cannot parse $BATS_TEST_TMPDIR/c.conf: failed to load config: ucl parser error: call for external handler failed" ] || { show; false; }
}

@test "an absent section: exit 4, the closest name" {
	small
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" nueral
	expect_rc 4
	expect_no_out
	expect_plain_error
	expect_err "there is no section 'nueral'"
	expect_err "did you mean 'neural'?"
}

@test "--origin: file and line of each value" {
	small
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" --origin neural
	expect_rc 0
	[ "$(cat "$out")" = "neural.timeout = 20  # $BATS_TEST_TMPDIR/c.conf:3
neural.rules.default.providers[1].type = \"symbols\"  # $BATS_TEST_TMPDIR/c.conf:5
neural.rules.default.providers[1].weight = 0.5  # $BATS_TEST_TMPDIR/c.conf:5" ] || { show; false; }
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" --origin redis --json
	expect_json ". == [{path: \"redis.servers\", value: \"127.0.0.1\", file: \"$BATS_TEST_TMPDIR/c.conf\", line: 1, priority: 0},
		{path: \"redis.timeout\", value: 2, file: \"$BATS_TEST_TMPDIR/c.conf\", line: 1, priority: 0}]"
}

@test "--check: findings and exit 1, or none" {
	conf <<-'END'
	redis { servers = "127.0.0.1"; }
	neural {
	  rules {
	    default { providers = [ { type = "symbols"; } ]; }
	  }
	}
	END
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" --check
	expect_rc 0
	expect_out "nothing suspicious"
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" --check --json
	expect_rc 0
	expect_json '.findings == []'
	conf <<-'END'
	redis { servers = "127.0.0.1"; }
	neural {
	  rules {
	    default { providers { type = "symbols"; } }
	  }
	}
	END
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" --check
	expect_rc 1
	grep -qE 'c\.conf:4: .*\[config\.[a-z-]+\]$' "$out" || { show; false; }
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" --check --json
	expect_rc 1
	expect_json '.findings | length >= 1 and all(.id and .text and (.file | type == "string") and .line > 0)'
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" --check neural
	expect_rc 2
}

@test "the default configuration follows CONFDIR, --var wins" {
	mkdir "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	echo 'neural { from = "a"; }' >"$BATS_TEST_TMPDIR/a/rspamd.conf"
	echo 'neural { from = "$CONFDIR"; }' >"$BATS_TEST_TMPDIR/b/rspamd.conf"
	CONFDIR="$BATS_TEST_TMPDIR/a" call rnm config neural
	expect_json '.from == "a"'
	CONFDIR="$BATS_TEST_TMPDIR/a" call rnm --var=CONFDIR="$BATS_TEST_TMPDIR/b" config neural
	expect_json ".from == \"$BATS_TEST_TMPDIR/b\""
	CONFDIR="$BATS_TEST_TMPDIR/a" call rnm --var=confdir="$BATS_TEST_TMPDIR/b" config neural
	expect_json ".from == \"$BATS_TEST_TMPDIR/b\""
}

@test "template variables: RSPAMD_NAME and --var" {
	conf <<-'END'
	neural { x = "{= env.X =}"; }
	END
	RSPAMD_X=7 call rnm config -c "$BATS_TEST_TMPDIR/c.conf" neural
	expect_json '.x == "7"'
	call rnm --var=X=8 config -c "$BATS_TEST_TMPDIR/c.conf" neural
	expect_json '.x == "8"'
	# As with rspamadm: for templates, unlike for paths, the environment wins.
	RSPAMD_X=7 call rnm --var=X=8 config -c "$BATS_TEST_TMPDIR/c.conf" neural
	expect_json '.x == "7"'
}

@test "a missing file: exit 4, the path and the reason" {
	call rnm config -c /nonexistent/rspamd.conf neural
	expect_rc 4
	expect_no_out
	expect_plain_error
	expect_err "/nonexistent/rspamd.conf"
	expect_err "No such file or directory"
}

@test "a malformed file: exit 3 with file, line and column" {
	printf 'redis { }\nneural {\n  x = "a\n' >"$BATS_TEST_TMPDIR/c.conf"
	call rnm config -c "$BATS_TEST_TMPDIR/c.conf" neural
	expect_rc 3
	expect_no_out
	expect_plain_error
	grep -qE "^rnm: $BATS_TEST_TMPDIR/c\.conf:[34](:[0-9]+)?: " "$err" || { show; false; }
}

@test "control characters of a configuration cannot move the cursor" {
	printf "neural { x = 'a\033[2Jb\302\233c\177d'; }\n" >"$BATS_TEST_TMPDIR/c.conf"
	for option in "" --json --origin "--origin --json"; do
		call rnm config -c "$BATS_TEST_TMPDIR/c.conf" $option neural
		expect_rc 0
		! grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$out" || { show; false; }
	done
	expect_json '.[0].value == "a\u001b[2Jb\u009bc\u007fd"'
}

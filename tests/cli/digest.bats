#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The providers digest: recorded ones, and the verb that explains them.

load helpers

setup_file() {
	common_setup_file
}

# record NAME FIELD
record() {
	jq -r --arg n "$1" ".[] | select(.name == \$n) | .$2" "$DATA/digest/digest.json"
}

each_record() {
	local name rule
	while IFS=$'\t' read -r name rule; do
		record "$name" config >"$BATS_TEST_TMPDIR/d.conf"
		"$@" "$name" "$rule"
	done < <(jq -r '.[] | [.name, .rule] | @tsv' "$DATA/digest/digest.json")
}

same_as_original() {
	call neural_export -c "$BATS_TEST_TMPDIR/d.conf" -r "$2" --digest
	[ "$rc" -eq "$(record "$1" rc)" ] || echo "$1: exit code $rc: $(cat "$err")"
	if [ "$rc" -eq 0 ]; then
		[ "$(cat "$out")" = "Providers digest: $(record "$1" digest)" ] || echo "$1: $(cat "$out")"
	else
		[ "$(cat "$err")" = "$(record "$1" stderr)" ] || echo "$1: $(cat "$err")"
		[ ! -s "$out" ] || echo "$1: $(cat "$out")"
	fi
}

@test "every recorded digest, as neural_export --digest" {
	each_record same_as_original >"$BATS_TEST_TMPDIR/differences"
	cat "$BATS_TEST_TMPDIR/differences"
	[ ! -s "$BATS_TEST_TMPDIR/differences" ]
}

# The verb follows rspamd's plugin where the original does not (docs/compatibility.md).
as_verb() {
	local want
	call rnm digest -c "$BATS_TEST_TMPDIR/d.conf" -r "$2"
	want=$(record "$1" digest)
	case $1 in
	legacy_no_train) want=cdb3b56e2b929db4 ;; # the plugin needs no section train
	legacy_plus_rules) want=null ;;           # beside `rules` there is no rule "default"
	no_redis) want=f40c38ab07f889a2 ;;        # a digest needs no servers
	esac
	case $want in
	null) [ "$rc" -eq 4 ] && [ ! -s "$out" ] || echo "$1: exit code $rc, expected 4" ;;
	nil) [ "$rc" -eq 1 ] && [ ! -s "$out" ] || echo "$1: exit code $rc, expected 1" ;;
	*) [ "$rc" -eq 0 ] && [ "$(cat "$out")" = "$want" ] || echo "$1: $rc $(cat "$out" "$err"), expected $want" ;;
	esac
}

@test "every recorded digest, as rnm digest" {
	each_record as_verb >"$BATS_TEST_TMPDIR/differences"
	cat "$BATS_TEST_TMPDIR/differences"
	[ ! -s "$BATS_TEST_TMPDIR/differences" ]
}

conf() {
	cat >"$BATS_TEST_TMPDIR/c.conf"
}

two_rules() {
	conf <<-'END'
	neural {
	  rules {
	    embed { prefix = "e"; providers = [ { type = "symbols"; } ]; }
	    plain { symbol_spam = "S"; }
	  }
	}
	END
}

@test "--json of one rule" {
	two_rules
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" -r embed --json
	expect_rc 0
	expect_json '. == {rule: "embed", prefix: "e", digest: "f40c38ab07f889a2"}'
}

@test "a rule without providers: exit 1 and a note, null in JSON" {
	two_rules
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" -r plain
	expect_rc 1
	expect_no_out
	expect_err "rule 'plain' has no providers"
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" -r plain --json
	expect_rc 1
	expect_json '.digest == null'
	call rnm -q digest -c "$BATS_TEST_TMPDIR/c.conf" -r plain
	expect_rc 1
	expect_no_err
}

@test "--all: a table, and JSON" {
	two_rules
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" --all
	expect_rc 0
	[ "$(cat "$out")" = "RULE   PREFIX  DIGEST
embed  e       f40c38ab07f889a2
plain  plain   none (no providers)" ] || { show; false; }
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" --all --json
	expect_json '.rules == [{rule: "embed", prefix: "e", digest: "f40c38ab07f889a2"},
		{rule: "plain", prefix: "plain", digest: null}]'
}

@test "--explain shows fields, origins and the bytes that are hashed" {
	two_rules
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" -r embed --explain
	expect_rc 0
	expect_out "rule embed: providers digest f40c38ab07f889a2"
	grep -qE '^providers\[1\]\.type +symbols +.*c\.conf:3 +ec68ced0560fbf86 +type\\x00symbols$' "$out" || { show; false; }
	grep -qE '^providers\[1\]\.weight +1 +default +cb1435b1b3fca21d +weight\\x001$' "$out" || { show; false; }
	grep -qE '^fusion +0186c04b5ecea3e2 .* fusion\\x000186c04b5ecea3e2$' "$out" || { show; false; }
}

@test "--explain --json: the XOR of the outermost hashes is the digest" {
	two_rules
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" -r embed --explain --json
	expect_rc 0
	expect_json '.explanation | map(select(.path == "providers[1].type")) |
		length == 1 and .[0].hashed == "type\u0000symbols" and .[0].hash == "ec68ced0560fbf86"'
	local hash acc=0
	for hash in $(jq -r '.explanation[] | select(.path | test("^[a-z_]+$")) | .hash' "$out"); do
		acc=$((acc ^ 0x$hash))
	done
	[ "$(printf %016x "$acc")" = "$(jq -r .digest "$out")" ]
}

@test "--lua54-numbers gives the digest of such a build, before and after the verb" {
	two_rules
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" -r embed --lua54-numbers
	expect_rc 0
	[ "$(cat "$out")" = c9716e9c3851ff7a ]
	call rnm --lua54-numbers digest -c "$BATS_TEST_TMPDIR/c.conf" -r embed
	[ "$(cat "$out")" = c9716e9c3851ff7a ]
}

@test "an unknown rule: exit 4, the rules that exist are named" {
	two_rules
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" -r nope
	expect_rc 4
	expect_no_out
	expect_plain_error
	expect_err '"embed"'
	expect_err '"plain"'
}

@test "a providers value of the wrong type: exit 3 with its line" {
	conf <<-'END'
	neural {
	  rules {
	    default { providers = "symbols"; }
	  }
	}
	END
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf"
	expect_rc 3
	expect_plain_error
	expect_err "c.conf:3"
}

@test "--all: one rule that cannot be used does not hide the others" {
	conf <<-'END'
	neural {
	  rules {
	    first { providers = [ { type = "symbols"; } ]; }
	    bad { providers = "x"; }
	    last { symbol_spam = "S"; }
	  }
	}
	END
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" --all
	expect_rc 3
	expect_plain_error
	expect_err "c.conf:4"
	[ "$(cat "$out")" = "RULE   PREFIX  DIGEST
first  first   f40c38ab07f889a2
bad    ?       none (the rule cannot be used)
last   last    none (no providers)" ] || { show; false; }
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" --all --json
	expect_rc 3
	expect_json '(.rules | map(.digest)) == ["f40c38ab07f889a2", null, null] and
		(.rules | map(has("problem"))) == [false, true, false] and (.rules[1].problem | contains("providers"))'
}

@test "providers that count as an empty list are warned of, but not by the drop-in" {
	conf <<-'END'
	redis { servers = "127.0.0.1:1"; }
	neural {
	  rules {
	    none { providers = []; }
	    one { providers { type = "symbols"; } }
	  }
	}
	END
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" -r none
	expect_rc 0
	[ "$(wc -l <"$err")" -eq 1 ]
	expect_err "rnm: warning: $BATS_TEST_TMPDIR/c.conf:4: providers of the rule 'none' is an empty list"
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" -r one
	expect_err "c.conf:5: providers of the rule 'one' is one section, which counts as an empty list: write providers = [ { ... } ]"
	call rnm digest -c "$BATS_TEST_TMPDIR/c.conf" --all
	[ "$(grep -c warning "$err")" -eq 2 ]
	call rnm -q digest -c "$BATS_TEST_TMPDIR/c.conf" --all
	expect_no_err
	call rnm list -c "$BATS_TEST_TMPDIR/c.conf" -r none
	expect_err "warning: "
	call rnm export -c "$BATS_TEST_TMPDIR/c.conf" -r one --dry-run
	expect_err "warning: "
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" -r none --digest
	expect_rc 0
	expect_no_err
}

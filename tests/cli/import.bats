#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm import: a model into a real Redis, byte for byte as workers would write it, or not at all.

load helpers

M=aa5f939b29f3d241 # the digest of the rule `default` below

setup_file() {
	common_setup_file
	start_redis
	export CONF="$WORK/rnm.conf"
	configure "servers = \"$SOCKET\";" >"$CONF"
	made "$WORK/m.rnm" 46 digest=$M version=3 norm=zscore roc=0.75,-0.5
	made "$WORK/other.rnm" 46 digest=$M version=3 seed=2
	made "$WORK/wrong.rnm" 46 digest=0123456789abcdef
	made "$WORK/s50.rnm" 50
	made "$WORK/h.rnm" 60 "digest=$(rnm -q digest -c "$CONF" -r hybrid | grep -o '[0-9a-f]\{16\}')"
	made "$WORK/p.rnm" 8 pca=46 "digest=$(rnm -q digest -c "$CONF" -r small | grep -o '[0-9a-f]\{16\}')"
	printf 'SYM_D\nSYM_B\n\n  SYM_A \nSYM_C\n' >"$WORK/four"
}

teardown_file() {
	stop_redis
}

setup() {
	cli flushall >/dev/null
}

made() {
	python "$BATS_TEST_DIRNAME/made_model.py" "$@"
}

# configure REDIS: a configuration with this section redis.
configure() {
	cat <<-END
	redis { $1 }
	neural { rules {
	  default { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true; }
	  symbols { }
	  hybrid { providers = [ { type = "symbols"; }, { type = "llm"; model = "x"; dim = 4; } ]; }
	  roc { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true; roc_enabled = true; ann_expire = 5000; }
	  small { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true; max_inputs = 8; }
	  nothing { providers = []; }
	  dark { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true; ann_expire = 0; }
	} }
	END
}

# imports ARGUMENT...: rnm import with the configuration.
imports() {
	call rnm import -c "$CONF" "$@"
}
# accepted ARGUMENT...: the import says that it was written, and nothing else.
accepted() {
	imports "$@"
	expect_rc 0
	expect_no_err
	expect_out "Imported "
}
# accepts_silently FILE ARGUMENT...: with --quiet, whatever becomes of it.
accepts_silently() {
	imports "$@" --quiet
	expect_rc 0
	[ ! -s "$out" ] && [ ! -s "$err" ] || { show; false; }
}
# refused CODE ID WORDS ARGUMENT...: with this id and these words, and no key is there that was not before.
refused() {
	local code=$1 id=$2 words=$3 before
	shift 3
	before=$(everything)
	imports "$@" --json
	expect_rc "$code"
	expect_json ".status != \"done\" and .id == \"$id\""
	expect_err "$words"
	expect_plain_error
	[ "$(everything)" = "$before" ]
}
# Every key with its value, as one line of text each.
everything() {
	local key
	for key in $(cli --raw keys '*' | sort); do
		echo "$key $(cli --raw dump "$key" | sha256sum) $(cli expiretime "$key")"
	done
}
field() { # KEY FIELD: its bytes, hashed
	cli --raw hget "$1" "$2" | head -c -1 | sha256sum
}
blob() { # FILE NAME: a blob of an RNM1 file, hashed
	python -c 'import msgpack, sys; sys.stdout.buffer.write(msgpack.unpackb(open(sys.argv[1], "rb").read(), raw=True)[sys.argv[2].encode()])' "$@" | sha256sum
}
# add_model VERSION SCORE [FIELD VALUE...]: a profile of the rule default, with a hash if there are fields.
add_model() {
	local version=$1 score=$2 key="rn_default_default_${M:0:8}_$1"
	shift 2
	cli zadd rn3_default_3_default "$score" \
		"{\"digest\":\"$M\",\"symbols\":[],\"version\":$version,\"redis_key\":\"$key\",\"providers_digest\":\"$M\"}" >/dev/null
	[ $# -eq 0 ] || cli hset "$key" "$@" >/dev/null
}

KEY=rn_default_default_${M:0:8}

@test "into an empty Redis: hash, profile, expiry, byte for byte" {
	local before after
	before=$(date +%s)
	accepted "$WORK/m.rnm"
	after=$(date +%s)
	expect_out "Imported $WORK/m.rnm as version 3 of rule default, settings default"
	expect_out "  key       ${KEY}_3"
	[ "$(cli --raw zrange rn3_default_3_default 0 -1)" = \
		"{\"digest\":\"$M\",\"symbols\":[],\"version\":3,\"redis_key\":\"${KEY}_3\",\"providers_digest\":\"$M\"}" ]
	cli --raw zrange rn3_default_3_default 0 -1 withscores | sed -n 2p | awk -v a="$before" -v b="$after" '{ exit !($1 >= a && $1 <= b + 1) }'
	[ "$(field ${KEY}_3 ann)" = "$(blob "$WORK/m.rnm" ann_data)" ]
	[ "$(cli hget ${KEY}_3 roc_thresholds)" = "[0.75,-0.5]" ]
	cli hget ${KEY}_3 norm_stats | jq -e '.mode == "zscore" and (.mean | length) == 46 and .mean[45] == 0.125 and .std[0] == 1.5'
	[ "$(cli --raw hkeys ${KEY}_3 | sort | tr '\n' ' ')" = "ann norm_stats rnm_content rnm_created_at rnm_imported_at rnm_model_version rnm_tool roc_thresholds " ]
	[ "$(cli hget ${KEY}_3 rnm_model_version)" = 3 ]
	[ "$(cli hget ${KEY}_3 rnm_created_at)" = 1700000000 ]
	[ "$(cli dbsize)" = 2 ]
	accepts_silently "$WORK/m.rnm"
	cli flushall >/dev/null
	accepts_silently "$WORK/m.rnm" --dry-run
	[ "$(cli dbsize)" = 0 ]
	accepts_silently "$WORK/m.rnm"
	for key in ${KEY}_3 rn3_default_3_default; do
		[ "$(cli ttl $key)" -gt 172700 ] && [ "$(cli ttl $key)" -le 172800 ]
	done
}

@test "what comes out again is what went in" {
	accepted "$WORK/m.rnm"
	rnm -q export -c "$CONF" -o "$BATS_TEST_TMPDIR/back" >/dev/null
	call rnm diff "$WORK/m.rnm" "$BATS_TEST_TMPDIR/back" --json
	expect_json '.verdict == "identical" or (.differs - ["rule", "settings", "profile_digest", "tool", "created_at", "symbols"]) == []'
	for name in ann_data; do [ "$(blob "$WORK/m.rnm" $name)" = "$(blob "$BATS_TEST_TMPDIR/back" $name)" ]; done
	python - "$WORK/m.rnm" "$BATS_TEST_TMPDIR/back" <<-'END'
	import msgpack, sys
	a, b = (msgpack.unpackb(open(path, "rb").read(), raw=True) for path in sys.argv[1:])
	for key in b"ann_data", b"norm_stats", b"roc_thresholds", b"providers_digest", b"model_version":
	    assert a[key] == b[key], key
	END
}

@test "a PCA matrix for a rule with max_inputs" {
	accepted "$WORK/p.rnm" -r small
	[ "$(field "$(cli --raw keys 'rn_small_default_*')" pca)" = "$(blob "$WORK/p.rnm" pca_data)" ]
	made "$BATS_TEST_TMPDIR/p.rnm" 8 pca=46 digest=$M
	refused 8 verify.rule-pca "expected max_inputs = 8 in the rule" "$BATS_TEST_TMPDIR/p.rnm"
	made "$BATS_TEST_TMPDIR/n.rnm" 46 "digest=$(rnm -q digest -c "$CONF" -r small | grep -o '[0-9a-f]\{16\}')"
	refused 8 verify.rule-pca "expected a PCA matrix" "$BATS_TEST_TMPDIR/n.rnm" -r small
}

@test "a new version is above all that are known, stale ones included" {
	add_model 5 100 ann x
	add_model 9 90
	accepted "$WORK/m.rnm"
	expect_out "as version 10 of rule default"
	cli flushall
	add_model 2 100
	accepted "$WORK/m.rnm"
	expect_out "as version 3 of rule default"
	cli flushall
	accepted "$WORK/m.rnm" -v 40
	[ "$(cli exists ${KEY}_40)" = 1 ]
	refused 8 import.version "expected a version above 40, the highest in rn3_default_3_default" "$WORK/other.rnm" -v 40
	refused 8 import.version "found 39" "$WORK/other.rnm" -v 39
	refused 8 import.version "found 41.5" "$WORK/other.rnm" -v 41.5
	refused 8 import.version "found -1" "$WORK/other.rnm" --model-version=-1
	cli flushall
	cli zadd rn3_default_3_default 1 "{\"digest\":\"$M\",\"symbols\":[],\"version\":9007199254740991,\"redis_key\":\"k\",\"providers_digest\":\"$M\"}"
	refused 8 import.version "found 9007199254740992" "$WORK/m.rnm"
}

@test "the same model twice is one model, another one is the next version" {
	accepted "$WORK/m.rnm"
	imports "$WORK/m.rnm"
	expect_rc 0
	expect_out "Nothing to do: workers serve $WORK/m.rnm already, as version 3 of rule default"
	imports "$WORK/m.rnm" --json
	expect_json '.present and (.written | not) and .version == 3 and .served == null'
	[ "$(cli zcard rn3_default_3_default)" = 1 ]
	accepted "$WORK/other.rnm"
	expect_out "as version 4"
	# It is not served any more: it is written again.
	accepted "$WORK/m.rnm"
	expect_out "as version 5"
	imports "$WORK/m.rnm" --force
	expect_out "as version 6"
}

@test "an older model of Redis under a new version" {
	accepted "$WORK/m.rnm"
	accepted "$WORK/other.rnm"
	accepted redis:default/default@3
	expect_out "as version 5"
	[ "$(field ${KEY}_5 ann)" = "$(field ${KEY}_3 ann)" ]
	[ "$(cli hget ${KEY}_5 rnm_content)" = "$(cli hget ${KEY}_3 rnm_content)" ]
}

@test "from standard input, compressed as a whole" {
	zstd -qc "$WORK/m.rnm" >"$BATS_TEST_TMPDIR/m.zst"
	imports - <"$BATS_TEST_TMPDIR/m.zst"
	expect_rc 0
	[ "$(field ${KEY}_3 ann)" = "$(blob "$WORK/m.rnm" ann_data)" ]
}

@test "another digest is refused, and --force does not help" {
	refused 8 verify.rule-digest "not fit for rule default: expected the digest of the rule default, $M, found 0123456789abcdef" "$WORK/wrong.rnm"
	refused 8 verify.rule-digest "found 0123456789abcdef" "$WORK/wrong.rnm" --force
	refused 8 verify.rule-digest "expected no digest, as the rule symbols has no providers, found $M" "$WORK/m.rnm" -r symbols
	refused 8 verify.rule-digest "found none" "$WORK/s50.rnm"
	refused 8 verify.rule-no-providers "an empty list: it refuses all models, its own too" "$WORK/m.rnm" -r nothing -q
	made "$BATS_TEST_TMPDIR/bare" 46 plain=1
	refused 8 verify.rule-bare "found a bare network" "$BATS_TEST_TMPDIR/bare"
}

@test "a rule without providers: the symbols make digest and key" {
	accepted "$WORK/s50.rnm" -r symbols --symbols "$WORK/four"
	expect_out "  key       rn_symbols_default_c8qsbjge_1"
	cli --raw zrange rn3_symbols_3_default 0 -1 | jq -e '
		(.digest | length) == 103 and (.digest | startswith("c8qsbjge")) and
		.symbols == ["SYM_A", "SYM_B", "SYM_C", "SYM_D"] and (has("providers_digest") | not)'
	# The profile that is there lends its list.
	made "$BATS_TEST_TMPDIR/next.rnm" 50 seed=3
	accepted "$BATS_TEST_TMPDIR/next.rnm" -r symbols --symbols @redis
	expect_out "  key       rn_symbols_default_c8qsbjge_2"
	made "$BATS_TEST_TMPDIR/own.rnm" 48 symbols=B,A
	accepted "$BATS_TEST_TMPDIR/own.rnm" -r symbols
	expect_out "rn_symbols_default_bsdqnp6b_3"
}

@test "symbols that do not fit or are not there" {
	made "$BATS_TEST_TMPDIR/s46.rnm" 46
	refused 8 import.inputs "expected a model for vectors of 50, 46 meta tokens and 4 symbols, found one for 46" \
		"$BATS_TEST_TMPDIR/s46.rnm" -r symbols --symbols "$WORK/four"
	refused 8 import.symbols "the model carries none" "$WORK/s50.rnm" -r symbols
	expect_err "hint: name a file with one symbol on each line by --symbols FILE"
	refused 8 import.symbols "no profile in Redis has one that fits" "$WORK/s50.rnm" -r symbols --symbols @redis
	refused 8 import.symbols "the model carries none" "$WORK/h.rnm" -r hybrid
	refused 8 import.symbols "the given one is empty" "$WORK/h.rnm" -r hybrid --symbols /dev/null
	printf 'A\nB\nA\n' >"$BATS_TEST_TMPDIR/twice"
	refused 3 import.symbol "found one twice" "$WORK/h.rnm" -r hybrid --symbols "$BATS_TEST_TMPDIR/twice"
	printf 'A\nB\001\n' >"$BATS_TEST_TMPDIR/control"
	refused 3 import.symbol "without control characters" "$WORK/h.rnm" -r hybrid --symbols "$BATS_TEST_TMPDIR/control"
	printf 'A\nB\0\nC\n' >"$BATS_TEST_TMPDIR/nul"
	refused 3 import.symbol "found a NUL byte" "$WORK/h.rnm" -r hybrid --symbols "$BATS_TEST_TMPDIR/nul"
	printf 'A\n\377\n' >"$BATS_TEST_TMPDIR/latin"
	refused 3 import.symbol "expected names in UTF-8" "$WORK/h.rnm" -r hybrid --symbols "$BATS_TEST_TMPDIR/latin"
	refused 5 file.open "cannot open the list of symbols" "$WORK/h.rnm" -r hybrid --symbols "$BATS_TEST_TMPDIR/none"
	refused 2 usage.stdin "standard input can be read once" - -r hybrid --symbols - </dev/null
}

@test "a hybrid rule: digest of the symbols, and the digest of the providers" {
	accepted "$WORK/h.rnm" -r hybrid --symbols "$WORK/four"
	cli --raw zrange rn3_hybrid_3_default 0 -1 | jq -e --arg d "$(rnm -q digest -c "$CONF" -r hybrid | grep -o '[0-9a-f]\{16\}')" '
		(.digest | startswith("c8qsbjge")) and .providers_digest == $d and .version == 1'
}

@test "other inputs than the rule seems to make are refused, --force writes them" {
	made "$BATS_TEST_TMPDIR/w.rnm" 47 digest=$M
	refused 8 import.inputs "found a model for 47" "$BATS_TEST_TMPDIR/w.rnm"
	imports "$BATS_TEST_TMPDIR/w.rnm" --force
	expect_rc 0
	expect_err "warning: verify.rule-inputs-unsure: "
	[ "$(cli exists ${KEY}_1)" = 1 ]
}

@test "while somebody trains" {
	add_model 5 100 ann x lock "$(date +%s)" hostname trainer.example
	refused 8 import.locked "trainer.example is training from ${KEY}_5 right now" "$WORK/m.rnm"
	imports "$WORK/m.rnm" --force --json
	expect_rc 0
	expect_json ".version == 6 and .locked == \"${KEY}_5\""
	expect_err "somebody is training from ${KEY}_5 right now"
	cli flushall
	# A lock of yesterday was left by somebody who died.
	add_model 5 100 ann x lock "$(($(date +%s) - 86400))" hostname trainer.example
	accepted "$WORK/m.rnm"
}

@test "what the pruning of rspamd takes away next is named" {
	add_model 1 100 ann x
	add_model 2 200 ann x
	add_model 3 300
	imports "$WORK/m.rnm"
	expect_rc 0
	[ "$(cat "$err")" = "rnm: warning: max_profiles is 3: rspamd takes version 1 away at its next check, with its key ${KEY}_1" ] || { show; false; }
	imports "$WORK/other.rnm" --dry-run --json
	expect_json ".evicts == [{version: \"2\", key: \"${KEY}_2\", live: true}, {version: \"1\", key: \"${KEY}_1\", live: true}]"
}

@test "damaged files are refused" {
	head -c 200 "$WORK/m.rnm" >"$BATS_TEST_TMPDIR/cut"
	imports "$BATS_TEST_TMPDIR/cut"
	expect_rc 3
	expect_plain_error
	python - "$WORK/m.rnm" "$BATS_TEST_TMPDIR" <<-'END'
	import msgpack, subprocess, sys
	m = msgpack.unpackb(open(sys.argv[1], "rb").read(), raw=True)
	def write(name, blob):
	    open(sys.argv[2] + "/" + name, "wb").write(msgpack.packb({**m, b"ann_data": blob}, use_bin_type=False))
	network = subprocess.run(["zstd", "-dqc"], input=m[b"ann_data"], stdout=subprocess.PIPE, check=True).stdout
	def frame(data):
	    open(sys.argv[2] + "/raw", "wb").write(data)
	    return subprocess.run(["zstd", "-qc", sys.argv[2] + "/raw"], stdout=subprocess.PIPE, check=True).stdout
	write("frame", m[b"ann_data"][:-40])
	write("magic", frame(b"KAM\1" + network[4:]))
	write("short", frame(network[:-8]))
	write("sizeless", subprocess.run(["zstd", "-qc", "--no-content-size"], input=network, stdout=subprocess.PIPE, check=True).stdout)
	END
	for name in frame magic short sizeless; do
		imports "$BATS_TEST_TMPDIR/$name" --force
		expect_rc 8
		expect_err "not fit for rule default: "
		expect_plain_error
	done
	[ "$(cli dbsize)" = 0 ]
	imports "$BATS_TEST_TMPDIR/absent"
	expect_rc 4
}

@test "a rule with roc_enabled and a model without thresholds: the field is absent" {
	made "$BATS_TEST_TMPDIR/n.rnm" 46 "digest=$(rnm -q digest -c "$CONF" -r roc | grep -o '[0-9a-f]\{16\}')"
	accepted "$BATS_TEST_TMPDIR/n.rnm" -r roc
	key=$(cli --raw keys 'rn_roc_default_*')
	[ "$(cli hexists "$key" ann)" = 1 ]
	[ "$(cli hexists "$key" roc_thresholds)" = 0 ]
	[ "$(cli hexists "$key" norm_stats)" = 0 ]
	[ "$(cli ttl "$key")" -gt 4900 ] && [ "$(cli ttl "$key")" -le 5000 ]
}

@test "a key that is there is never written over" {
	cli set ${KEY}_7 precious
	refused 8 import.exists "the key ${KEY}_7 is there already" "$WORK/m.rnm" -v 7
	refused 8 import.exists "the key ${KEY}_7 is there already" "$WORK/m.rnm" -v 7 --force
	# Without a wish for this version the next free one is taken.
	cli set ${KEY}_3 precious
	cli set ${KEY}_4 precious
	accepted "$WORK/m.rnm"
	expect_out "as version 5"
	[ "$(cli get ${KEY}_3)" = precious ]
}

@test "no server to write to" {
	configure "read_servers = \"$SOCKET\";" >"$BATS_TEST_TMPDIR/read.conf"
	call rnm import -c "$BATS_TEST_TMPDIR/read.conf" "$WORK/m.rnm"
	expect_rc 8
	expect_err "no write servers configured"
	[ "$(cli dbsize)" = 0 ]
}

@test "the list is something else" {
	cli set rn3_default_3_default text
	refused 6 store.zset "WRONGTYPE" "$WORK/m.rnm"
}

@test "profiles of the future hide what is dated now" {
	for version in 1 2 3 4; do add_model $version $((5000000000 + version)) ann x; done
	refused 8 import.window "4 profiles in rn3_default_3_default are dated in the future, and workers look at the newest 4 only" "$WORK/m.rnm"
}

@test "names and times that workers would not keep" {
	refused 8 import.key "without control characters" "$WORK/m.rnm" -s $'a\x01b'
	refused 8 import.expire "expected an ann_expire of at least a second in rule dark, found 0" "$WORK/m.rnm" -r dark
	accepted "$WORK/m.rnm" -s 'a "b" \c'
	cli --raw zrange 'rn3_default_3_a "b" \c' 0 -1 | jq -e '.redis_key == "rn_default_a \"b\" \\c_aa5f939b_3"'
}

@test "--dry-run prints what would be sent, and sends nothing of it" {
	imports "$WORK/m.rnm" --dry-run
	expect_rc 0
	expect_no_err
	[ "$(cli dbsize)" = 0 ]
	expect_out "Checked $WORK/m.rnm as version 3 of rule default, settings default"
	sed -n '/^  MULTI$/,$p' "$out" | sed -E 's/rnm_imported_at [0-9]+/rnm_imported_at NOW/; s/rnm_content [0-9a-f]{64}/rnm_content HASH/; s/^(  ZADD [^ ]+) [0-9.]+ /\1 NOW /; s/rnm_tool rnm [0-9.]+/rnm_tool rnm X/' >"$BATS_TEST_TMPDIR/commands"
	diff "$BATS_TEST_TMPDIR/commands" - <<-END
	  MULTI
	  HSET ${KEY}_3 roc_thresholds [0.75,-0.5] norm_stats <$(cli ping >/dev/null; python -c 'import json; print(len(json.dumps({"mode": "zscore", "mean": [0.125] * 46, "std": [1.5] * 46}, separators=(",", ":"))))') bytes> rnm_tool rnm X rnm_imported_at NOW rnm_model_version 3 rnm_created_at 1700000000
	  EXPIRE ${KEY}_3 172800
	  ZADD rn3_default_3_default NOW {"digest":"$M","symbols":[],"version":3,"redis_key":"${KEY}_3","providers_digest":"$M"}
	  EXPIRE rn3_default_3_default 172800
	  HSET ${KEY}_3 ann <$(python -c 'import msgpack, sys; print(len(msgpack.unpackb(open(sys.argv[1], "rb").read(), raw=True)[b"ann_data"]))' "$WORK/m.rnm") bytes>
	  HSET ${KEY}_3 rnm_content HASH
	  EXEC
	END
}

@test "one document of JSON, whatever happens" {
	imports "$WORK/m.rnm" --json
	expect_rc 0
	expect_json ".status == \"done\" and .written and .served and .version == 3 and .known_version == 0 and .key == \"${KEY}_3\" and
		.zset == \"rn3_default_3_default\" and .evicts == [] and .locked == null and (.dry_run | not) and
		(.commands | length) == 6 and .commands[4][3].bytes > 1000 and .sound"
	imports "$WORK/wrong.rnm" --json
	expect_rc 8
	expect_json '.status == "refused" and .id == "verify.rule-digest" and (has("key") | not)'
}

@test "usage" {
	imports
	expect_rc 2
	expect_err "which model to import is missing"
	CONFDIR="$BATS_TEST_TMPDIR/none" call rnm import --redis "unix://$SOCKET" "$WORK/m.rnm"
	expect_rc 8
	expect_err "nothing says which digest the rule has"
	imports "$WORK/m.rnm" -r absent
	expect_rc 4
}

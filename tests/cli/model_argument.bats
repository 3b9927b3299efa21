#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The operand MODEL, in all of its forms; every verb that looks into models takes it.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
	export KANN="$DATA/models/embedding_64.kann" MODEL="$WORK/unit.rnm"
	rnm -q export -c "$CONF" -r embed -s unit -o "$MODEL"
	zstd -qc "$KANN" >"$WORK/kann.zst"
	zstd -qc "$MODEL" >"$WORK/rnm.zst"
	# A rule and a settings id whose names need encoding, and a network under them.
	sed 's| symbolic | "odd/r%le@7" { prefix = "odd"; providers = [ { type = "llm"; model = "m"; dim = 64; } ]; } symbolic |' \
		"$CONF" >"$WORK/odd.conf"
	cli eval "redis.call('HSET', 'rn_odd_1', 'ann', redis.call('HGET', 'rn_embed_unit_aabbccdd_1', 'ann'))" 0 >/dev/null
	cli zadd 'rn3_odd_3_a/b@c' 1 \
		"{\"digest\":\"d\",\"symbols\":[],\"version\":4,\"redis_key\":\"rn_odd_1\",\"providers_digest\":\"$(rnm digest -c "$WORK/odd.conf" -r 'odd/r%le@7')\"}" >/dev/null
}

teardown_file() {
	stop_redis
}

# says OPERAND FILTER [OPTION...]: inspect opens it, and its JSON is as the filter says.
says() {
	local operand=$1 filter=$2
	shift 2
	call rnm inspect --json "$@" -- "$operand"
	[ "$rc" -le 1 ] || { show; false; }
	expect_json "$filter"
}

# fails CODE SENTENCE OPERAND [OPTION...]
fails() {
	local code=$1 sentence=$2 operand=$3
	shift 3
	call rnm inspect "$@" -- "$operand"
	expect_rc "$code"
	expect_no_out
	expect_plain_error
	expect_err "$sentence"
}

@test "files: RNM1 and bare networks, plain and compressed" {
	says "$MODEL" '.compressed == false and .parameters == 2177 and .model_version == 1'
	says "$WORK/rnm.zst" '.compressed and .parameters == 2177 and .model_version == 1'
	says "$KANN" '.compressed == false and .parameters == 2177 and .providers_digest == null'
	says "$WORK/kann.zst" '.compressed and .parameters == 2177 and .providers_digest == null'
	# What it is, is seen from the bytes; a name may look like anything.
	cp "$MODEL" "$BATS_TEST_TMPDIR/-strange=name@1.json"
	(cd "$BATS_TEST_TMPDIR" && says "-strange=name@1.json" '.model_version == 1')
	cp "$KANN" "$BATS_TEST_TMPDIR/redis"
	(cd "$BATS_TEST_TMPDIR" && says redis '.parameters == 2177')
	cp "$KANN" "$BATS_TEST_TMPDIR/redis:embed"
	(cd "$BATS_TEST_TMPDIR" && says ./redis:embed '.parameters == 2177')
}

@test "standard input, from a file and from a pipe, in every form" {
	local file
	for file in "$MODEL" "$WORK/rnm.zst" "$KANN" "$WORK/kann.zst"; do
		rnm inspect --json - <"$file" | jq -e '.parameters == 2177'
		cat "$file" | rnm inspect --json - | jq -e '.parameters == 2177'
	done
	fails 3 "expected" - </dev/null
}

@test "standard input can be read once" {
	call rnm diff - - <"$MODEL"
	expect_rc 2
	expect_no_out
	expect_plain_error
	expect_err "standard input can be read once, but both a model - and a model - want it"
	call rnm merge -n - - <"$MODEL"
	expect_rc 2
	expect_err "standard input can be read once"
	call rnm diff -c "$CONF" --password-file - - redis:embed <"$MODEL"
	expect_rc 2
	expect_err "but both a model - and --password-file want it"
	call rnm diff "$MODEL" - <"$MODEL"
	expect_rc 0
}

@test "what is in Redis: the served model, of a settings id, of a version" {
	says redis:embed '.model_version == 3 and .file == "redis:embed"' -c "$CONF"
	says redis:embed/default '.model_version == 3' -c "$CONF"
	says redis:embed/default@2 '.model_version == 2' -c "$CONF"
	says redis:embed@2 '.model_version == 2' -c "$CONF"
	says redis:embed/unit '.normalisation == "unit" and .rnm.settings == "unit"' -c "$CONF"
	says redis:embed/pca '.pca_rows == 8 and .pca_cols == 40' -c "$CONF"
	# Without a configuration the name is a prefix.
	says redis:embed/unit '.normalisation == "unit"' --redis "unix://$SOCKET" -c "$CONF"
	(cd "$BATS_TEST_TMPDIR" && CONFDIR=$BATS_TEST_TMPDIR says redis:embed/unit '.model_version == 1' --redis "unix://$SOCKET")
}

@test "two of them share one connection and one configuration" {
	local before after
	before=$(cli info stats | sed -n 's/^total_connections_received:\([0-9]*\).*/\1/p')
	call rnm diff -c "$CONF" redis:embed@2 redis:embed/unit --json
	expect_rc 0
	expect_json '.a.model_version == 2 and .b.model_version == 1 and .a.kind == "redis"'
	after=$(cli info stats | sed -n 's/^total_connections_received:\([0-9]*\).*/\1/p')
	# One of rnm, one of this look at the counter.
	[ "$((after - before))" = 2 ]
}

@test "names with slashes, at signs and percent signs" {
	says 'redis:odd%2Fr%25le%407/a%2Fb%40c' '.model_version == 4 and .rnm.rule == "odd/r%le@7" and .rnm.settings == "a/b@c"' -c "$WORK/odd.conf"
	says 'redis:odd%2fr%25le%407/a%2Fb%40c@4' '.model_version == 4' -c "$WORK/odd.conf"
	# Only the first slash ends the rule.
	says 'redis:odd%2Fr%25le%407/a/b%40c' '.rnm.settings == "a/b@c"' -c "$WORK/odd.conf"
	fails 2 "after % two hexadecimal digits" 'redis:odd%2' -c "$WORK/odd.conf"
	fails 2 "after % two hexadecimal digits" 'redis:odd%zz' -c "$WORK/odd.conf"
	fails 2 "after % two hexadecimal digits" 'redis:embed/a%00b' -c "$WORK/odd.conf"
}

@test "malformed names" {
	fails 2 "the rule is missing" redis: -c "$CONF"
	fails 2 "the rule is missing" redis:/unit -c "$CONF"
	fails 2 "the version is no number" redis:embed/default@ -c "$CONF"
	fails 2 "the version is no number" redis:embed/default@new -c "$CONF"
	fails 4 "REDIS:embed" REDIS:embed -c "$CONF"
}

@test "names of nothing" {
	fails 4 'nosuch' redis:nosuch -c "$CONF"
	fails 4 'nosuch' redis:embed/nosuch -c "$CONF"
	fails 4 '99' redis:embed/default@99 -c "$CONF"
	fails 4 'none.rnm' "$WORK/none.rnm"
	fails 4 'conf' redis:embed -c "$WORK/none.conf"
	fails 5 "$WORK" "$WORK"
}

@test "no server" {
	sed "s|$SOCKET|$WORK/nobody.sock|" "$CONF" >"$WORK/down.conf"
	fails 5 "nobody.sock" redis:embed -c "$WORK/down.conf"
	fails 5 "nobody.sock" redis:embed --redis "unix://$WORK/nobody.sock" -c "$CONF"
	# Files need neither configuration nor server.
	CONFDIR=/nonexistent says "$MODEL" '.model_version == 1'
}

@test "a model that is no model" {
	cli eval "redis.call('HSET', 'rn_odd_2', 'ann', 'garbage')" 0 >/dev/null
	cli zadd 'rn3_odd_3_bad' 1 '{"digest":"d","symbols":[],"version":1,"redis_key":"rn_odd_2"}' >/dev/null
	fails 3 "rn_odd_2" 'redis:odd%2Fr%25le%407/bad' -c "$WORK/odd.conf"
	head -c 200 "$KANN" >"$BATS_TEST_TMPDIR/cut"
	call rnm inspect --json "$BATS_TEST_TMPDIR/cut"
	expect_rc 1
	expect_json '.architecture == null'
	# After a failure inside a reply the next model has a fresh connection, or none is needed.
	call rnm diff -c "$WORK/odd.conf" 'redis:odd%2Fr%25le%407/bad' redis:embed
	expect_rc 3
	expect_plain_error
}

@test "the name of a file stands before what is wrong in it, even when the sentence holds the same word" {
	cd "$BATS_TEST_TMPDIR"
	: >empty
	fails 3 "rnm: empty: expected an RNM1 file, found an empty one" empty
	echo 7 >integer
	fails 3 "rnm: integer: expected a msgpack map, found an integer" integer
	expect_err "  hint: a model is an RNM1 file or a network (KANN), as it is or as one zstd frame"
	fails 4 "rnm: cannot open none: No such file or directory" none
}

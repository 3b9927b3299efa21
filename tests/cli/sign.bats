#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm sign, and the signatures that rnm verify checks; rspamd's own signtool and records of it as judges.

load helpers

setup_file() {
	common_setup_file
	mkdir -p "$WORK/keys"
	cp "$DATA/sign/kp1.ucl" "$DATA/sign/kp2.ucl" "$WORK/keys"
	chmod 600 "$WORK/keys"/*
	export KEY1="$WORK/keys/kp1.ucl" KEY2="$WORK/keys/kp2.ucl" PUB1="$DATA/sign/kp1.pub" PUB2="$DATA/sign/kp2.pub"
	# A sound model with a digest, version 1, as the original exported it.
	export MODEL="$DATA/cli/files/export_nokey.rnm" DIGEST=376616275a1a984c
}

setup() {
	mkdir "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here"
	cp "$MODEL" model.rnm
}

# refused WORDS [ARGUMENT...]: rnm verify says no for this reason and shows nothing of the model.
refused() {
	local words=$1
	shift
	call rnm verify "$@"
	expect_rc 7
	expect_no_out
	expect_plain_error
	expect_err "$words"
}

@test "records: byte for byte what signtool wrote" {
	local file key
	for file in hello.txt random.bin model.rnm; do
		for key in kp1 kp2; do
			cp "$DATA/sign/$file" .
			call rnm sign "$file" -k "$WORK/keys/$key.ucl" --any-file
			expect_rc 0
			cmp "$file.sig" "$DATA/sign/$file.$key.sig"
		done
	done
}

@test "our signatures for rspamd's tools" {
	rnm -q sign model.rnm -k "$KEY1"
	call rspamadm signtool -v -P "$PUB1" model.rnm
	expect_rc 0
	expect_out "verified model.rnm using model.rnm.sig"
	call rspamadm signtool -v -P "$PUB2" model.rnm
	expect_rc 1
	call rspamadm keypair verify -k "$KEY1" model.rnm
	expect_rc 0
}

@test "the signatures of rspamd's tools for us" {
	rspamadm signtool -q -k "$KEY2" model.rnm
	call rnm verify model.rnm --key "$PUB2" --raw-signature
	expect_rc 0
	expect_out "of the bytes alone"
	refused "none of the 1 trusted key made this signature" model.rnm --key "$PUB1" --raw-signature
	rspamadm keypair sign -k "$KEY1" model.rnm
	call rnm verify model.rnm --key "$PUB1" --raw-signature --json
	expect_rc 0
	expect_json ".accepted and .signature.key == \"$(cat "$PUB1")\" and .signature.statement == null"
}

@test "a model: signed, and verified with who, what, and until when" {
	export SOURCE_DATE_EPOCH=$(($(date +%s) - 100))
	call rnm sign model.rnm -k "$KEY1" --valid-for 30d -r embed
	expect_rc 0
	expect_no_err
	expect_out "model.rnm: signed (.sig, .rnmsig), read back and checked"
	expect_out "key: $(cat "$PUB1")"
	expect_folder . model.rnm model.rnm.rnmsig model.rnm.sig
	call rnm verify model.rnm --key "$(cat "$PUB1")"
	expect_rc 0
	expect_out "signature   ok       by $(cat "$PUB1")"
	expect_out "name $DIGEST, rule embed, version 1"
	expect_out "holds until $(date -u -d "@$((SOURCE_DATE_EPOCH + 30 * 86400))" '+%F %T')"
	[ "$(tail -n 1 "$out")" = sound ]
	for encoding in hex base64; do
		call rnm verify model.rnm --key "$(rnm key convert "$PUB1" --format pub --encoding $encoding)"
		expect_rc 0
	done
	call rnm verify model.rnm --key "$PUB1" --json
	expect_json ".accepted and .sound and .signature.trusted_as == \"$PUB1\" and
		.signature.statement == {name: \"$DIGEST\", rule: \"embed\", providers_digest: \"$DIGEST\", model_version: 1,
			created: $SOURCE_DATE_EPOCH, not_after: $((SOURCE_DATE_EPOCH + 30 * 86400)), size: $(stat -c %s model.rnm),
			blake2b: \"$(b2sum -l 256 model.rnm | cut -d ' ' -f 1)\"}"
}

@test "the statement: two lines of canonical JSON, the first signed after its domain" {
	rnm -q sign model.rnm -k "$KEY1"
	[ "$(wc -l <model.rnm.rnmsig)" = 2 ]
	while read -r line; do
		[ "$line" = "$(jq -cS . <<<"$line")" ]
	done <model.rnm.rnmsig
	# Checked without rnm: signtool's plain Ed25519.
	{
		echo "rnm statement 1"
		head -n 1 model.rnm.rnmsig | tr -d '\n'
	} >message
	sed -n 2p model.rnm.rnmsig | jq -r .signature | base64 -d >message.sig
	call rspamadm signtool -v -p "$(sed -n 2p model.rnm.rnmsig | jq -r .key)" message
	expect_rc 0
}

@test "the same time gives the same bytes" {
	export SOURCE_DATE_EPOCH=1790000000
	rnm -q sign model.rnm -k "$KEY1"
	cp model.rnm.rnmsig first
	rnm -q sign model.rnm -k "$KEY1"
	cmp model.rnm.rnmsig first
}

@test "refused: no signature, a short one, a long one" {
	refused "has no signature" model.rnm --key "$PUB1"
	rnm -q sign model.rnm -k "$KEY1"
	cp model.rnm.sig good
	head -c 63 good >model.rnm.sig
	refused "expected a signature of 64 bytes, found 63" model.rnm --key "$PUB1"
	(cat good; echo) >model.rnm.sig
	refused "found 65" model.rnm --key "$PUB1"
	head -c 20000 /dev/zero >model.rnm.sig
	refused "model.rnm.sig is larger" model.rnm --key "$PUB1"
	rm model.rnm.sig
	refused "has no signature" model.rnm --key "$PUB1"
	refused "has no signature" model.rnm --key "$PUB1" --raw-signature
}

@test "refused: other bytes" {
	rnm -q sign model.rnm -k "$KEY1"
	cp model.rnm good
	printf 'x' | dd of=model.rnm bs=1 seek=4000 conv=notrunc status=none
	refused "the signature is not one of these bytes by this key" model.rnm --key "$PUB1"
	refused "the signature is not one of these bytes by this key" model.rnm --key "$PUB1" --raw-signature
	# Signed anew as they are: then the old statement is about something else.
	rspamadm signtool -q -k "$KEY1" model.rnm
	refused "the statement is about other bytes" model.rnm --key "$PUB1"
	head -c 4000 good >model.rnm
	refused "the statement is about $(stat -c %s good) bytes, found 4000" model.rnm --key "$PUB1"
	# Even what would be no model at all is first of all not signed.
	echo nonsense >model.rnm
	refused "found 9" model.rnm --key "$PUB1"
}

@test "refused: another key" {
	rnm -q sign model.rnm -k "$KEY2"
	refused "it is signed with the key $(cat "$PUB2"), which is none of the 1 trusted key" model.rnm --key "$PUB1"
	# The statement by one, the signature by the other, both trusted.
	mkdir trusted
	cp "$PUB1" "$PUB2" trusted
	call rnm verify model.rnm --trusted trusted
	expect_rc 0
	expect_out "(trusted/kp2.pub)"
	rspamadm signtool -q -k "$KEY1" model.rnm
	refused "not one of these bytes by this key" model.rnm --trusted trusted
}

@test "refused: no statement, unless the raw signature is to be enough" {
	rnm -q sign model.rnm -k "$KEY1"
	cp model.rnm.rnmsig good
	rm model.rnm.rnmsig
	refused "has no statement" model.rnm --key "$PUB1"
	expect_err "--raw-signature"
	call rnm verify model.rnm --key "$PUB1" --raw-signature
	expect_rc 0
	# One that is there must be right all the same.
	: >model.rnm.rnmsig
	refused "expected a statement" model.rnm --key "$PUB1" --raw-signature
	sed 's/"model_version":1/"model_version":2/' good >model.rnm.rnmsig
	refused "the signature is not one of these bytes by this key" model.rnm --key "$PUB1" --raw-signature
	sed '1s/,/, /' good >model.rnm.rnmsig
	refused "the signature is not one of these bytes by this key" model.rnm --key "$PUB1"
	head -n 1 good >model.rnm.rnmsig
	refused "two lines" model.rnm --key "$PUB1"
}

@test "refused: the statement of another model" {
	cp "$DATA/cli/files/export_older_live.rnm" other.rnm
	rnm -q sign model.rnm other.rnm -k "$KEY1"
	cmp -s model.rnm other.rnm && skip "the same model"
	cp other.rnm.rnmsig model.rnm.rnmsig
	refused "the statement is about" model.rnm --key "$PUB1"
}

@test "refused: expired, and not yet begun" {
	SOURCE_DATE_EPOCH=$(($(date +%s) - 3601)) rnm -q sign model.rnm -k "$KEY1" --valid-for 1h
	refused "has expired" model.rnm --key "$PUB1"
	SOURCE_DATE_EPOCH=$(($(date +%s) + 1000)) rnm -q sign model.rnm -k "$KEY1"
	refused "which is still to come" model.rnm --key "$PUB1"
	# The clock of the signer may be a little ahead.
	SOURCE_DATE_EPOCH=$(($(date +%s) + 200)) rnm -q sign model.rnm -k "$KEY1"
	call rnm verify model.rnm --key "$PUB1"
	expect_rc 0
}

@test "not-after: days, times, never" {
	export SOURCE_DATE_EPOCH=1700000000
	for pair in 2999-01-31=32474822399 2999-01-31T00:00:00Z=32474736000 never=null 1700000001=1700000001; do
		call rnm sign model.rnm -k "$KEY1" --not-after "${pair%=*}" --json
		expect_rc 0
		expect_json ".files[0].not_after == ${pair#*=} and .files[0].created == 1700000000"
	done
	for when in "" tomorrow 2027-02-30 2027-1-1 2027-01-01T25:00:00Z 0 -1 2027-01-01x 1e9; do
		call rnm sign model.rnm -k "$KEY1" --not-after "$when"
		expect_rc 2
		expect_plain_error
	done
	call rnm sign model.rnm -k "$KEY1" --not-after 2001-01-01
	expect_rc 2
	expect_err "it ends before it begins"
}

@test "names: of the digest, of the file, moved" {
	rnm -q sign model.rnm -k "$KEY1"
	for suffix in "" .sig .rnmsig; do cp "model.rnm$suffix" "moved$suffix"; done
	# The digest is in the model: under it, nothing can be passed off as something else.
	call rnm verify moved --key "$PUB1"
	expect_rc 0
	refused "signed under the name $DIGEST and not under moved" moved --key "$PUB1" --name moved
	rnm -q sign model.rnm -k "$KEY1" --name model.rnm
	call rnm verify model.rnm --key "$PUB1"
	expect_rc 0
	for suffix in "" .sig .rnmsig; do cp "model.rnm$suffix" "moved$suffix"; done
	refused "signed under the name model.rnm and not under moved" moved --key "$PUB1"
	expect_err "--name model.rnm"
	call rnm verify moved --key "$PUB1" --name model.rnm
	expect_rc 0
	refused "not under $DIGEST" model.rnm --key "$PUB1" --name "$DIGEST"
	for name in "" . .. a/b $'a\nb'; do
		call rnm sign model.rnm -k "$KEY1" --name "$name"
		expect_rc 2
	done
}

@test "rules: said, and held against" {
	rnm -q sign model.rnm -k "$KEY1" -r embed
	conf='redis { servers = "/nowhere"; }
		neural { rules { embed { providers = [ { type = "llm"; model = "m"; dim = 64; } ]; } other { providers = [ { type = "llm"; model = "m"; dim = 64; } ]; } } }'
	printf '%s\n' "$conf" >conf
	refused "signed for the rule embed and not for other" model.rnm --key "$PUB1" -r other -c conf
	# That the digest is another one is the answer of the verification, not of the signature.
	call rnm verify model.rnm --key "$PUB1" -r embed -c conf
	expect_rc 1
	expect_out "signature   ok"
	call rnm sign model.rnm -k "$KEY1" -r embed -c conf
	expect_rc 1
	expect_plain_error
	call rnm sign model.rnm -k "$KEY1" -c conf
	expect_rc 2
}

@test "only sound models, unless any file is meant" {
	cp "$DATA/sign/model.rnm" unsound.rnm
	call rnm sign unsound.rnm -k "$KEY1"
	expect_rc 1
	expect_err "--any-file"
	echo text >text
	call rnm sign text -k "$KEY1"
	expect_rc 3
	expect_err "--any-file"
	expect_folder . model.rnm text unsound.rnm
	call rnm sign text -k "$KEY1" --any-file --json
	expect_rc 0
	expect_json '.files[0] | .name == "text" and .providers_digest == null and .model_version == null and .size == 5'
	call rnm verify text --key "$PUB1"
	expect_rc 3
	: >empty
	call rnm sign empty -k "$KEY1" --any-file
	expect_rc 2
	expect_err "empty"
	printf 'rnm statement 1\n{}' >trap
	call rnm sign trap -k "$KEY1" --any-file
	expect_rc 8
	expect_err "would be taken for one"
	[ ! -e trap.sig ] && [ ! -e empty.sig ]
}

@test "several files: one failure does not keep the others from being signed" {
	cp model.rnm a.rnm
	echo text >b.rnm
	call rnm sign model.rnm none.rnm b.rnm a.rnm -k "$KEY1" --json
	expect_rc 4
	expect_json '[.files[].status] == ["done", "not-found", "malformed", "done"] and .files[1].problem != null and (.dry_run | not)'
	[ -e a.rnm.rnmsig ] && [ ! -e b.rnm.sig ]
}

@test "dry run" {
	call rnm sign model.rnm -k "$KEY1" --dry-run
	expect_rc 0
	expect_out "model.rnm: would be signed"
	expect_folder . model.rnm
}

@test "modes: the umask counts, and an old file's stay" {
	(umask 0; rnm -q sign model.rnm -k "$KEY1")
	[ "$(stat -c %a model.rnm.sig model.rnm.rnmsig | tr '\n' ' ')" = "644 644 " ]
	chmod 600 model.rnm.sig
	rnm -q sign model.rnm -k "$KEY1"
	[ "$(stat -c %a model.rnm.sig model.rnm.rnmsig | tr '\n' ' ')" = "600 644 " ]
	rm model.rnm.*
	(umask 077; rnm -q sign model.rnm -k "$KEY1")
	[ "$(stat -c %a model.rnm.sig model.rnm.rnmsig | tr '\n' ' ')" = "600 600 " ]
}

@test "what cannot be written is told, and what is there stays whole" {
	mkdir model.rnm.rnmsig
	call rnm sign model.rnm -k "$KEY1"
	expect_rc 5
	expect_plain_error
	expect_err "model.rnm.rnmsig"
	expect_no_out
}

@test "the file is read once: what was proven is what is looked at" {
	command -v strace >/dev/null || skip "no strace"
	strace -qq -o /dev/null true 2>/dev/null || skip "strace may not trace here"
	rnm -q sign model.rnm -k "$KEY1"
	ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -qq -e trace=openat,open -o trace "$RNM" verify model.rnm --key "$PUB1" >/dev/null
	[ "$(grep -c '"model.rnm"' trace)" = 1 ]
	[ "$(grep -c '"model.rnm.sig"' trace)" = 1 ]
	[ "$(grep -c '"model.rnm.rnmsig"' trace)" = 1 ]
}

@test "a folder of trusted keys" {
	rnm -q sign model.rnm -k "$KEY1"
	mkdir trusted
	call rnm verify model.rnm --trusted trusted
	expect_rc 4
	expect_err "expected public keys (*.pub)"
	cp "$PUB2" trusted
	refused "none of the 1 trusted key" model.rnm --trusted trusted
	call rnm verify model.rnm --trusted trusted --key "$PUB1"
	expect_rc 0
	echo nonsense >trusted/x.pub
	call rnm verify model.rnm --trusted trusted --key "$PUB1"
	expect_rc 3
	expect_err "trusted/x.pub"
	call rnm verify model.rnm --trusted nowhere
	expect_rc 4
	call rnm verify model.rnm --key nowhere
	expect_rc 4
	expect_err "rnm key show"
}

@test "a minisign key signs models too" {
	minisign -G -W -p m.pub -s m.key >/dev/null
	rnm -q sign model.rnm -k m.key
	call rnm verify model.rnm --key m.pub
	expect_rc 0
	call rspamadm signtool -v -p "$(rnm key convert m.pub --format pub)" model.rnm
	expect_rc 0
}

@test "a compressed model: what is signed is what lies there" {
	zstd -q model.rnm -o model.rnm.zst
	rnm -q sign model.rnm.zst -k "$KEY1"
	call rspamadm signtool -v -P "$PUB1" model.rnm.zst
	expect_rc 0
	call rnm verify model.rnm.zst --key "$PUB1"
	expect_rc 0
	zstd -q --no-check -f model.rnm -o model.rnm.zst
	refused "the statement is about" model.rnm.zst --key "$PUB1"
}

@test "a large file: both hashes, in two threads" {
	head -c 3000000 /dev/urandom >large
	rnm -q sign large -k "$KEY1" --any-file
	call rspamadm signtool -v -P "$PUB1" large
	expect_rc 0
	[ "$(head -n 1 large.rnmsig | jq -r .blake2b)" = "$(b2sum -l 256 large | cut -d ' ' -f 1)" ]
	printf 'x' | dd of=large bs=1 seek=2999999 conv=notrunc status=none
	refused "the signature is not one of these bytes by this key" large --key "$PUB1"
}

@test "usage" {
	local words
	for words in "sign" "sign model.rnm" "sign - -k $KEY1" "sign a b -k $KEY1 --name x" "verify - --key $PUB1" \
		"verify redis:embed --key $PUB1" "verify model.rnm --name x" "verify model.rnm --raw-signature" \
		"sign model.rnm -k $KEY1 --valid-for 1d --not-after never" "sign model.rnm -k $KEY1 --valid-for 0"; do
		# shellcheck disable=SC2086
		call rnm $words
		expect_rc 2
		expect_plain_error
	done
	call rnm sign model.rnm -k none
	expect_rc 4
	chmod 644 "$KEY2"
	call rnm sign model.rnm -k "$KEY2"
	chmod 600 "$KEY2"
	expect_rc 8
	expect_folder . model.rnm
}

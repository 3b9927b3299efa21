#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm key: keys of rspamd and minisign, with both programs as judges.

load helpers

setup_file() {
	common_setup_file
	export TERMINAL="$BATS_TEST_DIRNAME/at_terminal.py"
	# The pair of the seed 00 01 .. 1f, as rspamd writes it.
	export PUBLIC=deexo9q6qgrh5qyq7ggq6fba3h3eqmdg5cj5oxidhsbjgjwktbqb
}

setup() {
	mkdir "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here"
	printf 'RNM1 test\n' >message
	cat >seed.key <<-END
		keypair {
		    type = "sign";
		    pubkey = "$PUBLIC";
		    privkey = "yeyroboyfobqyrrbkanaogabxyrnbjcnwefctmyd3ogsbqwd6a8goo6y97h7ceaz7yh4pchhmnou3uthsgcs31sb9k8apd1c1eindhn";
		}
	END
	chmod 600 seed.key
}

# public_of FILE: its base32 text, as rnm key show has it.
public_of() {
	rnm key show "$1" --json | jq -r .base32
}

# signed_by KEY: the hash of rspamd's signature of message with that key file.
signed_by() {
	rm -f message.sig
	rspamadm signtool -k "$1" message >/dev/null && sha256sum <message.sig
}

@test "new: a key pair that only its owner can read, and that rspamd signs with" {
	umask 0
	call rnm key new new.key --pubout new.pub
	expect_rc 0
	expect_no_err
	[ "$(stat -c %a new.key) $(stat -c %a new.pub) $(stat -c %s new.pub)" = "600 644 52" ]
	expect_out "public key: $(cat new.pub)"
	rspamadm signtool -q -k new.key message
	call rspamadm signtool -v -P new.pub message
	expect_rc 0
	expect_folder . message message.sig new.key new.pub seed.key
}

@test "new: never twice the same" {
	rnm key new a.key
	rnm key new b.key
	[ "$(public_of a.key)" != "$(public_of b.key)" ]
}

@test "new: a file that is there stays, unless --force is given" {
	cp seed.key there.key
	call rnm key new there.key
	expect_rc 8
	expect_err "there.key: there is a file already"
	expect_err "--force"
	cmp seed.key there.key
	call rnm key new other.key --pubout there.key
	expect_rc 8
	cmp seed.key there.key
	[ ! -e other.key ]
	chmod 644 there.key
	call rnm key new there.key --force
	expect_rc 0
	[ "$(stat -c %a there.key)" = 600 ]
	[ "$(public_of there.key)" != "$PUBLIC" ]
}

@test "new: --dry-run writes nothing" {
	call rnm key new a.key --pubout a.pub --dry-run
	expect_rc 0
	expect_out "a.key: would be written"
	call rnm key new a.key --dry-run --json
	expect_json '.file == "a.key" and .dry_run'
	call rnm key new seed.key --dry-run
	expect_rc 8
	expect_folder . message seed.key
}

@test "new: every form of rspamd is one that rspamd reads" {
	local form
	for form in "--format ucl" "--format json" "--format ucl --encoding hex" "--format json --encoding hex --name spam"; do
		# shellcheck disable=SC2086
		rnm -q key new x.key $form --force
		signed_by x.key
		call rspamadm signtool -v -p "$(public_of x.key)" message
		expect_rc 0
	done
	[ "$(jq -r '.keypair.extensions.name, .keypair.encoding, .keypair.type' x.key | tr '\n' ' ')" = "spam hex sign " ]
}

@test "new: no words that a parser could take for something else" {
	local name
	for name in 'a"b' 'a\b' '${HOME}' $'a\nb' "$(printf 'x%.0s' $(seq 129))"; do
		call rnm key new x.key --name "$name"
		expect_rc 2
		expect_plain_error
		[ ! -e x.key ]
	done
}

@test "show: every form that a configuration takes" {
	call rnm key show seed.key
	expect_rc 0
	expect_no_err
	expect_out "seed.key: key pair of rspamd (UCL, base32)"
	expect_out "base32    $PUBLIC"
	expect_out "hex       03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
	expect_out "base64    A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
	expect_out "id        cr8qbriif1g6w6cbqybqsxxwy87a3b7sg9dbz8kewndwcziofx6k7t4idopntx8hw9rq1c8m7bi3ry11kmaehw63qjy7yy1p7dacpfd"
	expect_out "sign+key=$PUBLIC+/"
	expect_out "trusted_keys = [\"$PUBLIC\"]"
	expect_out "sign_key = \"$PUBLIC\""
	! grep -q yeyroboyfobqyrrbkanaogabxyrnbjcnwefctmyd3ogsbqwd6a8 "$out"
	call rnm key show "$PUBLIC" --json
	expect_json ".kind == \"public\" and .base32 == \"$PUBLIC\" and (.encrypted | not) and .map == \"sign+key=$PUBLIC+/var/lib/rnm/MODEL.rnm\""
}

@test "show: what rspamadm makes" {
	local flags
	for flags in -s "-s -j" "-s -u"; do
		# shellcheck disable=SC2086
		rspamadm keypair $flags >made.key
		chmod 600 made.key
		[ "$(public_of made.key)" = "$(grep -oP '"?pubkey"?\s*[=:]\s*"\K\w+' made.key)" ]
	done
	# One for encryption signs nothing.
	rspamadm keypair >made.key
	call rnm key show made.key
	expect_rc 3
	expect_err 'with type = "sign"'
}

@test "show: what is no key" {
	: >empty
	call rnm key show empty
	expect_rc 3
	expect_plain_error
	call rnm key show none
	expect_rc 4
	call rnm key show "${PUBLIC^^}"
	expect_rc 4
	printf '%s' "${PUBLIC^^}" >upper
	call rnm key show upper
	expect_rc 3
	sed 's/nbjc/nbjd/' seed.key >other.key
	chmod 600 other.key
	call rnm key show other.key
	expect_rc 3
	expect_err "belongs to the secret one"
}

@test "secrets that others can read are refused" {
	local mode
	for mode in 644 604 660 602 622; do
		chmod $mode seed.key
		call rnm key show seed.key
		expect_rc 8
		expect_err "mode 0$mode"
		expect_err "chmod 600 seed.key"
		call rnm key convert seed.key --format json -o x.key
		expect_rc 8
	done
	chmod 640 seed.key
	call rnm key show seed.key
	expect_rc 0
	expect_err "warning: seed.key: the group of the file may read this secret key"
}

@test "convert: there and back, through every form" {
	local from=seed.key form
	for form in "json base64" "ucl hex" "json hex" "ucl base64" "json base32" "ucl base32"; do
		set -- $form
		call rnm key convert "$from" --format "$1" --encoding "$2" -o "x.$1.$2"
		expect_rc 0
		expect_out "public key: $PUBLIC"
		[ "$(stat -c %a "x.$1.$2")" = 600 ]
		from="x.$1.$2"
	done
	rnm -q key convert "$from" --format minisign --no-password -o x.minisign
	rnm -q key convert x.minisign -o back.key
	[ "$(signed_by back.key)" = "$(signed_by seed.key)" ]
	[ "$(grep privkey back.key | tr -d ' ')" = "$(grep privkey seed.key | tr -d ' ')" ]
}

@test "convert: public keys" {
	rnm key convert seed.key --format pub >pub
	[ "$(cat pub)" = "$PUBLIC" ] && [ "$(stat -c %s pub)" = 52 ]
	rnm -q key convert pub --format pub --encoding hex -o hex.pub
	rnm -q key convert hex.pub --format minisign-pub -o mini.pub
	[ "$(rnm key convert mini.pub --format pub)" = "$PUBLIC" ]
	[ "$(wc -l <mini.pub)" = 2 ]
	call rnm key convert pub --format ucl -o x.key
	expect_rc 2
	expect_err "a public key cannot become a secret one"
	call rnm key convert seed.key --format pub -o seed.key
	expect_rc 8
	call rnm key convert seed.key
	expect_rc 2
	expect_err "a secret key is written into a file"
	call rnm key convert seed.key -o -
	expect_rc 2
	expect_no_out
}

@test "minisign signs and verifies with our keys" {
	rnm -q key new m.key --format minisign --no-password --pubout m.pub
	minisign -S -s m.key -m message >/dev/null
	call minisign -V -p m.pub -m message
	expect_rc 0
	# The number that it knows the key by is the one that we show.
	[ "$(head -n 1 m.pub)" = "untrusted comment: minisign public key $(rnm key show m.key --json | jq -r .minisign_id)" ]
}

@test "a key's number is spelled as minisign spells it" {
	# Without zeros in front, which every sixteenth key would have: until one of those has come.
	for ((i = 0; i < 500; i++)); do
		minisign -G -f -W -p m.pub -s m.key >/dev/null
		read -r _ _ _ _ _ number <m.pub
		((${#number} < 16)) && break
	done
	((${#number} < 16))
	call rnm key show m.pub --json
	expect_json ".minisign_id == \"$number\""
}

@test "we sign with minisign's keys" {
	minisign -G -W -p m.pub -s m.key >/dev/null
	call rnm key show m.key --json
	expect_json ".kind == \"minisign\" and (.encrypted | not) and .minisign == \"$(tail -n 1 m.pub)\""
	[ "$(head -n 1 m.pub)" = "untrusted comment: minisign public key $(jq -r .minisign_id "$out")" ]
	[ "$(public_of m.pub)" = "$(jq -r .base32 "$out")" ]
	rnm -q key convert m.key -o m.ucl
	signed_by m.ucl
	call rspamadm signtool -v -p "$(public_of m.pub)" message
	expect_rc 0
}

@test "minisign reads a password of ours" {
	echo geheim >password
	rnm -q key new m.key --format minisign --password-file password --pubout m.pub
	call python "$TERMINAL" "Password: =geheim" -- minisign -S -s m.key -m message
	expect_out "exit 0"
	call minisign -V -p m.pub -m message
	expect_rc 0
}

@test "a key that minisign 0.11 has encrypted" {
	cp "$DATA/sign/minisign.key" m.key
	chmod 600 m.key
	echo secret >password
	call rnm key show m.key --password-file password --json
	expect_rc 0
	expect_json ".encrypted and .minisign == \"$(tail -n 1 "$DATA/sign/minisign.pub")\""
}

@test "passwords: from the terminal, unseen" {
	call python "$TERMINAL" "New password for m.key=geheim" "Once more=geheim" -- rnm key new m.key --format minisign
	expect_out "exit 0, echo on"
	! grep -q geheim "$out"
	call python "$TERMINAL" "Password of m.key=geheim" -- rnm key show m.key
	expect_out "minisign key, encrypted"
	expect_out "exit 0, echo on"
	call python "$TERMINAL" "Password of m.key=falsch" -- rnm key show m.key
	expect_out "the password does not fit the key"
	expect_out "exit 7, echo on"
}

@test "passwords: interrupted, different, missing" {
	call python "$TERMINAL" "New password=^C" -- rnm key new m.key --format minisign
	expect_out "exit 130, echo on"
	call python "$TERMINAL" "New password=a" "Once more=b" -- rnm key new m.key --format minisign
	expect_out "the two passwords differ"
	expect_out "exit 2, echo on"
	call python "$TERMINAL" "New password=" -- rnm key new m.key --format minisign
	expect_out "exit 2, echo on"
	call setsid -w rnm key new m.key --format minisign
	expect_rc 2
	expect_err "there is no terminal to ask for it"
	expect_err "--password-file"
	[ ! -e m.key ]
}

@test "a file that asks for more than minisign does is refused before any work" {
	python - <<-'END'
	import base64, struct
	head = b"EdScB2" + bytes(32)
	for name, operations, memory in (("ops", 1 << 62, 1 << 20), ("memory", 1 << 20, 1 << 62)):
	    data = head + struct.pack("<QQ", operations, memory) + bytes(104)
	    open(name, "wb").write(b"untrusted comment: x\n" + base64.b64encode(data) + b"\n")
	END
	chmod 600 ops memory
	echo x >password
	for file in ops memory; do
		call timeout 5 rnm key show $file --password-file password
		expect_rc 3
		expect_err "the limits are"
	done
}

@test "usage" {
	local words
	for words in "key" "key make x" "key new" "key show" "key convert" "key new a b" "key show seed.key --force" \
		"key new x --output y" "key convert seed.key --name y -o x" "key new x --format der" "key new x --format pub" \
		"key new x --encoding zbase" "key new x --format minisign --encoding hex --no-password" \
		"key convert seed.key --no-password --new-password-file f"; do
		# shellcheck disable=SC2086
		call rnm $words
		expect_rc 2
		expect_plain_error
	done
	expect_folder . message seed.key
}

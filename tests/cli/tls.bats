#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Redis over TLS: options, settings, what is sent, and that the data is the same.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
	export CERTS="$WORK/certs"
	mkdir "$CERTS"
	"$BATS_TEST_DIRNAME/../make_certs" "$CERTS"
	export PORT
	PORT=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	serve good
	[ "$(cli config set tls-port "$PORT")" = OK ]
	# The recorded configuration with this server in place of the socket.
	export RULES
	RULES=$(sed 1d "$CONF")
	configure ''
}

teardown_file() {
	stop_redis
}

# serve CERT [yes]: what the server shows, and whether it demands a certificate of the client.
serve() {
	[ "$(cli config set tls-cert-file "$CERTS/$1.pem" tls-key-file "$CERTS/server.key" \
		tls-ca-cert-file "$CERTS/ca.pem" tls-auth-clients "${2:-no}")" = OK ]
}

# configure OPTIONS [HOST]: $TLS_CONF, a configuration with these options of Redis beside the CA.
configure() {
	export TLS_CONF="$WORK/tls.conf"
	printf 'redis { servers = "%s:%s"; ssl = true; ssl_ca = "%s"; timeout = 5s; %s }\n%s\n' "${2:-127.0.0.1}" \
		"$PORT" "$CERTS/ca.pem" "$1" "$RULES" >"$TLS_CONF"
}

setup() {
	configure ''
	URL="rediss://127.0.0.1:$PORT"
	proxy=
}

teardown() {
	[ -z "$proxy" ] || {
		kill "$proxy"
		wait "$proxy" || true
	}
}

# start_proxy [ARGUMENT...]: the proxy in front of the same Redis; sets PROXY_URL.
start_proxy() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/tls_proxy.py" "$BATS_TEST_TMPDIR" "$SOCKET" "$CERTS/good.pem" "$CERTS/server.key" \
		"$@" 3>&- &
	proxy=$!
	for _ in $(seq 200); do
		[ -e "$BATS_TEST_TMPDIR/port" ] && break
		sleep 0.05
	done
	PROXY_PORT=$(cat "$BATS_TEST_TMPDIR/port")
}

@test "an import of several pieces through TLS" {
	local key
	python "$BATS_TEST_DIRNAME/made_model.py" "$BATS_TEST_TMPDIR/m.rnm" 64 hidden=20000 digest=376616275a1a984c
	call rnm import -r embed -s tls -c "$TLS_CONF" "$BATS_TEST_TMPDIR/m.rnm" --json
	expect_rc 0
	expect_json '.written and .served and .bytes > 4000000'
	key=$(jq -r .key "$out")
	rnm -q export -r embed -s tls -c "$CONF" -o "$BATS_TEST_TMPDIR/back" >/dev/null
	call rnm diff "$BATS_TEST_TMPDIR/m.rnm" "$BATS_TEST_TMPDIR/back" --json
	expect_json '.weights.changed == 0'
	[ "$(cli hstrlen "$key" ann)" = "$(rnm inspect "$BATS_TEST_TMPDIR/m.rnm" --json | jq .ann_size)" ]
	cli del "$key" rn3_embed_3_tls
}

@test "list and export see through TLS what they see without it" {
	local plain="$BATS_TEST_TMPDIR/plain"
	export SOURCE_DATE_EPOCH=1700000000
	rnm list --all -c "$CONF" --json | jq 'del(.server)' >"$plain.json"
	rnm export -r embed -c "$CONF" -o "$plain.rnm"
	call rnm list --all -c "$TLS_CONF" --json
	expect_rc 0
	expect_no_err
	expect_json ".server == \"127.0.0.1:$PORT\""
	jq 'del(.server)' "$out" | diff "$plain.json" -
	call rnm export -r embed -c "$TLS_CONF" -o "$BATS_TEST_TMPDIR/tls.rnm"
	expect_rc 0
	cmp "$plain.rnm" "$BATS_TEST_TMPDIR/tls.rnm"
	call rnm export -r embed -c "$CONF" --redis "$URL" --cacert "$CERTS/ca.pem" -o "$BATS_TEST_TMPDIR/url.rnm"
	expect_rc 0
	cmp "$plain.rnm" "$BATS_TEST_TMPDIR/url.rnm"
}

@test "the drop-in uses TLS from its configuration" {
	call neural_export -c "$CONF" -r embed --list
	mv "$out" "$BATS_TEST_TMPDIR/plain"
	call neural_export -c "$TLS_CONF" -r embed --list
	expect_rc 0
	expect_no_err
	diff "$BATS_TEST_TMPDIR/plain" "$out"
	export SOURCE_DATE_EPOCH=1700000000
	neural_export -c "$CONF" -r embed -o "$BATS_TEST_TMPDIR/plain.rnm"
	call neural_export -c "$TLS_CONF" -r embed -o "$BATS_TEST_TMPDIR/tls.rnm"
	expect_rc 0
	cmp "$BATS_TEST_TMPDIR/plain.rnm" "$BATS_TEST_TMPDIR/tls.rnm"
	configure 'sni = "redis.example"'
	call neural_export -c "$TLS_CONF" -r embed --list
	expect_rc 1
	expect_err "cannot connect to redis server 127.0.0.1:$PORT: the server's certificate is for localhost, redis.test, 127.0.0.1, ::1 and not for redis.example, which rspamd does not check"
	[ "$(wc -l <"$err")" -eq 1 ] || { show; false; }
	call neural_export -c "$TLS_CONF" -r embed --list --insecure
	expect_rc 1
	expect_err "unknown option '--insecure'"
}

@test "whom to trust: a file, a folder, the configuration's, the system's, anybody" {
	local bad="cannot connect to redis server 127.0.0.1:$PORT: the CA of the server's certificate, /CN=rnm test ca, is not among those of"
	call rnm list -c "$CONF" -r embed --redis "$URL" --cacertdir "$CERTS/ca-dir"
	expect_rc 0
	call rnm list -c "$CONF" -r embed --redis "$URL"
	expect_rc 5
	expect_plain_error
	expect_err "$bad this system"
	expect_err "hint: if the server can be trusted, name the file of its CA in ssl_ca (--cacert FILE)"
	SSL_CERT_FILE="$CERTS/ca.pem" call rnm list -c "$CONF" -r embed --redis "$URL"
	expect_rc 0
	call rnm list -c "$CONF" -r embed --redis "$URL" --insecure
	expect_rc 0
	# An option takes the place of the configuration, and does not add to it.
	call rnm list -c "$TLS_CONF" -r embed --cacert "$CERTS/other-ca.pem"
	expect_rc 5
	expect_err "$bad $CERTS/other-ca.pem"
	expect_err "; the servers are named in section redis, "
	call rnm list -c "$TLS_CONF" -r embed --cacertdir "$CERTS/no-hash-dir"
	expect_rc 5
	expect_err "openssl rehash"
	configure 'no_ssl_verify = true'
	call rnm list -c "$TLS_CONF" -r embed --cacert "$CERTS/other-ca.pem"
	expect_rc 5
}

@test "a certificate with another name: refused, let through with --sni or sni, or with no_ssl_verify" {
	serve wrong
	call rnm list -c "$TLS_CONF" -r embed
	expect_rc 5
	expect_plain_error
	expect_err "the server's certificate is for other.example, 10.9.8.7 and not for 127.0.0.1, which rspamd does not check"
	expect_err "set sni (--sni NAME)"
	call rnm list -c "$TLS_CONF" -r embed --sni other.example
	expect_rc 0
	configure 'sni = "10.9.8.7"'
	call rnm list -c "$TLS_CONF" -r embed
	expect_rc 0
	configure 'no_ssl_verify = true'
	call rnm list -c "$TLS_CONF" -r embed
	expect_rc 0
	expect_no_err
	serve good
}

@test "an expired certificate: refused, and another server of the list taken" {
	serve expired
	call rnm list -c "$TLS_CONF" -r embed
	expect_rc 5
	expect_err "the server's certificate expired on 2021-02-03 00:00 UTC"
	sed "1s|servers = \"|servers = \"127.0.0.1:$PORT $SOCKET,|" "$TLS_CONF" >"$BATS_TEST_TMPDIR/two.conf"
	call rnm list -c "$BATS_TEST_TMPDIR/two.conf" -r embed
	expect_rc 0
	expect_err "note: skipped the redis server 127.0.0.1:$PORT: the server's certificate expired on"
	expect_err "note: the connection to $SOCKET is not encrypted: TLS is not used on a unix socket"
	serve good
}

@test "a client certificate, demanded and given" {
	serve good yes
	call rnm list -c "$TLS_CONF" -r embed
	expect_rc 5
	expect_plain_error
	expect_err "the server demands a client certificate, and none is set"
	expect_err "set ssl_cert and ssl_key (--cert FILE --key FILE)"
	call rnm list -c "$TLS_CONF" -r embed --cert "$CERTS/client.pem" --key "$CERTS/client.key"
	expect_rc 0
	configure "ssl_cert = \"$CERTS/client.pem\"; ssl_key = \"$CERTS/client.key\""
	call rnm export -c "$TLS_CONF" -r embed --dry-run
	expect_rc 0
	call rnm list -c "$TLS_CONF" -r embed --cert "$CERTS/client-stranger.pem" --key "$CERTS/client.key"
	expect_rc 5
	expect_err "the server does not accept the client certificate: unknown CA"
	serve good
}

@test "options that make no sense: exit 2" {
	local c=(rnm list -c "$CONF" -r embed)
	call "${c[@]}" --cacert "$CERTS/ca.pem"
	expect_rc 2
	expect_plain_error
	expect_err "options of TLS were given, but the redis server is not reached over TLS"
	expect_err "hint: write --redis rediss://HOST, or set ssl = true in the configuration"
	call "${c[@]}" --redis "redis://127.0.0.1:$PORT" --insecure
	expect_rc 2
	call "${c[@]}" --redis "$URL" --cert "$CERTS/client.pem"
	expect_rc 2
	expect_plain_error
	expect_err "found only the certificate"
	call "${c[@]}" --redis "$URL" --key "$CERTS/client.key"
	expect_rc 2
	expect_err "found only the key"
	call "${c[@]}" --redis "$URL" --cacert "$CERTS/ca.pem" --insecure
	expect_rc 2
	expect_plain_error
	call "${c[@]}" --redis "$URL" --cacert /nonexistent/ca.pem
	expect_rc 2
	expect_plain_error
	expect_err "rnm: cannot read /nonexistent/ca.pem (ssl_ca): No such file or directory"
	call "${c[@]}" --redis "$URL" --cert "$CERTS/client.pem" --key "$CERTS/server.key"
	expect_rc 2
	expect_err "$CERTS/server.key (ssl_key) does not belong to the certificate $CERTS/client.pem (ssl_cert)"
	call rnm digest -c "$TLS_CONF" -r embed --cacert "$CERTS/ca.pem"
	expect_rc 2
}

@test "settings that cannot be used: exit 3, before any connection" {
	configure 'ssl_cert = "/nonexistent/cert.pem"; ssl_key = "/nonexistent/key.pem"'
	call rnm list -c "$TLS_CONF" -r embed
	expect_rc 3
	expect_plain_error
	expect_err "rnm: cannot read /nonexistent/cert.pem (ssl_cert): No such file or directory"
	call rnm export -c "$TLS_CONF" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 3
	configure "ssl_cert = \"$CERTS/client.pem\""
	call rnm list -c "$TLS_CONF" -r embed
	expect_rc 3
	expect_err "expected ssl_key beside ssl_cert, found none"
	call neural_export -c "$TLS_CONF" -r embed --list
	expect_rc 1
	expect_err "expected ssl_key beside ssl_cert, found none"
	configure "ssl_cert = \"$CERTS/client.pem\"; ssl_key = \"$CERTS/client-encrypted.key\""
	# Nobody is asked for a passphrase, whether there is a terminal or not.
	call rnm list -c "$TLS_CONF" -r embed </dev/null
	expect_rc 3
	expect_plain_error
	expect_err "client-encrypted.key (ssl_key) is encrypted"
}

@test "the host name that is asked for" {
	start_proxy
	local to="rediss://localhost:$PROXY_PORT" ca="$CERTS/ca.pem"
	rnm list -c "$CONF" -r embed --redis "$to" --cacert "$ca"
	rnm list -c "$CONF" -r embed --redis "rediss://127.0.0.1:$PROXY_PORT" --cacert "$ca"
	rnm list -c "$CONF" -r embed --redis "$to" --cacert "$ca" --sni redis.test
	rnm list -c "$CONF" -r embed --redis "$to" --cacert "$ca" --sni ::1
	rnm list -c "$CONF" -r embed --redis "$to" --insecure
	[ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/names")" = "localhost - redis.test - localhost " ] || {
		cat "$BATS_TEST_TMPDIR/names"
		false
	}
}

@test "records of odd sizes" {
	start_proxy odd
	local plain="$BATS_TEST_TMPDIR/plain" to="rediss://localhost:$PROXY_PORT"
	export SOURCE_DATE_EPOCH=1700000000
	rnm list --all -c "$CONF" --json | jq 'del(.server)' >"$plain.json"
	rnm export -r embed -c "$CONF" -o "$plain.rnm"
	call rnm list --all -c "$CONF" --json --redis "$to" --cacert "$CERTS/ca.pem"
	expect_rc 0
	jq 'del(.server)' "$out" | diff "$plain.json" -
	call rnm export -r embed -c "$CONF" --redis "$to" --cacert "$CERTS/ca.pem" -o "$BATS_TEST_TMPDIR/tls.rnm"
	expect_rc 0
	cmp "$plain.rnm" "$BATS_TEST_TMPDIR/tls.rnm"
}

@test "a line that is cut in the middle of the network: exit 5, the old file whole" {
	local dir="$BATS_TEST_TMPDIR/dir"
	start_proxy cut=5000
	mkdir "$dir"
	echo old >"$dir/m"
	call rnm export -r embed -c "$CONF" --redis "rediss://localhost:$PROXY_PORT" --cacert "$CERTS/ca.pem" -o "$dir/m"
	expect_rc 5
	expect_no_out
	expect_plain_error
	expect_err "the connection was closed in the middle of a reply"
	expect_folder "$dir" m
	[ "$(cat "$dir/m")" = old ]
}

@test "a model of 30 MB and a list of 10,000 profiles" {
	local work="$BATS_TEST_TMPDIR" digest=376616275a1a984c
	cc -O1 -D_GNU_SOURCE "$BATS_TEST_DIRNAME/../../bench/peer.c" -o "$work/peer"
	"$work/peer" model 1000 7500 >"$work/kann"
	zstd -q -1 --no-check "$work/kann"
	[ "$(stat -c %s "$work/kann.zst")" -gt 27000000 ]
	cli -x hset tls_big ann <"$work/kann.zst"
	cli zadd rn3_embed_3_big 1700000000 \
		"{\"digest\":\"d\",\"symbols\":[],\"redis_key\":\"tls_big\",\"version\":1,\"providers_digest\":\"$digest\"}"
	export SOURCE_DATE_EPOCH=1700000000
	rnm export -c "$CONF" -r embed -s big -o "$work/plain"
	call rnm export -c "$TLS_CONF" -r embed -s big -o "$work/tls"
	expect_rc 0
	cmp "$work/plain" "$work/tls"
	cli del tls_big rn3_embed_3_big

	cli eval 'for i = 1, 10000 do
		redis.call("ZADD", KEYS[1], i, cjson.encode({digest = "d", symbols = {"S"}, redis_key = "tls_" .. i,
			version = i, providers_digest = ARGV[1]}))
	end' 1 rn3_embed_3_many $digest
	[ "$(cli zcard rn3_embed_3_many)" = 10000 ]
	rnm list -c "$CONF" -r embed -s many --json | jq 'del(.server)' >"$work/plain"
	call rnm list -c "$TLS_CONF" -r embed -s many --json
	expect_rc 0
	expect_json '.lists[0].models | length == 10000'
	jq 'del(.server)' "$out" | cmp "$work/plain" -
	cli del rn3_embed_3_many
}

@test "a password goes over TLS, and into no message" {
	cli acl setuser over-tls on '>sesam-open' '~*' '+@all'
	call rnm list -c "$CONF" -r embed --redis "rediss://over-tls:sesam-open@127.0.0.1:$PORT" --cacert "$CERTS/ca.pem"
	expect_rc 0
	call rnm list -c "$CONF" -r embed --redis "rediss://over-tls:wrong-sesam@127.0.0.1:$PORT" --cacert "$CERTS/ca.pem"
	expect_rc 6
	expect_err WRONGPASS
	call rnm list -c "$CONF" -r embed --redis "rediss://over-tls:sesam-open@127.0.0.1:$PORT"
	expect_rc 5
	! grep -q sesam "$err" || { show; false; }
	cli acl deluser over-tls
}

@test "a cipher without certificates, which the host allows" {
	[ "$(cli config set tls-protocols TLSv1.2 tls-ciphers 'AECDH-AES256-SHA:@SECLEVEL=0')" = OK ]
	cat >"$BATS_TEST_TMPDIR/openssl.cnf" <<-'CONF'
		openssl_conf = all
		[all]
		ssl_conf = ssl
		[ssl]
		system_default = careless
		[careless]
		CipherString = ALL:aNULL:@SECLEVEL=0
	CONF
	OPENSSL_CONF="$BATS_TEST_TMPDIR/openssl.cnf" call rnm list -c "$TLS_CONF" -r embed
	expect_rc 5
	expect_err "the server shows no certificate"
	OPENSSL_CONF="$BATS_TEST_TMPDIR/openssl.cnf" call rnm list -c "$CONF" --redis "$URL" --insecure -r embed
	expect_rc 0
	[ "$(cli config set tls-protocols '' tls-ciphers '')" = OK ]
}

@test "the system may ask for a newer TLS, but not for an older one" {
	local version
	for version in 1.1 1.3; do
		printf '%s\n' 'openssl_conf = all' '[all]' 'ssl_conf = ssl' '[ssl]' 'system_default = policy' '[policy]' \
			"MinProtocol = TLSv$version" 'CipherString = ALL:@SECLEVEL=0' >"$BATS_TEST_TMPDIR/$version.cnf"
	done
	[ "$(cli config set tls-protocols TLSv1.1 tls-ciphers 'ALL:@SECLEVEL=0')" = OK ]
	OPENSSL_CONF="$BATS_TEST_TMPDIR/1.1.cnf" call rnm list -c "$TLS_CONF" -r embed
	expect_rc 5
	expect_err "the server speaks no TLS that is new enough (1.2 at least)"
	[ "$(cli config set tls-protocols TLSv1.2 tls-ciphers '')" = OK ]
	OPENSSL_CONF="$BATS_TEST_TMPDIR/1.1.cnf" call rnm list -c "$TLS_CONF" -r embed
	expect_rc 0
	OPENSSL_CONF="$BATS_TEST_TMPDIR/1.3.cnf" call rnm list -c "$TLS_CONF" -r embed
	expect_rc 5
	expect_err "the server speaks no TLS that is new enough"
	[ "$(cli config set tls-protocols '' tls-ciphers '')" = OK ]
}

@test "rnm config --check speaks of TLS" {
	configure 'no_ssl_verify = true; ssl_cert = "c"'
	call rnm config -c "$TLS_CONF" --check --json
	expect_rc 1
	expect_json '.findings | map(.id) == ["redis.tls-pair", "config.tls-unverified"]'
	printf 'redis { servers = "%s"; ssl_ca = "/ca"; }\n%s\n' "$SOCKET" "$RULES" >"$BATS_TEST_TMPDIR/off.conf"
	call rnm config -c "$BATS_TEST_TMPDIR/off.conf" --check --json
	expect_json '.findings | map(.id) == ["config.tls-off"]'
	printf 'redis { servers = "%s"; ssl = true; }\n%s\n' "$SOCKET" "$RULES" >"$BATS_TEST_TMPDIR/unix.conf"
	call rnm config -c "$BATS_TEST_TMPDIR/unix.conf" --check --json
	expect_json '.findings | map(.id) == ["config.tls-unix"]'
}

@test "OpenSSL is loaded for TLS only, and not missed before" {
	local broken="$BATS_TEST_TMPDIR/lib"
	mkdir "$broken"
	LD_DEBUG=files call rnm list -c "$CONF" -r embed
	expect_rc 0
	! grep -q libssl "$err" || { show; false; }
	LD_DEBUG=files call rnm list -c "$TLS_CONF" -r embed
	expect_rc 0
	grep -q libssl "$err"

	echo 'no library' >"$broken/libssl.so.3"
	LD_LIBRARY_PATH="$broken" call rnm list -c "$CONF" -r embed
	expect_rc 0
	LD_LIBRARY_PATH="$broken" call rnm list -c "$TLS_CONF" -r embed
	expect_rc 5
	expect_plain_error
	expect_err "cannot load OpenSSL, which TLS needs: "
	expect_err "hint: install the package libssl3"
	# One that lacks the functions.
	echo 'int nothing;' | cc -shared -fPIC -Wl,-soname,libssl.so.3 -xc - -o "$broken/libssl.so.3"
	LD_LIBRARY_PATH="$broken" call rnm list -c "$TLS_CONF" -r embed
	expect_rc 5
	expect_plain_error
	expect_err "undefined symbol"
}

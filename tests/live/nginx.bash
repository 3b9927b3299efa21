# SPDX-License-Identifier: Apache-2.0
# A real nginx with packaging/nginx before a published tree, for files that load ../cli/helpers too.

# start_nginx TREE [SCRIPT]: its port in PORT.  As shipped, but for where it listens and what it serves, and what
# a script of sed changes.
start_nginx() {
	PORT=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	sed -e "s|listen 80;|listen 127.0.0.1:$PORT;|" -e "s|root /srv/models;|root $1;|" -e "${2:-}" \
		"$BATS_TEST_DIRNAME/../../packaging/nginx/rnm-models.conf" >"$WORK/site.conf"
	cat >"$WORK/nginx.conf" <<-END
		daemon off;
		master_process off;
		pid $WORK/nginx.own.pid;
		error_log $WORK/error.log;
		events { }
		http {
			access_log off;
			client_body_temp_path $WORK/body;
			proxy_temp_path $WORK/proxy;
			fastcgi_temp_path $WORK/fastcgi;
			uwsgi_temp_path $WORK/uwsgi;
			scgi_temp_path $WORK/scgi;
			gzip on;
			gzip_types application/octet-stream application/json;
			include $WORK/site.conf;
		}
	END
	/usr/sbin/nginx -q -t -p "$WORK" -c "$WORK/nginx.conf" -e "$WORK/error.log"
	/usr/sbin/nginx -p "$WORK" -c "$WORK/nginx.conf" -e "$WORK/error.log" 3>&- 4>&- &
	echo $! >"$WORK/nginx.pid"
	for _ in $(seq 200); do
		curl -s -o /dev/null "http://127.0.0.1:$PORT/index.json" && return 0
		sleep 0.05
	done
	cat "$WORK/error.log" >&2
	return 1
}

stop_nginx() {
	[ ! -e "$WORK/nginx.pid" ] || kill "$(cat "$WORK/nginx.pid")" 2>/dev/null || true
}

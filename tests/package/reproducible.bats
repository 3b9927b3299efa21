#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A second build, from the source package, in another folder and under other circumstances, gives the same bytes.

load helpers

# Another time zone (and so another day), locale, umask, home, host name, kernel and number of jobs; no tests.
setup_file() {
	load helpers
	export AGAIN=$PACKAGES/again/quite/another/folder
	local host=(unshare --uts)
	[ "$(id -u)" -eq 0 ] || host=(unshare --map-root-user --uts)
	"${host[@]}" true 2>/dev/null || host=(env)
	rm -rf "$PACKAGES/again"
	mkdir -p "$AGAIN"
	(
		cd "$AGAIN"
		dpkg-source -x "$PACKAGES/rnm_$VERSION.dsc"
		cd "rnm-$VERSION"
		umask 0077
		# shellcheck disable=SC2016 # the inner shell's
		"${host[@]}" setarch --uname-2.6 env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin:/usr/games HOME=/tmp USER=someone \
			LC_ALL=C LANGUAGE=de TZ=Pacific/Kiritimati DEB_BUILD_OPTIONS='nocheck parallel=1' sh -c '
				[ "$1" = env ] || hostname elsewhere
				exec dpkg-buildpackage --unsigned-source --unsigned-changes' sh "${host[0]}"
	) >"$PACKAGES/again.log" 2>&1 || {
		tail -n 40 "$PACKAGES/again.log"
		return 1
	}
}

teardown_file() {
	rm -rf "$PACKAGES/again"
}

# What differs between two packages.
explain() { # FILE FILE
	local a=$BATS_TEST_TMPDIR/a b=$BATS_TEST_TMPDIR/b
	echo "$(basename "$1") differs:"
	if command -v diffoscope >/dev/null; then
		diffoscope --max-report-size 20000 "$1" "$2" || true
	elif [ "${1##*.}" = deb ]; then
		rm -rf "$a" "$b"
		dpkg-deb -R "$1" "$a"
		dpkg-deb -R "$2" "$b"
		diff -r "$a" "$b" || true
		diff <(dpkg-deb -c "$1") <(dpkg-deb -c "$2") || true
	else
		cmp "$1" "$2" || true
	fi
}

@test "two builds give identical packages" {
	local file bad=0 count=0
	for file in "$PACKAGES"/*.deb "$PACKAGES"/*.tar.xz "$PACKAGES"/*.dsc; do
		count=$((count + 1))
		cmp -s "$file" "$AGAIN/$(basename "$file")" || {
			explain "$file" "$AGAIN/$(basename "$file")"
			bad=1
		}
	done
	[ $count -eq 7 ] && [ $bad -eq 0 ]
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The packages in a clean Debian: installed by apt, used, upgraded, removed, and built from source.  The tests
# up to the one beside rspamd share one system and build upon each other; the later ones have their own.

load helpers
load chroot

setup_file() {
	load helpers
	load chroot
	[ ${#AS_ROOT[@]} -gt 0 ] || return 0
	CHROOT_CACHE=$PACKAGE_CACHE/archives
	ARCHIVE=$PACKAGE_CACHE/chroot-$(chroot_codename)-$ARCH.tar.zst
	# Beside the packages: /tmp may forbid to execute.
	WORK=$(mktemp -d "$PACKAGES/chroot.XXXXXX")
	export CHROOT_CACHE ARCHIVE WORK
	chroot_archive "$ARCHIVE"
	dpkg-source -x "$PACKAGES/rnm_$VERSION.dsc" "$WORK/source"
	system "$WORK/shared"
}

teardown_file() {
	load chroot
	[ -z "${WORK:-}" ] || "${AS_ROOT[@]}" rm -rf "$WORK"
}

setup() {
	[ ${#AS_ROOT[@]} -gt 0 ] || skip "needs root, or user namespaces with uidmap and a range in /etc/subuid"
	ROOT=$WORK/shared
}

# system FOLDER: a clean one, up to date, with the packages under test in /packages and their source in /source.
system() {
	chroot_unpack "$ARCHIVE" "$1"
	"${AS_ROOT[@]}" mkdir "$1/packages"
	"${AS_ROOT[@]}" cp "$PACKAGES"/*.deb "$1/packages/"
	"${AS_ROOT[@]}" cp -r "$WORK/source" "$1/source"
	chroot_run "$1" apt-get update -q
	chroot_run "$1" apt-get -q -y dist-upgrade
}

in_root() {
	chroot_run "$ROOT" "$@"
}

install() {
	in_root apt-get -q -y --no-install-recommends install "$@"
}

# needed_by TEST: the packages that debian/tests/control names for it, but for our own.
needed_by() {
	sed -n "/^Tests: $1$/,/^$/s/^Depends: //p" "$BATS_TEST_DIRNAME/../../debian/tests/control" | tr -d ',' |
		tr ' ' '\n' | grep -v rnm
}

# Everything of a system but for the memory of apt and dpkg themselves.
snapshot() {
	# shellcheck disable=SC2016 # find's
	in_root find / -xdev \( -path /proc -o -path /dev -o -path /packages -o -path /source -o -path /var/lib/apt -o -path /var/lib/dpkg \
		-o -path /var/cache -o -path /var/log \) -prune -o ! -type d -printf '%p %m %s %l\n' -o -printf '%p %m\n' |
		LC_ALL=C sort
}

# older PACKAGE...: the same as a version before, with one file that the new one no longer has.
older() {
	local package dir
	for package in "$@"; do
		dir=$BATS_TEST_TMPDIR/$package
		dpkg-deb -R "$(deb "$package")" "$dir"
		sed -i "s/^Version: .*/Version: $VERSION~~older/; s/= $VERSION)/= $VERSION~~older)/" "$dir/DEBIAN/control"
		touch "$dir/usr/share/doc/$package/gone"
		dpkg-deb --root-owner-group -b "$dir" "$BATS_TEST_TMPDIR/$package.deb" >/dev/null
		"${AS_ROOT[@]}" cp "$BATS_TEST_TMPDIR/$package.deb" "$ROOT/packages/older-$package.deb"
	done
}

@test "apt installs the command, and everything else comes from Debian" {
	install "/packages/$(basename "$(deb rnm)")"
	[ "$(in_root rnm --version)" = "rnm $VERSION" ]
	same "packages from elsewhere" rnm "$(in_root apt list --installed 2>/dev/null | sed -n 's|/.*local\]$||p')"
	same origins Debian "$(in_root apt-cache policy | grep -oE '\<o=[^,]*' | cut -c3- | sort -u)"
	in_root dpkg -V rnm
}

@test "the command does its work: digest, list, export, neural_export" {
	# shellcheck disable=SC2046 # names
	install $(needed_by command)
	in_root sh -c 'cd /source && debian/tests/command'
}

@test "a program compiles and runs with librnm-dev" {
	# shellcheck disable=SC2046
	install $(needed_by library) "/packages/$(basename "$(deb librnm1)")" "/packages/$(basename "$(deb librnm-dev)")"
	in_root ldconfig -p | grep -q 'librnm\.so\.1 '
	in_root sh -c 'cd /source && debian/tests/library'
	in_root dpkg -V librnm1 librnm-dev
}

@test "it lives beside Debian's rspamd" {
	install rspamd
	in_root dpkg -V rnm librnm1 librnm-dev
	# shellcheck disable=SC2016 # the inner shell's
	same "files of both" "" "$(in_root sh -c 'dpkg -L rspamd rnm | sort | uniq -d | while read -r path; do
		[ -d "$path" ] || echo "$path"; done')"
	# The configuration that it ships.
	in_root rnm -c /etc/rspamd/rspamd.conf config neural >"$BATS_TEST_TMPDIR/neural"
	grep -q train "$BATS_TEST_TMPDIR/neural"
	in_root rspamadm --help >/dev/null
}

@test "an upgrade takes the new files and drops the old, a purge leaves nothing" {
	ROOT=$WORK/upgrade
	system "$ROOT"
	snapshot >"$BATS_TEST_TMPDIR/before"
	older rnm librnm1 librnm-dev
	install /packages/older-rnm.deb /packages/older-librnm1.deb /packages/older-librnm-dev.deb
	in_root test -e /usr/share/doc/rnm/gone
	install "/packages/$(basename "$(deb rnm)")" "/packages/$(basename "$(deb librnm1)")" \
		"/packages/$(basename "$(deb librnm-dev)")"
	# shellcheck disable=SC2016 # dpkg-query's
	same versions "$(lines "$VERSION" "$VERSION" "$VERSION")" \
		"$(in_root dpkg-query -W -f '${Version}\n' rnm librnm1 librnm-dev)"
	same "files of the old version" "" "$(in_root sh -c 'ls /usr/share/doc/*rnm*/gone 2>/dev/null')"
	in_root dpkg -V rnm librnm1 librnm-dev
	# What depends on the library goes before it.
	in_root apt-get -q -y --autoremove purge librnm1
	# shellcheck disable=SC2016
	same rest rnm "$(in_root dpkg-query -W -f '${Package}\n' '*rnm*' 2>/dev/null)"
	in_root apt-get -q -y --autoremove purge rnm
	snapshot >"$BATS_TEST_TMPDIR/after"
	same "what is left behind" "" "$(diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after")"
	"${AS_ROOT[@]}" rm -rf "$ROOT"
}

# The versions of everything that took part in a build, as recorded in a .buildinfo.
toolchain() { # FILE
	sed -n '/^Installed-Build-Depends:/,/^Environment:/p' "$1"
}

@test "the source package builds with nothing but its Build-Depends" {
	local file differs=
	ROOT=$WORK/build
	system "$ROOT"
	install build-essential
	in_root apt-get -q -y --no-install-recommends build-dep /source
	in_root sh -c 'useradd builder && mkdir /built && mv /source /built/ && chown -R builder /built && cd /built/source &&
		DEB_BUILD_OPTIONS=parallel=2 setpriv --reuid=builder --regid=builder --init-groups dpkg-buildpackage -us -uc -b'
	same packages "$(cd "$PACKAGES" && ls -- *.deb)" "$(cd "$ROOT/built" && ls -- *.deb)"
	# Other versions of the compiler may give other bytes; the same ones may not.
	for file in "$PACKAGES"/*.deb; do
		cmp -s "$file" "$ROOT/built/$(basename "$file")" || differs="$differs $(basename "$file")"
	done
	if [ -n "$differs" ] && [ "$(toolchain "$PACKAGES"/rnm_*.buildinfo)" != "$(toolchain "$ROOT"/built/rnm_*.buildinfo)" ]; then
		echo "# note: other versions of the toolchain have made other bytes:$differs" >&3
	else
		same "packages with other bytes" "" "$differs"
	fi
	"${AS_ROOT[@]}" rm -rf "$ROOT"
}

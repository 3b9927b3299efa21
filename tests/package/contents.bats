#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is in the packages, without installing them.

load helpers
MULTIARCH=$(dpkg-architecture -qDEB_HOST_MULTIARCH)

setup_file() {
	local package
	load helpers
	for package in rnm rnm-dbgsym librnm1 librnm1-dbgsym librnm-dev; do
		dpkg-deb -R "$(deb $package)" "$BATS_FILE_TMPDIR/$package"
	done
}

tree() { # PACKAGE: its files and links, without those of the documentation
	(cd "$BATS_FILE_TMPDIR/$1" && find usr ! -type d ! -path 'usr/share/*' | LC_ALL=C sort)
}

control_files() { # PACKAGE
	LC_ALL=C ls "$BATS_FILE_TMPDIR/$1/DEBIAN"
}

depends() { # PACKAGE: names only
	dpkg-deb -f "$(deb "$1")" Depends | tr ',' '\n' | awk '{ print $1 }' | LC_ALL=C sort
}

@test "there are three packages, each with its debug symbols but for the headers" {
	same packages "$(lines librnm-dev librnm1 librnm1-dbgsym rnm rnm-dbgsym)" \
		"$(cd "$PACKAGES" && printf '%s\n' *.deb | sed 's/_.*//' | LC_ALL=C sort)"
}

@test "rnm brings the command under both names and needs neither rspamd nor librnm1" {
	same files "$(lines usr/bin/neural_export usr/bin/rnm)" "$(tree rnm)"
	[ "$(readlink "$BATS_FILE_TMPDIR/rnm/usr/bin/neural_export")" = rnm ]
	[ "$("$BATS_FILE_TMPDIR/rnm/usr/bin/rnm" --version)" = "rnm $VERSION" ]
	same dependencies "$(lines libc6 libcurl4 libjansson4 liblua5.1-0 libmicrohttpd12 libsodium23 libssl3 libxxhash0 libzstd1)" "$(depends rnm)"
	same control "$(lines control md5sums)" "$(control_files rnm)"
}

@test "every command and every verb has a manual page, and the library one" {
	local page share="$BATS_FILE_TMPDIR/rnm/usr/share" missing=
	local verbs='/^Verbs:/,/^$/s/^  \([a-z][a-z]*\)  .*/rnm-\1/p'
	for page in neural_export rnm $("$BATS_FILE_TMPDIR/rnm/usr/bin/rnm" help | sed -n "$verbs"); do
		[ -e "$share/man/man1/$page.1.gz" ] || missing="$missing $page"
	done
	same "without a manual page" "" "$missing"
	[ -e "$share/man/man1/rnm-export.1.gz" ]
	[ -e "$BATS_FILE_TMPDIR/librnm-dev/usr/share/man/man3/librnm.3.gz" ]
}

@test "completions lie where each shell of Debian looks, for both names" {
	local share="$BATS_FILE_TMPDIR/rnm/usr/share"
	same bash "$(lines neural_export rnm)" "$(ls "$share/bash-completion/completions")"
	same fish "$(lines neural_export.fish rnm.fish)" "$(ls "$share/fish/vendor_completions.d")"
	same zsh _rnm "$(ls "$share/zsh/vendor-completions")"
	same "dead links" "" "$(find "$share" -xtype l)"
}

@test "librnm1 is the shared library, whose name is its soname" {
	local library="$BATS_FILE_TMPDIR/librnm1/usr/lib/$MULTIARCH/librnm.so.1"
	same files "usr/lib/$MULTIARCH/librnm.so.1" "$(tree librnm1)"
	objdump -p "$library" | grep -qx ' *SONAME *librnm\.so\.1'
	same "foreign symbols" "" "$(nm -D --defined-only "$library" | grep -v ' rnm_')"
	# The trigger is that of ldconfig; no maintainer script.
	same control "$(lines control md5sums shlibs symbols triggers)" "$(control_files librnm1)"
}

@test "librnm-dev has every public header, both kinds of library and librnm.pc" {
	same headers "$(cd "$BATS_TEST_DIRNAME/../../include" && LC_ALL=C ls rnm/*.h)" \
		"$(cd "$BATS_FILE_TMPDIR/librnm-dev/usr/include" && LC_ALL=C ls rnm/*.h)"
	same files "$(lines librnm.a librnm.so pkgconfig/librnm.pc)" \
		"$(tree librnm-dev | sed -n "s|^usr/lib/$MULTIARCH/||p")"
	[ "$(readlink "$BATS_FILE_TMPDIR/librnm-dev/usr/lib/$MULTIARCH/librnm.so")" = librnm.so.1 ]
	dpkg-deb -f "$(deb librnm-dev)" Depends | grep -qF "librnm1 (= $VERSION)"
}

@test "librnm-dev brings the examples of the source, ready to be compiled" {
	same examples "$(cd "$BATS_TEST_DIRNAME/../../examples" && LC_ALL=C ls)" \
		"$(LC_ALL=C ls "$BATS_FILE_TMPDIR/librnm-dev/usr/share/doc/librnm-dev/examples")"
}

@test "librnm-dev depends on all that librnm.pc asks for" {
	local module owner
	for module in $(PKG_CONFIG_PATH="$BATS_FILE_TMPDIR/librnm-dev/usr/lib/$MULTIARCH/pkgconfig" \
		pkg-config --print-requires-private librnm); do
		owner=$(dpkg -S "$(pkg-config --variable=pcfiledir "$module")/$module.pc" | sed 's/:.*//')
		depends librnm-dev | grep -qx "$owner" || {
			echo "librnm.pc requires $module, which is in $owner: not in Depends"
			return 1
		}
	done
}

@test "the programs are hardened" {
	# Debian 12 builds nothing for control-flow integrity: its C library would switch it off.
	hardening-check --nocfprotection "$BATS_FILE_TMPDIR/rnm/usr/bin/rnm"
	hardening-check --nocfprotection "$BATS_FILE_TMPDIR/librnm1/usr/lib/$MULTIARCH/librnm.so.1"
	same "executable stack" "" "$(readelf -lW "$BATS_FILE_TMPDIR/rnm/usr/bin/rnm" | grep -E 'GNU_STACK.*E')"
	same "library path" "" "$(readelf -d "$BATS_FILE_TMPDIR/rnm/usr/bin/rnm" | grep -E 'RPATH|RUNPATH')"
}

@test "no path of the build is in any file, debug symbols included" {
	same "files with the path" "" "$(grep -rlaF -e "$PACKAGES" "$BATS_FILE_TMPDIR")"
}

@test "everything belongs to root, and only the command may be executed" {
	local package
	for package in rnm librnm1 librnm-dev; do
		same "odd entries of $package" "" "$(dpkg-deb -c "$(deb $package)" |
			grep -vE '^(drwxr-xr-x|-rw-r--r--|lrwxrwxrwx) root/root |^-rwxr-xr-x root/root .* \./usr/bin/rnm$')"
	done
}

@test "the pages of the documentation are there, and the links between them hold" {
	local doc="$BATS_FILE_TMPDIR/rnm/usr/share/doc/rnm" page target bad=
	while read -r page; do
		while read -r target; do
			[ -e "$(dirname "$page")/$target" ] || bad="$bad ${page#"$doc/"}->$target"
		done < <(grep -oE '\]\([^)#:]+\)' "$page" | sed 's/](\(.*\))/\1/')
	done < <(find "$doc/docs" "$doc/SECURITY.md" -name '*.md')
	same "broken links" "" "$bad"
	same pages "$(cd "$BATS_TEST_DIRNAME/../../docs" && find . -name '*.md' ! -name '*.in.md' | LC_ALL=C sort)" \
		"$(cd "$doc/docs" && find . -name '*.md' | LC_ALL=C sort)"
}

# SPDX-License-Identifier: Apache-2.0
# Shared by all files here.  $PACKAGES is the folder with the packages under test.

VERSION=$(dpkg-parsechangelog -l "$BATS_TEST_DIRNAME/../../debian/changelog" -S Version)
ARCH=$(dpkg --print-architecture)

deb() { # PACKAGE: its file
	echo "$PACKAGES/$1_${VERSION}_$ARCH.deb"
}

same() { # WHAT WANTED FOUND
	[ "$2" = "$3" ] || {
		printf '%s:\n' "$1"
		diff <(printf '%s\n' "$2") <(printf '%s\n' "$3")
	}
}

lines() { # each argument on a line
	printf '%s\n' "$@"
}

# SPDX-License-Identifier: Apache-2.0
# A clean system to try packages in: made once with debootstrap from the mirror of the host's own apt, kept as
# an archive, and unpacked anew for every run.  Sourced; `set -eu` is the caller's.

# How to be root: as such, or as the root of a user namespace, or not at all.
if [ "$(id -u)" -eq 0 ]; then
	AS_ROOT=(env)
elif unshare --map-root-user --map-auto true 2>/dev/null; then
	# debootstrap makes no device nodes then, but binds those of the host.
	AS_ROOT=(unshare --map-root-user --map-auto env container=lxc)
else
	AS_ROOT=()
fi

chroot_codename() {
	# shellcheck source=/dev/null
	. /etc/os-release
	echo "$VERSION_CODENAME"
}

# From where the host's apt takes the packages of its own release.
chroot_mirror() {
	# shellcheck disable=SC2016 # the words are apt's
	apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v codename="$1" '$1 == codename && $2 == "main" { print $3; exit }'
}

# chroot_archive FILE: makes the archive unless it is there.
chroot_archive() {
	local codename mirror proxy dir
	[ ! -e "$1" ] || return 0
	codename=$(chroot_codename)
	mirror=$(chroot_mirror "$codename")
	if [ -z "$mirror" ]; then
		echo "apt knows no mirror of $codename: run apt-get update" >&2
		return 1
	fi
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	dir=$(mktemp -d "$1.XXXXXX")
	# shellcheck disable=SC2016 # "$1" is the inner shell's
	if ! http_proxy=${proxy:-${http_proxy:-}} "${AS_ROOT[@]}" unshare --mount --pid --fork \
		sh -c 'debootstrap --variant=minbase "$1" "$2/root" "$3" && rm -f "$2"/root/var/cache/apt/archives/*.deb &&
			tar -C "$2/root" --one-file-system -c . | zstd -q >"$2/tar"' \
		sh "$codename" "$dir" "$mirror" >"$1.log" 2>&1; then
		tail -n 20 "$1.log" >&2
		"${AS_ROOT[@]}" rm -rf "$dir"
		return 1
	fi
	mv "$dir/tar" "$1"
	"${AS_ROOT[@]}" rm -rf "$dir"
}

# chroot_unpack ARCHIVE FOLDER: with the settings of the host's apt, and of its sources those that are Debian's.
chroot_unpack() {
	local root=$2 codename file
	codename=$(chroot_codename)
	"${AS_ROOT[@]}" mkdir "$root"
	zstd -dqc "$1" | "${AS_ROOT[@]}" tar -C "$root" -x
	# shellcheck disable=SC2016 # the words are apt's
	apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v codename="$codename" '$1 == "Debian" && index($2, codename) == 1 { print "deb", $3, $4, $5 }' |
		sort -u | chroot_write "$root" /etc/apt/sources.list
	apt-config dump Acquire | chroot_write "$root" /etc/apt/apt.conf.d/00host
	for file in /etc/resolv.conf /etc/hosts; do
		"${AS_ROOT[@]}" cp -L "$file" "$root$file"
	done
	# Daemons come as programs; nothing starts by itself.
	printf '#!/bin/sh\nexit 101\n' | chroot_write "$root" /usr/sbin/policy-rc.d
	"${AS_ROOT[@]}" chmod 755 "$root/usr/sbin/policy-rc.d"
}

chroot_write() { # ROOT PATH: standard input as a file
	"${AS_ROOT[@]}" tee "$1$2" >/dev/null
}

# chroot_run FOLDER COMMAND...: in namespaces of its own, so that whatever it starts ends with it.  What apt
# fetches is kept in $CHROOT_CACHE for the next run.
chroot_run() {
	local root=$1
	shift
	# shellcheck disable=SC2016 # the inner shell's
	"${AS_ROOT[@]}" unshare --mount --pid --fork --ipc --kill-child sh -c '
		set -e
		root=$1 cache=$2
		shift 2
		mount -t proc proc "$root/proc"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
		for device in null zero full random urandom; do
			touch "$root/dev/$device"
			mount --bind "/dev/$device" "$root/dev/$device"
		done
		[ -z "$cache" ] || mount --bind "$cache" "$root/var/cache/apt/archives"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TZ=UTC \
			DEBIAN_FRONTEND=noninteractive "$@"' sh "$root" "${CHROOT_CACHE:-}" "$@"
}

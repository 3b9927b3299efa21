#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A command that sees a small file system of its own somewhere; nobody else does, and it goes with the command.
# usage: with_mount.sh FOLDER OPTIONS COMMAND...
set -eu
folder=$1
options=$2
shift 2
# Without privileges: as root of a user namespace.
map=-r
[ "$(id -u)" -ne 0 ] || map=
# shellcheck disable=SC2086,SC2016
exec unshare $map -m sh -c 'folder=$1 options=$2; shift 2; mount -t tmpfs -o "$options" none "$folder" && exec "$@"' \
	sh "$folder" "$options" "$@"

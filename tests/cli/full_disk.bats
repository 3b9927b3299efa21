#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Output on file systems that are full, or nearly so, or not to be written.

load helpers

# What a page of tmpfs holds: sizes are counted in these.
PAGE=$(getconf PAGESIZE)

setup_file() {
	common_setup_file
	export SOURCE_DATE_EPOCH=1700000000
	# Several pieces of 256 KiB.
	start_redis_with_big 600000
	rnm export -c "$CONF" -r embed -s big -o "$WORK/big.rnm" >/dev/null
}

teardown_file() {
	stop_redis
}

setup() {
	need_namespace
	DISK="$BATS_TEST_TMPDIR/disk"
	mkdir "$DISK"
	SIZE=$(stat -c %s "$WORK/big.rnm")
	PAGES=$(((SIZE + PAGE - 1) / PAGE))
}

# on_disk OPTIONS SCRIPT: shell text with a small file system at $DISK.
on_disk() {
	export DISK SIZE PAGE PAGES out err
	out="$BATS_TEST_TMPDIR/out" err="$BATS_TEST_TMPDIR/err"
	"$BATS_TEST_DIRNAME/with_mount.sh" "$DISK" "$1" bash -c "
		set -eu
		source '$BATS_TEST_DIRNAME/helpers.bash'
		BATS_TEST_TMPDIR='$BATS_TEST_TMPDIR'
		$2"
}

@test "every number of free pages around what the model needs" {
	on_disk size=1m '
		for free in 0 1 2 63 64 65 128 $((PAGES - 2)) $((PAGES - 1)) "$PAGES" $((PAGES + 1)); do
			rm -f "$DISK"/*
			echo old >"$DISK/model.rnm"
			head -c "$(((256 - 1 - free) * PAGE))" /dev/zero >"$DISK/filler"
			call rnm export -c "$CONF" -r embed -s big -o "$DISK/model.rnm"
			if [ "$free" -ge "$PAGES" ]; then
				expect_rc 0
				cmp "$DISK/model.rnm" "$WORK/big.rnm"
			else
				expect_rc 5
				expect_plain_error
				expect_err "cannot write output file $DISK/model.rnm: No space left on device"
				[ "$(cat "$DISK/model.rnm")" = old ]
			fi
			expect_folder "$DISK" filler model.rnm
			# What was not written takes no room either.
			[ "$free" -ge "$PAGES" ] || [ "$(stat -f -c %f "$DISK")" -eq "$free" ]
		done'
}

@test "--compress, and a new file" {
	on_disk size=1m '
		for free in 1 $((PAGES - 1)); do
			rm -f "$DISK"/*
			head -c "$(((256 - free) * PAGE))" /dev/zero >"$DISK/filler"
			call rnm export -c "$CONF" -r embed -s big --compress -o "$DISK/new.rnm" --json
			expect_rc 5
			expect_plain_error
			expect_err "cannot write output file $DISK/new.rnm: No space left on device"
			expect_json ".status == \"io\" and .file == null"
			expect_folder "$DISK" filler
		done'
}

@test "--all writes what there is room for, and says what not" {
	on_disk size=1m '
		head -c "$(((256 - 20) * PAGE))" /dev/zero >"$DISK/filler"
		call rnm export -c "$CONF" -r embed --all -o "$DISK"
		expect_rc 5
		expect_err "rule embed, settings big: cannot write output file $DISK/embed_big_1.rnm: No space left on device"
		expect_out "2 exported, 1 failed"
		expect_folder "$DISK" embed_default_3.rnm embed_unit_1.rnm filler
		python "$DATA/../cli/rnm1.py" show "$DISK/embed_unit_1.rnm" >/dev/null'
}

@test "neural_export" {
	on_disk size=64k '
		echo old >"$DISK/model.rnm"
		call neural_export -c "$CONF" -r embed -s big -o "$DISK/model.rnm"
		expect_rc 1
		[ "$(cat "$err")" = "cannot write output file $DISK/model.rnm: No space left on device" ]
		expect_folder "$DISK" model.rnm
		[ "$(cat "$DISK/model.rnm")" = old ]'
}

@test "merge, cards and pages" {
	rnm export -q -c "$CONF" -r embed -s unit -o "$WORK/unit.rnm"
	cp "$WORK/unit.rnm" "$WORK/same.rnm"
	for class in -0.5 0.5; do
		echo "[$(yes -- $class | head -64 | paste -sd,)]" >"$WORK/class$class"
	done
	on_disk size=64k '
		try() {
			call rnm "$@"
			expect_rc 5
			expect_plain_error
			expect_err "cannot write output file $DISK/old: No space left on device"
			[ "$(cat "$DISK/old")" = old ]
			expect_folder "$DISK" filler old
		}
		echo old >"$DISK/old"
		head -c "$((64 * 1024 - PAGE))" /dev/zero >"$DISK/filler"
		try merge -o "$DISK/old" "$WORK/unit.rnm" "$WORK/same.rnm"
		try inspect --svg -o "$DISK/old" "$WORK/unit.rnm"
		try inspect --markdown -o "$DISK/old" "$WORK/unit.rnm"
		try eval --spam "$WORK/class0.5" --ham "$WORK/class-0.5" --report "$DISK/old" "$WORK/unit.rnm"'
}

@test "no room in TMPDIR" {
	on_disk size=64k '
		export TMPDIR="$DISK"
		for target in - "$BATS_TEST_TMPDIR/model.rnm"; do
			call rnm export -c "$CONF" -r embed -s big --compress -o "$target"
			expect_rc 5
			expect_no_out
			expect_plain_error
			expect_err "cannot keep the model in a temporary file in $DISK: No space left on device"
			expect_folder "$DISK"
			[ ! -e "$BATS_TEST_TMPDIR/model.rnm" ]
		done'
}

@test "no inodes left" {
	# The root folder takes one.
	on_disk size=1m,nr_inodes=2 '
		echo old >"$DISK/model.rnm"
		call rnm export -c "$CONF" -r embed -s unit -o "$DISK/model.rnm"
		expect_rc 5
		expect_plain_error
		expect_err "cannot create a file in the folder $DISK: No space left on device"
		[ "$(cat "$DISK/model.rnm")" = old ]
		expect_folder "$DISK" model.rnm
		TMPDIR="$DISK" call rnm export -c "$CONF" -r embed -s unit -o -
		expect_rc 5
		expect_no_out
		expect_err "cannot keep the model in a temporary file in $DISK: No space left on device"'
}

@test "a file system that is read only" {
	on_disk size=1m '
		echo old >"$DISK/model.rnm"
		mount -o remount,bind,ro "$DISK"
		call rnm export -c "$CONF" -r embed -s unit -o "$DISK/model.rnm"
		expect_rc 5
		expect_plain_error
		expect_err "cannot open output file $DISK/model.rnm: Read-only file system"
		call rnm export -c "$CONF" -r embed -s unit -o "$DISK/new.rnm"
		expect_rc 5
		expect_plain_error
		expect_err "cannot create a file in the folder $DISK: Read-only file system"
		call rnm export -c "$CONF" --all -o "$DISK"
		expect_rc 5
		expect_plain_error
		expect_err "cannot write into the folder $DISK: Read-only file system"
		expect_folder "$DISK" model.rnm
		[ "$(cat "$DISK/model.rnm")" = old ]'
}

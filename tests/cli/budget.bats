#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a cold list costs, in figures that do not depend on the machine's mood: system calls and allocations.
# A tree like that of a real rspamd: some eighty files, each with its local.d and override.d, templates in
# every tenth.  When one of the figures grows by more than a tenth the test fails; a better one is written
# down here, so that it stays.
load helpers

SYSTEM_CALLS=811
ALLOCATIONS=1504
ALLOCATED_KB=3154

setup_file() {
	common_setup_file
	start_recorded_redis
	make_tree
}
teardown_file() {
	stop_redis
}

make_tree() {
	local dir="$WORK/etc" i
	mkdir -p "$dir/modules.d" "$dir/local.d" "$dir/override.d"
	for i in $(seq -w 1 80); do
		{
			printf '# module %s\nmodule%s {\n' "$i" "$i"
			[ "$((10#$i % 10))" -ne 0 ] || printf '{%% if env.X %%}x = 1;{%% endif %%}\n'
			for key in $(seq 1 12); do printf '  key%s = "value %s";\n  list%s = [1, 2.5, 3min, "x"];\n' "$key" "$i" "$key"; done
			printf '  .include(try=true; priority=1; duplicate=merge) "$LOCAL_CONFDIR/local.d/module%s.conf"\n' "$i"
			printf '  .include(try=true; priority=10) "$LOCAL_CONFDIR/override.d/module%s.conf"\n}\n' "$i"
		} >"$dir/modules.d/module$i.conf"
	done
	cp "$CONF" "$dir/rspamd.conf"
	printf '\n.include(try=true; glob=true) "$CONFDIR/modules.d/*.conf"\n' >>"$dir/rspamd.conf"
}

list() {
	env CONFDIR="$WORK/etc" LOCAL_CONFDIR="$WORK/etc" "$@" "$RNM" list -c "$WORK/etc/rspamd.conf" -r embed
}

# within NAME FIGURE BUDGET: at most a tenth more, and not so much less that the budget says nothing.
within() {
	[ "$2" -gt 0 ] || { echo "no figure for $1"; return 1; }
	[ "$2" -le $(($3 * 11 / 10)) ] || { echo "$1: $2, the budget is $3 and a tenth"; return 1; }
	[ "$2" -ge $(($3 * 7 / 10)) ] || { echo "$1: $2, far below the budget of $3: lower it in budget.bats"; return 1; }
}

# Of a sanitized build neither is the program's own.
only_released() {
	! grep -q __asan_init "$RNM" || skip "a sanitizer's calls and allocations are not the program's own"
}

@test "system calls of a cold list" {
	only_released
	list strace -f -qq -o "$BATS_TEST_TMPDIR/trace" >/dev/null || skip "no process can be traced here"
	within "system calls" "$(grep -cE '^[0-9]+ +[a-z]' "$BATS_TEST_TMPDIR/trace")" $SYSTEM_CALLS
}

@test "allocations of a cold list" {
	only_released
	list ALLOC_COUNT="$BATS_TEST_TMPDIR/count" LD_PRELOAD="$RNM_BUILD/count_alloc.so" >/dev/null
	read -r calls bytes <"$BATS_TEST_TMPDIR/count"
	within allocations "$calls" $ALLOCATIONS
	within "allocated KiB" $((bytes / 1024)) $ALLOCATED_KB
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The configuration tree of Debian's rspamd, read by rspamd itself and by rnm, section by section.

setup_file() {
	command -v rspamadm >/dev/null && [ -e /etc/rspamd/rspamd.conf ] || skip "rspamd is not installed"
	DIR=$(mktemp -d)
	export DIR
	rspamadm configdump -j >"$DIR/theirs.json" 2>/dev/null
	mapfile -t sections < <(jq -r 'keys[]' "$DIR/theirs.json")
	"$RNM" config -c /etc/rspamd/rspamd.conf --json "${sections[@]}" >"$DIR/ours.json"
}

teardown_file() {
	rm -rf "$DIR"
}

# What rspamadm prints after its own Lua code has changed it; rnm shows the configuration as it is written.
#   emails, surbl   rewritten or emptied by lua_cfg_transform
#   group, metric   consumed into each other
#   options         check_all_filters is forced by configdump itself
#   regexp          rules that rspamd's Lua rules add
#   rspamd_update   its URL holds the major version, which is that of rspamd 4 here
#   lua, worker     get_all_opt wraps a plain value in a list and joins repeated sections
changed_by_lua="emails group lua metric options regexp rspamd_update surbl worker"

@test "every other section has the same values" {
	local section different=""
	for section in $(jq -r 'keys[]' "$DIR/theirs.json"); do
		[[ " $changed_by_lua " == *" $section "* ]] && continue
		jq -cS --arg s "$section" '.[$s]' "$DIR/theirs.json" >"$DIR/a"
		jq -cS --arg s "$section" '.[$s]' "$DIR/ours.json" >"$DIR/b"
		cmp -s "$DIR/a" "$DIR/b" || different="$different $section"
	done
	echo "different:$different"
	[ -z "$different" ]
	[ "$(jq 'keys | length' "$DIR/theirs.json")" -gt 50 ]
}

@test "of options only what configdump forces differs" {
	jq -cS '.options | del(.check_all_filters)' "$DIR/theirs.json" >"$DIR/a"
	jq -cS '.options | del(.check_all_filters)' "$DIR/ours.json" >"$DIR/b"
	cmp "$DIR/a" "$DIR/b"
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <rnm/probe.h>

const char *rnm_ask_name(enum rnm_ask ask)
{
	static const char *const names[] = { "head", "get", "again", "other" };

	return names[ask];
}

const char *rnm_reach_name(enum rnm_reach reach)
{
	static const char *const names[] = { "answer", "connect", "tls",     "silence",
		                             "cut",    "headers", "protocol" };

	return names[reach];
}

const char *rnm_framing_name(enum rnm_framing framing)
{
	static const char *const names[] = { "none", "length", "chunked", "close" };

	return names[framing];
}

const char *rnm_body_state_name(enum rnm_body_state state)
{
	static const char *const names[] = { "none", "whole", "cut", "slow", "large", "broken" };

	return names[state];
}

const char *rnm_body_kind_name(enum rnm_body_kind kind)
{
	static const char *const names[] = { "no-model", "padded", "unfit", "model", "encrypted" };

	return names[kind];
}

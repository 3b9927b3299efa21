/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where templates meet the UCL parser: the filter fromjson and its relatives read JSON
 * with it, as in rspamd.
 */
#include "format/template_engine.h"
#include "format/ucl.h"

enum rnm_status rnm_tpl_parse_json(struct rnm_value **out, struct rnm_arena *arena, struct rnm_bytes text,
                                   struct rnm_error *err)
{
	return rnm_ucl_parse_json(out, arena, text.data, text.len, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where an external model may come from.  rspamd: src/libserver/maps/map.c. */
#ifndef RNM_RSPAMD_EXTERNAL_H
#define RNM_RSPAMD_EXTERNAL_H

#include <rnm/value.h>

/* A section has its sources under up to so many names. */
#define RNM_EXTERNAL_LISTS 3

/*
 * What option url of external_model names: the value itself, or, when it is a section, its members that name
 * sources.  Each is a text or a list of texts.  Returns how many there are.
 */
static inline size_t rnm_external_sources(const struct rnm_value *lists[RNM_EXTERNAL_LISTS],
                                          const struct rnm_value *url)
{
	static const char *const names[RNM_EXTERNAL_LISTS] = { "url", "urls", "upstreams" };
	size_t count = 0;

	if (url != NULL && url->type != RNM_OBJECT)
		lists[count++] = url;
	for (size_t i = 0; url != NULL && url->type == RNM_OBJECT && i < RNM_EXTERNAL_LISTS; i++) {
		const struct rnm_value *list = rnm_value_get(url, names[i]);

		if (list != NULL)
			lists[count++] = list;
	}
	return count;
}

#endif

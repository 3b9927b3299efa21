/* SPDX-License-Identifier: Apache-2.0 */
#include "base/url.h"

#include <string.h>

struct rnm_url_authority rnm_url_authority(const char *text)
{
	struct rnm_url_authority out = { .server = { text, strcspn(text, "/?#") } };
	const char *at = memrchr(text, '@', out.server.len);

	if (at == NULL)
		return out;
	out.userinfo = (struct rnm_bytes){ text, (size_t)(at - text) };
	out.server.data = at + 1;
	out.server.len -= out.userinfo.len + 1;
	return out;
}

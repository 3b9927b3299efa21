/* SPDX-License-Identifier: Apache-2.0 */
#include <rnm/rnm.h>

const char *rnm_version(void)
{
	return RNM_VERSION;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_BASE_UTF8_H
#define RNM_BASE_UTF8_H

#include <stddef.h>

/* Length of the valid UTF-8 sequence at text, which has at least one byte left; 0 when there is none. */
size_t rnm_utf8_length(const unsigned char *text, size_t left);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* How a public key is shown: every form that somebody may have to paste. */
#ifndef RNM_CLI_KEY_SHOW_H
#define RNM_CLI_KEY_SHOW_H

#include "options.h"

#include <rnm/json.h>
#include <rnm/key.h>

/* Forms that --format names; the public ones are of `convert` only. */
enum key_form {
	KEY_FORM_UCL,
	KEY_FORM_JSON,
	KEY_FORM_MINISIGN,
	KEY_FORM_PUB,
	KEY_FORM_MINISIGN_PUB,
	KEY_FORM_COUNT
};
extern const char *const key_form_names[KEY_FORM_COUNT];

struct shown_key {
	const char *file;                    /* as given */
	const struct rnm_key_origin *origin; /* NULL for a public key */
	struct rnm_public_key key;
};

bool key_show_text(const struct shown_key *shown);
bool key_show_json(const struct shown_key *shown);
/* The members base32, hex, base64, minisign, minisign_id and id. */
void key_texts_json(struct rnm_json *json, const struct rnm_public_key *key);

#endif

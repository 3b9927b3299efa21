/* SPDX-License-Identifier: Apache-2.0 */
#include "key_show.h"
#include "output.h"

#include <string.h>

/* Where the examples have the model. */
#define MODEL_PATH "/var/lib/rnm/MODEL.rnm"

const char *const key_form_names[KEY_FORM_COUNT] = { "ucl", "json", "minisign", "pub", "minisign-pub" };

static const char *kind_of(const struct shown_key *shown)
{
	static const char *const kinds[] = {
		[RNM_KEY_UCL] = "rspamd-ucl",
		[RNM_KEY_JSON] = "rspamd-json",
		[RNM_KEY_MINISIGN_FILE] = "minisign",
	};

	return shown->origin != NULL ? kinds[shown->origin->format] : "public";
}

void key_texts_json(struct rnm_json *json, const struct rnm_public_key *key)
{
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	char number[RNM_MINISIGN_ID_TEXT_SIZE];
	char id[RNM_KEY_ID_SIZE];

	for (int encoding = RNM_KEY_BASE32; encoding <= RNM_KEY_MINISIGN; encoding++) {
		rnm_public_key_encode(key, (enum rnm_key_encoding)encoding, text);
		rnm_json_kv_string(json, rnm_key_encoding_name((enum rnm_key_encoding)encoding), text);
	}
	rnm_public_key_minisign_id(key, number);
	rnm_json_kv_string(json, "minisign_id", number);
	rnm_public_key_id(key, id);
	rnm_json_kv_string(json, "id", id);
}

bool key_show_json(const struct shown_key *shown)
{
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	char map[RNM_PUBLIC_KEY_TEXT_SIZE + sizeof("sign+key=+" MODEL_PATH)];
	struct rnm_buf out;
	struct rnm_json json;

	rnm_buf_init(&out, OUTPUT_MAX);
	rnm_json_init(&json, &out, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "file", shown->file);
	rnm_json_kv_string(&json, "kind", kind_of(shown));
	rnm_json_kv_bool(&json, "encrypted", shown->origin != NULL && shown->origin->encrypted);
	key_texts_json(&json, &shown->key);
	rnm_public_key_text(&shown->key, text);
	(void)snprintf(map, sizeof(map), "sign+key=%s+" MODEL_PATH, text);
	rnm_json_kv_string(&json, "map", map);
	rnm_json_end_object(&json);
	return output_json(&out);
}

static void put_heading(struct rnm_buf *out, const struct shown_key *shown)
{
	rnm_buf_puts(out, output_color(COLOR_BOLD));
	output_escape(out, shown->file, strlen(shown->file), ESCAPE_ALL);
	rnm_buf_printf(out, "%s: ", output_color(COLOR_NONE));
	if (shown->origin == NULL)
		rnm_buf_puts(out, "public key\n");
	else if (shown->origin->format == RNM_KEY_MINISIGN_FILE)
		rnm_buf_printf(out, "minisign key, %s\n",
		               shown->origin->encrypted ? "encrypted" : "without password");
	else
		rnm_buf_printf(out, "key pair of rspamd (%s, %s)\n",
		               shown->origin->format == RNM_KEY_JSON ? "JSON" : "UCL",
		               rnm_key_encoding_name(shown->origin->encoding));
}

/* What goes into which place of rspamd's configuration. */
static void put_configuration(struct rnm_buf *out, const char *key)
{
	rnm_buf_printf(out,
	               "\nThe external model of a rule, in local.d/neural.conf (rspamd from 4.1.3 on):\n"
	               "  external_model {\n"
	               "    url = \"sign+key=%s+" MODEL_PATH "\";\n"
	               "    merge_alpha = 1.0;\n"
	               "  }\n",
	               key);
	rnm_buf_printf(out,
	               "or with the key in " MODEL_PATH ".pub, 52 characters and no newline:\n"
	               "  url = \"sign+" MODEL_PATH "\";\n"
	               "  trusted_keys = [\"%s\"];    in local.d/options.inc\n",
	               key);
	rnm_buf_printf(out, "  sign_key = \"%s\";    beside url; checks nothing by itself, nor over HTTP\n",
	               key);
}

bool key_show_text(const struct shown_key *shown)
{
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	char number[RNM_MINISIGN_ID_TEXT_SIZE];
	char id[RNM_KEY_ID_SIZE];
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	put_heading(&out, shown);
	for (int encoding = RNM_KEY_BASE32; encoding <= RNM_KEY_MINISIGN; encoding++) {
		rnm_public_key_encode(&shown->key, (enum rnm_key_encoding)encoding, text);
		rnm_buf_printf(&out, "  %-8s  %s\n", rnm_key_encoding_name((enum rnm_key_encoding)encoding),
		               text);
	}
	rnm_public_key_minisign_id(&shown->key, number);
	rnm_buf_printf(&out, "  %-8s  %s\n", "number", number);
	rnm_public_key_id(&shown->key, id);
	rnm_buf_printf(&out, "  %-8s  %s\n", "id", id);
	rnm_public_key_text(&shown->key, text);
	put_configuration(&out, text);
	return output_buffer(&out);
}

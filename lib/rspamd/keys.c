/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/keys.h"

#include <rnm/buf.h>

#include <inttypes.h>
#include <string.h>

#define NAME_MAX_BYTES ((size_t)1 << 30)
/* Between prefix and settings name; the version is that of the meta tokens. */
#define SEPARATOR "_" RNM_METATOKENS_VERSION "_"
#define SEPARATOR_LEN (sizeof(SEPARATOR) - 1)
#define BASE_TAIL "_base"
/* G_restore_NONCE_{KEY} */
#define RESTORE_HEAD "_restore_"
#define NONCE_LEN 16

/* The finished name; a buffer that failed is freed too. */
static char *finish(struct rnm_buf *name)
{
	char *text = rnm_buf_steal(name);

	rnm_buf_free(name);
	return text;
}

char *rnm_rule_zset(const struct rnm_rule *rule, const char *settings)
{
	struct rnm_buf name;

	rnm_buf_init(&name, NAME_MAX_BYTES);
	rnm_buf_puts(&name, rule->global);
	rnm_buf_puts(&name, RNM_PLUGIN_VERSION "_");
	rnm_buf_puts(&name, rule->prefix);
	rnm_buf_puts(&name, SEPARATOR);
	rnm_buf_puts(&name, settings);
	return finish(&name);
}

static void begin_key(struct rnm_buf *name, const struct rnm_rule *rule, const char *settings)
{
	rnm_buf_init(name, NAME_MAX_BYTES);
	rnm_buf_printf(name, "%s_%s_%s", rule->global, rule->prefix, settings);
}

char *rnm_rule_model_key(const struct rnm_rule *rule, const char *settings, const char *profile_digest,
                         int64_t version)
{
	struct rnm_buf name;

	begin_key(&name, rule, settings);
	rnm_buf_printf(&name, "_%.*s_%" PRId64, RNM_KEY_DIGEST_LEN, profile_digest, version);
	return finish(&name);
}

char *rnm_base_key(const char *model_key)
{
	struct rnm_buf name;

	rnm_buf_init(&name, NAME_MAX_BYTES);
	rnm_buf_puts(&name, model_key);
	rnm_buf_puts(&name, BASE_TAIL);
	return finish(&name);
}

char *rnm_training_key(const char *model_key, const char *class_)
{
	struct rnm_buf name;

	rnm_buf_init(&name, NAME_MAX_BYTES);
	rnm_buf_printf(&name, "%s_%s_set", model_key, class_);
	return finish(&name);
}

char *rnm_pending_key(const struct rnm_rule *rule, const char *settings, const char *class_)
{
	struct rnm_buf name;

	begin_key(&name, rule, settings);
	rnm_buf_printf(&name, "_pending_%s_set", class_);
	return finish(&name);
}

char *rnm_restore_key(const char *global, const char *key, uint64_t nonce)
{
	struct rnm_buf name;

	rnm_buf_init(&name, NAME_MAX_BYTES);
	rnm_buf_puts(&name, global);
	rnm_buf_printf(&name, RESTORE_HEAD "%0*" PRIx64 "_{", NONCE_LEN, nonce);
	rnm_buf_puts(&name, key);
	rnm_buf_putc(&name, '}');
	return finish(&name);
}

static bool separator_at(struct rnm_bytes text, size_t pos)
{
	return text.len >= SEPARATOR_LEN && pos <= text.len - SEPARATOR_LEN &&
	       memcmp(text.data + pos, SEPARATOR, SEPARATOR_LEN) == 0;
}

/* Length of the longest known prefix that rest begins with; SIZE_MAX when it is none of them. */
static size_t known_prefix(struct rnm_bytes rest, char *const *known, size_t known_count)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < known_count; i++) {
		size_t len = strlen(known[i]);

		if (separator_at(rest, len) && memcmp(rest.data, known[i], len) == 0 &&
		    (best == SIZE_MAX || len > best))
			best = len;
	}
	return best;
}

bool rnm_zset_split(struct rnm_bytes name, const char *global, char *const *known_prefixes,
                    size_t known_count, struct rnm_bytes *prefix, struct rnm_bytes *settings)
{
	static const char version[] = RNM_PLUGIN_VERSION "_";
	size_t global_len = strlen(global);
	size_t head = global_len + sizeof(version) - 1;
	struct rnm_bytes rest;
	size_t split;

	if (name.len < head || memcmp(name.data, global, global_len) != 0 ||
	    memcmp(name.data + global_len, version, sizeof(version) - 1) != 0)
		return false;
	rest = (struct rnm_bytes){ name.data + head, name.len - head };
	split = known_prefix(rest, known_prefixes, known_count);
	if (split == SIZE_MAX) {
		split = 0;
		while (split + SEPARATOR_LEN <= rest.len && !separator_at(rest, split))
			split++;
		if (!separator_at(rest, split))
			return false;
	}
	*prefix = (struct rnm_bytes){ rest.data, split };
	*settings = (struct rnm_bytes){ rest.data + split + SEPARATOR_LEN, rest.len - split - SEPARATOR_LEN };
	return true;
}

static bool cut_tail(struct rnm_bytes *name, const char *tail)
{
	size_t len = strlen(tail);

	if (name->len < len || memcmp(name->data + name->len - len, tail, len) != 0)
		return false;
	name->len -= len;
	return true;
}

static bool is_digest_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/* Whether a name ends as a model's key does: in _D8_V. */
static bool ends_like_model(struct rnm_bytes name)
{
	size_t at = name.len;
	const char *digest;

	while (at > 0 && name.data[at - 1] >= '0' && name.data[at - 1] <= '9')
		at--;
	if (at == name.len || at < RNM_KEY_DIGEST_LEN + 2 || name.data[at - 1] != '_')
		return false;
	digest = name.data + at - 1 - RNM_KEY_DIGEST_LEN;
	for (size_t i = 0; i < RNM_KEY_DIGEST_LEN; i++)
		if (!is_digest_char(digest[i]))
			return false;
	return digest[-1] == '_';
}

/* The key of the set out of the name of where a restore gathers it. */
static bool cut_restore(struct rnm_bytes name, size_t global_len, struct rnm_bytes *key)
{
	const size_t head = global_len + strlen(RESTORE_HEAD), nonce_end = head + NONCE_LEN;

	if (name.len < nonce_end + 3 ||
	    memcmp(name.data + global_len, RESTORE_HEAD, strlen(RESTORE_HEAD)) != 0)
		return false;
	for (size_t i = head; i < nonce_end; i++)
		if (strchr("0123456789abcdef", name.data[i]) == NULL || name.data[i] == '\0')
			return false;
	*key = (struct rnm_bytes){ name.data + nonce_end + 2, name.len - nonce_end - 3 };
	return name.data[nonce_end] == '_' && name.data[nonce_end + 1] == '{' &&
	       name.data[name.len - 1] == '}' && key->len > global_len &&
	       memcmp(key->data, name.data, global_len + 1) == 0;
}

enum rnm_key_kind rnm_key_kind_of(struct rnm_bytes name, const char *global, struct rnm_bytes *owner)
{
	size_t global_len = strlen(global);
	enum rnm_key_kind kind = RNM_KEY_MODEL;

	if (name.len <= global_len + 1 || memcmp(name.data, global, global_len) != 0 ||
	    name.data[global_len] != '_')
		return RNM_KEY_OTHER;
	if (cut_restore(name, global_len, owner))
		return RNM_KEY_RESTORE;
	*owner = name;
	if (cut_tail(owner, "_spam_set") || cut_tail(owner, "_ham_set"))
		kind = RNM_KEY_TRAINING;
	else if (cut_tail(owner, BASE_TAIL))
		kind = RNM_KEY_BASE;
	if (kind == RNM_KEY_TRAINING && cut_tail(owner, "_pending"))
		return owner->len > global_len + 1 ? RNM_KEY_PENDING : RNM_KEY_OTHER;
	/* G_P_S: at least one separator before that of the digest. */
	if (owner->len < global_len + 1 + RNM_KEY_DIGEST_LEN + 4 || !ends_like_model(*owner))
		return RNM_KEY_OTHER;
	return kind;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "rspamd/key_internal.h"
#include "rspamd/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(RNM_PUBLIC_KEY_SIZE == crypto_sign_PUBLICKEYBYTES, "libsodium's public key");
_Static_assert(RNM_SECRET_KEY_SIZE == crypto_sign_SECRETKEYBYTES, "libsodium's secret key");
_Static_assert(RNM_SIGNATURE_SIZE == crypto_sign_BYTES, "libsodium's signature");

bool rnm_key_crypto_ready(void)
{
	return sodium_init() >= 0;
}

/* ---- the object ---- */

struct rnm_key *rnm_key_new(void)
{
	struct rnm_key *key = rnm_key_crypto_ready() ? sodium_malloc(sizeof(*key)) : NULL;

	if (key != NULL)
		memset(key, 0, sizeof(*key));
	return key;
}

void rnm_key_free(struct rnm_key *key)
{
	sodium_free(key);
}

const struct rnm_public_key *rnm_key_public(const struct rnm_key *key)
{
	return &key->public;
}

const struct rnm_key_origin *rnm_key_origin(const struct rnm_key *key)
{
	return &key->origin;
}

enum rnm_status rnm_key_complete(struct rnm_key *key, const struct rnm_public_key *named, const char *path,
                                 struct rnm_error *err)
{
	uint8_t *derived = sodium_malloc(RNM_SECRET_KEY_SIZE);
	bool same;

	if (derived == NULL)
		return rnm_error_nomem(err);
	same = crypto_sign_seed_keypair(key->public.bytes, derived, key->secret) == 0 &&
	       sodium_memcmp(derived, key->secret, RNM_SECRET_KEY_SIZE) == 0 &&
	       (named == NULL || rnm_public_key_equal(named, &key->public));
	sodium_free(derived);
	if (same)
		return RNM_OK;
	return rnm_key_file_error(err, path, "key.pair",
	                          "a public key that belongs to the secret one: a signature by the two "
	                          "would give the secret away");
}

enum rnm_status rnm_key_generate(struct rnm_key **out, struct rnm_error *err)
{
	struct rnm_key *key = rnm_key_new();

	if (key == NULL || crypto_sign_keypair(key->public.bytes, key->secret) != 0) {
		rnm_key_free(key);
		return rnm_error_nomem(err);
	}
	*out = key;
	return RNM_OK;
}

/* ---- files ---- */

enum rnm_status rnm_key_file_error(struct rnm_error *err, const char *path, const char *id,
                                   const char *expected)
{
	rnm_error_set(err, RNM_E_MALFORMED, id, "expected %s", expected);
	return rnm_error_at_line(err, path, 0), RNM_E_MALFORMED;
}

/* A secret that many may read is none.  Pipes and descriptors have no such bits. */
static enum rnm_status check_exposure(int fd, const char *path, bool *group_readable, struct rnm_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		rnm_error_sys(err, "file.open", errno, "cannot look at %s", path);
		return rnm_error_at_line(err, path, 0), RNM_E_IO;
	}
	*group_readable = S_ISREG(st.st_mode) && (st.st_mode & S_IRGRP) != 0;
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) == 0)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "key.exposed",
	              "expected a secret key that only its owner can read, found a file with mode %04o",
	              (unsigned)(st.st_mode & 07777));
	rnm_error_at_line(err, path, 0);
	rnm_error_set_hint(err, "chmod 600 %s; if others have read it, make a new key: rnm key new", path);
	return RNM_E_REFUSED;
}

static enum rnm_status read_secret(int fd, const char *path, char *room, size_t *len, struct rnm_error *err)
{
	*len = 0;
	for (;;) {
		ssize_t got = read(fd, room + *len, RNM_KEY_FILE_MAX + 1 - *len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			rnm_error_sys(err, "file.read", errno, "cannot read %s", path);
			return rnm_error_at_line(err, path, 0), RNM_E_IO;
		}
		*len += (size_t)got;
		if (*len > RNM_KEY_FILE_MAX) {
			rnm_error_set(err, RNM_E_MALFORMED, "file.too-large",
			              "%s is larger than the limit of %u bytes", path, RNM_KEY_FILE_MAX);
			return rnm_error_at_line(err, path, 0), RNM_E_MALFORMED;
		}
		if (got == 0)
			break;
	}
	room[*len] = '\0';
	return RNM_OK;
}

static enum rnm_status parse(struct rnm_key *key, const char *path, struct rnm_bytes text,
                             const struct rnm_password_source *passwords, struct rnm_error *err)
{
	const size_t comment = strlen(RNM_MINISIGN_COMMENT);

	if (text.len > comment && memcmp(text.data, RNM_MINISIGN_COMMENT, comment) == 0)
		return rnm_key_read_minisign(key, path, text, passwords, err);
	return rnm_key_read_ucl(key, path, text, err);
}

/* What is no key at all is called that, whoever may read it; a password is asked for only where it would count. */
static enum rnm_status parse_unexposed(struct rnm_key *key, int fd, const char *path, struct rnm_bytes text,
                                       const struct rnm_password_source *passwords, struct rnm_error *err)
{
	struct rnm_error exposure;
	const enum rnm_status seen = check_exposure(fd, path, &key->origin.group_readable, &exposure);
	const enum rnm_status parsed = parse(key, path, text, seen == RNM_OK ? passwords : NULL, err);

	if (seen == RNM_OK || parsed == RNM_E_MALFORMED || parsed == RNM_E_NOMEM)
		return parsed;
	if (err != NULL)
		*err = exposure;
	return seen;
}

static enum rnm_status load_open(struct rnm_key **out, int fd, const char *path,
                                 const struct rnm_password_source *passwords, struct rnm_error *err)
{
	struct rnm_key *key = rnm_key_new();
	char *room = key != NULL ? sodium_malloc(RNM_KEY_FILE_MAX + 2) : NULL;
	enum rnm_status status;
	size_t len = 0;

	if (room == NULL) {
		rnm_key_free(key);
		return rnm_error_nomem(err);
	}
	status = read_secret(fd, path, room, &len, err);
	if (status == RNM_OK)
		status = parse_unexposed(key, fd, path, (struct rnm_bytes){ room, len }, passwords, err);
	sodium_free(room);
	if (status == RNM_OK)
		*out = key;
	else
		rnm_key_free(key);
	return status;
}

enum rnm_status rnm_key_load(struct rnm_key **out, const char *path,
                             const struct rnm_password_source *passwords, struct rnm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	enum rnm_status status;

	if (fd < 0)
		return rnm_file_open_error(err, path, errno);
	status = load_open(out, fd, path, passwords, err);
	close(fd);
	return status;
}

/* ---- signatures ---- */

enum rnm_status rnm_key_sign(const struct rnm_key *key, struct rnm_bytes bytes,
                             uint8_t signature[RNM_SIGNATURE_SIZE], struct rnm_error *err)
{
	const unsigned char *data = (const unsigned char *)bytes.data;

	if (crypto_sign_detached(signature, NULL, data, bytes.len, key->secret) != 0)
		return rnm_error_nomem(err);
	return RNM_OK;
}

enum rnm_status rnm_signature_bad(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_SIGNATURE, "signature.bad",
	                     "the signature is not one of these bytes by this key");
}

enum rnm_status rnm_signature_check(const struct rnm_public_key *key, struct rnm_bytes bytes,
                                    const uint8_t signature[RNM_SIGNATURE_SIZE], struct rnm_error *err)
{
	const unsigned char *data = (const unsigned char *)bytes.data;

	if (!rnm_key_crypto_ready())
		return rnm_error_nomem(err);
	if (crypto_sign_verify_detached(signature, data, bytes.len, key->bytes) == 0)
		return RNM_OK;
	return rnm_signature_bad(err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From the ssl_* settings to a context of OpenSSL. */
#include "redis/tls.h"
#include "rspamd/check_ids.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* One read of the socket takes up to four records in. */
#define READ_BUFFER ((size_t)64 << 10)

/* One of the settings that name a file. */
struct named_file {
	const char *id;
	const char *option;
	const char *path;
	const char *holds; /* what has to be in it */
	bool given;        /* by the caller instead of a configuration */
};

static enum rnm_status wrong(bool given)
{
	return given ? RNM_E_USAGE : RNM_E_MALFORMED;
}

/* Whether the error is that there was nothing in PEM form. */
static bool found_nothing(unsigned long code)
{
	switch (ERR_GET_LIB(code)) {
	case ERR_LIB_PEM:
		return ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
	case ERR_LIB_X509:
		return ERR_GET_REASON(code) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND;
	default:
		return ERR_GET_REASON(code) == ERR_R_UNSUPPORTED;
	}
}

/* The error for a file that OpenSSL has refused. */
static enum rnm_status refused_file(const struct rnm_tls *tls, const struct named_file *file,
                                    unsigned long code, struct rnm_error *err)
{
	const char *reason = rnm_openssl.ERR_reason_error_string(code);
	const enum rnm_status status = wrong(file->given);
	struct stat found;
	int sys_errno = 0;

	if (rnm_openssl_no_memory(code))
		return rnm_error_nomem(err);
	/* A folder opens like a file, and then seems to be empty. */
	if (stat(file->path, &found) == 0 && S_ISDIR(found.st_mode))
		sys_errno = EISDIR;
	else if (ERR_SYSTEM_ERROR(code))
		sys_errno = ERR_GET_REASON(code);
	if (tls->passphrase_wanted)
		rnm_error_set(err, status, file->id,
		              "%s (%s) is encrypted, and there is nobody to ask for its passphrase",
		              file->path, file->option);
	else if (sys_errno != 0)
		rnm_error_set(err, status, file->id, "cannot read %s (%s): %s", file->path, file->option,
		              rnm_io_errno_text(sys_errno));
	else if (found_nothing(code))
		rnm_error_set(err, status, file->id, "expected %s in PEM form in %s (%s), found none",
		              file->holds, file->path, file->option);
	else
		rnm_error_set(err, status, file->id, "cannot use %s (%s): %s", file->path, file->option,
		              reason != NULL ? reason : "unknown error of OpenSSL");
	if (err != NULL)
		err->sys_errno = sys_errno;
	if (tls->passphrase_wanted)
		rnm_error_set_hint(err, "write it without a passphrase, readable by this user only: openssl "
		                        "pkey -in FILE -out NEW-FILE");
	rnm_error_at_line(err, file->path, 0);
	return status;
}

/* OpenSSL looks into the folder only when it verifies, and then is silent about one that is not there. */
static enum rnm_status check_folder(const struct named_file *folder, struct rnm_error *err)
{
	DIR *dir = opendir(folder->path);
	const int sys_errno = errno;
	/* The setting is wrong, or the machine. */
	const bool unfit = sys_errno == ENOENT || sys_errno == ENOTDIR || sys_errno == EACCES;
	const enum rnm_status status = unfit ? wrong(folder->given) : RNM_E_IO;

	if (dir != NULL) {
		closedir(dir);
		return RNM_OK;
	}
	rnm_error_set(err, status, folder->id, "cannot read the folder %s (%s): %s", folder->path,
	              folder->option, rnm_io_errno_text(sys_errno));
	if (err != NULL)
		err->sys_errno = sys_errno;
	rnm_error_at_line(err, folder->path, 0);
	return status;
}

static enum rnm_status trust(const struct rnm_tls *tls, struct rnm_error *err)
{
	const struct rnm_redis_settings *s = tls->settings;
	const struct named_file file = { "redis.tls-ca", "ssl_ca", s->ssl_ca, "a certificate",
		                         s->ssl_ca_given };
	const struct named_file folder = { "redis.tls-ca", "ssl_ca_dir", s->ssl_ca_dir, "certificates",
		                           s->ssl_ca_given };
	enum rnm_status status = RNM_OK;

	rnm_openssl.ERR_clear_error();
	if (s->ssl_ca != NULL && rnm_openssl.SSL_CTX_load_verify_file(tls->ctx, s->ssl_ca) != 1) {
		status = refused_file(tls, &file, rnm_openssl_error(), err);
		if (status != RNM_E_NOMEM)
			rnm_error_set_hint(err, "name a file with the certificate of the CA in ssl_ca "
			                        "(--cacert FILE), a folder of them in ssl_ca_dir "
			                        "(--cacertdir DIR)");
	}
	if (status == RNM_OK && s->ssl_ca_dir != NULL) {
		status = check_folder(&folder, err);
		if (status == RNM_OK && rnm_openssl.SSL_CTX_load_verify_dir(tls->ctx, s->ssl_ca_dir) != 1)
			status = refused_file(tls, &folder, rnm_openssl_error(), err);
	}
	if (status == RNM_OK && s->ssl_ca == NULL && s->ssl_ca_dir == NULL &&
	    rnm_openssl.SSL_CTX_set_default_verify_paths(tls->ctx) != 1)
		status = rnm_error_nomem(err);
	return status;
}

static enum rnm_status use_key(const struct rnm_tls *tls, struct rnm_error *err)
{
	const struct rnm_redis_settings *s = tls->settings;
	const struct named_file key = { "redis.tls-key", "ssl_key", s->ssl_key, "a private key",
		                        s->ssl_cert_given };
	unsigned long error;
	bool good;

	rnm_openssl.ERR_clear_error();
	good = rnm_openssl.SSL_CTX_use_PrivateKey_file(tls->ctx, s->ssl_key, SSL_FILETYPE_PEM) == 1;
	/* A key of another kind than the certificate's is only noticed by the second call. */
	if (good && rnm_openssl.SSL_CTX_check_private_key(tls->ctx) == 1)
		return RNM_OK;
	error = rnm_openssl_error();
	if (tls->passphrase_wanted || rnm_openssl_no_memory(error) ||
	    (!good && ERR_GET_LIB(error) != ERR_LIB_X509))
		return refused_file(tls, &key, error, err);
	rnm_error_set(err, wrong(key.given), key.id,
	              "the private key %s (ssl_key) does not belong to the certificate %s (ssl_cert)",
	              s->ssl_key, s->ssl_cert);
	rnm_error_at_line(err, s->ssl_key, 0);
	return wrong(key.given);
}

/* The certificate of our own, for servers that ask for one. */
static enum rnm_status identify(const struct rnm_tls *tls, struct rnm_error *err)
{
	const struct rnm_redis_settings *s = tls->settings;
	const struct named_file cert = { "redis.tls-cert", "ssl_cert", s->ssl_cert, "a certificate",
		                         s->ssl_cert_given };

	if (s->ssl_cert == NULL && s->ssl_key == NULL)
		return RNM_OK;
	if (s->ssl_cert == NULL || s->ssl_key == NULL) {
		rnm_error_set(err, wrong(s->ssl_cert_given), RNM_ID_REDIS_TLS_PAIR,
		              "expected %s beside %s, found none",
		              s->ssl_key == NULL ? "ssl_key" : "ssl_cert",
		              s->ssl_key == NULL ? "ssl_cert" : "ssl_key");
		rnm_error_set_hint(err, "a client certificate and its private key come together: ssl_cert "
		                        "and ssl_key, --cert FILE and --key FILE");
		return wrong(s->ssl_cert_given);
	}
	rnm_openssl.ERR_clear_error();
	if (rnm_openssl.SSL_CTX_use_certificate_chain_file(tls->ctx, s->ssl_cert) != 1)
		return refused_file(tls, &cert, rnm_openssl_error(), err);
	return use_key(tls, err);
}

/* OpenSSL reads a configuration of its own, and refuses to work with one that it does not understand. */
static enum rnm_status refused_setup(struct rnm_error *err)
{
	const unsigned long code = rnm_openssl_error();
	const char *reason = rnm_openssl.ERR_reason_error_string(code);

	if (code == 0 || rnm_openssl_no_memory(code))
		return rnm_error_nomem(err);
	return rnm_error_set(err, RNM_E_IO, "redis.tls-library", "cannot set up OpenSSL, which TLS needs: %s",
	                     reason != NULL ? reason : "unknown error");
}

/* Without this OpenSSL would ask on the terminal. */
static int refuse_passphrase(char *text, int size, int writing, void *tls)
{
	(void)text;
	(void)size;
	(void)writing;
	((struct rnm_tls *)tls)->passphrase_wanted = true;
	return -1;
}

static bool prepare(struct rnm_tls *tls)
{
	SSL_CTX *ctx = tls->ctx;
	/* A write that has to be tried again is tried with the rest of the queue, which may have moved. */
	const long modes = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;

	/* 1.2 is the oldest that rspamd accepts; the configuration of the system may ask for more. */
	if (rnm_openssl.SSL_CTX_ctrl(ctx, SSL_CTRL_GET_MIN_PROTO_VERSION, 0, NULL) < TLS1_2_VERSION &&
	    rnm_openssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) != 1)
		return false;
	rnm_openssl.SSL_CTX_ctrl(ctx, SSL_CTRL_MODE, modes, NULL);
	rnm_openssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
	rnm_openssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_READ_AHEAD, 1, NULL);
	rnm_openssl.SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	rnm_openssl.SSL_CTX_set_options(ctx,
	                                SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	rnm_openssl.SSL_CTX_set_default_passwd_cb(ctx, refuse_passphrase);
	rnm_openssl.SSL_CTX_set_default_passwd_cb_userdata(ctx, tls);
	return true;
}

enum rnm_status rnm_tls_new(struct rnm_tls **out, const struct rnm_redis_settings *settings,
                            struct rnm_error *err)
{
	struct rnm_tls *tls;
	enum rnm_status status = rnm_openssl_load(err);

	if (status != RNM_OK)
		return status;
	tls = calloc(1, sizeof(*tls));
	if (tls == NULL)
		return rnm_error_nomem(err);
	tls->settings = settings;
	rnm_openssl.ERR_clear_error();
	tls->ctx = rnm_openssl.SSL_CTX_new(rnm_openssl.TLS_client_method());
	if (tls->ctx == NULL || !prepare(tls))
		status = refused_setup(err);
	if (status == RNM_OK && !settings->no_ssl_verify)
		status = trust(tls, err);
	if (status == RNM_OK)
		status = identify(tls, err);
	/* A program that uses OpenSSL itself is not to stumble over our errors. */
	rnm_openssl.ERR_clear_error();
	if (status != RNM_OK)
		rnm_tls_free(tls);
	else
		*out = tls;
	return status;
}

void rnm_tls_free(struct rnm_tls *tls)
{
	if (tls == NULL)
		return;
	rnm_openssl.SSL_CTX_free(tls->ctx);
	free(tls);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of OpenSSL that TLS needs, looked up when TLS is first wanted.
 *
 * Linked in the ordinary way, libssl and libcrypto would more than double the time that every start of the
 * command takes, also of those that never open a connection (docs/decisions/0009-openssl.md has figures).
 * The headers are the real ones, so the compiler checks every call as it would without the table.
 */
#ifndef RNM_REDIS_OPENSSL_H
#define RNM_REDIS_OPENSSL_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <rnm/error.h>

#define RNM_OPENSSL_FUNCTIONS(X)                                                                             \
	X(ASN1_STRING_get0_data)                                                                             \
	X(ASN1_STRING_length)                                                                                \
	X(ASN1_TIME_to_tm)                                                                                   \
	X(BIO_clear_flags)                                                                                   \
	X(BIO_get_data)                                                                                      \
	X(BIO_meth_free)                                                                                     \
	X(BIO_meth_new)                                                                                      \
	X(BIO_meth_set_ctrl)                                                                                 \
	X(BIO_meth_set_read)                                                                                 \
	X(BIO_meth_set_write)                                                                                \
	X(BIO_new)                                                                                           \
	X(BIO_set_data)                                                                                      \
	X(BIO_set_flags)                                                                                     \
	X(BIO_set_init)                                                                                      \
	X(ERR_clear_error)                                                                                   \
	X(ERR_get_error)                                                                                     \
	X(ERR_reason_error_string)                                                                           \
	X(GENERAL_NAMES_free)                                                                                \
	X(OPENSSL_sk_num)                                                                                    \
	X(OPENSSL_sk_value)                                                                                  \
	X(SSL_CTX_check_private_key)                                                                         \
	X(SSL_CTX_ctrl)                                                                                      \
	X(SSL_CTX_free)                                                                                      \
	X(SSL_CTX_load_verify_dir)                                                                           \
	X(SSL_CTX_load_verify_file)                                                                          \
	X(SSL_CTX_new)                                                                                       \
	X(SSL_CTX_set_default_passwd_cb)                                                                     \
	X(SSL_CTX_set_default_passwd_cb_userdata)                                                            \
	X(SSL_CTX_set_default_read_buffer_len)                                                               \
	X(SSL_CTX_set_default_verify_paths)                                                                  \
	X(SSL_CTX_set_options)                                                                               \
	X(SSL_CTX_use_PrivateKey_file)                                                                       \
	X(SSL_CTX_use_certificate_chain_file)                                                                \
	X(SSL_alert_desc_string_long)                                                                        \
	X(SSL_connect)                                                                                       \
	X(SSL_ctrl)                                                                                          \
	X(SSL_free)                                                                                          \
	X(SSL_get0_peer_certificate)                                                                         \
	X(SSL_get0_param)                                                                                    \
	X(SSL_get_error)                                                                                     \
	X(SSL_get_ex_data)                                                                                   \
	X(SSL_get_ex_data_X509_STORE_CTX_idx)                                                                \
	X(SSL_get_peer_cert_chain)                                                                           \
	X(SSL_get_security_level)                                                                            \
	X(SSL_get_verify_result)                                                                             \
	X(SSL_get_version)                                                                                   \
	X(SSL_new)                                                                                           \
	X(SSL_read_ex)                                                                                       \
	X(SSL_set_bio)                                                                                       \
	X(SSL_set_cert_cb)                                                                                   \
	X(SSL_set_ex_data)                                                                                   \
	X(SSL_set_verify)                                                                                    \
	X(SSL_shutdown)                                                                                      \
	X(SSL_write_ex)                                                                                      \
	X(TLS_client_method)                                                                                 \
	X(X509_NAME_get_text_by_NID)                                                                         \
	X(X509_NAME_oneline)                                                                                 \
	X(X509_STORE_CTX_free)                                                                               \
	X(X509_STORE_CTX_get0_chain)                                                                         \
	X(X509_STORE_CTX_get0_param)                                                                         \
	X(X509_STORE_CTX_get_current_cert)                                                                   \
	X(X509_STORE_CTX_get_error)                                                                          \
	X(X509_STORE_CTX_get_error_depth)                                                                    \
	X(X509_STORE_CTX_get_ex_data)                                                                        \
	X(X509_STORE_CTX_init)                                                                               \
	X(X509_STORE_CTX_new)                                                                                \
	X(X509_STORE_CTX_set_default)                                                                        \
	X(X509_STORE_CTX_set_ex_data)                                                                        \
	X(X509_STORE_CTX_set_verify_cb)                                                                      \
	X(X509_STORE_free)                                                                                   \
	X(X509_STORE_load_file)                                                                              \
	X(X509_STORE_load_path)                                                                              \
	X(X509_STORE_new)                                                                                    \
	X(X509_STORE_set_default_paths)                                                                      \
	X(X509_VERIFY_PARAM_set1_host)                                                                       \
	X(X509_VERIFY_PARAM_set1_ip)                                                                         \
	X(X509_VERIFY_PARAM_set_auth_level)                                                                  \
	X(X509_VERIFY_PARAM_set_depth)                                                                       \
	X(X509_VERIFY_PARAM_set_hostflags)                                                                   \
	X(X509_get0_notAfter)                                                                                \
	X(X509_get0_notBefore)                                                                               \
	X(X509_get_ext_d2i)                                                                                  \
	X(X509_get_issuer_name)                                                                              \
	X(X509_get_subject_name)                                                                             \
	X(X509_verify_cert)                                                                                  \
	X(X509_verify_cert_error_string)

struct rnm_openssl {
#define RNM_OPENSSL_MEMBER(name) __typeof__(name) *(name);
	RNM_OPENSSL_FUNCTIONS(RNM_OPENSSL_MEMBER)
#undef RNM_OPENSSL_MEMBER
};

/* Filled by rnm_openssl_load, and constant from then on. */
extern struct rnm_openssl rnm_openssl;

/* Loads the library once in the life of the process.  RNM_E_IO, id "redis.tls-library". */
RNM_MUST_CHECK enum rnm_status rnm_openssl_load(struct rnm_error *err);

/*
 * The error that explains a failed call, taken from the queue of this thread, which is emptied: one for lack
 * of memory, of which the others are mere consequences, else the first.
 */
unsigned long rnm_openssl_error(void);
static inline bool rnm_openssl_no_memory(unsigned long error)
{
	return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/openssl.h"

#include "base/library.h"

#define TEXT_OF(number) #number
#define NAME_WITH(version) "libssl.so." TEXT_OF(version)
/* The version that the headers belong to: another one may lay out its structures differently. */
#define LIBRARY NAME_WITH(OPENSSL_SHLIB_VERSION)

struct rnm_openssl rnm_openssl;

static const struct rnm_library_function functions[] = {
#define ROW(name) { #name, offsetof(struct rnm_openssl, name) },
	RNM_OPENSSL_FUNCTIONS(ROW)
#undef ROW
};

/* libcrypto's functions are found through libssl, which depends on it. */
static struct rnm_library library = { .file = LIBRARY,
	                              .functions = functions,
	                              .function_count = sizeof(functions) / sizeof(functions[0]),
	                              .table = &rnm_openssl,
	                              .lock = PTHREAD_MUTEX_INITIALIZER };

enum rnm_status rnm_openssl_load(struct rnm_error *err)
{
	const char *why;

	if (rnm_library_load(&library, &why))
		return RNM_OK;
	rnm_error_set(err, RNM_E_IO, "redis.tls-library", "cannot load OpenSSL, which TLS needs: %s", why);
	rnm_error_set_hint(err, "install the package libssl3");
	return RNM_E_IO;
}

unsigned long rnm_openssl_error(void)
{
	const unsigned long first = rnm_openssl.ERR_get_error();
	unsigned long error = first;

	while (error != 0 && !rnm_openssl_no_memory(error))
		error = rnm_openssl.ERR_get_error();
	rnm_openssl.ERR_clear_error();
	return error != 0 ? error : first;
}

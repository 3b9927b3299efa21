/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/openssl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#define TEXT_OF(number) #number
#define NAME_WITH(version) "libssl.so." TEXT_OF(version)
/* The version that the headers belong to: another one may lay out its structures differently. */
#define LIBRARY NAME_WITH(OPENSSL_SHLIB_VERSION)

struct rnm_openssl rnm_openssl;

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define ROW(name) { #name, offsetof(struct rnm_openssl, name) },
	RNM_OPENSSL_FUNCTIONS(ROW)
#undef ROW
};

/* libcrypto's functions are found through libssl, which depends on it. */
static bool look_up_all(void *library)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *symbol = dlsym(library, functions[i].name);

		if (symbol == NULL)
			return false;
		memcpy((char *)&rnm_openssl + functions[i].offset, &symbol, sizeof(symbol));
	}
	return true;
}

static enum rnm_status load(struct rnm_error *err)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (library != NULL && look_up_all(library))
		return RNM_OK; /* never unloaded: connections use it as long as they live */
	rnm_error_set(err, RNM_E_IO, "redis.tls-library", "cannot load OpenSSL, which TLS needs: %s",
	              dlerror());
	rnm_error_set_hint(err, "install the package libssl3");
	if (library != NULL)
		dlclose(library);
	return RNM_E_IO;
}

enum rnm_status rnm_openssl_load(struct rnm_error *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool loaded;
	enum rnm_status status = RNM_OK;

	pthread_mutex_lock(&lock);
	if (!loaded)
		status = load(err);
	loaded = status == RNM_OK;
	pthread_mutex_unlock(&lock);
	return status;
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

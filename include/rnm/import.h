/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/import.h: a model into Redis, so that running workers load it at their next check.
 * Source of the facts: rspamd 4.1 src/plugins/lua/neural.lua, lualib/plugins/neural.lua.
 */
#ifndef RNM_IMPORT_H
#define RNM_IMPORT_H

#include <rnm/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the list of symbols comes from, which rules without providers, or with symbols in use, need. */
enum rnm_import_symbols {
	RNM_IMPORT_SYMBOLS_FILE,  /* the model's own map `rnm` */
	RNM_IMPORT_SYMBOLS_REDIS, /* the newest profile of the rule that fits */
	RNM_IMPORT_SYMBOLS_GIVEN
};
/* Names in such a list. */
#define RNM_IMPORT_SYMBOLS_MAX ((size_t)1 << 20)

struct rnm_import_options {
	const char *settings;
	struct rnm_config *config; /* of the rule */
	bool has_version;
	double version; /* an integer from 1 to 2^53 - 1; else the file's, or the next one */
	enum rnm_import_symbols symbols_from;
	const char *const *symbols; /* for RNM_IMPORT_SYMBOLS_GIVEN; in any order */
	size_t symbol_count;
	bool force;       /* although somebody trains, the inputs look wrong, or the model is there already */
	bool dry_run;     /* ask and check everything, write nothing */
	const char *tool; /* "rnm 0.1.0", for the field rnm_tool */
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
	void *progress_ctx;
};

/* One command of the transaction. */
struct rnm_import_command {
	struct rnm_bytes *argv;
	size_t argc;
};
#define RNM_IMPORT_COMMANDS_MAX 7

/* A profile that rspamd's pruning takes away next, with its key. */
struct rnm_import_victim {
	char *key;     /* NULL: it names none */
	char *version; /* as it is printed */
	bool live;     /* its network goes with it */
	bool served;   /* it was the one that workers served */
};

struct rnm_import {
	bool done;    /* written, read back and compared */
	bool present; /* workers serve this very model already: nothing was written */
	char *zset;
	char *key;
	char *member; /* the profile, byte for byte as workers write it */
	double version;
	double known_version; /* the highest of all profiles that there were; 0 without any */
	struct rnm_import_command commands[RNM_IMPORT_COMMANDS_MAX];
	size_t command_count;
	uint64_t bytes; /* of all arguments */
	struct rnm_import_victim *victims;
	size_t victim_count;
	double max_profiles;
	char *locked_key; /* a model that somebody trains from now (with force); NULL: none */
	bool served;      /* once done: workers will serve it; served_why says why, or why not */
	char *served_why; /* NULL until then */
	const struct rnm_verification *verification;
};

/*
 * Verifies a model, makes its profile and writes both in one transaction: all of it or nothing.  What is
 * decided upon (versions, locks, whether the key is free) is read under WATCH; when others were faster it
 * is decided again.  redis is a connection for writing; file must live as long as *out.  A large network of
 * rnm_model_file_open_once is looked at here: while it is sent, where INFO tells that the server has room for it, else before.
 *   RNM_E_REFUSED    the id of the first problem of verification ("verify.rule-digest", ...), "import.inputs",
 *                    "import.symbols", "import.version", "import.exists", "import.locked", "import.window",
 *                    "import.expire", "import.key", "import.busy" (others were faster, time after time), "file.changed"
 *   RNM_E_MALFORMED  "import.symbol" (a name that cannot be in such a list)
 *   RNM_E_REDIS      "answer.*", "store.zset", "store.transaction", "store.partly", "import.read-back"
 *   RNM_E_IO         "store.unknown", "file.read" and as rnm_redis_next
 * After a failure the connection may stand inside a reply, or be closed, and is fit for rnm_redis_free only.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_store_import(struct rnm_import **out, struct rnm_redis *redis,
                                                        const struct rnm_rule *rule,
                                                        struct rnm_model_file *file,
                                                        const struct rnm_import_options *options,
                                                        struct rnm_error *err);
RNM_API void rnm_import_free(struct rnm_import *import);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/redis.h: where the Redis of a rule is, and a small client that streams bulk replies.
 */
#ifndef RNM_REDIS_H
#define RNM_REDIS_H

#include <rnm/config.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_REDIS_PORT 6379
#define RNM_REDIS_TIMEOUT 1.0 /* seconds; rspamd: lualib/lua_redis.lua, default_timeout */

/*
 * Connection settings after all sections have been merged.  Every pointer is owned by the struct.
 */
struct rnm_redis_settings {
	/*
	 * Server lists in rspamd's syntax (host:port:priority items, unix paths, rotation prefixes).
	 * A configuration string gives one element; an array gives one for each of its strings.
	 */
	char **read_servers;
	size_t read_count;
	char **write_servers; /* empty: the configuration is read-only */
	size_t write_count;
	/*
	 * Each string above is exactly one item of that syntax (address:port, or a whole unix path, blanks
	 * and commas included): no rotation prefix, no separators.  Set for settings from a URL.
	 */
	bool literal_servers;
	double timeout; /* seconds that any single operation may take; > 0; see rnm_redis_next */
	char *db;       /* argument of SELECT, or NULL */
	char *username;
	char *password;
	char *prefix;       /* stored for other modules; never part of neural keys */
	bool ssl;           /* TLS, but never on a unix socket */
	bool no_ssl_verify; /* any certificate will do, and so will anybody in the middle */
	char *ssl_ca;       /* file of trusted CAs, PEM; with neither it nor ssl_ca_dir those of the system */
	char *ssl_ca_dir;   /* folder of them, under hash names (openssl rehash) */
	char *ssl_cert;     /* client certificate with its chain, PEM */
	char *ssl_key;      /* and its private key */
	char *sni; /* host name to ask for and to expect in the certificate; NULL: the server's own */
	/* The CAs, or certificate and key, come from rnm_redis_settings_set_tls: wrong ones are RNM_E_USAGE. */
	bool ssl_ca_given;
	bool ssl_cert_given;
	/*
	 * Sentinels that are asked where the servers are, in the syntax above, port 5000 by default.  With
	 * Sentinels the server lists may be empty.
	 */
	char **sentinels;
	size_t sentinel_count;
	char *sentinel_masters_pattern; /* a Lua pattern; NULL: all masters */
	char *sentinel_username;
	char *sentinel_password;
	/* For processes that stay; rnm asks once for each connection. */
	double sentinel_watch_time;       /* seconds; 0 when unset */
	double sentinel_master_maxerrors; /* 0 when unset */
	/* The section that names the user, such as "redis", and where; NULL and 0 when it was not a configuration. */
	char *username_section;
	char *username_file;
	uint32_t username_line;
	char *
	    origin; /* where the servers were found, e.g. "section redis, /etc/rspamd/local.d/redis.conf:1" */
	/* Things to tell the user, e.g. a quoted timeout or an unquoted numeric password. */
	char **warnings;
	size_t warning_count;
};

/*
 * Settings of the neural module in rspamd's order of precedence (rspamd: lualib/lua_redis.lua).  Sentinels
 * count where rspamd finds no servers and gives up.
 * RNM_E_NOT_FOUND, id "redis.no-servers", when there are none (reference text: "cannot get Redis
 * configuration for neural module").
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_settings_from_config(struct rnm_redis_settings **out,
                                                                      struct rnm_config *config,
                                                                      struct rnm_error *err);

/*
 * Settings from redis://[user[:pass]@]host[:port][/db], rediss:// (the same over TLS) or
 * unix:///path[?db=N].  Percent-encoding is decoded in every part.  RNM_E_USAGE when malformed.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_settings_from_url(struct rnm_redis_settings **out,
                                                                   const char *url, struct rnm_error *err);
/* Replaces the password (wiping the old one).  password may be NULL to remove it. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_settings_set_password(struct rnm_redis_settings *settings,
                                                                       const char *password,
                                                                       struct rnm_error *err);

/*
 * What a command line may say about TLS; NULL or false leaves it as the settings have it.  ca and ca_dir
 * together take the place of ssl_ca and ssl_ca_dir, and what they vouch for is verified even if
 * no_ssl_verify was set; cert and key together take the place of ssl_cert and ssl_key.
 */
struct rnm_redis_tls {
	const char *ca;
	const char *ca_dir;
	const char *cert;
	const char *key;
	const char *sni;
	bool no_verify;
};
/*
 * Replaces what the settings say about TLS.  RNM_E_USAGE when they do not ask for TLS (id
 * "redis.tls-unused"), for one of cert and key without the other (id "redis.tls-pair"), and for a CA
 * that no_verify would ignore (id "redis.tls-conflict").
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_settings_set_tls(struct rnm_redis_settings *settings,
                                                                  const struct rnm_redis_tls *tls,
                                                                  struct rnm_error *err);
/*
 * Forgets the Sentinels, as rspamadm neural_export does, which never asks them.  RNM_E_NOT_FOUND, id
 * "redis.no-servers", when nothing is left.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_settings_drop_sentinels(struct rnm_redis_settings *settings,
                                                                         struct rnm_error *err);
RNM_API void rnm_redis_settings_free(struct rnm_redis_settings *settings);

enum rnm_redis_role { RNM_REDIS_READ, RNM_REDIS_WRITE };

struct rnm_redis; /* one connection */

/*
 * Connects to the first server of the role's list that answers, in rspamd's order (priority, then
 * position), authenticates and selects the database.  A server that is down, or does not answer
 * within the timeout, is skipped and the next one tried; one that refuses the password or the
 * database fails the call, since the others would too.  A server to write to must not be a replica.
 *
 * With Sentinels the servers come from the first of them that leads to one of use: the masters that
 * match, for reading also their replicas.  When none does, the lists are used.
 *   RNM_E_IO     no server could be reached (id "redis.connect"; every one is named with its reason)
 *   RNM_E_REDIS  AUTH or SELECT was refused (ids "redis.auth", "redis.select"); or there are only
 *                Sentinels, and they refused to answer (id "redis.connect")
 *   RNM_E_REFUSED  a write role with a read-only configuration (id "redis.read-only")
 *   RNM_E_MALFORMED  the list is empty or names no usable server (id "redis.servers")
 *   RNM_E_MALFORMED, RNM_E_USAGE  a user name without password, in the configuration (for servers or
 *                Sentinels) or a URL (id "redis.auth")
 *   RNM_E_MALFORMED, RNM_E_USAGE  certificates or keys for TLS that cannot be used, told before any connection
 *                (ids "redis.tls-ca", "redis.tls-cert", "redis.tls-key", "redis.tls-pair")
 *   RNM_E_IO     OpenSSL cannot be loaded (id "redis.tls-library")
 * A server whose certificate does not pass is passed over like one that is down.  The certificate has to
 * be valid, to be signed by a trusted CA, and to name the host as the settings do (rspamd does not look
 * at the name).
 * reference is what rspamd prints for the first server of the list.  Each server has the timeout for the
 * connection and the first answer together; resolving its name has the timeout once more.
 * cancel may be NULL; when it becomes non-zero every operation ends with RNM_E_INTERRUPTED.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_connect(struct rnm_redis **out,
                                                         const struct rnm_redis_settings *settings,
                                                         enum rnm_redis_role role,
                                                         const volatile sig_atomic_t *cancel,
                                                         struct rnm_error *err);
RNM_API void rnm_redis_free(struct rnm_redis *redis);

/* "127.0.0.1:6379" or "/run/redis/redis.sock"; borrowed. */
RNM_API const char *rnm_redis_address(const struct rnm_redis *redis);

/*
 * "master" or "replica"; NULL when it is not known: only a server that a Sentinel has named, or that is to
 * be written to, is asked.  Static.
 */
RNM_API const char *rnm_redis_role(const struct rnm_redis *redis);

/* Address of the Sentinel that named the server, or NULL; borrowed. */
RNM_API const char *rnm_redis_sentinel(const struct rnm_redis *redis);

/* Notes of the connection for the user, e.g. servers that were skipped and why; borrowed. */
RNM_API size_t rnm_redis_note_count(const struct rnm_redis *redis);
RNM_API const char *rnm_redis_note(const struct rnm_redis *redis, size_t index);

/*
 * Queues one command.  Nothing is sent before the next read; any number of commands may be queued,
 * and reading drains the socket in both directions at once, so a long pipeline cannot dead-lock.
 * The arguments are copied.  RNM_E_MALFORMED, id "redis.queue-full", when more than 1 GiB would wait.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_send(struct rnm_redis *redis, size_t argc,
                                                      const struct rnm_bytes *argv, struct rnm_error *err);
/* The same with C strings, ended by NULL. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_sendv(struct rnm_redis *redis, struct rnm_error *err, ...)
    __attribute__((sentinel));

/*
 * A command too long to be held.  rnm_redis_begin announces the number of its arguments; then, for each of
 * them, rnm_redis_argument announces its size and rnm_redis_feed gives its bytes, in pieces of any size.
 * rnm_redis_feed returns when the server has taken the piece, of which nothing is kept; replies that come
 * meanwhile are kept for rnm_redis_next (as far as 256 KiB).  The command is sent with its last byte:
 * until then rnm_redis_send and rnm_redis_next fail with RNM_E_USAGE, id "redis.command", as does a call that
 * does not follow what was announced.  Whoever gives up half-way has to free the connection, and the server
 * forgets the half.
 *   RNM_E_IO     as rnm_redis_next; the same limits of time hold
 *   RNM_E_REDIS  the server said why it takes no more (id "redis.command-refused"); the connection is dead
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_begin(struct rnm_redis *redis, size_t argc,
                                                       struct rnm_error *err);
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_argument(struct rnm_redis *redis, uint64_t size,
                                                          struct rnm_error *err);
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_feed(struct rnm_redis *redis, const void *data, size_t len,
                                                      struct rnm_error *err);

/* What rnm_redis_next found.  Aggregates are announced with their count; the elements follow as events. */
enum rnm_event_kind {
	RNM_EVENT_STATUS,     /* data: text of +OK */
	RNM_EVENT_ERROR,      /* data: text of -ERR ...; the connection stays usable */
	RNM_EVENT_INTEGER,    /* integer */
	RNM_EVENT_NIL,        /* null bulk, null array, RESP3 null */
	RNM_EVENT_BULK_BEGIN, /* length: bytes that follow as BULK_DATA events */
	RNM_EVENT_BULK_DATA,  /* data: the next piece, valid until the next call */
	RNM_EVENT_BULK_END,
	RNM_EVENT_ARRAY,  /* length: number of elements that follow (RESP3 sets too; pushes are dropped) */
	RNM_EVENT_MAP,    /* length: number of key-value pairs that follow (2 * length elements) */
	RNM_EVENT_DOUBLE, /* real */
	RNM_EVENT_BOOL    /* integer: 0 or 1 */
};
struct rnm_event {
	enum rnm_event_kind kind;
	uint64_t length;
	int64_t integer;
	double real;
	struct rnm_bytes data;
};

/*
 * The next event of the replies, sending queued commands first.  A bulk reply of any size passes
 * through a fixed buffer.  Errors: RNM_E_IO (closed, timed out; ids "redis.closed", "redis.timeout"),
 * RNM_E_MALFORMED ("redis.protocol"), RNM_E_INTERRUPTED; after one the connection is dead and every call
 * returns it again.  RNM_E_USAGE (id "redis.no-reply") when no command waits for a reply.
 *
 * A call waits at most the timeout, counted from the last byte of a command that the server took.  All
 * the calls for one reply together wait at most the timeout and one second more for each 16 KiB moved,
 * so that a slow line is served and a server that drips is not.  The caller's own time does not count.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_next(struct rnm_redis *redis, struct rnm_event *event,
                                                      struct rnm_error *err);
/*
 * Reads and drops the rest of the reply (or aggregate element) whose first event has just been returned,
 * however long it is: of a server that is not trusted, look at the first event before.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_skip(struct rnm_redis *redis, const struct rnm_event *first,
                                                      struct rnm_error *err);

/* A small reply held whole. */
struct rnm_reply {
	enum rnm_event_kind
	    kind; /* STATUS, ERROR, INTEGER, NIL, BULK_BEGIN (a string), ARRAY, MAP, DOUBLE, BOOL */
	int64_t integer;
	double real;
	struct rnm_bytes text;   /* STATUS, ERROR, BULK_BEGIN; NUL-terminated */
	struct rnm_reply *items; /* ARRAY: count elements; MAP: 2 * count */
	size_t count;
};
/* Default maximum for rnm_redis_reply. */
#define RNM_REPLY_MAX ((size_t)64 << 20)
/*
 * Reads one whole reply of at most max_bytes (0: RNM_REPLY_MAX), released by rnm_reply_free.  A larger one fails
 * with RNM_E_MALFORMED, id "redis.too-large", and the connection is dead.  An error reply is returned as a
 * reply, not as a failure.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_reply(struct rnm_redis *redis, struct rnm_reply **out,
                                                       size_t max_bytes, struct rnm_error *err);
RNM_API void rnm_reply_free(struct rnm_reply *reply);

/* ---- keyspace notifications: the server tells of changes as they happen, but not of those it tells to nobody ---- */

enum rnm_keyspace_events {
	RNM_KEYSPACE_UNKNOWN, /* it does not let us know */
	RNM_KEYSPACE_OFF,
	RNM_KEYSPACE_ON /* of sorted sets, on channels named after keys */
};
/* Whether the server is configured to tell of sorted sets (CONFIG GET notify-keyspace-events). */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_keyspace_events(struct rnm_redis *redis,
                                                                 enum rnm_keyspace_events *out,
                                                                 struct rnm_error *err);
/*
 * Subscribes to channels, such as __keyspace@0__:KEY.  Afterwards the connection is fit for rnm_redis_listen,
 * rnm_redis_descriptor, rnm_redis_address and rnm_redis_free only, also after a failure.  That a server takes the
 * subscription does not mean that it has anything to say.  RNM_E_REDIS "redis.subscribe"; and as rnm_redis_next.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_subscribe(struct rnm_redis *redis,
                                                           const char *const *channels, size_t count,
                                                           struct rnm_error *err);
/* To wait for with poll(2): when it is readable, call rnm_redis_listen until it returns RNM_NO. */
RNM_API int rnm_redis_descriptor(const struct rnm_redis *redis);
#define RNM_KEYSPACE_EVENT_SIZE 64
/*
 * The next message, without waiting for one to begin: RNM_NO when there is none.  event gets what happened to the key
 * ("zadd", "del", ...; cut when it is longer), or "" when it is no message about a key.  Errors as rnm_redis_next.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_redis_listen(struct rnm_redis *redis,
                                                        char event[RNM_KEYSPACE_EVENT_SIZE],
                                                        struct rnm_error *err);

#ifdef __cplusplus
}
#endif
#endif

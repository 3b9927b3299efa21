/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/probe.h: what a rspamd would meet at the URL of an external model, and what would go wrong.
 *
 * Each address of the name is asked as rspamd asks: a connection for each question, HEAD, then GET, then HEAD with
 * the validators of the answer, in rspamd's own bytes.  What came is judged by what rspamd does with it.
 * Source of the facts: rspamd 4.1 src/libserver/maps/map.c, src/libserver/http/, lualib/lua_neural_external.lua.
 */
#ifndef RNM_PROBE_H
#define RNM_PROBE_H

#include <rnm/doctor.h>
#include <rnm/map.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_PROBE_URL_MAX ((size_t)4096)
/* Addresses that are asked, those that DNS has or those that were named. */
#define RNM_PROBE_ADDRESSES_MAX ((size_t)16)
#define RNM_PROBE_ROUNDS_MAX 100
/* URLs that a memory keeps, and bytes of its file. */
#define RNM_PROBE_MEMORY_URLS_MAX ((size_t)1000)
#define RNM_PROBE_MEMORY_MAX ((size_t)16 << 20)

#define RNM_PROBE_HASH_SIZE 32
#define RNM_PROBE_USER_AGENT "rspamd-4.1.6"

enum rnm_ask {
	RNM_ASK_HEAD,  /* the first question of a rspamd that knows nothing */
	RNM_ASK_GET,   /* the body; never conditional */
	RNM_ASK_AGAIN, /* HEAD with the validators of the last GET from this address */
	RNM_ASK_OTHER  /* HEAD of a rspamd that holds another content with the same Last-Modified */
};
RNM_API const char *rnm_ask_name(enum rnm_ask ask); /* "head", "get", "again", "other" */

enum rnm_reach {
	RNM_REACH_ANSWER,  /* headers have come; whether the body did is another matter */
	RNM_REACH_CONNECT, /* no connection */
	RNM_REACH_TLS,     /* no handshake */
	RNM_REACH_SILENCE, /* connected, but no headers in time */
	RNM_REACH_CUT,     /* the connection ended before the headers did */
	RNM_REACH_HEADERS, /* more headers than rspamd reads */
	RNM_REACH_PROTOCOL /* what came is not HTTP/1.0 or 1.1 */
};
RNM_API const char *rnm_reach_name(enum rnm_reach reach); /* "answer", "connect", "tls", ... */

enum rnm_framing {
	RNM_FRAMING_NONE,    /* no headers came, or they say nothing and no body is due */
	RNM_FRAMING_LENGTH,  /* Content-Length */
	RNM_FRAMING_CHUNKED, /* Transfer-Encoding: chunked */
	RNM_FRAMING_CLOSE    /* until the connection ends */
};
RNM_API const char *rnm_framing_name(enum rnm_framing framing); /* "none", "length", "chunked", "close" */

#define RNM_PROBE_NO_LENGTH (-1)  /* no Content-Length */
#define RNM_PROBE_BAD_LENGTH (-2) /* one that is no number */

enum rnm_body_state {
	RNM_BODY_NONE, /* none was asked for, or none is due */
	RNM_BODY_WHOLE,
	RNM_BODY_CUT,   /* the connection ended before it did */
	RNM_BODY_SLOW,  /* time was over before it ended */
	RNM_BODY_LARGE, /* more than max_size */
	RNM_BODY_BROKEN /* chunks that are none */
};
RNM_API const char *rnm_body_state_name(enum rnm_body_state state); /* "none", "whole", "cut", ... */

/* What a body is, judged as rnm_model_verify judges a published file. */
enum rnm_body_kind {
	RNM_BODY_NO_MODEL,
	RNM_BODY_PADDED, /* a model with zero bytes behind it */
	RNM_BODY_UNFIT,  /* a model with problems */
	RNM_BODY_MODEL,
	RNM_BODY_ENCRYPTED /* of a URL that ends in .enc: cannot be looked into */
};
RNM_API const char *rnm_body_kind_name(enum rnm_body_kind kind); /* "no-model", "padded", ... */

struct rnm_probe_body {
	uint64_t size;
	uint8_t hash[RNM_PROBE_HASH_SIZE]; /* BLAKE2b-256 */
	enum rnm_body_kind kind;
	const char *text;             /* why it is none, padded or unfit; else "" */
	const char *providers_digest; /* "" without one; NULL when there is no model to read it from */
	bool has_version;
	double version;
	size_t problems, warnings; /* of rnm_model_verify */
};

/* One question and what became of it.  Texts that a server sent hold no line ends and no NULs, but anything else. */
struct rnm_probe_answer {
	enum rnm_ask ask;
	size_t address; /* in rnm_probe_report.addresses */
	unsigned round; /* 0: HEAD and GET; from 1 on what comes later */
	const char *request;
	enum rnm_reach reach;
	const char *reason; /* of everything but RNM_REACH_ANSWER and RNM_BODY_WHOLE or _NONE; else "" */
	/* From here on of RNM_REACH_ANSWER only.  Headers: the first of the name, NULL without one. */
	unsigned status;
	const char *date, *expires, *last_modified, *etag;
	const char *content_encoding, *location, *age, *server;
	const char *
	    repeated; /* the name of one of these, or Content-Length, that came with several values; or NULL */
	enum rnm_framing framing;
	int64_t declared; /* RNM_PROBE_NO_LENGTH, RNM_PROBE_BAD_LENGTH */
	enum rnm_body_state state;
	uint64_t received; /* bytes of the body, without framing */
	uint64_t extra;    /* bytes behind the end of the answer */
	uint64_t head_bytes;
	uint64_t wire_bytes;                                /* all that the server sent, TLS included */
	double at;                                          /* UNIX time of the first byte of the answer */
	double connect_seconds, first_seconds, all_seconds; /* from the start of the connection */
	const struct rnm_probe_body *body;                  /* NULL unless it came whole and is not empty */
};

/* The certificates of one address. */
struct rnm_probe_tls {
	bool seen;           /* a handshake came about; else the rest says nothing */
	const char *version; /* "TLSv1.3" */
	const char *names;   /* the hosts that the certificate is for */
	const char *issuer;
	int64_t not_after; /* UNIX time when the first certificate of the chain ends */
	unsigned sent;     /* certificates that the server sent */
	bool untrusted, wrong_name, out_of_date, too_deep;
	const char *reason; /* what OpenSSL says of the first of these; "" */
};

struct rnm_probe_finding {
	const char *id; /* docs/findings.md */
	enum rnm_health level;
	/* Where it was found, as a set of positions in rnm_probe_report.addresses; 0: it is not about an address. */
	uint32_t addresses;
	const char *text;   /* one plain sentence with what was found, at the first of them */
	const char *advice; /* what to change at the server; never NULL */
};

/* What was there at an earlier time. */
struct rnm_probe_seen {
	int64_t at;            /* UNIX time */
	int64_t last_modified; /* UNIX time; RNM_PROBE_NO_TIME */
	const char *etag;      /* NULL: none */
	uint8_t hash[RNM_PROBE_HASH_SIZE];
};
#define RNM_PROBE_NO_TIME INT64_MIN

/* What it costs to be asked by one rspamd. */
struct rnm_probe_cost {
	double polls_a_day;
	uint64_t poll_bytes;  /* that the server sends when nothing has changed */
	uint64_t fetch_bytes; /* and when there is a new model: HEAD and GET */
};

struct rnm_probe_report {
	const char *url; /* without user and password */
	bool https;
	bool loopback;               /* every address is one of this host */
	bool has_fragment;           /* in the URL, and thus in the request */
	bool encrypted_name;         /* the URL ends in .enc */
	const char *expected_digest; /* the last part of the URL's path when it is a digest; else NULL */
	double poll;                 /* rspamd's poll interval, seconds */
	uint64_t max_size;           /* rspamd's max_map_size */
	double now;                  /* UNIX time of the end */
	const char *addresses[RNM_PROBE_ADDRESSES_MAX]; /* "192.0.2.1:443" */
	size_t address_count;
	const char *no_address;                            /* why there are none; or NULL */
	struct rnm_probe_tls tls[RNM_PROBE_ADDRESSES_MAX]; /* of an https URL */
	struct rnm_probe_answer *answers;                  /* in the order of the questions */
	size_t answer_count;
	/* What an earlier run remembered, or NULL; until something is added to that memory. */
	const struct rnm_probe_seen *before;
	struct rnm_probe_finding *findings;
	size_t finding_count;
	size_t problems, warnings;
	bool reached; /* at least one question was answered */
	/* After the last answer of the first address that gave one. */
	bool has_next;
	struct rnm_map_check next;
	struct rnm_probe_cost cost;
	void *owned; /* internal */
};

struct rnm_probe_memory; /* what was there at earlier times, by URL */

/* 0 and NULL stand for the values in brackets. */
struct rnm_probe_options {
	/* "ADDRESS,ADDRESS": ask these instead of those that DNS has, at the port of the URL. */
	const char *addresses;
	const char *user_agent; /* [RNM_PROBE_USER_AGENT]; "": none, as rspamd does then */
	const char *ca;         /* file of trusted CAs, PEM; with neither it nor ca_dir those of the system */
	const char *ca_dir;
	double poll;       /* [RNM_MAP_POLL_SECONDS] */
	double timeout;    /* for one question, seconds [30] */
	double pause;      /* between rounds, seconds; 0: none */
	unsigned rounds;   /* of questions after HEAD and GET [1] */
	uint64_t max_size; /* [RNM_BLOB_MAX] */
	const struct rnm_probe_memory *memory;
	const volatile sig_atomic_t *cancel;
	/* Questions done, of total; may be NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;
};

/*
 * RNM_OK whatever was found, also when the name has no address or nobody answers (then report->reached is false).
 *   RNM_E_USAGE   "probe.url", "probe.address", "probe.rounds"; "redis.tls-ca" for trusted CAs that cannot be read
 *   RNM_E_IO      "redis.tls-library", "probe.socket" (this host has no more sockets)
 *   RNM_E_NOMEM, RNM_E_INTERRUPTED
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_probe(struct rnm_probe_report **out, const char *url,
                                                 const struct rnm_probe_options *options,
                                                 struct rnm_error *err);
RNM_API void rnm_probe_report_free(struct rnm_probe_report *report);

/*
 * Reads a memory that rnm_probe_memory_save wrote; a file that is not there is an empty one.  RNM_E_IO,
 * RNM_E_MALFORMED ("probe.memory", "file.too-large"), RNM_E_NOMEM.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_probe_memory_load(struct rnm_probe_memory **out, const char *path,
                                                             struct rnm_error *err);
/* Remembers the last whole body of a report; one without leaves the memory as it is.  RNM_E_NOMEM, RNM_E_MALFORMED. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_probe_memory_add(struct rnm_probe_memory *memory,
                                                            const struct rnm_probe_report *report,
                                                            struct rnm_error *err);
RNM_API RNM_MUST_CHECK enum rnm_status rnm_probe_memory_save(const struct rnm_probe_memory *memory,
                                                             const char *path, struct rnm_error *err);
RNM_API void rnm_probe_memory_free(struct rnm_probe_memory *memory);

#ifdef __cplusplus
}
#endif
#endif

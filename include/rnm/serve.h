/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/serve.h: an origin server for models: plain HTTP, with exactly the headers that make rspamd's maps
 * behave (docs/serving.md says which and why).
 *
 * Threads: the server answers requests in threads of its own.  The functions here may be called from one
 * thread at a time; the callbacks say from where they come.  The server installs no signal handlers; a
 * program that uses it ignores SIGPIPE.
 */
#ifndef RNM_SERVE_H
#define RNM_SERVE_H

#include <rnm/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- limits ------------------------------------------------------------------------------------- */

#define RNM_SERVE_FILES_MAX 100000u      /* of a tree; each is kept open */
#define RNM_SERVE_NAME_MAX 200u          /* bytes of a file's name */
#define RNM_SERVE_HEADERS_MAX 6144u      /* bytes of a request, and of the headers of its answer together */
#define RNM_SERVE_LISTENERS_MAX 16u      /* sockets of one server */
#define RNM_SERVE_CONNECTIONS_MAX 65536u /* the most that max_connections may say */
#define RNM_SERVE_INTERVAL_MAX                                                                               \
	23040.0 /* seconds: with a quarter on top it is the 8 hours that rspamd believes */

/* ---- addresses ---------------------------------------------------------------------------------- */

/*
 * Makes a listening socket of "HOST:PORT", "[V6]:PORT", ":PORT" (every address), "PORT" (loopback) or
 * "unix:PATH".  A name is resolved, and its first address taken; port 0 is any that is free.  A unix socket
 * that nobody listens to any more is replaced.  RNM_E_USAGE ("serve.address"), RNM_E_IO ("serve.listen").
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_listen(int *fd, const char *address, struct rnm_error *err);
/* The address of a socket in the same words, cut to size. */
RNM_API void rnm_listen_name(char *out, size_t size, int fd);

/* ---- the server --------------------------------------------------------------------------------- */

struct rnm_serve_options {
	/*
	 * A tree as `rnm publish` makes it: models/NAME, objects/NAME, index.json, history.jsonl, and their
	 * signatures.  models/ alone will do.
	 */
	const char *folder;
	/*
	 * Seconds that rspamd is told to wait between checks; each answer says something between three quarters
	 * of it and five quarters.  0: 1200.  At most RNM_SERVE_INTERVAL_MAX.
	 */
	double interval;
	/*
	 * Names below models/ that fetch brings up to date in the folder: it is called by rnm_server_work when one
	 * is asked for, at most every few seconds.  The request is answered after it, with what is there then:
	 * 503 when there is nothing.  Without names, fetch may be NULL.
	 */
	const char *const *names;
	size_t name_count;
	enum rnm_status (*fetch)(void *ctx, const char *name, struct rnm_error *err);
	unsigned max_connections; /* 0: 10,000; more wait until one ends */
	unsigned max_per_address; /* 0: 256; more are closed at once */
	double timeout;           /* seconds for a request to come, or for the next one; 0: 10 */
	/*
	 * One request, as a line of JSON with its newline; may be NULL.  Called from threads of the server, but
	 * never by two of them at once.
	 */
	void (*log)(void *ctx, const char *line, size_t len);
	/* Something that the operator should know and that does not keep the server from serving; may be NULL. */
	void (*warn)(void *ctx, const struct rnm_error *problem);
	void *ctx;
};

struct rnm_server;

/*
 * Reads the tree: every file is opened and hashed, every model checked.  What cannot be served is left out
 * and told to warn.  The texts and callbacks of options must outlive *out.
 * RNM_E_NOT_FOUND ("serve.no-tree"), RNM_E_IO, RNM_E_MALFORMED ("serve.too-many"), RNM_E_USAGE.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_server_new(struct rnm_server **out,
                                                      const struct rnm_serve_options *options,
                                                      struct rnm_error *err);

/* Who may ask at a listening socket. */
enum rnm_audience {
	RNM_PUBLIC, /* the files of the tree, and /healthz */
	RNM_ADMIN   /* those, /metrics and what operators want to see */
};

/*
 * Begins to answer at a listening socket, which is the server's from then on, also when this fails.
 * RNM_E_IO ("serve.library", "serve.start").
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_server_listen(struct rnm_server *server, int fd,
                                                         enum rnm_audience audience, struct rnm_error *err);

/* Becomes readable when the tree has changed: to be polled; -1 when changes cannot be noticed. */
RNM_API int rnm_server_descriptor(const struct rnm_server *server);

/*
 * What has to be done from time to time: to be called every second, and when the descriptor is readable.
 * Ends connections that are too slow, and reads the tree again when it has changed and the change is over.
 * Requests go on meanwhile.  What goes wrong is told to warn: the server then offers what it had.
 */
RNM_API void rnm_server_work(struct rnm_server *server);

/*
 * Reads the tree again at once.  A name that is gone from models/, or that no longer holds a model, keeps its
 * last good file, since a client that meets an error stays away for hours; when forget is set, it goes.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_server_reload(struct rnm_server *server, bool forget,
                                                         struct rnm_error *err);

/*
 * Accepts no more connections, closes the idle ones, and waits at most so many seconds until all requests
 * have been answered.  rnm_server_work is called meanwhile.
 */
RNM_API void rnm_server_stop(struct rnm_server *server, double seconds);
RNM_API void rnm_server_free(struct rnm_server *server); /* stops at once, if it has not */

/* ---- looking at it ------------------------------------------------------------------------------ */

struct rnm_server_file {
	const char *name; /* as it is asked for: "/models/aa5f939b29f3d241" */
	uint64_t size;    /* bytes */
	int64_t modified; /* Last-Modified, seconds since 1970 */
	const char *etag; /* with its quotes */
	bool kept;        /* no longer in the tree */
};
struct rnm_server_counts {
	uint64_t files, models; /* offered now; models: names that rspamd asks for */
	uint64_t requests, connections_open;
	uint64_t reloads;
};
RNM_API void rnm_server_counts(struct rnm_server *server, struct rnm_server_counts *out);
/* The files in the order of their names; false past the last.  Lives until the tree is read again. */
RNM_API bool rnm_server_file_at(struct rnm_server *server, size_t index, struct rnm_server_file *out);

#ifdef __cplusplus
}
#endif
#endif

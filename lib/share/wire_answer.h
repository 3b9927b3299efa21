/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/1.x answer, read from the bytes of the connection: how its body was framed, whether all of it came, and
 * what came behind it.  A pure function of the bytes, however they are cut into pieces.
 */
#ifndef RNM_SHARE_WIRE_ANSWER_H
#define RNM_SHARE_WIRE_ANSWER_H

#include <rnm/buf.h>
#include <rnm/probe.h>

/* What rspamd reads of headers; more is an error of the map. */
#define RNM_WIRE_HEADERS_MAX ((size_t)80 << 10)
/* A line that says how long a chunk is, and each line behind the last chunk. */
#define RNM_WIRE_CHUNK_LINE_MAX ((size_t)1024)
/* Headers of one answer. */
#define RNM_WIRE_FIELDS_MAX ((size_t)1000)

enum rnm_wire_stage {
	RNM_WIRE_HEAD,
	RNM_WIRE_BODY,
	RNM_WIRE_CHUNK_LINE,
	RNM_WIRE_CHUNK,
	RNM_WIRE_CHUNK_END,
	RNM_WIRE_TRAILER,
	RNM_WIRE_DONE,  /* all is there; what follows is counted as extra */
	RNM_WIRE_BROKEN /* reason says why; the rest is not looked at */
};

enum rnm_wire_fault {
	RNM_WIRE_SOUND,
	RNM_WIRE_CUT,
	RNM_WIRE_HEADERS,
	RNM_WIRE_PROTOCOL,
	RNM_WIRE_TOO_LARGE,
	RNM_WIRE_NO_MEMORY
};

struct rnm_wire_field {
	const char *name, *value; /* value without blanks around it */
};

struct rnm_wire_answer {
	enum rnm_wire_stage stage;
	bool to_head;        /* the question was HEAD */
	uint64_t max;        /* bytes of the body that are kept; more breaks it */
	struct rnm_buf head; /* once it is complete: its lines as NUL-terminated texts */
	bool has_head;
	struct rnm_wire_field *fields;
	size_t field_count;
	unsigned status;
	unsigned minor; /* of HTTP/1.x */
	enum rnm_framing framing;
	int64_t declared; /* Content-Length; RNM_PROBE_NO_LENGTH, RNM_PROBE_BAD_LENGTH */
	struct rnm_buf body;
	uint64_t head_bytes; /* all heads, those of 1xx included */
	uint64_t extra;      /* bytes behind the end */
	uint64_t left;       /* of the body or the chunk */
	char line[RNM_WIRE_CHUNK_LINE_MAX];
	size_t line_len;
	/* Of BROKEN. */
	enum rnm_wire_fault fault;
	const char *reason; /* never freed */
};

void rnm_wire_answer_init(struct rnm_wire_answer *answer, bool to_head, uint64_t max);
void rnm_wire_answer_free(struct rnm_wire_answer *answer);
/* The next bytes.  Whether more are wanted. */
bool rnm_wire_answer_feed(struct rnm_wire_answer *answer, const char *data, size_t len);
/* The connection has ended: that completes a body that lasts until then. */
void rnm_wire_answer_end(struct rnm_wire_answer *answer);

/* The first value of this name, or NULL; *differs when a later one is another. */
const char *rnm_wire_answer_field(const struct rnm_wire_answer *answer, const char *name, bool *differs);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What to change at the server, for each finding: a line of nginx, or the setting of a CDN in general words. */
#include "share/probe.h"

#define CLOCK                                                                                                \
	"let the server follow NTP; if a CDN answers, let it send the time of its own answer in Date, or "   \
	"keep no copy"
#define LENGTH                                                                                               \
	"serve a plain file (nginx: root, no proxy_buffering off, no SSI or filters); in a CDN turn off "    \
	"streaming and "                                                                                     \
	"everything that rewrites content"
#define ONE_SOURCE                                                                                           \
	"give all servers the same files with the same times (rsync -t), or one origin; purge the copies "   \
	"of the CDN "                                                                                        \
	"after each publication"
#define PUBLISH                                                                                              \
	"publish with rnm publish, which lets Last-Modified grow by a second at least; never copy older "    \
	"times back"
#define CHAIN                                                                                                \
	"nginx: ssl_certificate with the server's certificate first and the intermediate ones behind it; "   \
	"or name the CA "                                                                                    \
	"in rspamd's options.ssl_ca_path"

static const char *const advice[RNM_FOUND_COUNT] = {
	[RNM_FOUND_NO_ADDRESS] = "give the name an A or AAAA record",
	[RNM_FOUND_UNREACHABLE] =
	    "take the address out of DNS, or let its server listen; a failed poll costs 20 to 40 intervals",
	[RNM_FOUND_NO_TLS] = "nginx: listen 443 ssl; ssl_protocols TLSv1.2 TLSv1.3;",
	[RNM_FOUND_NO_ANSWER] = "find out why the server hangs; in rspamd, set maps { read_timeout = 60s; } "
				"at the root of the configuration",
	[RNM_FOUND_CUT] = "look into the error log of the server",
	[RNM_FOUND_NOT_HTTP] = "the port must speak HTTP/1.1; in a CDN allow HTTP/1.1 to clients",
	[RNM_FOUND_HEADERS] = "let the server send fewer headers; cookies and policies are of no use here",
	[RNM_FOUND_SLOW] =
	    "serve from a file or a cache near by; what is slow now fails once read_timeout is set",
	[RNM_FOUND_REDIRECT] =
	    "answer under the URL itself, or configure rspamd with the URL that it leads to",
	[RNM_FOUND_STATUS] = "keep the last good model under the URL; nothing but 200 and 304 is good",
	[RNM_FOUND_HEAD_STATUS] = "allow HEAD (nginx: limit_except GET { deny all; } allows it too; a CDN or "
				  "WAF may filter methods)",
	[RNM_FOUND_HEAD_DIFFERS] =
	    "let HEAD and GET be answered from the same copy; in a CDN, do not cache HEAD apart from GET",
	[RNM_FOUND_HEAD_BODY] = "an answer to HEAD ends with its headers",
	[RNM_FOUND_REPEATED] = "set each header in one place only (nginx: proxy_hide_header, or add_header "
			       "without one from the origin)",
	[RNM_FOUND_CHUNKED] = LENGTH,
	[RNM_FOUND_UNTIL_CLOSE] = LENGTH,
	[RNM_FOUND_BAD_LENGTH] = LENGTH,
	[RNM_FOUND_SHORT] =
	    "replace files by rename and never in place; a CDN must not keep copies that are not whole",
	[RNM_FOUND_LONG] = "the server says another length than that of the file: replace files by rename "
			   "and never in place",
	[RNM_FOUND_SLOW_BODY] =
	    "serve from a place with more bandwidth, or publish a smaller or compressed model",
	[RNM_FOUND_EMPTY] = "publish by rename, so that a file never appears before its content",
	[RNM_FOUND_LARGE] =
	    "publish a smaller or compressed model, or raise options.max_map_size in every rspamd",
	[RNM_FOUND_COMPRESSED] = "nginx: gzip off; gzip_static off; in a CDN turn compression off for these "
				 "URLs; rnm export --compress is what rspamd can read",
	[RNM_FOUND_ENCODING] =
	    "do not name an encoding: rspamd does not look at it, and a CDN or proxy may undo what it names",
	[RNM_FOUND_NO_MODEL] = "look at it with rnm verify; an error page under status 200 is kept by every "
			       "rspamd until it changes",
	[RNM_FOUND_PADDED] = "cut the file to its true length (rnm verify FILE), and look how it was copied",
	[RNM_FOUND_UNFIT] = "rnm verify FILE says all; publish a sound model",
	[RNM_FOUND_ODD] = "rnm verify FILE says all",
	[RNM_FOUND_DIGEST] = "publish the model under its own digest; a rspamd refuses one for other inputs",
	[RNM_FOUND_ENCRYPTED] = "check the file with rnm verify before it is encrypted",
	[RNM_FOUND_NO_DATE] =
	    "send Date with every answer, 304 too (nginx does; in a CDN or proxy, do not strip it)",
	[RNM_FOUND_BAD_DATE] = "send Date as \"Sun, 06 Nov 1994 08:49:37 GMT\"",
	[RNM_FOUND_CLOCK_OVERDUE] = CLOCK,
	[RNM_FOUND_CLOCK_BEHIND] = CLOCK,
	[RNM_FOUND_CLOCK_AHEAD] = CLOCK,
	[RNM_FOUND_NO_EXPIRES] = "nginx: expires 20m; or rnm serve, which spreads the polls",
	[RNM_FOUND_BAD_EXPIRES] = "nginx: expires 20m; Expires: 0 and -1 mean nothing to rspamd",
	[RNM_FOUND_PAST_EXPIRES] = "nginx: expires 20m instead of epoch or a negative time",
	[RNM_FOUND_SOON_EXPIRES] = "nginx: expires 20m, or a shorter poll interval in rspamd",
	[RNM_FOUND_FAR_EXPIRES] = "nginx: expires 20m; in a CDN, the time to live for browsers of these URLs",
	[RNM_FOUND_ABSURD_EXPIRES] =
	    "nginx: expires 20m instead of max; in a CDN, the time to live for browsers of these URLs",
	[RNM_FOUND_FIXED_EXPIRES] =
	    "nginx: expires 20m instead of modified or @time; or rnm serve, which spreads the polls",
	[RNM_FOUND_NO_VALIDATORS] = "nginx: etag on; and no proxy that strips ETag and Last-Modified",
	[RNM_FOUND_NO_LAST_MODIFIED] =
	    "send Last-Modified (nginx does so for files; proxies and SSI strip it)",
	[RNM_FOUND_BAD_LAST_MODIFIED] = "send Last-Modified as \"Sun, 06 Nov 1994 08:49:37 GMT\"",
	[RNM_FOUND_FUTURE] =
	    "touch the file, and look at the clocks; later models are ignored until that time has passed",
	[RNM_FOUND_BACK] = PUBLISH,
	[RNM_FOUND_STUCK] = PUBLISH,
	[RNM_FOUND_UNSTABLE_DATE] = ONE_SOURCE,
	[RNM_FOUND_NO_ETAG] = "nginx: etag on; in a CDN, pass ETag through",
	[RNM_FOUND_WEAK_ETAG] =
	    "nginx: gzip off, which weakens ETags; in a CDN, turn off what rewrites content",
	[RNM_FOUND_BAD_ETAG] = "send ETag in double quotes",
	[RNM_FOUND_UNSTABLE_ETAG] = ONE_SOURCE,
	[RNM_FOUND_REUSED_ETAG] = "make ETag from the content; nginx makes it from time and size, so let the "
				  "time change: rnm publish",
	[RNM_FOUND_NO_304] = "compare If-None-Match and If-Modified-Since for HEAD as well (nginx does; "
			     "if_modified_since off and proxies without a cache do not)",
	[RNM_FOUND_WRONG_304] = "If-None-Match decides when it is there (RFC 9110, 13.2.2); nginx does so",
	[RNM_FOUND_BARE_304] =
	    "send Last-Modified with 304 too (nginx does; in Apache: Header always set, or another server)",
	[RNM_FOUND_ETAG_304] = ONE_SOURCE,
	[RNM_FOUND_DATE_304] = ONE_SOURCE,
	[RNM_FOUND_DIFFERENT] = ONE_SOURCE,
	[RNM_FOUND_CHANGED] = "nothing, if it was meant",
	[RNM_FOUND_UNTRUSTED] = CHAIN,
	[RNM_FOUND_WRONG_NAME] = "get a certificate for the name in the URL, or use a name that it has",
	[RNM_FOUND_OUT_OF_DATE] =
	    "renew the certificate and let the server read it; or look at the clock of this host",
	[RNM_FOUND_ENDING] = "renew the certificate, and let the server read it",
	[RNM_FOUND_DEEP] = "use a CA with a shorter chain, or send no certificates that are not needed",
	[RNM_FOUND_PLAIN] = "serve over https; or let rnm pull verify a signature, and rspamd read the file",
	[RNM_FOUND_FRAGMENT] = "leave it out of the URL in rspamd's configuration",
};

const char *rnm_probe_advice(enum rnm_probe_code code)
{
	return advice[code];
}

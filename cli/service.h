/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service manager hands to a service and hears from it (systemd: sd_listen_fds(3), sd_notify(3)),
 * which are a few environment variables and datagrams.  Without one, nothing happens.
 */
#ifndef RNM_CLI_SERVICE_H
#define RNM_CLI_SERVICE_H

#include <rnm/buf.h>

#define SERVICE_SOCKETS_MAX 16

struct service_socket {
	int fd;
	char name[64]; /* FileDescriptorName= of the unit; "" when there is none */
};

/*
 * The sockets that were opened for this process, closed for programs that it starts.  *count of them.
 * RNM_E_USAGE ("serve.listeners") for more than SERVICE_SOCKETS_MAX.
 */
RNM_MUST_CHECK enum rnm_status service_sockets(struct service_socket sockets[SERVICE_SOCKETS_MAX],
                                               size_t *count, struct rnm_error *err);

/* Tells lines such as "READY=1" or "STATUS=..."; who does not listen misses it. */
void service_tell(const char *fmt, ...) RNM_PRINTF(1, 2);
/* "RELOADING=1" with the time that it asks for. */
void service_tell_reloading(void);
/* Seconds between two "WATCHDOG=1"; 0: nobody waits for any. */
double service_watchdog(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_links.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void rnm_links_init(struct rnm_links *links, double timeout)
{
	pthread_mutex_init(&links->lock, NULL);
	links->ring.before = links->ring.after = &links->ring;
	links->timeout = timeout;
}

static void set_address(struct rnm_link *link, const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

		(void)inet_ntop(AF_INET, &in->sin_addr, link->address, sizeof(link->address));
		link->local = ntohl(in->sin_addr.s_addr) >> 24 == 127;
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;
		static const char mapped[] = "::ffff:";
		char text[INET6_ADDRSTRLEN] = "";

		(void)inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text));
		link->local = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
		/* What came by IPv4 is called so, whatever kind of socket took it. */
		if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
			link->local = in->sin6_addr.s6_addr[12] == 127;
			memmove(text, text + sizeof(mapped) - 1, strlen(text) - sizeof(mapped) + 2);
		}
		memcpy(link->address, text, sizeof(text));
	} else {
		snprintf(link->address, sizeof(link->address), "unix");
		link->local = true;
	}
}

struct rnm_link *rnm_links_add(struct rnm_links *links, int fd, const struct sockaddr *address)
{
	struct rnm_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->fd = fd;
	set_address(link, address);
	link->deadline = rnm_clock_monotonic() + links->timeout;
	pthread_mutex_lock(&links->lock);
	link->before = links->ring.before;
	link->after = &links->ring;
	link->before->after = link->after->before = link;
	links->opened++;
	links->open++;
	pthread_mutex_unlock(&links->lock);
	return link;
}

void rnm_links_remove(struct rnm_links *links, struct rnm_link *link)
{
	pthread_mutex_lock(&links->lock);
	link->before->after = link->after;
	link->after->before = link->before;
	links->open--;
	links->silent += link->requests == 0;
	pthread_mutex_unlock(&links->lock);
	free(link);
}

void rnm_links_begin(struct rnm_links *links, struct rnm_link *link, uint64_t length)
{
	pthread_mutex_lock(&links->lock);
	link->requests++;
	link->busy = true;
	link->deadline = rnm_clock_monotonic() + links->timeout + (double)length / (double)RNM_SERVE_SLOWEST;
	pthread_mutex_unlock(&links->lock);
}

void rnm_links_end(struct rnm_links *links, struct rnm_link *link)
{
	pthread_mutex_lock(&links->lock);
	link->busy = false;
	link->deadline = rnm_clock_monotonic() + links->timeout;
	pthread_mutex_unlock(&links->lock);
}

void rnm_links_sent(struct rnm_links *links, struct rnm_link *link)
{
	pthread_mutex_lock(&links->lock);
	link->deadline = rnm_clock_monotonic() + links->timeout;
	pthread_mutex_unlock(&links->lock);
}

void rnm_links_expire(struct rnm_links *links)
{
	const double now = rnm_clock_monotonic();

	pthread_mutex_lock(&links->lock);
	for (struct rnm_link *link = links->ring.after; link != &links->ring; link = link->after) {
		if (link->deadline > now)
			continue;
		/* Its thread notices and takes it out. */
		(void)shutdown(link->fd, SHUT_RDWR);
		link->deadline = now + links->timeout;
		links->ended++;
	}
	pthread_mutex_unlock(&links->lock);
}

void rnm_links_drain(struct rnm_links *links, bool impatient)
{
	pthread_mutex_lock(&links->lock);
	for (struct rnm_link *link = links->ring.after; link != &links->ring; link = link->after)
		if (!link->busy && (impatient || link->requests > 0))
			(void)shutdown(link->fd, SHUT_RD);
	pthread_mutex_unlock(&links->lock);
}

void rnm_links_count(struct rnm_links *links, struct rnm_link_counts *out)
{
	pthread_mutex_lock(&links->lock);
	*out = (struct rnm_link_counts){
		.opened = links->opened, .open = links->open, .silent = links->silent, .ended = links->ended
	};
	pthread_mutex_unlock(&links->lock);
}

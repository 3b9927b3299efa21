/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a web server as a fleet of rspamds does: ask PORT SECONDS CONNECTIONS REQUEST
 *
 * Each request is a connection of its own, which the server closes; so many are open at one time.  REQUEST is sent
 * as it is, with \r\n for line ends.  Prints "ANSWERS SECONDS BYTES STATUS", STATUS being that of all answers, or 0
 * when they differ.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connection {
	int fd;
	char status[4];
	size_t got;
};

static struct sockaddr_in server = { .sin_family = AF_INET };
static const char *request;
static int epoll;
static char status[4];
static int differs;
static unsigned long long answers, bytes;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "ask: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* On the loopback a connection is made, and a short request taken, at once. */
static void begin(struct connection *connection)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	const size_t len = strlen(request);

	connection->fd = socket(AF_INET, SOCK_STREAM, 0);
	connection->got = 0;
	if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&server, sizeof(server)) != 0)
		fail("connect");
	if (send(connection->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail("send");
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
		fail("epoll");
}

static void end(struct connection *connection)
{
	close(connection->fd);
	if (connection->got < 12) {
		fprintf(stderr, "ask: no answer\n");
		exit(1);
	}
	if (answers == 0)
		memcpy(status, connection->status, 3);
	differs |= memcmp(status, connection->status, 3) != 0;
	answers++;
}

/* Whether the answer is over. */
static int receive(struct connection *connection)
{
	static char buffer[1 << 18];
	const ssize_t n = recv(connection->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		fail("recv");
	if (connection->got == 0 && n >= 12)
		memcpy(connection->status, buffer + 9, 3);
	connection->got += (size_t)n;
	bytes += (unsigned long long)n;
	return n == 0;
}

/* Turns the two characters \r into one, and \n likewise. */
static char *unescaped(const char *text)
{
	char *out = strdup(text), *to = out;

	for (; *text != '\0'; text++) {
		if (text[0] == '\\' && (text[1] == 'r' || text[1] == 'n'))
			*to++ = *++text == 'r' ? '\r' : '\n';
		else
			*to++ = *text;
	}
	*to = '\0';
	return out;
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];
	struct connection *connections;
	double begun, seconds;
	int count;

	if (argc != 5)
		return 2;
	server.sin_port = htons((unsigned short)atoi(argv[1]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	seconds = atof(argv[2]);
	count = atoi(argv[3]);
	request = unescaped(argv[4]);
	connections = calloc((size_t)count, sizeof(*connections));
	epoll = epoll_create1(0);
	if (connections == NULL || epoll < 0)
		fail("start");
	begun = now();
	for (int i = 0; i < count; i++)
		begin(&connections[i]);
	for (int open = count; open > 0;) {
		const int ready = epoll_wait(epoll, events, 64, 1000);

		for (int i = 0; i < ready; i++) {
			struct connection *connection = events[i].data.ptr;

			if (!receive(connection))
				continue;
			end(connection);
			if (now() - begun < seconds)
				begin(connection);
			else
				open--;
		}
	}
	printf("%llu %.6f %llu %.3s\n", answers, now() - begun, bytes, differs ? "0" : status);
	return 0;
}

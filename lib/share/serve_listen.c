/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets to listen at, and their names. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <rnm/serve.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections that may wait to be accepted; the kernel has a limit of its own (net.core.somaxconn). */
#define BACKLOG 4096
#define HOST_SIZE 256
#define PORT_SIZE 8

static enum rnm_status cannot_listen(const char *address, int errnum, struct rnm_error *err)
{
	return rnm_error_sys(err, "serve.listen", errnum, "cannot listen at '%s'", address);
}

/* Whether nobody answers there any more. */
static bool is_left_behind(const struct sockaddr_un *address)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused = false;

	if (fd >= 0) {
		refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
		          errno == ECONNREFUSED;
		close(fd);
	}
	return refused;
}

static enum rnm_status listen_unix(int *out, const char *address, const char *path, struct rnm_error *err)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd, error = 0;

	if (path[0] == '\0' || strlen(path) >= sizeof(name.sun_path))
		return rnm_error_set(err, RNM_E_USAGE, "serve.address",
		                     "expected the path of a socket with 1 to %zu bytes in '%s'",
		                     sizeof(name.sun_path) - 1, address);
	memcpy(name.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return cannot_listen(address, errno, err);
	if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) != 0) {
		error = errno;
		if (error == EADDRINUSE && is_left_behind(&name) && unlink(path) == 0)
			error = bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0 ? 0 : errno;
	}
	if (error == 0 && listen(fd, BACKLOG) != 0)
		error = errno;
	if (error != 0) {
		close(fd);
		return cannot_listen(address, error, err);
	}
	*out = fd;
	return RNM_OK;
}

static int open_inet(const struct addrinfo *info)
{
	static const int on = 1, off = 0;
	const int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "[::]" is every address, also those of IPv4. */
	if (info->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool is_port(const char *text)
{
	return text[0] != '\0' && strlen(text) < PORT_SIZE && text[strspn(text, "0123456789")] == '\0' &&
	       strtoul(text, NULL, 10) <= UINT16_MAX;
}

/* "HOST:PORT" and its kin in two parts. */
static bool split(const char *address, char host[HOST_SIZE], char port[PORT_SIZE])
{
	const char *colon = strrchr(address, ':');
	const char *name = address, *number = colon != NULL ? colon + 1 : address;
	size_t len = colon != NULL ? (size_t)(colon - address) : 0;

	if (name[0] == '[') {
		if (len < 2 || name[len - 1] != ']')
			return false;
		name++;
		len -= 2;
	} else if (memchr(name, ':', len) != NULL) {
		return false; /* an IPv6 address without brackets: where does it end? */
	}
	if (len >= HOST_SIZE || !is_port(number))
		return false;
	if (colon == NULL)
		snprintf(host, HOST_SIZE, "127.0.0.1");
	else
		snprintf(host, HOST_SIZE, "%.*s", (int)len, name);
	snprintf(port, PORT_SIZE, "%s", number);
	return true;
}

static enum rnm_status not_an_address(const char *address, const char *why, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_USAGE, "serve.address", "expected an address to listen at, found '%s'%s%s",
	              address, why[0] != '\0' ? ": " : "", why);
	rnm_error_set_hint(
	    err, "HOST:PORT, [IPV6]:PORT, :PORT for every address, PORT for 127.0.0.1, or unix:PATH");
	return RNM_E_USAGE;
}

static enum rnm_status not_resolved(const char *address, int code, struct rnm_error *err)
{
	if (code == EAI_MEMORY)
		return rnm_error_nomem(err);
	if (code == EAI_NONAME || code == EAI_SERVICE || code == EAI_NODATA)
		return not_an_address(address, gai_strerror(code), err);
	return rnm_error_set(err, RNM_E_IO, "serve.listen", "cannot find the address '%s': %s", address,
	                     gai_strerror(code));
}

enum rnm_status rnm_listen(int *fd, const char *address, struct rnm_error *err)
{
	static const char prefix[] = "unix:";
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	char host[HOST_SIZE], port[PORT_SIZE];
	struct addrinfo *found;
	int code, made;

	if (strncmp(address, prefix, sizeof(prefix) - 1) == 0)
		return listen_unix(fd, address, address + sizeof(prefix) - 1, err);
	if (!split(address, host, port))
		return not_an_address(address, "", err);
	/* Of every address, that of IPv6 takes both kinds. */
	code = getaddrinfo(host[0] == '\0' ? "::" : host, port, &hints, &found);
	if (code != 0)
		return not_resolved(address, code, err);
	made = open_inet(found);
	freeaddrinfo(found);
	/* A host without IPv6. */
	if (made < 0 && host[0] == '\0' && errno == EAFNOSUPPORT &&
	    getaddrinfo("0.0.0.0", port, &hints, &found) == 0) {
		made = open_inet(found);
		freeaddrinfo(found);
	}
	if (made < 0)
		return cannot_listen(address, errno, err);
	*fd = made;
	return RNM_OK;
}

void rnm_listen_name(char *out, size_t size, int fd)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(address);
	char host[INET6_ADDRSTRLEN] = "";

	snprintf(out, size, "?");
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return;
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&address;

		(void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(out, size, "%s:%u", host, ntohs(in->sin_port));
	} else if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&address;

		(void)inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
		snprintf(out, size, "[%s]:%u", host, ntohs(in->sin6_port));
	} else if (address.ss_family == AF_UNIX) {
		snprintf(out, size, "unix:%s", ((const struct sockaddr_un *)&address)->sun_path);
	}
}

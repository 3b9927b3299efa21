/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmarks need besides rnm itself:
 *   peer measure OUT CMD...   runs CMD with stdout in OUT; prints wall seconds, CPU seconds, peak RSS in KiB
 *   peer copy PORT KEY FILE   the bare socket-to-file copy: HGET KEY ann, the bulk written to FILE, fsync
 *   peer model INPUTS HIDDEN  a KANN image of INPUTS -> HIDDEN -> 1 with random weights, on stdout
 * It is deliberately without checks that a tool would need: it is the lower bound, not an example.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A small process of its own, because a child's peak RSS starts at that of whoever forked it. */
static int measure(char **argv)
{
	double start = now();
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		int fd = open(argv[0], O_WRONLY | O_CREAT | O_TRUNC, 0666);

		if (fd < 0 || dup2(fd, 1) < 0)
			die(argv[0]);
		execvp(argv[1], argv + 1);
		die(argv[1]);
	}
	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait4");
	printf("%.6f %.6f %ld %d\n", now() - start,
	       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
	       usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	return 0;
}

static int copy(int port, const char *key, const char *file)
{
	static char buf[256 << 10];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int sock = socket(AF_INET, SOCK_STREAM, 0);
	int out = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	long long left = -1;

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	if (sock < 0 || out < 0 || connect(sock, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("open");
	dprintf(sock, "*3\r\n$4\r\nHGET\r\n$%zu\r\n%s\r\n$3\r\nann\r\n", strlen(key), key);
	while (left != 0) {
		ssize_t got = read(sock, buf, sizeof(buf));
		char *data = buf;

		if (got <= 0)
			die("read");
		if (left < 0) {
			left = atoll(buf + 1);
			data = strchr(buf, '\n') + 1;
			got -= data - buf;
		}
		if (got > left)
			got = left;
		if (write(out, data, (size_t)got) != got)
			die("write");
		left -= got;
	}
	if (fsync(out) != 0)
		die("fsync");
	return 0;
}

/* HSET key ann, from the file to the socket and nothing else. */
static int put(int port, const char *key, const char *file)
{
	static char buf[256 << 10];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int sock = socket(AF_INET, SOCK_STREAM, 0);
	int in = open(file, O_RDONLY);
	long long size = in < 0 ? -1 : lseek(in, 0, SEEK_END);
	ssize_t got;

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	if (sock < 0 || size < 0 || lseek(in, 0, SEEK_SET) != 0 || connect(sock, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("open");
	dprintf(sock, "*4\r\n$4\r\nHSET\r\n$%zu\r\n%s\r\n$3\r\nann\r\n$%lld\r\n", strlen(key), key, size);
	while ((got = read(in, buf, sizeof(buf))) > 0)
		for (ssize_t done = 0, sent; done < got; done += sent)
			if ((sent = write(sock, buf + done, (size_t)(got - done))) <= 0)
				die("write");
	if (got < 0 || write(sock, "\r\n", 2) != 2 || read(sock, buf, sizeof(buf)) <= 0 || buf[0] != ':')
		die("answer");
	return 0;
}

static void put_i32(int32_t n)
{
	fwrite(&n, 4, 1, stdout);
}

static void put_leaf(uint32_t ext_flag, uint8_t flag, int rank, int32_t d0, int32_t d1)
{
	put_i32(0);
	put_i32((int32_t)ext_flag);
	putchar(flag);
	put_i32(0);
	putchar(rank);
	put_i32(d0);
	if (rank > 1)
		put_i32(d1);
}

static void put_op(uint32_t ext_flag, uint8_t flag, uint16_t op, int children, int32_t a, int32_t b)
{
	put_i32(0);
	put_i32((int32_t)ext_flag);
	putchar(flag);
	put_i32(children);
	fwrite(&op, 2, 1, stdout);
	put_i32(a);
	if (children > 1)
		put_i32(b);
	put_i32(-1);
	put_i32(0);
}

/* The network that rspamd trains for symbols, with INPUTS and HIDDEN of any size (op codes: add 1, cmul 3,
 * relu 8, tanh 7, ce_bin_neg 4). */
static int model(int32_t inputs, int32_t hidden)
{
	uint64_t count = (uint64_t)inputs * (uint64_t)hidden + 2 * (uint64_t)hidden + 1;
	uint64_t state = 88172645463325252u;

	fwrite("KAN\1", 4, 1, stdout);
	put_i32(13);
	put_leaf(1, 0, 2, 1, inputs);
	put_op(0, 0, 8, 1, 0, 0);
	put_leaf(0, 1, 2, hidden, inputs);
	put_op(0, 1, 3, 2, 1, 2);
	put_leaf(0, 1, 1, hidden, 0);
	put_op(0, 1, 1, 2, 3, 4);
	put_leaf(0, 1, 2, 1, hidden);
	put_op(0, 1, 3, 2, 5, 6);
	put_leaf(0, 1, 1, 1, 0);
	put_op(0, 1, 1, 2, 7, 8);
	put_op(2, 1, 7, 1, 9, 0);
	put_leaf(4, 0, 2, 1, 1);
	put_op(8, 1, 4, 2, 10, 11);
	for (uint64_t i = 0; i < count; i++) {
		float w;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		w = (float)((double)(int64_t)state / 9.3e18 * 0.05);
		fwrite(&w, 4, 1, stdout);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "measure") == 0)
		return measure(argv + 2);
	if (argc == 5 && strcmp(argv[1], "copy") == 0)
		return copy(atoi(argv[2]), argv[3], argv[4]);
	if (argc == 5 && strcmp(argv[1], "put") == 0)
		return put(atoi(argv[2]), argv[3], argv[4]);
	if (argc == 4 && strcmp(argv[1], "model") == 0)
		return model(atoi(argv[2]), atoi(argv[3]));
	fprintf(stderr, "usage: peer measure OUT CMD... | copy PORT KEY FILE | put PORT KEY FILE | model INPUTS HIDDEN\n");
	return 2;
}

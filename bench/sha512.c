/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha512 FILE: reads FILE and hashes it with libsodium's SHA-512, of which Ed25519 is made.  It is deliberately without
 * checks that a tool would need: it is the lower bound, not an example.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned char hash[crypto_hash_sha512_BYTES];
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
	unsigned char *data = size > 0 ? malloc((size_t)size) : NULL;
	size_t got = 0;

	if (data == NULL || sodium_init() < 0)
		return 1;
	while (got < (size_t)size) {
		ssize_t n = pread(fd, data + got, (size_t)size - got, (off_t)got);

		if (n <= 0)
			return 1;
		got += (size_t)n;
	}
	crypto_hash_sha512(hash, data, got);
	printf("%02x\n", hash[0]);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "export_name.h"
#include "output.h"

#include <string.h>

/*
 * Letters, digits, '.', '-' and UTF-8 stay, and '_' where it cannot be mistaken for a separator.
 * Everything else becomes %XX: path separators, control characters, stray bytes, and in front of a name
 * the dot that hides it and the dash that makes it an option.
 */
static void put_part(struct rnm_buf *path, const char *text, bool keep_underscore, bool first)
{
	size_t len = strlen(text);
	size_t i = 0;

	while (i < len) {
		unsigned char byte = (unsigned char)text[i];
		bool at_front = first && i == 0;
		bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
		             (byte >= 'a' && byte <= 'z') || (byte == '_' && keep_underscore) ||
		             ((byte == '.' || byte == '-') && !at_front);
		size_t take = plain ? 1 : byte >= 0x80 ? output_printable(text + i, len - i) : 0;

		if (take > 0) {
			rnm_buf_append(path, text + i, take);
			i += take;
		} else {
			rnm_buf_printf(path, "%%%02X", byte);
			i++;
		}
	}
}

char *export_name(const char *folder, bool is_prefix, const char *rule, const char *settings,
                  const char *version)
{
	struct rnm_buf path;

	rnm_buf_init(&path, OUTPUT_MAX);
	rnm_buf_puts(&path, folder);
	if (*folder != '\0' && folder[strlen(folder) - 1] != '/')
		rnm_buf_putc(&path, '/');
	if (is_prefix)
		rnm_buf_puts(&path, "prefix=");
	put_part(&path, rule, false, !is_prefix);
	rnm_buf_putc(&path, '_');
	put_part(&path, settings, true, false);
	rnm_buf_putc(&path, '_');
	put_part(&path, version, false, false);
	rnm_buf_puts(&path, ".rnm");
	return rnm_buf_steal(&path);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"
#include "rspamd/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rnm_finding *new_finding(struct rnm_finding_list *list, const char *id)
{
	struct rnm_finding *items = rnm_grow(list->items, list->count, &list->capacity, sizeof(*items));
	struct rnm_finding *finding;

	if (items == NULL)
		return NULL;
	list->items = items;
	finding = &list->items[list->count];
	memset(finding, 0, sizeof(*finding));
	snprintf(finding->id, sizeof(finding->id), "%s", id);
	return finding;
}

/* Takes text. */
static void add(struct rnm_finding_list *list, const char *id, const char *file, uint32_t line, char *text)
{
	struct rnm_finding *finding;

	if (list->failed || list->count == RNM_FINDINGS_MAX) {
		free(text);
		return;
	}
	finding = text != NULL ? new_finding(list, id) : NULL;
	if (finding == NULL) {
		free(text);
		list->failed = true;
		return;
	}
	list->count++;
	finding->text = text;
	finding->line = line;
	if (file != NULL && file[0] != '\0') {
		finding->file = strdup(file);
		list->failed = finding->file == NULL;
	}
}

void rnm_finding_add(struct rnm_finding_list *list, const char *id, const struct rnm_value *where,
                     const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	add(list, id, where != NULL ? where->file : NULL, where != NULL ? where->line : 0, text);
}

void rnm_finding_add_error(struct rnm_finding_list *list, const struct rnm_error *err)
{
	char *text = NULL;

	if (asprintf(&text, err->hint[0] != '\0' ? "%s; %s" : "%s%s", err->message, err->hint) < 0)
		text = NULL;
	add(list, err->id, err->file, err->line, text);
}

void rnm_findings_free(struct rnm_finding *findings, size_t count)
{
	if (findings == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		free(findings[i].text);
		free(findings[i].file);
	}
	free(findings);
}

void rnm_finding_list_clear(struct rnm_finding_list *list)
{
	rnm_findings_free(list->items, list->count);
	memset(list, 0, sizeof(*list));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "network/findings.h"

#include "base/grow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rnm_finding_kind kinds[RNM_KANN_COUNT] = {
#define FINDING(symbol, id, severity, meaning) { id, RNM_SEVERITY_##severity, meaning },
#include "network/findings.def"
#undef FINDING
};

const struct rnm_finding_kind *rnm_network_finding_kind(size_t index)
{
	return index < RNM_KANN_COUNT ? &kinds[index] : NULL;
}

const char *rnm_finding_id(enum rnm_finding_code code)
{
	return kinds[code].id;
}

const char *rnm_severity_name(enum rnm_severity severity)
{
	switch (severity) {
	case RNM_SEVERITY_WARNING:
		return "warning";
	case RNM_SEVERITY_UNFIT:
		return "unfit";
	case RNM_SEVERITY_ERROR:
		break;
	}
	return "error";
}

struct rnm_findings *rnm_findings_new(size_t max)
{
	struct rnm_findings *list = malloc(sizeof(*list));

	if (list == NULL)
		return NULL;
	list->items = NULL;
	list->count = list->cap = list->dropped = 0;
	list->max = max;
	list->has_error = list->failed = false;
	for (size_t i = 0; i <= RNM_SEVERITY_ERROR; i++)
		rnm_error_clear(&list->first[i]);
	return list;
}

void rnm_findings_destroy(struct rnm_findings *list)
{
	if (list == NULL)
		return;
	rnm_network_findings_free(list->items, list->count);
	free(list);
}

void rnm_network_findings_free(struct rnm_network_finding *findings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(findings[i].text);
	free(findings);
}

static bool make_room(struct rnm_findings *list)
{
	struct rnm_network_finding *items = rnm_grow(list->items, list->count, &list->cap, sizeof(*items));

	if (items == NULL)
		return false;
	list->items = items;
	return true;
}

void rnm_findings_add(struct rnm_findings *list, enum rnm_finding_code code, uint32_t node, uint64_t offset,
                      const char *fmt, ...)
{
	enum rnm_severity severity = kinds[code].severity;
	struct rnm_error *first = &list->first[severity];
	char text[RNM_ERROR_TEXT_MAX];
	struct rnm_network_finding *item;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (severity == RNM_SEVERITY_ERROR)
		list->has_error = true;
	if (first->status == RNM_OK) {
		rnm_error_set(first, RNM_E_MALFORMED, kinds[code].id, "%s", text);
		rnm_error_at_offset(first, NULL, offset);
	}
	if (list->count >= list->max) {
		list->dropped++;
		return;
	}
	if (!make_room(list)) {
		list->failed = true;
		return;
	}
	item = &list->items[list->count];
	item->id = kinds[code].id;
	item->severity = severity;
	item->node = node;
	item->offset = offset;
	item->text = strdup(text);
	if (item->text == NULL)
		list->failed = true;
	else
		list->count++;
}

void rnm_findings_hint(struct rnm_findings *list, enum rnm_finding_code code, const char *hint)
{
	struct rnm_error *first = &list->first[kinds[code].severity];

	if (strcmp(first->id, kinds[code].id) == 0)
		rnm_error_set_hint(first, "%s", hint);
}

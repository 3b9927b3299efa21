/* SPDX-License-Identifier: Apache-2.0 */
/* The list of findings, and the words in it. */
#include "base/grow.h"
#include "store/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_BYTES_MAX ((size_t)2 << 30)

static const struct {
	const char *id;
	enum rnm_health level;
} kinds[] = {
#define FINDING(symbol, id, level, meaning) [RNM_DOCTOR_##symbol] = { id, RNM_HEALTH_##level },
#include "store/doctor.def"
#undef FINDING
};

const char *rnm_health_name(enum rnm_health level)
{
	static const char *const names[] = {
		[RNM_HEALTH_NOTE] = "note", [RNM_HEALTH_WARNING] = "warning", [RNM_HEALTH_PROBLEM] = "problem"
	};

	return names[level];
}

const char *rnm_remedy_name(enum rnm_remedy remedy)
{
	static const char *const names[] = {
		[RNM_REMEDY_NONE] = "none",
		[RNM_REMEDY_DROP_PROFILE] = "drop-profile",
		[RNM_REMEDY_WRITE_PROFILE] = "write-profile",
		[RNM_REMEDY_RENEW] = "renew",
		[RNM_REMEDY_UNLOCK] = "unlock",
		[RNM_REMEDY_DELETE_KEY] = "delete-key",
		[RNM_REMEDY_DROP_VECTORS] = "drop-vectors",
		[RNM_REMEDY_DELETE_FILE] = "delete-file",
	};

	return names[remedy];
}

const char *rnm_health_state_name(enum rnm_health_state state)
{
	static const char *const names[] = { [RNM_HEALTH_OPEN] = "open",
		                             [RNM_HEALTH_REPAIRED] = "repaired",
		                             [RNM_HEALTH_GONE] = "gone",
		                             [RNM_HEALTH_FAILED] = "failed" };

	return names[state];
}

const char *rnm_doctor_keep(struct rnm_doctor *d, const char *text)
{
	const char *copy = rnm_arena_strndup(d->arena, text, strlen(text));

	if (copy != NULL)
		return copy;
	d->no_memory = true;
	return "";
}

struct rnm_bytes rnm_doctor_keep_bytes(struct rnm_doctor *d, struct rnm_bytes bytes)
{
	const char *copy = rnm_arena_strndup(d->arena, bytes.data, bytes.len);

	if (copy != NULL)
		return (struct rnm_bytes){ copy, bytes.len };
	d->no_memory = true;
	return (struct rnm_bytes){ NULL, 0 };
}

static RNM_PRINTF(2, 0) const char *format(struct rnm_doctor *d, const char *fmt, va_list args)
{
	char text[RNM_ERROR_TEXT_MAX];

	vsnprintf(text, sizeof(text), fmt, args);
	return rnm_doctor_keep(d, text);
}

static struct rnm_health_finding *new_finding(struct rnm_doctor *d)
{
	struct rnm_health_report *report = d->report;
	struct rnm_health_finding *grown;

	if (report->count == RNM_HEALTH_FINDINGS_MAX) {
		report->left_out++;
		return &d->spare;
	}
	grown = rnm_grow(report->findings, report->count, &d->finding_cap, sizeof(*grown));
	if (grown == NULL) {
		d->no_memory = true;
		return &d->spare;
	}
	report->findings = grown;
	return &report->findings[report->count++];
}

struct rnm_health_finding *rnm_doctor_find(struct rnm_doctor *d, enum rnm_doctor_code code, const char *key,
                                           const char *fmt, ...)
{
	struct rnm_health_finding *finding = new_finding(d);
	va_list args;

	*finding = (struct rnm_health_finding){ .id = kinds[code].id,
		                                .level = kinds[code].level,
		                                .rule = d->rule,
		                                .settings = d->settings,
		                                .zset = d->zset,
		                                .advice = "" };
	/* What is left out must not take memory either. */
	if (finding == &d->spare)
		return finding;
	if (key != NULL)
		finding->key = rnm_doctor_keep(d, key);
	va_start(args, fmt);
	finding->text = format(d, fmt, args);
	va_end(args);
	return finding;
}

void rnm_doctor_advise(struct rnm_doctor *d, struct rnm_health_finding *finding, enum rnm_remedy remedy,
                       const char *fmt, ...)
{
	va_list args;

	if (finding == &d->spare)
		return;
	finding->remedy = remedy;
	va_start(args, fmt);
	finding->advice = format(d, fmt, args);
	va_end(args);
}

const char *rnm_doctor_duration(char out[RNM_DURATION_MAX], double seconds)
{
	static const struct {
		uint64_t seconds;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	/* Far beyond any time to live, and whole as a double. */
	const double longest = 1e15;
	uint64_t left = seconds > longest ? (uint64_t)longest : seconds > 0 ? (uint64_t)seconds : 0;
	size_t unit = 0;

	while (unit < 3 && left < units[unit].seconds)
		unit++;
	if (unit == 3)
		snprintf(out, RNM_DURATION_MAX, "%llus", (unsigned long long)left);
	else
		snprintf(out, RNM_DURATION_MAX, "%llu%c %llu%c",
		         (unsigned long long)(left / units[unit].seconds), units[unit].letter,
		         (unsigned long long)(left % units[unit].seconds / units[unit + 1].seconds),
		         units[unit + 1].letter);
	return out;
}

void rnm_names_init(struct rnm_names *names)
{
	*names = (struct rnm_names){ 0 };
	rnm_buf_init(&names->text, NAMES_BYTES_MAX);
}

bool rnm_names_add(struct rnm_names *names, const char *name, size_t len)
{
	size_t *grown = rnm_grow(names->starts, names->count, &names->cap, sizeof(*grown));

	if (grown == NULL)
		return false;
	names->starts = grown;
	names->starts[names->count] = names->text.len;
	if (!rnm_buf_append(&names->text, name, len) || !rnm_buf_append(&names->text, "", 1))
		return false;
	names->count++;
	return true;
}

void rnm_doctor_names_free(struct rnm_names *names)
{
	rnm_buf_free(&names->text);
	free(names->starts);
	*names = (struct rnm_names){ 0 };
}

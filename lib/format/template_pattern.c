/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lua patterns.  Lua's own matcher backtracks without end on hostile patterns and cannot be stopped
 * from outside; this one counts its work and stops with a limit error.  Meaning and error texts are
 * those of Lua 5.1 (reference manual, section 5.4.1).
 */
#include "format/template_engine.h"

#include <ctype.h>
#include <string.h>

/* As LuaJIT and Lua 5.2: items of a pattern that wait for the rest to match. */
#define MATCH_DEPTH_MAX 200u
#define WORK_BATCH 512u

void rnm_tpl_match_init(struct rnm_tpl_match *m, lua_State *L, struct rnm_bytes subject,
                        struct rnm_bytes pattern)
{
	m->L = L;
	m->subject = subject.data;
	m->subject_end = subject.data + subject.len;
	m->pattern_end = pattern.data + pattern.len;
	m->depth = 0;
	m->work = 0;
	m->captures = 0;
}

static void work(struct rnm_tpl_match *m, size_t steps)
{
	m->work += steps;
	if (m->work >= WORK_BATCH) {
		/* A step here is cheaper than one of Lua's instructions. */
		rnm_tpl_spend_or_raise(m->L, m->work / 2);
		m->work = 0;
	}
}

/* The end of the single-character item that starts at p. */
static const char *item_end(struct rnm_tpl_match *m, const char *p)
{
	char c = *p++;

	if (c == '%') {
		if (p == m->pattern_end)
			(void)luaL_error(m->L, "malformed pattern (ends with '%%')");
		return p + 1;
	}
	if (c != '[')
		return p;
	if (p < m->pattern_end && *p == '^')
		p++;
	/* A `]` at the start of a set stands for itself. */
	do {
		if (p == m->pattern_end)
			(void)luaL_error(m->L, "malformed pattern (missing ']')");
		c = *p++;
		if (c == '%' && p < m->pattern_end)
			p++;
	} while (p == m->pattern_end || *p != ']');
	return p + 1;
}

static bool in_class(unsigned char c, unsigned char class)
{
	bool result;

	switch (tolower(class)) {
	case 'a':
		result = isalpha(c);
		break;
	case 'c':
		result = iscntrl(c);
		break;
	case 'd':
		result = isdigit(c);
		break;
	case 'l':
		result = islower(c);
		break;
	case 'p':
		result = ispunct(c);
		break;
	case 's':
		result = isspace(c);
		break;
	case 'u':
		result = isupper(c);
		break;
	case 'w':
		result = isalnum(c);
		break;
	case 'x':
		result = isxdigit(c);
		break;
	case 'z':
		result = c == 0;
		break;
	default:
		return class == c;
	}
	return isupper(class) ? !result : result;
}

/* Whether c is in the set that starts with the `[` at p and whose `]` is at last. */
static bool in_set(struct rnm_tpl_match *m, unsigned char c, const char *p, const char *last)
{
	bool found = true;

	work(m, (size_t)(last - p));
	p++;
	if (*p == '^') {
		found = false;
		p++;
	}
	for (; p < last; p++) {
		if (*p == '%' && p + 1 < last) {
			p++;
			if (in_class(c, (unsigned char)*p))
				return found;
		} else if (p + 2 < last && p[1] == '-') {
			if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
				return found;
			p += 2;
		} else if ((unsigned char)*p == c) {
			return found;
		}
	}
	return !found;
}

static bool matches_one(struct rnm_tpl_match *m, const char *s, const char *p, const char *end)
{
	unsigned char c;

	work(m, 1);
	if (s >= m->subject_end)
		return false;
	c = (unsigned char)*s;
	switch (*p) {
	case '.':
		return true;
	case '%':
		return in_class(c, (unsigned char)p[1]);
	case '[':
		return in_set(m, c, p, end - 1);
	default:
		return (unsigned char)*p == c;
	}
}

static const char *match_balance(struct rnm_tpl_match *m, const char *s, const char *p)
{
	size_t depth = 1;

	if (m->pattern_end - p < 2)
		(void)luaL_error(m->L, "unbalanced pattern");
	if (s >= m->subject_end || *s != p[0])
		return NULL;
	for (const char *at = s + 1; at < m->subject_end; at++) {
		if (*at == p[1]) {
			if (--depth == 0) {
				work(m, (size_t)(at - s));
				return at + 1;
			}
		} else if (*at == p[0]) {
			depth++;
		}
	}
	work(m, (size_t)(m->subject_end - s));
	return NULL;
}

static const char *match_greedy(struct rnm_tpl_match *m, const char *s, const char *p, const char *end)
{
	ptrdiff_t count = 0;

	while (matches_one(m, s + count, p, end))
		count++;
	for (; count >= 0; count--) {
		const char *found = rnm_tpl_match_at(m, s + count, end + 1);

		if (found != NULL)
			return found;
	}
	return NULL;
}

static const char *match_lazy(struct rnm_tpl_match *m, const char *s, const char *p, const char *end)
{
	for (;; s++) {
		const char *found = rnm_tpl_match_at(m, s, end + 1);

		if (found != NULL)
			return found;
		if (!matches_one(m, s, p, end))
			return NULL;
	}
}

static const char *open_capture(struct rnm_tpl_match *m, const char *s, const char *p, ptrdiff_t mark)
{
	const char *found;

	if (m->captures >= RNM_TPL_CAPTURES_MAX)
		(void)luaL_error(m->L, "too many captures");
	m->capture[m->captures].start = s;
	m->capture[m->captures].len = mark;
	m->captures++;
	found = rnm_tpl_match_at(m, s, p);
	if (found == NULL)
		m->captures--;
	return found;
}

static const char *close_capture(struct rnm_tpl_match *m, const char *s, const char *p)
{
	const char *found;
	int i = m->captures - 1;

	while (i >= 0 && m->capture[i].len != RNM_TPL_CAPTURE_OPEN)
		i--;
	if (i < 0)
		(void)luaL_error(m->L, "invalid pattern capture");
	m->capture[i].len = s - m->capture[i].start;
	found = rnm_tpl_match_at(m, s, p);
	if (found == NULL)
		m->capture[i].len = RNM_TPL_CAPTURE_OPEN;
	return found;
}

/* %1 to %9: what that capture holds. */
static const char *match_back(struct rnm_tpl_match *m, const char *s, char digit)
{
	int i = digit - '1';
	size_t len;

	if (i < 0 || i >= m->captures || m->capture[i].len == RNM_TPL_CAPTURE_OPEN)
		(void)luaL_error(m->L, "invalid capture index");
	/* A position capture holds no text. */
	if (m->capture[i].len < 0)
		return NULL;
	len = (size_t)m->capture[i].len;
	work(m, len / 8);
	if ((size_t)(m->subject_end - s) < len || memcmp(m->capture[i].start, s, len) != 0)
		return NULL;
	return s + len;
}

/* %f[set]: between a character outside the set and one inside. */
static bool at_frontier(struct rnm_tpl_match *m, const char *s, const char *p, const char *end)
{
	unsigned char before = s == m->subject ? 0 : (unsigned char)s[-1];
	unsigned char here = s == m->subject_end ? 0 : (unsigned char)*s;

	return !in_set(m, before, p, end - 1) && in_set(m, here, p, end - 1);
}

/* Items that are no single character.  true when p was one: *s is where the match goes on, or NULL. */
static bool match_special(struct rnm_tpl_match *m, const char **s, const char **p)
{
	char kind = *p + 1 < m->pattern_end ? (*p)[1] : '\0';

	if (**p != '%')
		return false;
	if (kind == 'b') {
		*s = match_balance(m, *s, *p + 2);
		*p += *s == NULL ? 0 : 4;
		return true;
	}
	if (kind == 'f') {
		const char *set = *p + 2;
		const char *end;

		if (set >= m->pattern_end || *set != '[')
			(void)luaL_error(m->L, "missing '[' after '%%f' in pattern");
		end = item_end(m, set);
		if (!at_frontier(m, *s, set, end))
			*s = NULL;
		*p = end;
		return true;
	}
	if (kind >= '0' && kind <= '9') {
		*s = match_back(m, *s, kind);
		*p += 2;
		return true;
	}
	return false;
}

static const char *match_here(struct rnm_tpl_match *m, const char *s, const char *p)
{
	while (p < m->pattern_end) {
		const char *end;
		char suffix;

		if (*p == '(') {
			if (p + 1 < m->pattern_end && p[1] == ')')
				return open_capture(m, s, p + 2, RNM_TPL_CAPTURE_POSITION);
			return open_capture(m, s, p + 1, RNM_TPL_CAPTURE_OPEN);
		}
		if (*p == ')')
			return close_capture(m, s, p + 1);
		if (*p == '$' && p + 1 == m->pattern_end)
			return s == m->subject_end ? s : NULL;
		if (match_special(m, &s, &p)) {
			if (s == NULL)
				return NULL;
			continue;
		}
		end = item_end(m, p);
		suffix = end < m->pattern_end ? *end : '\0';
		if (suffix == '*')
			return match_greedy(m, s, p, end);
		if (suffix == '+')
			return matches_one(m, s, p, end) ? match_greedy(m, s + 1, p, end) : NULL;
		if (suffix == '-')
			return match_lazy(m, s, p, end);
		if (suffix == '?') {
			const char *found =
			    matches_one(m, s, p, end) ? rnm_tpl_match_at(m, s + 1, end + 1) : NULL;

			if (found != NULL)
				return found;
			p = end + 1;
			continue;
		}
		if (!matches_one(m, s, p, end))
			return NULL;
		s++;
		p = end;
	}
	return s;
}

const char *rnm_tpl_match_at(struct rnm_tpl_match *m, const char *s, const char *pattern)
{
	const char *found;

	if (++m->depth > MATCH_DEPTH_MAX)
		(void)luaL_error(m->L, "pattern too complex");
	work(m, 1);
	found = match_here(m, s, pattern);
	m->depth--;
	return found;
}

void rnm_tpl_push_capture(struct rnm_tpl_match *m, int index, const char *start, const char *end)
{
	ptrdiff_t len;

	if (index >= m->captures) {
		if (index != 0)
			(void)luaL_error(m->L, "invalid capture index");
		/* A pattern without captures captures the whole match. */
		lua_pushlstring(m->L, start, (size_t)(end - start));
		return;
	}
	len = m->capture[index].len;
	if (len == RNM_TPL_CAPTURE_OPEN)
		(void)luaL_error(m->L, "unfinished capture");
	if (len == RNM_TPL_CAPTURE_POSITION)
		lua_pushinteger(m->L, m->capture[index].start - m->subject + 1);
	else
		lua_pushlstring(m->L, m->capture[index].start, (size_t)len);
}

int rnm_tpl_push_captures(struct rnm_tpl_match *m, const char *start, const char *end)
{
	int count = m->captures == 0 && start != NULL ? 1 : m->captures;

	luaL_checkstack(m->L, count, "too many captures");
	for (int i = 0; i < count; i++)
		rnm_tpl_push_capture(m, i, start, end);
	return count;
}

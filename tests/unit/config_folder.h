/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a configuration loaded from files in a folder of its own. */
#ifndef RNM_TESTS_CONFIG_FOLDER_H
#define RNM_TESTS_CONFIG_FOLDER_H

#include <rnm/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "ucl_text.h"

/* What rspamd puts in front of what is wrong. */
#define FAILED "failed to load config: "
#define PARSER "failed to load config: ucl parser error: "

static inline void put_text(const char *name, const char *text)
{
	assert_true(write_file(folder, name, text, strlen(text)));
}

static struct rnm_error last_error;

/* The configuration, or NULL and last_error. */
static inline struct rnm_config *try_load(const struct rnm_config_options *options)
{
	struct rnm_config *config = NULL;
	enum rnm_status status;

	rnm_error_clear(&last_error);
	status = rnm_config_load(&config, options, &last_error);
	assert_true((status == RNM_OK) == (config != NULL));
	assert_int_equal(status, last_error.status);
	return config;
}

/* ---- the Lua view ---- */

static inline int by_key(const void *a, const void *b)
{
	const struct rnm_value *const *left = a;
	const struct rnm_value *const *right = b;

	return strcmp((*left)->key.data, (*right)->key.data);
}

/* Lua's notation with the class marks; keys sorted, since Lua forgets their order.  list{}: a plain list. */
static inline void put_view(struct rnm_buf *out, const struct rnm_value *value)
{
	const bool plain = (value->flags & RNM_VALUE_PLAIN) != 0;
	size_t count = rnm_value_count(value);
	const struct rnm_value **items;

	assert_null(value->next);
	if (value->type == RNM_FLOAT) {
		rnm_buf_printf(out, "%.14g", value->as.real);
		return;
	}
	if (value->type != RNM_ARRAY && value->type != RNM_OBJECT) {
		put_value(out, value);
		return;
	}
	if (value->type == RNM_OBJECT)
		rnm_buf_puts(out, plain ? "{" : "obj{");
	else
		rnm_buf_puts(out, plain                                      ? "list{"
		                  : (value->flags & RNM_VALUE_IMPLICIT) != 0 ? "impl{"
		                                                             : "arr{");
	items = calloc(count + 1, sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = rnm_value_at(value, i);
	if (value->type == RNM_OBJECT)
		qsort(items, count, sizeof(*items), by_key);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			rnm_buf_puts(out, ", ");
		if (value->type == RNM_OBJECT)
			rnm_buf_printf(out, "%s=", items[i]->key.data);
		put_view(out, items[i]);
	}
	free(items);
	rnm_buf_putc(out, '}');
}

static inline void assert_view(struct rnm_config *config, const char *section, const char *expected)
{
	const struct rnm_value *view = NULL;
	const struct rnm_value *again = NULL;
	struct rnm_buf out;

	assert_int_equal(rnm_config_get_all_opt(config, section, &view, NULL), RNM_OK);
	assert_int_equal(rnm_config_get_all_opt(config, section, &again, NULL), RNM_OK);
	assert_ptr_equal(view, again);
	rnm_buf_init(&out, (size_t)1 << 20);
	if (view == NULL)
		rnm_buf_puts(&out, "nil");
	else
		put_view(&out, view);
	assert_string_equal(rnm_buf_cstr(&out), expected);
	rnm_buf_free(&out);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

#endif

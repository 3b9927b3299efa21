/* SPDX-License-Identifier: Apache-2.0 */
#include "store/restore_compare.h"

#include "base/value_build.h"

#include <string.h>

/* Fields that come and go while workers train: they make no other model.  The lock is not even in a backup. */
static const char *const passing_fields[] = { "hostname", "obsolete" };

static bool is_passing(struct rnm_bytes name)
{
	for (size_t i = 0; i < sizeof(passing_fields) / sizeof(passing_fields[0]); i++)
		if (rnm_bytes_equal(name, rnm_bytes_of(passing_fields[i])))
			return true;
	return false;
}

static const struct rnm_backup_field *find_field(const struct rnm_backup_model *model, struct rnm_bytes name)
{
	for (size_t i = 0; i < model->field_count; i++)
		if (rnm_bytes_equal(model->fields[i].name, name))
			return &model->fields[i];
	return NULL;
}

static bool same_value(const struct rnm_backup_value *a, const struct rnm_backup_value *b)
{
	if (a->size != b->size || (a->inline_bytes == NULL) != (b->inline_bytes == NULL))
		return false;
	return a->inline_bytes != NULL ? memcmp(a->inline_bytes, b->inline_bytes, (size_t)a->size) == 0
	                               : strcmp(a->hash, b->hash) == 0;
}

/* Whether every field of a, but for those that come and go, is in b too. */
static bool holds_fields_of(const struct rnm_backup_model *b, const struct rnm_backup_model *a)
{
	for (size_t i = 0; i < a->field_count; i++) {
		const struct rnm_backup_field *field = &a->fields[i];
		const struct rnm_backup_field *other = find_field(b, field->name);

		if (!is_passing(field->name) && (other == NULL || !same_value(&field->value, &other->value)))
			return false;
	}
	return true;
}

bool rnm_restore_same_hash(const struct rnm_backup_model *a, const struct rnm_backup_model *b)
{
	return holds_fields_of(a, b) && holds_fields_of(b, a);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How `rnm list` shows model lists: tables for people or one JSON document. */
#ifndef RNM_CLI_LIST_FORMAT_H
#define RNM_CLI_LIST_FORMAT_H

#include "context.h"

struct list_document {
	struct rnm_buf out;
	struct rnm_json json;
	bool as_json;
	size_t lists;
};

void list_document_init(struct list_document *document, bool as_json);
/* redis: who has answered. */
void list_document_begin(struct list_document *document, const struct rnm_redis *redis);
void list_document_add(struct list_document *document, const struct rnm_rule *rule,
                       const struct rnm_model_list *list);
/* Closes the document; broken may be NULL. */
void list_document_end(struct list_document *document, const struct broken_rules *broken);
/* Prints and frees. */
bool list_document_print(struct list_document *document);
void list_document_drop(struct list_document *document);

#endif

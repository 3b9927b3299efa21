/* SPDX-License-Identifier: Apache-2.0 */
/* One function per verb.  Each returns the exit code and has printed what there is to say. */
#ifndef RNM_CLI_VERBS_H
#define RNM_CLI_VERBS_H

#include "options.h"

int verb_config(const struct options *options);
int verb_digest(const struct options *options);
int verb_list(const struct options *options);
int verb_export(const struct options *options);
int verb_export_all(const struct options *options);
int verb_inspect(const struct options *options);
int verb_verify(const struct options *options);
int verb_score(const struct options *options);
int verb_eval(const struct options *options);
int verb_diff(const struct options *options);
int verb_merge(const struct options *options);
int verb_import(const struct options *options);
int verb_backup(const struct options *options);
int verb_restore(const struct options *options);
int verb_doctor(const struct options *options);
int verb_refresh(const struct options *options);
int verb_key(const struct options *options);
int verb_sign(const struct options *options);
int verb_publish(const struct options *options);
int verb_pull(const struct options *options);
int verb_watch(const struct options *options);
int verb_probe(const struct options *options);
int verb_serve(const struct options *options);
int verb_help(const struct options *options);
int verb_neural_export(const struct options *options);

#endif

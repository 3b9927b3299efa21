/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_codes.h"
#include "help.h"

static void write_exit_codes(struct rnm_buf *out)
{
	rnm_buf_puts(out, "Exit codes of rnm:\n\n");
	for (size_t i = 0; i < exit_code_count; i++)
		rnm_buf_printf(out, "  %3d  %-12s %s\n", exit_codes[i].code, exit_codes[i].name,
		               exit_codes[i].meaning);
	rnm_buf_printf(
	    out,
	    "\nCalled as neural_export (or rnm neural_export) it keeps the original's codes: 0, and %d for\n"
	    "every failure.\n",
	    EXIT_NEURAL_EXPORT_FAILED);
}

static void write_environment(struct rnm_buf *out)
{
	rnm_buf_puts(
	    out,
	    "Environment variables that rnm reads:\n"
	    "\n"
	    "  CONFDIR, LOCAL_CONFDIR, RUNDIR, DBDIR, LOGDIR, WWWDIR, PLUGINSDIR, RULESDIR, LUALIBDIR\n"
	    "      paths of rspamd, as variables of the configuration; CONFDIR also says where the default\n"
	    "      configuration is.  An empty value counts as set.  --var=NAME=VALUE wins.\n"
	    "  SHAREDIR\n"
	    "      as above, but only in templates.\n"
	    "  RSPAMD_<NAME>\n"
	    "      env.<NAME> in templates; wins over --var=NAME=VALUE there, as with rspamadm.\n"
	    "  RNM_REDIS_PASSWORD\n"
	    "      password for --redis when its URL holds none.  Passwords on the command line can be seen "
	    "by\n"
	    "      other users of the host; this variable and --password-file cannot.\n"
	    "  SOURCE_DATE_EPOCH\n"
	    "      seconds since 1970 to stamp into exported files instead of the current time.\n"
	    "  TMPDIR\n"
	    "      folder of unlinked temporary files, which -o - and --compress need; /tmp without it.\n"
	    "  NO_COLOR, TERM\n"
	    "      no colours when NO_COLOR is set and not empty, or TERM is dumb.\n"
	    "  SSL_CERT_FILE, SSL_CERT_DIR, OPENSSL_CONF\n"
	    "      read by OpenSSL when Redis is reached over TLS: the CAs of the system, and its own "
	    "configuration.\n"
	    "  TZ\n"
	    "      time zone of the times in tables; JSON holds UTC.\n");
}

/* Pieces, because compilers need not take longer strings. */
static void write_model_json(struct rnm_buf *out)
{
	rnm_buf_puts(
	    out,
	    "rnm inspect MODEL --json\n"
	    "    {file, kind, file_size, compressed, model_version, providers_digest, created_at,\n"
	    "      redis: {key, score, verdict, ttl_ms}, ann_size, ann_expanded, architecture,\n"
	    "      architecture_kind, parameters, inputs, outputs, weights_hash, tensors: [{name, node,\n"
	    "        constant, dims, count, min, max, mean, std, zeros, non_finite, units, dead_units, "
	    "hash}],\n"
	    "      normalisation, norm_count, pca_size, pca_rows, pca_cols, roc_thresholds,\n"
	    "      effective_thresholds: {spam_from, ham_to}, rnm, sound, findings}\n"
	    "    kind: rnm1, kann, redis; architecture_kind: symbol, embedding, other\n"
	    "    weights_hash, hash: null without --hash; effective_thresholds: as rspamd applies them\n"
	    "    findings: [{severity, id, check, part, node, offset, text, hint}]\n"
	    "    severity: warning, unfit, error; the last two are problems\n"
	    "rnm verify MODEL --json\n"
	    "    {file, rule, accepted, checks: [{check, state, summary}], problems, warnings, sound,\n"
	    "      findings: as above}\n"
	    "    check: container, frames, network, pca, dimensions, thresholds, answers, rule\n"
	    "    state: skipped, ok, warning, problem; accepted: what the exit code says\n");
}

static void write_pair_json(struct rnm_buf *out)
{
	rnm_buf_puts(
	    out,
	    "rnm diff A B --json\n"
	    "    {verdict, sentence, start, differs: [ASPECT], unknown: [ASPECT], a: {model, kind, "
	    "file_size,\n"
	    "      compressed, model_version, providers_digest, created_at, roc_thresholds, rule, settings,\n"
	    "      profile_digest, tool, providers_meta, pca_rows, pca_cols, architecture, parameters,\n"
	    "      inputs, raw_inputs, problem}, b: {the same}, graph_difference, symbols: {matter, a, b,\n"
	    "      added: [{name, b}], removed: [{name, a}], moved: [{name, a, b}]}, norm_stats: {changed,\n"
	    "      mean_max_abs, std_max_abs}, pca: DELTA, weights: DELTA, matrices: DELTA,\n"
	    "      tensors: [{name, constant, shape, and the fields of DELTA}]}\n"
	    "    verdict: identical, same-network, other-label, other-thresholds, other-processing,\n"
	    "    moved-symbols, retrain, other-inputs, other-architecture, unreadable; start: common,\n"
	    "    separate, unknown; kind: rnm1, network, redis; ASPECT: graph, weights, constants, vector,\n"
	    "    symbols, norm_stats, pca, roc_thresholds, providers_digest, providers_meta, model_version,\n"
	    "    created_at, rule, settings, profile_digest, tool; DELTA: {count, changed, mean_abs,\n"
	    "    max_abs, rms, cosine, cosine_z}; positions of symbols count from 0\n"
	    "rnm merge --json\n"
	    "    {status, problem, file, dry_run, formula, precision, base, parts: [{model, share}],\n"
	    "      kept: [ASPECT], dropped: [ASPECT], form, model_version, providers_digest,\n"
	    "      has_norm_stats, has_roc_thresholds, file_size, blake2b, ann_size, ann_expanded,\n"
	    "      pca_size, pca_expanded}\n"
	    "    the fields from formula on only when it is done; precision: single, double; base: the\n"
	    "    part whose graph stays, from 0; form: rnm1, network\n");
}

static void write_score_json(struct rnm_buf *out)
{
	rnm_buf_puts(
	    out,
	    "rnm score\n"
	    "    a line for each vector: {id, output, score, symbol, weight}\n"
	    "    id: the vector's own, else its line (in .npy files its row); symbol and weight: null when it\n"
	    "    gets no symbol; output: all outputs of the network, score: the first of them\n"
	    "rnm eval --json\n"
	    "    {model, rule, training_key, spam, ham, symbol_spam, symbol_ham, auc, used, rspamd_training,\n"
	    "      roc_misclassification_cost, fpr, suggested_spam, suggested_ham, scores, calibration,\n"
	    "      rspamd_would_keep, roc: [{threshold, fpr, tpr}], notes: [text]}\n"
	    "    spam, ham: {file, vectors, skipped, sets: [{key, vectors, duplicates, bad, problem}]}; file is\n"
	    "      null with --redis, sets without\n"
	    "    used, rspamd_training: {spam_threshold, ham_threshold, confusion: {spam, ham: {spam_symbol,\n"
	    "      no_symbol, ham_symbol}}, spam_symbol, ham_symbol: {precision, recall, f1,\n"
	    "      false_positive_rate}}\n"
	    "    suggested_spam, suggested_ham: null, or {threshold, recall, false_positives, of,\n"
	    "      false_positive_rate, upper_95}\n"
	    "    scores: {histogram_low, histogram_high, spam, ham: {min, max, mean, deviation, q05, median,\n"
	    "      q95, saturated, histogram: [count]}}\n"
	    "    calibration: {brier, log_loss, mean_error, bins: [{count, predicted, observed}]}\n");
}

static void write_json(struct rnm_buf *out)
{
	rnm_buf_puts(
	    out,
	    "JSON documents of rnm.  Fields are added over time, never renamed or removed; null is "
	    "\"unknown\" or\n"
	    "\"does not apply\".  Sizes are bytes, times are UTC (ISO 8601), scores are UNIX seconds, "
	    "versions\n"
	    "are numbers.\n"
	    "\n"
	    "rnm config [SECTION...] --json\n"
	    "    the section itself; several: {NAME: section}; none: all sections, likewise\n"
	    "rnm config --origin --json\n"
	    "    [{path, value, file, line, priority}]\n"
	    "rnm config --check --json\n"
	    "    {file, findings: [{id, text, file, line}]}\n"
	    "rnm digest --json\n"
	    "    {rule, prefix, digest}; with --explain also\n"
	    "    explanation: [{path, value, origin, hashed, hash}]\n"
	    "rnm digest --all --json\n"
	    "    {rules: [{rule, prefix, digest}]}; a rule that cannot be used also has a problem\n"
	    "rnm list --json\n"
	    "    {server, role, sentinel,\n"
	    "    lists: [{rule, prefix, settings, zset, zset_expiry, zset_ttl_ms, digest,\n"
	    "      served: {version, key}, served_why, original_exports: {version, key},\n"
	    "      models: [{version, key, providers_digest, digest_match, profile_digest, symbols, score,\n"
	    "        updated, live, size, expiry, ttl_ms, wrong_type, key_error, malformed, problem,\n"
	    "        in_window, served, original_exports, verdict}]}],\n"
	    "      problems: [{rule, problem}]}\n"
	    "    digest_match: same, other, missing, unwanted; expiry: expires, never, no-key, unknown\n"
	    "    role: master, replica, null: not asked; sentinel: who named the server, or null\n"
	    "rnm export --json\n"
	    "    {rule, settings, status, problem, version, key, server, role, file, dry_run, file_size,\n"
	    "      providers_digest, blake2b, ann_size, ann_expanded, has_pca, pca_size, pca_expanded,\n"
	    "      has_norm_stats, has_roc_thresholds, locked, obsolete}\n"
	    "    printed after a failure too.  status: a name of rnm help exit-codes; the fields from\n"
	    "    file_size on only when it is done\n"
	    "    blake2b: null without --hash\n"
	    "rnm export --all --json\n"
	    "    {status, problem, exports: [as above], skipped: [{rule, prefix, settings, why}],\n"
	    "      without_live_model, not_exportable, problems: [{rule, problem}]}\n"
	    "    status: done, or why the run ended early; why: no-live-model, no-providers, no-rule\n");
	write_model_json(out);
	write_pair_json(out);
	write_score_json(out);
}

const struct help_topic help_topics[] = {
	{ "exit-codes", "what the exit codes mean", write_exit_codes },
	{ "environment", "the environment variables that are read", write_environment },
	{ "json", "the fields of the JSON documents", write_json },
};
const size_t help_topic_count = sizeof(help_topics) / sizeof(help_topics[0]);

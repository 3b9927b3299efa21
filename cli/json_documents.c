/* SPDX-License-Identifier: Apache-2.0 */
/* What --json prints: data only. */
#include "help.h"

const char json_rules[] =
    "Fields are added over time, never renamed or removed; null is \"unknown\" or \"does not apply\". "
    "Sizes are bytes, times are UTC (ISO 8601), scores are UNIX seconds, versions are numbers.";

const struct json_document json_documents[] = {
	{ VERB_CONFIG, "rnm config [SECTION...] --json",
	  "the section itself; several: {NAME: section}; none: all sections,\n"
	  "likewise" },
	{ VERB_CONFIG, "rnm config --origin --json", "[{path, value, file, line, priority}]" },
	{ VERB_CONFIG, "rnm config --check --json", "{file, findings: [{id, text, file, line}]}" },
	{ VERB_DIGEST, "rnm digest --json",
	  "{rule, prefix, digest}; with --explain also\n"
	  "explanation: [{path, value, origin, hashed, hash}]" },
	{ VERB_DIGEST, "rnm digest --all --json",
	  "{rules: [{rule, prefix, digest}]}; a rule that cannot be used also\n"
	  "has a problem" },
	{ VERB_LIST, "rnm list --json",
	  "{server, role, sentinel,\n"
	  "  lists: [{rule, prefix, settings, zset, zset_expiry, zset_ttl_ms,\n"
	  "  digest, served: {version, key}, served_why,\n"
	  "  original_exports: {version, key},\n"
	  "  models: [{version, key, providers_digest, digest_match,\n"
	  "    profile_digest, symbols, score, updated, live, size, expiry,\n"
	  "    ttl_ms, wrong_type, key_error, malformed, problem, in_window,\n"
	  "    served, original_exports, verdict}]}],\n"
	  "  problems: [{rule, problem}]}\n"
	  "digest_match: same, other, missing, unwanted\n"
	  "expiry: expires, never, no-key, unknown\n"
	  "role: master, replica; null: not asked\n"
	  "sentinel: who named the server, or null" },
	{ VERB_EXPORT, "rnm export --json",
	  "{rule, settings, status, problem, version, key, server, role, file,\n"
	  "  dry_run, file_size, providers_digest, blake2b, ann_size,\n"
	  "  ann_expanded, has_pca, pca_size, pca_expanded, has_norm_stats,\n"
	  "  has_roc_thresholds, locked, obsolete}\n"
	  "printed after a failure too.  status: a name of rnm help exit-codes;\n"
	  "the fields from file_size on only when it is done\n"
	  "blake2b: null without --hash" },
	{ VERB_EXPORT, "rnm export --all --json",
	  "{status, problem, exports: [as above],\n"
	  "  skipped: [{rule, prefix, settings, why}], without_live_model,\n"
	  "  not_exportable, problems: [{rule, problem}]}\n"
	  "status: done, or why the run ended early\n"
	  "why: no-live-model, no-providers, no-rule" },
	{ VERB_INSPECT, "rnm inspect MODEL --json",
	  "{file, kind, file_size, compressed, model_version, providers_digest,\n"
	  "  created_at, redis: {key, score, verdict, ttl_ms}, ann_size,\n"
	  "  ann_expanded, architecture, architecture_kind, parameters, inputs,\n"
	  "  outputs, weights_hash, tensors: [{name, node, constant, dims,\n"
	  "    count, min, max, mean, std, zeros, non_finite, units,\n"
	  "    dead_units, hash}],\n"
	  "  normalisation, norm_count, pca_size, pca_rows, pca_cols,\n"
	  "  roc_thresholds, effective_thresholds: {spam_from, ham_to}, rnm,\n"
	  "  sound,\n"
	  "  findings: [{severity, id, check, part, node, offset, text, hint}]}\n"
	  "kind: rnm1, kann, redis\n"
	  "architecture_kind: symbol, embedding, other\n"
	  "weights_hash, hash: null without --hash\n"
	  "effective_thresholds: as rspamd applies them for a rule with roc_enabled\n"
	  "severity: warning, unfit, error; the last two are problems" },
	{ VERB_VERIFY, "rnm verify MODEL --json",
	  "{file, rule, accepted,\n"
	  "  signature: {key, trusted_as, statement: STATEMENT},\n"
	  "  checks: [{check, state, summary}], problems, warnings, sound,\n"
	  "  findings: [{severity, id, check, part, node, offset, text, hint}]}\n"
	  "check: container, frames, network, pca, dimensions, thresholds,\n"
	  "  answers, rule\n"
	  "state: skipped, ok, warning, problem\n"
	  "severity: warning, unfit, error; the last two are problems\n"
	  "accepted: what the exit code says\n"
	  "signature: null unless --key or --trusted asks for it\n"
	  "STATEMENT: {name, rule, providers_digest, model_version, created,\n"
	  "  not_after, size, blake2b}, times in seconds since 1970; null for a\n"
	  "  raw signature alone" },
	{ VERB_SCORE, "rnm score MODEL",
	  "a line for each vector: {id, output, score, symbol, weight}\n"
	  "id: the vector's own, else its line (in .npy files its row)\n"
	  "output: all outputs of the network; score: the first of them\n"
	  "symbol, weight: null when it gets no symbol" },
	{ VERB_EVAL, "rnm eval MODEL --json",
	  "{model, model_hash, time, rule, training_key, spam: SOURCE,\n"
	  "  ham: SOURCE, symbol_spam, symbol_ham, auc, used: DECISIONS,\n"
	  "  rspamd_training: DECISIONS,\n"
	  "  roc_misclassification_cost, fpr, suggested_spam: THRESHOLD,\n"
	  "  suggested_ham: THRESHOLD,\n"
	  "  scores: {histogram_low, histogram_high, spam: SPREAD,\n"
	  "    ham: SPREAD},\n"
	  "  calibration: {brier, log_loss, mean_error,\n"
	  "    bins: [{count, predicted, observed}]},\n"
	  "  rspamd_would_keep, roc: [{threshold, fpr, tpr}], notes: [text]}\n"
	  "model_hash: of what decides about mail; null with --raw\n"
	  "time: when it was measured, in UNIX seconds\n"
	  "SOURCE: {file, vectors, skipped,\n"
	  "  sets: [{key, vectors, duplicates, bad, problem}]}; file is null\n"
	  "  with --redis, sets without\n"
	  "DECISIONS: {spam_threshold, ham_threshold,\n"
	  "  confusion: {spam, ham: {spam_symbol, no_symbol, ham_symbol}},\n"
	  "  spam_symbol, ham_symbol: {precision, recall, f1,\n"
	  "    false_positive_rate}}\n"
	  "THRESHOLD: null, or {threshold, recall, false_positives, of,\n"
	  "  false_positive_rate, upper_95}\n"
	  "SPREAD: {min, max, mean, deviation, q05, median, q95, saturated,\n"
	  "  histogram: [count]}" },
	{ VERB_DIFF, "rnm diff A B --json",
	  "{verdict, sentence, start, differs: [ASPECT], unknown: [ASPECT],\n"
	  "  a: MODEL, b: MODEL, graph_difference,\n"
	  "  symbols: {matter, a, b, added: [{name, b}], removed: [{name, a}],\n"
	  "    moved: [{name, a, b}]},\n"
	  "  norm_stats: {changed, mean_max_abs, std_max_abs}, pca: DELTA,\n"
	  "  weights: DELTA, matrices: DELTA,\n"
	  "  tensors: [{name, constant, shape, and the fields of DELTA}]}\n"
	  "verdict: identical, same-network, other-label, other-thresholds,\n"
	  "  other-processing, moved-symbols, retrain, other-inputs,\n"
	  "  other-architecture, unreadable\n"
	  "start: common, separate, unknown\n"
	  "ASPECT: graph, weights, constants, vector, symbols, norm_stats, pca,\n"
	  "  roc_thresholds, providers_digest, providers_meta, model_version,\n"
	  "  created_at, rule, settings, profile_digest, tool\n"
	  "MODEL: {model, kind, file_size, compressed, model_version,\n"
	  "  providers_digest, created_at, roc_thresholds, rule, settings,\n"
	  "  profile_digest, tool, providers_meta, pca_rows, pca_cols,\n"
	  "  architecture, parameters, inputs, raw_inputs, problem}\n"
	  "kind: rnm1, network, redis\n"
	  "DELTA: {count, changed, mean_abs, max_abs, rms, cosine, cosine_z}\n"
	  "positions of symbols count from 0" },
	{ VERB_MERGE, "rnm merge MODEL... --json",
	  "{status, problem, file, dry_run, formula, precision, base,\n"
	  "  parts: [{model, share}], kept: [ASPECT], dropped: [ASPECT], form,\n"
	  "  model_version, providers_digest, has_norm_stats,\n"
	  "  has_roc_thresholds, file_size, blake2b, ann_size, ann_expanded,\n"
	  "  pca_size, pca_expanded}\n"
	  "printed after a failure too; the fields from formula on only when it\n"
	  "is done\n"
	  "precision: single, double\n"
	  "base: the part whose graph stays, from 0\n"
	  "ASPECT: as in rnm diff A B --json\n"
	  "form: rnm1, network" },
	{ VERB_IMPORT, "rnm import MODEL --json",
	  "{status, problem, id, model, rule, settings, server, dry_run,\n"
	  "  written, present, version, known_version, zset, key, member, bytes,\n"
	  "  locked, served, evicts: [{version, key, live}],\n"
	  "  commands: [[ARGUMENT]], sound, findings: as of rnm verify}\n"
	  "printed after a failure too; the fields from written on only when it\n"
	  "is done\n"
	  "present: workers serve this very model already\n"
	  "locked: key of a model that somebody trains from, or null\n"
	  "served: null unless written\n"
	  "evicts: what rspamd takes away next\n"
	  "ARGUMENT: text, or {bytes} for a long or binary one" },
	{ VERB_PUBLISH, "rnm publish MODEL... --json",
	  "{status, problem, to, dry_run,\n"
	  "  models: [{model, state, name, rule, providers_digest, model_version,\n"
	  "    previous_version, old_version, architecture, file_size, blake2b,\n"
	  "    published, not_after, key, evaluation: EVALUATION}],\n"
	  "  serial, published, in_index, dropped, completed}\n"
	  "printed after a failure too, then without models and what follows\n"
	  "state: new, replaced, rollback, unchanged, renewed\n"
	  "old_version: of a rollback, the version whose weights come back\n"
	  "published, not_after: UNIX seconds\n"
	  "EVALUATION: null, or {auc, ham, ham_as_ham, ham_as_spam, ham_source,\n"
	  "  ham_threshold, model_hash, spam, spam_as_ham, spam_as_spam,\n"
	  "  spam_source, spam_threshold, time}, time in UNIX seconds\n"
	  "completed: an earlier publisher had been stopped, and its work was\n"
	  "  completed first" },
	{ VERB_BACKUP, "rnm backup --json",
	  "{status, problem, manifest, dry_run, sets: [{rule, prefix, settings,\n"
	  "  status, problem, COUNTS}], COUNTS of all sets, without_live_model,\n"
	  "  generations, removed_generations, removed_objects,\n"
	  "  problems: [{rule, problem}]}\n"
	  "printed after a failure too\n"
	  "COUNTS: models, profiles, vectors, objects, bytes, new_objects,\n"
	  "  new_bytes; objects: values in files of their own; new: not yet in\n"
	  "  the folder" },
	{ VERB_RESTORE, "rnm restore DIR|MANIFEST --json",
	  "{status, problem, manifest, created_at, dry_run, models: [{rule,\n"
	  "  prefix, settings, version, key, status, problem, hash, profiles,\n"
	  "  training, gathered}], written, same, kept, failed}\n"
	  "printed after a failure too\n"
	  "hash, profiles, training: written, same (was there), kept (Redis has\n"
	  "  another one, which stays), nothing (the backup has none)\n"
	  "gathered: large training sets that go by way of a temporary key\n"
	  "written, same, kept, failed: models" },
	{ VERB_DOCTOR, "rnm doctor --json",
	  "{server, fix, dry_run, keys, lists, models, problems, warnings, notes,\n"
	  "  repaired, failed, left_out, findings: [{id, level, rule, settings,\n"
	  "    key, line, bytes, text, remedy, advice, state, outcome}]}\n"
	  "problems, warnings, notes: of what is left\n"
	  "left_out: findings beyond the first 100,000\n"
	  "level: problem, warning, note\n"
	  "key: in Redis, or a file; line: of a configuration file\n"
	  "remedy: what --fix does: drop-profile, write-profile, renew, unlock,\n"
	  "  delete-key, drop-vectors, delete-file, none; advice: in words\n"
	  "state: open, repaired, gone (it was no longer so), failed\n"
	  "outcome: what was done or why not, in words; null while open" },
	{ VERB_REFRESH, "rnm refresh --json",
	  "{dry_run, models: [{rule, settings, key, renewed, due, ttl_before_ms,\n"
	  "  ttl_after_ms, reason}], problems: [{rule, problem}]}\n"
	  "key: of the model that is served, or null\n"
	  "due: it had less than it may have; renewed: due, and no --dry-run\n"
	  "ttl_before_ms, ttl_after_ms: null for ever\n"
	  "reason: why nothing was renewed, or null" },
	{ VERB_WATCH, "rnm watch --json",
	  "{event, status, time, rule, settings, to, dry_run, gate, problem, id,\n"
	  "  hint, name, model_version, published_version, previous_version, auc,\n"
	  "  drift, spam, ham, relation, start, weight_cosine, blake2b, serial}\n"
	  "one document for each rule whenever there is something new to tell\n"
	  "event: published, held, waiting (too few vectors), current (is published\n"
	  "  already), empty (no model in Redis), failed (then nothing from name\n"
	  "  on; rule is null when it concerns all)\n"
	  "status: a name of rnm help exit-codes\n"
	  "gate: verify, succession, auc, drift, command; of held and waiting\n"
	  "drift: mean difference of scores from those of the published model\n"
	  "relation, start, weight_cosine: verdict, start and matrices.cosine of\n"
	  "  rnm diff PUBLISHED NEW --json\n"
	  "time: UNIX seconds" },
	{ VERB_KEY, "rnm key show FILE --json",
	  "{file, kind, encrypted, base32, hex, base64, minisign, minisign_id,\n"
	  "  id, map}\n"
	  "kind: rspamd-ucl, rspamd-json, minisign, public\n"
	  "map: a map line of rspamd with this key" },
	{ VERB_KEY, "rnm key new FILE --json",
	  "{file, dry_run, base32, hex, base64, minisign, minisign_id, id}; so\n"
	  "does convert.  With new --dry-run there is no key" },
	{ VERB_SIGN, "rnm sign FILE... --json",
	  "{key, dry_run, files: [{file, status, problem, signature, and the\n"
	  "  members of STATEMENT of rnm verify}]}\n"
	  "status: a name of rnm help exit-codes; what follows problem only when\n"
	  "it is done\n"
	  "signature: in hexadecimal" },
	{ VERB_PULL, "rnm pull URL --json",
	  "{status, problem, id, url, file, rule, dry_run, changed, rolled_back,\n"
	  "  previous_version,\n"
	  "  statement: {name, rule, providers_digest, model_version, created,\n"
	  "    not_after, size, blake2b},\n"
	  "  signer, signer_name, received, resumed, command_ran,\n"
	  "  imported: {written, present, version, key}, sound,\n"
	  "  findings: [{severity, id, check, part, node, offset, text, hint}]}\n"
	  "printed after a failure too, with --every once a look.  status: a name\n"
	  "of rnm help exit-codes; the fields from changed on only of a model that\n"
	  "is in place, sound and findings only of one that was looked at\n"
	  "created, not_after: UNIX seconds" },
	{ VERB_PROBE, "rnm probe URL... --json",
	  "{probes: [{url, reached, addresses: [text], poll,\n"
	  "  problems, warnings,\n"
	  "  findings: [{id, level, addresses: [text], text, advice}],\n"
	  "  next: {reason, min, max},\n"
	  "  cost: {polls_a_day, poll_bytes, fetch_bytes},\n"
	  "  model: {size, blake2b, kind, providers_digest, version},\n"
	  "  tls: [{address, version, names, issuer, not_after, sent, trusted}],\n"
	  "  answers: [{ask, address, round, request, reach, reason, status,\n"
	  "    date, expires, last_modified, etag, content_encoding, location,\n"
	  "    age, server, framing, declared, state, received, extra,\n"
	  "    wire_bytes, at, connect_seconds, first_seconds, all_seconds}]}]}\n"
	  "level: problem, warning, note\n"
	  "reason: error, nothing, expires, expires-soon, expires-far,\n"
	  "  validators, floor, overdue; min, max: seconds\n"
	  "kind: no-model, padded, unfit, model, encrypted\n"
	  "ask: head, get, again, other\n"
	  "reach: answer, connect, tls, silence, cut, headers, protocol\n"
	  "framing: none, length, chunked, close\n"
	  "state: none, whole, cut, slow, large, broken" },
	{ VERB_SERVE, "rnm serve --dry-run --json",
	  "{files: [{name, size, modified, etag}]}\n"
	  "modified: what Last-Modified would say; etag: with its quotes" },
	{ VERB_SERVE, "/status.json of rnm serve --admin",
	  "{now, started, requests,\n"
	  "  models: [{name, size, modified, etag, kept, signature, rule, settings,\n"
	  "    digest, architecture, version, created, evaluation, history:\n"
	  "    [{event, serial, time, times, version, blake2b, from_version,\n"
	  "      from, key, evaluation}], history_left_out}],\n"
	  "  history_problem, history_is_cut,\n"
	  "  clients: [{client, name, agent, held, version, standing, first, last,\n"
	  "    requests}], clients_forgotten,\n"
	  "  missing: [{name, client, first, last, requests}]}\n"
	  "kept: gone from the tree; held: the tag that the client last told of\n"
	  "evaluation: as of rnm publish; history: null when there is none\n"
	  "event: publish, rollback, renew (so many times), drop\n"
	  "standing: current, behind, silent, unknown" },
};
const size_t json_document_count = sizeof(json_documents) / sizeof(json_documents[0]);

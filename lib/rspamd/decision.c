/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a rule that decide about symbols (rspamd: src/plugins/lua/neural.lua). */
#include <rnm/score.h>

/* A threshold of the rule's own; Lua compares it with a number, which a string cannot be. */
static enum rnm_status own_threshold(double *out, bool *found, const struct rnm_rule *rule, const char *key,
                                     struct rnm_error *err)
{
	const struct rnm_value *value = rnm_value_get(rule->raw, key);

	/* `false or x` is x in Lua. */
	*found = rnm_value_truthy(value);
	if (!*found || rnm_value_number(value, out))
		return RNM_OK;
	rnm_error_set(err, RNM_E_MALFORMED, "rule.threshold",
	              "expected a number as %s of the rule %s, found a value of type %s: rspamd fails on "
	              "every message",
	              key, rule->name, rnm_type_name((enum rnm_type)value->type));
	return rnm_error_at_line(err, value->file, value->line);
}

static enum rnm_status symbol(const char **out, const struct rnm_rule *rule, const char *key,
                              struct rnm_error *err)
{
	const struct rnm_value *value = rnm_value_get(rule->raw, key);

	if (value == NULL)
		return RNM_OK;
	if (rnm_value_string(value) != NULL) {
		*out = rnm_value_string(value);
		return RNM_OK;
	}
	rnm_error_set(err, RNM_E_MALFORMED, "rule.symbol",
	              "expected a string as %s of the rule %s, found a value of type %s", key, rule->name,
	              rnm_type_name((enum rnm_type)value->type));
	return rnm_error_at_line(err, value->file, value->line);
}

enum rnm_status rnm_decision_of(struct rnm_decision *out, const struct rnm_rule *rule,
                                const struct rnm_rnm1 *container, struct rnm_error *err)
{
	const bool configured = rule != NULL && rule->raw != NULL;
	const bool roc =
	    container->has_roc && (!configured || rnm_value_truthy(rnm_value_get(rule->raw, "roc_enabled")));
	struct rnm_decision decision;
	bool own_spam = false, own_ham = false;
	enum rnm_status status = RNM_OK;

	rnm_decision_init(&decision);
	if (configured) {
		status =
		    own_threshold(&decision.spam_threshold, &own_spam, rule, "spam_score_threshold", err);
		if (status == RNM_OK)
			status = own_threshold(&decision.ham_threshold, &own_ham, rule, "ham_score_threshold",
			                       err);
		if (status == RNM_OK)
			status = symbol(&decision.symbol_spam, rule, "symbol_spam", err);
		if (status == RNM_OK)
			status = symbol(&decision.symbol_ham, rule, "symbol_ham", err);
		decision.flat = rnm_value_truthy(rnm_value_get(rule->raw, "flat_threshold_curve"));
	}
	if (status != RNM_OK)
		return status;
	if (roc && !own_spam)
		decision.spam_threshold = container->roc_spam;
	if (roc && !own_ham)
		decision.ham_threshold = container->roc_ham;
	*out = decision;
	return RNM_OK;
}

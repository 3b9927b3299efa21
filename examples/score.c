/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what a model says of one vector, as rspamd computes it.  usage: score MODEL NUMBER... */
#include <rnm/rnm.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	size_t n = argc > 2 ? (size_t)argc - 2 : 0;
	struct rnm_model_file *model = NULL;
	struct rnm_plan *plan = NULL;
	struct rnm_scratch *scratch = NULL;
	struct rnm_error err = { .status = RNM_E_NOMEM }; /* until there is a score, or another reason */

	if (rnm_model_file_open(&model, argc > 1 ? argv[1] : "/dev/stdin", &err) == RNM_OK &&
	    rnm_model_file_verdict(model, &err) == RNM_OK &&
	    rnm_plan_new(&plan, model->network, NULL, &err) == RNM_OK &&
	    rnm_scratch_new(&scratch, plan, &err) == RNM_OK) {
		size_t in = rnm_network_input_dim(model->network);
		double *raw = calloc(n + 1, sizeof(*raw));
		float *floats = calloc(n + in + rnm_network_output_dim(model->network), sizeof(*floats));
		struct rnm_preprocess how;

		for (size_t i = 0; raw != NULL && i < n; i++)
			raw[i] = strtod(argv[i + 2], NULL);
		rnm_model_file_preprocess(model, &how);
		if (raw != NULL && floats != NULL && rnm_preprocess_check(&how, n, in, &err) == RNM_OK &&
		    rnm_preprocess_run(&how, raw, n, floats, floats + n, &err) == RNM_OK &&
		    rnm_network_eval(plan, scratch, floats + n, 1, floats + n + in, &err) == RNM_OK &&
		    printf("%.9g\n", floats[n + in]) > 0) /* rspamd, too, looks at the first output only */
			rnm_error_clear(&err);
		free(raw), free(floats);
	}
	fprintf(stderr, "%s%s", err.message, err.status == RNM_OK ? "" : "\n");
	rnm_scratch_free(scratch), rnm_plan_free(plan), rnm_model_file_free(model);
	return rnm_status_exit_code(err.status);
}

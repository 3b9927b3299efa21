/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a plan, what can be asked of it, and the memory that it needs to run. */
#include "network/plan.h"

#include <stdlib.h>

void rnm_plan_free(struct rnm_plan *plan)
{
	if (plan == NULL)
		return;
	free(plan->steps);
	free(plan->operands);
	free(plan->fixed);
	free(plan->late);
	free(plan->packed);
	free(plan);
}

enum rnm_kernel rnm_plan_kernel(const struct rnm_plan *plan)
{
	return plan->kernels->kind;
}

uint32_t rnm_plan_batch(const struct rnm_plan *plan)
{
	return plan->batch;
}

uint64_t rnm_plan_work(const struct rnm_plan *plan)
{
	return plan->work;
}

size_t rnm_plan_scratch_bytes(const struct rnm_plan *plan)
{
	return plan->slot_floats * plan->batch * sizeof(float);
}

enum rnm_status rnm_scratch_new(struct rnm_scratch **out, const struct rnm_plan *plan, struct rnm_error *err)
{
	struct rnm_scratch *scratch = calloc(1, sizeof(*scratch));

	if (scratch == NULL)
		return rnm_error_nomem(err);
	scratch->plan = plan;
	scratch->memory = aligned_alloc(64, rnm_plan_scratch_bytes(plan) + 64);
	if (scratch->memory == NULL) {
		free(scratch);
		return rnm_error_nomem(err);
	}
	*out = scratch;
	return RNM_OK;
}

void rnm_scratch_free(struct rnm_scratch *scratch)
{
	if (scratch == NULL)
		return;
	free(scratch->memory);
	free(scratch);
}

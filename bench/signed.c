/* SPDX-License-Identifier: Apache-2.0 */
/* signed FILE KEY: checks what stands beside FILE, and nothing else: what `rnm verify --key` does before it looks inside. */
#include <rnm/sign.h>

#include <stdio.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct rnm_signed_policy policy = { .now = time(NULL) };
	enum rnm_status status = RNM_E_USAGE;
	struct rnm_trust *trust = NULL;
	struct rnm_signed by;
	struct rnm_error err;

	if (argc == 3)
		status = rnm_trust_new(&trust, &err);
	if (status == RNM_OK)
		status = rnm_trust_add(trust, argv[2], &err);
	policy.trust = trust;
	if (status == RNM_OK)
		status = rnm_signed_file_check(&by, argv[1], &policy, &err);
	if (status == RNM_OK)
		printf("%s\n", by.statement.name);
	rnm_trust_free(trust);
	return (int)status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a kernel, and what does not depend on it. */
#include "network/kernels.h"

#include <string.h>

const struct rnm_kernels *rnm_kernels_for(enum rnm_kernel kernel)
{
	bool any = kernel == RNM_KERNEL_AUTO;

#if defined(__x86_64__)
	/* The builtin also asks the system whether it saves the wide registers. */
	__builtin_cpu_init();
	if ((any || kernel == RNM_KERNEL_AVX512) && __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"))
		return &rnm_kernels_avx512;
	if ((any || kernel == RNM_KERNEL_AVX2) && __builtin_cpu_supports("avx2") &&
	    __builtin_cpu_supports("fma"))
		return &rnm_kernels_avx2;
#endif
	return any || kernel == RNM_KERNEL_PLAIN ? &rnm_kernels_plain : NULL;
}

bool rnm_kernel_available(enum rnm_kernel kernel)
{
	return rnm_kernels_for(kernel) != NULL;
}

const char *rnm_kernel_name(enum rnm_kernel kernel)
{
	switch (kernel) {
	case RNM_KERNEL_PLAIN:
		return "plain";
	case RNM_KERNEL_AVX2:
		return "avx2";
	case RNM_KERNEL_AVX512:
		return "avx512";
	case RNM_KERNEL_AUTO:
		break;
	}
	return "auto";
}

uint64_t rnm_packed_floats(uint32_t panel, uint64_t n, uint64_t k)
{
	return (n + panel - 1) / panel * panel * k;
}

void rnm_pack_weights(float *packed, const unsigned char *w, uint32_t panel, size_t n, size_t k)
{
	for (size_t first = 0; first < n; first += panel, packed += (size_t)panel * k) {
		size_t rows = n - first < panel ? n - first : panel;

		if (rows < panel)
			memset(packed, 0, (size_t)panel * k * sizeof(float));
		for (size_t r = 0; r < rows; r++)
			for (size_t i = 0; i < k; i++)
				memcpy(&packed[i * panel + r], w + 4 * ((first + r) * k + i), sizeof(float));
	}
}

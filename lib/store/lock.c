/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lock.h"

#include "base/clock.h"
#include "base/number.h"

#include <string.h>

/* Seconds: how far ahead training dates its lock, with some room for clocks that differ. */
#define LOCK_AHEAD 60

bool rnm_lock_is_fresh(struct rnm_bytes lock, const struct rnm_rule *rule)
{
	double lifetime = 2 * rule->watch_interval > 10 ? 2 * rule->watch_interval : 10;
	char *end, copy[40];
	double since, age;

	if (lock.len == 0 || lock.len >= sizeof(copy))
		return false;
	memcpy(copy, lock.data, lock.len);
	copy[lock.len] = '\0';
	since = rnm_strtod(copy, &end);
	age = rnm_clock_wall() - since;
	/* Training moves the lock up to 30 s ahead; one further in the future locks nothing (rspamd:
	 * lualib/redis_scripts/neural_*.lua). */
	return end == copy + lock.len && age > -LOCK_AHEAD && age < lifetime;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lock.h"

#include "base/clock.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

/* Seconds: how far ahead training dates its lock, with some room for clocks that differ. */
#define LOCK_AHEAD 60

double rnm_lock_seconds(const struct rnm_rule *rule)
{
	return floor(fmax(10, 2 * rule->watch_interval));
}

bool rnm_lock_holds(double lock, double now, double lifetime)
{
	/* Training moves the lock up to 30 s ahead; one further in the future locks nothing (rspamd:
	 * lualib/redis_scripts/neural_*.lua). */
	return now - lock > -LOCK_AHEAD && now - lock < lifetime;
}

bool rnm_lock_is_fresh(struct rnm_bytes lock, const struct rnm_rule *rule)
{
	char *end, copy[40];
	double since;

	if (lock.len == 0 || lock.len >= sizeof(copy))
		return false;
	memcpy(copy, lock.data, lock.len);
	copy[lock.len] = '\0';
	since = rnm_strtod(copy, &end);
	return end == copy + lock.len && rnm_lock_holds(since, rnm_clock_wall(), rnm_lock_seconds(rule));
}

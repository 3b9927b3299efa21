/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs need that stay: waiting, and coming back after failures. */
#ifndef RNM_CLI_STAY_H
#define RNM_CLI_STAY_H

#include <stdbool.h>

/* Seconds. */
struct stay_pace {
	double every;       /* while all is well */
	double retry_first; /* after the first failure; twice as long after each further one ... */
	double retry_cap;   /* ... up to this */
};
/* How long to wait now, varied by a tenth so that not all hosts come at once; at_least is what a server asked for. */
double stay_waiting_time(const struct stay_pace *pace, unsigned failures, double at_least);

/*
 * Waits until the time is over, a signal comes (which cannot slip in between looking and waiting; interrupt.h), or
 * the descriptor is readable: then it returns true.  fd is -1 for none.
 */
bool stay_wait(double seconds, int fd);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that help with one piece of work. */
#ifndef RNM_BASE_THREAD_H
#define RNM_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/*
 * Starts one in which no signal is handled: those are the business of the caller's threads, where a handler must
 * interrupt what waits.  false: there is none to be had, and the caller does the work itself.
 */
bool rnm_thread_start(pthread_t *thread, void *(*work)(void *ctx), void *ctx);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "interrupt.h"

#include <stdbool.h>
#include <stddef.h>

volatile sig_atomic_t interrupt_signal;
volatile sig_atomic_t interrupt_wake;

/* Set before the handlers are. */
static bool staying;

static void on_signal(int number)
{
	if (staying && number == SIGHUP)
		interrupt_wake = 1;
	else
		interrupt_signal = number;
}

void interrupt_install(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction action = { .sa_handler = on_signal };
		struct sigaction before;

		/* No SA_RESTART: a blocking call must return to see the flag. */
		sigemptyset(&action.sa_mask);
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &action, NULL);
	}
}

void interrupt_stay(void)
{
	staying = true;
	interrupt_install();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and SIGTERM raise a flag that the library watches, so that it can clean up after itself. */
#ifndef RNM_CLI_INTERRUPT_H
#define RNM_CLI_INTERRUPT_H

#include <signal.h>

/* Number of the signal that asked the command to stop; 0 while none has. */
extern volatile sig_atomic_t interrupt_signal;

/* SIGHUP to a process that stays (interrupt_stay): look again, and do not end.  Reset by whoever looks. */
extern volatile sig_atomic_t interrupt_wake;

/* From here on SIGINT and SIGTERM only raise the flag.  Signals that the caller ignores stay ignored. */
void interrupt_install(void);
/* The same, and SIGHUP only raises interrupt_wake. */
void interrupt_stay(void);

#endif

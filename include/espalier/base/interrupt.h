// Ctrl-C, SIGTERM and a terminal that is closed (SIGHUP) only set a flag; long loops look at it between
// steps, save, and throw Interrupted.
//
// A program that embeds the library and handles signals itself must not run handlers on the stack of a thread
// that computes (give them SA_ONSTACK and every thread a sigaltstack, or block them as this does): oneDNN
// moves the stack pointer to the heap inside a product.
#pragma once

namespace espalier {

// Catches SIGINT, SIGTERM, SIGUSR1 and, unless it is ignored (nohup), SIGHUP from now on, on a thread of its
// own. Call it first thing in main(), once: threads that exist already would still be interrupted. What
// follows within 3 seconds of the first signal is taken as the same wish; a signal after that ends the
// process at once.
void install_interrupt_handlers();
// The signal received, or 0.
int interrupt_signal();
// Whether SIGUSR1 has arrived since this was asked last: a training saves a checkpoint and goes on.
bool take_save_wish();
// For tests: as if `signal` had arrived (0 clears the flag).
void set_interrupt_signal(int signal);

}  // namespace espalier

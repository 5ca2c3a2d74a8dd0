// Ctrl-C and SIGTERM only set a flag; long loops look at it between steps, save, and throw Interrupted.
#pragma once

namespace espalier {

// Installs the handlers for SIGINT and SIGTERM. A second signal ends the process at once.
void install_interrupt_handlers();
// The signal received, or 0.
int interrupt_signal();
// For tests: as if `signal` had arrived (0 clears the flag).
void set_interrupt_signal(int signal);

}  // namespace espalier

"""Classical solvers in child processes, where a crash or a hang costs no answer."""

"""Processes in the interpreter under examination: our end of the pipe here, theirs in `scripts/`."""

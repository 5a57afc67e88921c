"""All effects: file system, network, environment, other interpreters."""

"""Reads (never runs) a service's repository and finds, by file and line, what will fail."""

"""Preflight probes: every quirk that can be foreseen has one; none imports a heavy library or takes long."""

from runbook_lib.checks.probe import Probe
from runbook_lib.checks.probes import (
    artifacts,
    cached,
    certificates,
    filesystems,
    jupyter,
    packages,
    paths,
    proxies,
    runtime,
    tokens,
    variables,
)

PROBES: tuple[Probe, ...] = (
    *variables.PROBES,
    *paths.PROBES,
    *filesystems.PROBES,
    *cached.PROBES,
    *artifacts.PROBES,
    *packages.PROBES,
    *runtime.PROBES,
    *jupyter.PROBES,
    *certificates.PROBES,
    *proxies.PROBES,
    *tokens.PROBES,
)
"""In the order of the report: what is set, where things lie, what is installed, the way to the Hub."""

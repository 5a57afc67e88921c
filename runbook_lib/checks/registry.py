"""Every check of this program, and finding one by its id; none imports a heavy library or takes long."""

import difflib
from collections.abc import Iterable
from typing import Final

from runbook_lib.checks.probe import Probe
from runbook_lib.checks.probes import (
    addresses,
    artifacts,
    cached,
    certificates,
    client_habits,
    filesystems,
    integrity,
    jupyter,
    limits,
    machine,
    ocr_engines,
    packages,
    paths,
    practice,
    program,
    proxies,
    runtime,
    service,
    tokens,
    variables,
)
from runbook_lib.errors import UsageError
from runbook_lib.render.sections import Table

PROBES: Final[tuple[Probe, ...]] = (
    *machine.PROBES,
    *variables.PROBES,
    *paths.PROBES,
    *filesystems.PROBES,
    *cached.PROBES,
    *artifacts.PROBES,
    *integrity.PROBES,
    *practice.PROBES,
    *packages.PROBES,
    *runtime.PROBES,
    *limits.PROBES,
    *ocr_engines.PROBES,
    *jupyter.PROBES,
    *certificates.PROBES,
    *proxies.PROBES,
    *addresses.PROBES,
    *client_habits.PROBES,
    *tokens.PROBES,
    *service.PROBES,
    *program.PROBES,
)
"""In the order of the report: the machine, what is set, where things lie, what is installed, the way to the Hub."""


def require_known(ids: Iterable[str]) -> frozenset[str]:
    """Return the ids as a set; raises `UsageError` naming the nearest when one is unknown."""
    wanted, known = frozenset(ids), [probe.id for probe in PROBES]
    for name in sorted(wanted.difference(known)):
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise UsageError(
            f"The doctor knows no check {name!r}.",
            remedy=f"The nearest is {nearest!r}; runbook doctor --list names them all.",
        )
    return wanted


def list_checks() -> Table:
    """Return every check with its quirk and where it is made."""
    rows = tuple(
        (probe.id, probe.quirk or "-", ", ".join(probe.systems) or "all", "yes" if probe.needs_network else "no")
        for probe in PROBES
    )
    return Table(f"{len(rows)} checks", ("check", "quirk", "system", "network"), rows)

"""Every check the doctor knows, and finding one by its id."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.checks.registry import PROBES
from runbook_lib.errors import UsageError
from runbook_lib.render.sections import Table
from runbook_lib.stages.detect.checks import QUIRKS


@dataclass(frozen=True)
class KnownCheck:
    """A check that can be asked for with `--only`."""

    id: str
    quirk: str
    systems: tuple[str, ...]
    """Where it is made; empty for everywhere."""
    needs_network: bool


OF_MACHINE = frozenset(QUIRKS) - {"run-writable", "huggingface-hub-imports", "models-known"}
"""Checks that are judged from one look at the machine; those left out take a run folder or an import."""

KNOWN: tuple[KnownCheck, ...] = (
    *(
        KnownCheck(id, quirk, (), needs_network=id == "hub-reachable")
        for id, quirk in QUIRKS.items()  # noqa: A001 - the field's name
        if id in OF_MACHINE
    ),
    *(KnownCheck(probe.id, probe.quirk, probe.systems, probe.needs_network) for probe in PROBES),
)


def require_known(ids: Iterable[str]) -> frozenset[str]:
    """Return the ids as a set; raises `UsageError` naming the nearest when one is unknown."""
    known = [check.id for check in KNOWN]
    for name in ids:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise UsageError(
                f"The doctor knows no check {name!r}.",
                remedy=f"The nearest is {nearest!r}; runbook doctor --list names them all.",
            )
    return frozenset(ids)


def list_checks() -> Table:
    """Return every check with its quirk and where it is made."""
    rows = tuple(
        (check.id, check.quirk or "-", ", ".join(check.systems) or "all", "yes" if check.needs_network else "no")
        for check in KNOWN
    )
    return Table(f"{len(rows)} checks", ("check", "quirk", "system", "network"), rows)

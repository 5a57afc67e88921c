"""What a run has new to say: since the last one that worked, and since the last one at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runbook_lib.history.compare import Difference, compare, last_good_before
from runbook_lib.history.digest import digest
from runbook_lib.history.entry import SKIPPED, HistoryEntry
from runbook_lib.history.index import read_history

_NEWS: Final = frozenset({"outcome", "check", "version", "revision"})
"""Kinds of changes that somebody wants to hear of: not times, nor sizes that grow by themselves."""


def changed_since_good(folder: Path) -> Difference | None:
    """Return what changed in a run folder since the last run that worked; None when none is known."""
    entry = digest(folder)
    if entry is None:
        return None
    good = last_good_before(read_history(folder.parent).entries, entry)
    return compare(good, entry) if good else None


def is_news(entries: Sequence[HistoryEntry], run: HistoryEntry) -> bool:
    """Whether a run ended otherwise than the one before it on this machine, or with other versions; the first is."""
    before = [entry for entry in entries if entry.began_at < run.began_at and entry.state != SKIPPED]
    same = [entry for entry in before if (entry.host, entry.practice) == (run.host, run.practice)]
    return not same or any(change.kind in _NEWS for change in compare(same[-1], run).changes)

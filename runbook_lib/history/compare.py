"""What differs between two runs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from runbook_lib.core.value import Value
from runbook_lib.history.entry import HistoryEntry
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes, format_seconds

_NOTHING: Final = "(none)"
_LONGER: Final = 1.5
_LONGER_BY_S: Final = 2.0
"""A time counts as another one beyond both: what a machine does beside it makes for less."""
_FREE: Final = "free"
_FREE_SHARE: Final = 0.1
"""Free space is always another; a change by this share is worth a line."""
_COMMIT_DIGITS: Final = 12


class Change(Value):
    """One thing that is another than it was."""

    kind: str
    """`outcome`, `version`, `variable`, `setting`, `revision`, `check`, `size` or `time`."""
    name: str
    before: str
    after: str


class Difference(Rendered, Value):
    """What changed from one run to another."""

    before: str
    """Name of the earlier run."""
    after: str
    changes: tuple[Change, ...]

    def sections(self) -> Sequence[Section]:
        """Return one table, what may be a cause first."""
        return (Note("Runs", (f"before: {self.before}", f"after:  {self.after}")), self.table())

    def lines(self) -> tuple[str, ...]:
        """Return the changes, a line each."""
        return tuple(f"{one.kind} {one.name}: {one.before} -> {one.after}" for one in self.changes)

    def table(self) -> Table:
        """Return the changes as rows."""
        rows = tuple((change.kind, change.name, change.before, change.after) for change in self.changes)
        return Table(
            f"What changed since {self.before}",
            ("kind", "what", "before", "after"),
            rows,
            empty="nothing that is kept in mind",
        )


def compare(before: HistoryEntry, after: HistoryEntry) -> Difference:
    """Return what differs: what can be a cause first, then what came of it."""
    changes = (
        *_differing("version", before.versions, after.versions),
        *_differing("variable", before.variables, after.variables),
        *_differing("setting", _words(before.settings), _words(after.settings)),
        *_differing("revision", _short(before.revisions), _short(after.revisions)),
        *_differing("check", _answers(before), _answers(after), both=True),
        *_sizes(before.sizes, after.sizes),
        *_times(before, after),
        *_differing("outcome", {"run": before.outcome}, {"run": after.outcome}),
    )
    return Difference(before=before.id, after=after.id, changes=changes)


def last_good_before(entries: Sequence[HistoryEntry], run: HistoryEntry) -> HistoryEntry | None:
    """Return the newest run that worked before this one, of the same machine and for the same use."""
    earlier = (entry for entry in reversed(entries) if entry.began_at < run.began_at and entry.worked)
    return next((entry for entry in earlier if (entry.host, entry.practice) == (run.host, run.practice)), None)


def _differing(
    kind: str, before: Mapping[str, str], after: Mapping[str, str], *, both: bool = False
) -> Iterator[Change]:
    """Yield what differs; with `both` only what both runs know, for a stage that did not run lost nothing."""
    if not (before and after):
        return
    for name in dict.fromkeys((*before, *after)):
        if both and not (name in before and name in after):
            continue
        old, new = before.get(name, _NOTHING), after.get(name, _NOTHING)
        if old != new:
            yield Change(kind=kind, name=name, before=old, after=new)


def _answers(entry: HistoryEntry) -> dict[str, str]:
    return {
        f"{check.stage}: {check.title or check.id}": f"{check.status}: {check.evidence}"
        if check.evidence
        else check.status
        for check in entry.checks
    }


def _words(settings: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in settings.items()} or {"all": "defaults"}


def _short(revisions: Mapping[str, str]) -> dict[str, str]:
    return {model: commit[:_COMMIT_DIGITS] for model, commit in revisions.items()}


def _sizes(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[Change]:
    for name in (name for name in before if name in after):
        old, new = before[name], after[name]
        if old != new and (name != _FREE or abs(new - old) > _FREE_SHARE * max(old, 1)):
            yield Change(kind="size", name=name, before=format_bytes(old), after=format_bytes(new))


def _times(before: HistoryEntry, after: HistoryEntry) -> Iterator[Change]:
    took = {stage.stage: stage.elapsed_s for stage in before.stages if stage.status}
    for stage in after.stages:
        if stage.status and stage.stage in took and _is_another(took[stage.stage], stage.elapsed_s):
            before_s, after_s = format_seconds(took[stage.stage]), format_seconds(stage.elapsed_s)
            yield Change(kind="time", name=stage.stage, before=before_s, after=after_s)


def _is_another(before_s: float, after_s: float) -> bool:
    small, large = sorted((before_s, after_s))
    return large - small > _LONGER_BY_S and large > small * _LONGER

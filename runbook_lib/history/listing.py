"""The history as people read it: the list of runs, and one run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runbook_lib.history.compare import last_good_before
from runbook_lib.history.entry import DIED, SKIPPED, HistoryEntry
from runbook_lib.history.gaps import Gap, gaps, span
from runbook_lib.history.index import History
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.check import Status


@dataclass(frozen=True)
class Selection:
    """Which runs are asked for."""

    failed: bool = False
    since: datetime | None = None
    words: str = ""
    """What name, machine or outcome have to contain, in any case."""
    limit: int | None = None

    def of(self, entries: Sequence[HistoryEntry]) -> tuple[HistoryEntry, ...]:
        """Return those that are meant, the newest first."""
        chosen = [
            entry
            for entry in reversed(entries)
            if (not self.failed or entry.state == DIED or entry.status == Status.FAIL)
            and (self.since is None or entry.began_at >= self.since)
            and self.words.strip().lower() in f"{entry.id} {entry.host} {entry.outcome}".lower()
        ]
        return tuple(chosen[: self.limit])


@dataclass(frozen=True)
class RunList(Rendered):
    """The runs of a folder, the newest first, with what is missing between them."""

    history: History
    selection: Selection
    now: datetime

    @property
    def runs(self) -> tuple[HistoryEntry, ...]:
        """The runs that are asked for."""
        return self.selection.of(self.history.entries)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Where runs are missing; a run that gave way to another one is no missing one."""
        return gaps([entry.began_at for entry in self.history.entries], self.now)

    def age_h(self) -> float | None:
        """Return how many hours ago the newest run began that did not give way; None without one."""
        began = [entry.began_at for entry in self.history.entries if entry.state != SKIPPED]
        return (self.now - began[-1]).total_seconds() / 3600 if began else None

    def sections(self) -> Sequence[Section]:
        """Return what the newest runs come to, then the list; one sentence where no run is known."""
        columns = ("status", "run", "began (UTC)", "took", "how it ended")
        rows = tuple(self._rows())
        now = Note("Now", tuple(self._words()))
        if not self.history.entries:
            return (now,)
        return (
            now,
            Table(f"Runs in {self.history.home}", columns, rows, empty="no run like this"),
        )

    def _rows(self) -> Iterator[tuple[str, ...]]:
        missing = {gap.after: gap for gap in self.gaps}
        newest = self.history.entries[-1] if self.history.entries else None
        for entry in self.runs:
            gap = missing.get(entry.began_at)
            if gap is not None and not self.selection.failed:
                yield ("", "", "", "", f"({gap.words})" if entry is not newest else f"({gap.words}, until now)")
            practice = "practice; " if entry.practice else ""
            gone = "" if entry.has_folder or entry.state == SKIPPED else " (folder gone)"
            took = format_seconds(entry.elapsed_s) if entry.stages else ""
            yield (entry.status, entry.id, when(entry.began_at), took, f"{practice}{entry.outcome}{gone}")

    def _words(self) -> Iterator[str]:
        if self.history.unreadable:
            yield f"{len(self.history.unreadable)} lines of the history say nothing to this version, and stay"
        if not self.history.entries:
            yield f"no run is known in {self.history.home}"
            return
        newest = self.history.entries[-1]
        yield f"the last run began {span(max(self.now - newest.began_at, timedelta(0)))} ago: {newest.outcome}"
        if not newest.worked:
            good = last_good_before(self.history.entries, newest)
            yield f"it last worked at {when(good.began_at)} UTC: {good.id}" if good else "none is known that worked"
        if self.gaps and self.gaps[-1].is_open:
            yield f"a run is missing: {self.gaps[-1].words}"

    def document(self) -> dict[str, object]:
        """Return what --json prints."""
        return {
            "schema_version": 1,
            "home": str(self.history.home),
            "hours_since_last": self.age_h(),
            "gaps": [
                {"after": gap.after.isoformat(), "hours": gap.length.total_seconds() / 3600, "missed": gap.missed}
                for gap in self.gaps
            ],
            "unreadable_lines": len(self.history.unreadable),
            "runs": [entry.model_dump(mode="json") for entry in self.runs],
        }


@dataclass(frozen=True)
class ShownRun(Rendered):
    """One run, as the history has it."""

    run: HistoryEntry

    def sections(self) -> Sequence[Section]:
        """Return how it ended, then its stages, what needed a hand, and what it worked with."""
        run = self.run
        stages = tuple((one.status or "-", one.stage, format_seconds(one.elapsed_s)) for one in run.stages)
        checks = tuple((one.status, one.stage, one.title, one.evidence) for one in run.checks if one.evidence)
        with_what = (*run.versions.items(), *run.variables.items(), *run.revisions.items())
        sizes = tuple((name, format_bytes(size)) for name, size in run.sizes.items())
        settings = tuple((name, str(value)) for name, value in run.settings.items())
        return (
            Note(run.id, tuple(self._words())),
            Table("Stages", ("status", "stage", "took"), stages),
            Table("What needed a hand", ("status", "stage", "check", "evidence"), checks),
            Table("Worked with", ("what", "which"), with_what),
            Table("Sizes", ("what", "size"), sizes),
            Table("Settings that were given", ("parameter", "value"), settings),
        )

    def _words(self) -> Iterator[str]:
        run = self.run
        if run.practice:
            yield "practice: random weights"
        yield run.outcome
        yield f"began {when(run.began_at)} UTC on {run.host or 'an unnamed machine'}"
        yield f"folder: {run.folder}{'' if run.has_folder else ' (gone; this is what the history kept)'}"
        if run.copied_to:
            yield f"copied to: {', '.join(f'{address}/{run.id}' for address in run.copied_to)}"


def when(moment: datetime) -> str:
    """Write a time in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"

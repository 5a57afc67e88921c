"""A download to watch and to stop: every file, the total, the rate and the time left."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from html import escape
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Final

from runbook_lib.cache.arrivals import Arrival, arrivals
from runbook_lib.cache.layout import repo_of
from runbook_lib.interactive.controls import button, enable, fill, in_background, markup, page, row
from runbook_lib.interactive.view import View
from runbook_lib.render.sections import Note, Section
from runbook_lib.render.values import format_bytes, format_time_left
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.stages.download.facts import DownloadFacts, DownloadPlan
from runbook_lib.stages.download.stage import download
from runbook_lib.system.progress import progress_shown_elsewhere

if TYPE_CHECKING:
    from ipywidgets import Box

_LOOK_EVERY_S: Final = 0.5
_RATE_OVER_S: Final = 10.0


class DownloadPanel(View):
    """A download plan with buttons to carry it out and to stop; what arrived whole by then stays."""

    def __init__(self, run: OpenRun, plan: DownloadPlan) -> None:
        self._run = run
        self._plan = plan
        self._cancel = Event()
        self._said = ""
        self.record: StageRecord[DownloadFacts] | None = None

    def sections(self) -> Sequence[Section]:
        """Return the plan's own report."""
        return self._plan.sections()

    def build(self) -> "Box":
        """Make the plan, the buttons and a place for the progress."""
        from ipywidgets import HTML, VBox

        self._start = button("Download", "Fetch what is missing, then place it for docling", self.start, primary=True)
        self._stop = button("Cancel", "Stop now; keep what is whole and remove what is partial", self.cancel)
        enable((self._stop,), enabled=False)
        self._progress, self._outcome = HTML(), page()
        return VBox((page(*self.sections()), row(self._start, self._stop), self._progress, self._outcome))

    def start(self) -> None:
        """Begin to fetch in the background."""
        enable((self._start,), enabled=False)
        self._cancel.clear()
        self._said = ""
        fill(self._outcome)
        enable((self._stop,), enabled=True)
        in_background(self._fetch, self._failed)

    def cancel(self) -> None:
        """Stop the download; returns at once, the panel tells when it has stopped."""
        enable((self._stop,), enabled=False)
        self._cancel.set()

    def _fetch(self) -> None:
        pace = _Pace()
        with ThreadPoolExecutor(max_workers=1) as pool:
            running = pool.submit(self._download)
            while not running.done():
                self._show(pace)
                wait((running,), timeout=_LOOK_EVERY_S)
            record = running.result()
        self._show(pace)
        self._ended(record)

    def _download(self) -> StageRecord[DownloadFacts]:
        with progress_shown_elsewhere(self._hear):
            return download(self._run, self._plan, cancel=self._cancel)

    def _hear(self, line: str) -> None:
        self._said = line

    def _ended(self, record: StageRecord[DownloadFacts]) -> None:
        self.record = record
        stopped = "Cancelled. Whole files are kept, partial ones are removed."
        note = (Note("Download", (stopped,)),) if self._cancel.is_set() else ()
        fill(self._outcome, *note, *record.sections())
        self._let_start()

    def _failed(self, note: Note) -> None:
        fill(self._outcome, note)
        self._let_start()

    def _let_start(self) -> None:
        enable((self._stop,), enabled=False)
        enable((self._start,), enabled=True)

    def _show(self, pace: "_Pace") -> None:
        seen = {
            planned.model.repo_id: arrivals(repo_of(self._run.cache_dir, planned.model), planned.listing)
            for planned in self._plan.models
        }
        every = [arrival for files in seen.values() for arrival in files]
        done, total = sum(file.arrived_bytes for file in every), sum(file.size_bytes for file in every)
        pace.note(done)
        lines = [_line_html("Total", done, total, pace.words(total)), *_file_lines(seen)]
        head = "<thead><tr><th>file</th><th>progress</th><th>arrived</th><th>rate and time left</th></tr></thead>"
        said = f"<p>{escape(self._said)}</p>" if self._said else ""
        self._progress.value = markup(f"<table>{head}<tbody>{''.join(lines)}</tbody></table>{said}")


def _file_lines(seen: dict[str, tuple[Arrival, ...]]) -> Iterator[str]:
    """Yield a row a file, the largest first: small ones come and go within a look."""
    files = [(repo_id, file) for repo_id, files in seen.items() for file in files]
    for repo_id, file in sorted(files, key=lambda entry: -entry[1].size_bytes):
        words = "whole" if file.is_whole else "waiting" if not file.arrived_bytes else "arriving"
        yield _line_html(f"{repo_id}/{file.path}", file.arrived_bytes, file.size_bytes, words)


def _line_html(name: str, done_bytes: int, total_bytes: int, words: str) -> str:
    label, most = escape(name, quote=True), max(total_bytes, 1)
    bar = f'<progress max="{most}" value="{min(done_bytes, most)}" aria-label="{label}"></progress>'
    amount = f"{format_bytes(done_bytes)} of {format_bytes(total_bytes)}"
    return f"<tr><td>{label}</td><td>{bar}</td><td>{escape(amount)}</td><td>{escape(words)}</td></tr>"


class _Pace:
    """How fast bytes arrive, over the last few seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, done_bytes: int) -> None:
        """Take the bytes that have arrived by now."""
        now = monotonic()
        self._seen.append((now, done_bytes))
        while now - self._seen[0][0] > _RATE_OVER_S and len(self._seen) > 2:  # noqa: PLR2004 - a rate needs two looks
            self._seen.popleft()

    def words(self, total_bytes: int) -> str:
        """Return rate and time left; empty while nothing can be told."""
        (began, first), (now, done) = self._seen[0], self._seen[-1]
        if done >= total_bytes:
            return "whole"
        if now <= began or done <= first:
            return ""
        rate = (done - first) / (now - began)
        return f"{format_bytes(round(rate))}/s, {format_time_left((total_bytes - done) / rate)}"

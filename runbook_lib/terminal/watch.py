"""What is said while something takes longer than two seconds: a line that lives on a terminal, calm ones elsewhere."""

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runbook_lib.render.values import format_bytes, format_seconds, format_time_left
from runbook_lib.system.progress import Progress, progress_shown_by
from runbook_lib.terminal.screen import console_on, is_terminal

if TYPE_CHECKING:
    from rich.text import Text

QUIET_S: Final = 2.0
"""What is over sooner says nothing."""
DRAWN_EVERY_S: Final = 0.25
LINE_EVERY_S: Final = 30.0
_RATE_OVER_S: Final = 10.0
"""The rate is that of the last seconds: a line that stalls is seen to."""


@dataclass(frozen=True)
class Step:
    """How far a step has come."""

    title: str
    done_bytes: int
    total_bytes: int


class Watch:
    """What is going on, in words; written to by whoever works, read by whoever shows it."""

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._step: Step | None = None
        self._file: Path | None = None
        self.print: Callable[[str | Text], None] = _print
        self.begin(title)

    def begin(self, title: str, file: Path | None = None) -> None:
        """Begin something else, which says in `file` how far it is; with an empty title nothing is going on."""
        self._title, self._file, self._step = title, file, None
        self._began = self._clock()
        self._samples: deque[tuple[float, int]] = deque()

    def print_styled(self, line: str) -> None:
        """Print a line that begins with a status, in its colour where there is one."""
        if not is_terminal(sys.stderr):
            self.print(line)
            return
        from runbook_lib.terminal.layout import styled

        self.print(styled(line))

    @property
    def elapsed_s(self) -> float:
        """How long it has taken so far."""
        return self._clock() - self._began

    @contextmanager
    def step(self, title: str, total_bytes: int) -> Iterator[Progress]:
        """Show the progress of a step; what `show_progress` calls."""
        try:
            yield _Followed(self, title, total_bytes)
        finally:
            self._step = None
            self._samples.clear()

    def came_to(self, step: Step) -> None:
        """Take how far the step has come."""
        if self._step is None or self._step.title != step.title:
            self._samples.clear()
        self._step = step
        now = self._clock()
        self._samples.append((now, step.done_bytes))
        while len(self._samples) > 2 and now - self._samples[0][0] > _RATE_OVER_S:  # noqa: PLR2004 - a rate takes two
            self._samples.popleft()

    def line(self) -> str:
        """Return what is going on: the time it has taken, then bytes, rate and the time that is left, if known."""
        if not self._title:
            return ""
        self._read_file()
        words = f"{self._title}: {_whole_seconds(self.elapsed_s)}"
        step = self._step
        if step is None:
            return words
        shown = f"{words}; {format_bytes(step.done_bytes)}"
        if not step.total_bytes:
            return f"{shown}; {step.title}"
        rate = self._rate()
        left_s = (step.total_bytes - step.done_bytes) / rate if rate > 0 else 0.0
        speed = f", {format_bytes(round(rate))}/s" if rate > 0 else ""
        left = f", {_time_left(left_s)}" if left_s > 0 else ""
        return f"{shown} of {format_bytes(step.total_bytes)}{speed}{left}; {step.title}"

    def _rate(self) -> float:
        if not self._samples:
            return 0.0
        (began, before), (_, done) = self._samples[0], self._samples[-1]
        took_s = self._clock() - began
        return (done - before) / took_s if took_s > 0 else 0.0

    def _read_file(self) -> None:
        if self._file is None:
            return
        try:
            step = Step(**json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # nothing to say at this moment
            self._step = None
        else:
            self.came_to(step)


@contextmanager
def watching(title: str = "") -> Iterator[Watch]:
    """Say on stderr what is going on while the block works, and how far its steps have come."""
    watch, ended = Watch(title), threading.Event()
    tell = _draw if is_terminal(sys.stderr) else _write_lines
    thread = threading.Thread(target=tell, args=(watch, ended), daemon=True, name="watch")
    thread.start()
    try:
        with progress_shown_by(watch.step):
            yield watch
    finally:
        ended.set()
        thread.join()


class _Followed:
    """A step that tells the watch how far it is."""

    def __init__(self, watch: Watch, title: str, total_bytes: int) -> None:
        self._watch, self._title, self._total_bytes = watch, title, total_bytes

    def update_to(self, done_bytes: int) -> None:
        self._watch.came_to(Step(self._title, done_bytes, self._total_bytes))

    def say(self, line: str) -> None:
        self._watch.print(line)


def _draw(watch: Watch, ended: threading.Event) -> None:
    """Keep one line at the bottom of the terminal; what is printed meanwhile stands above it."""
    from rich.live import Live
    from rich.text import Text

    if ended.wait(QUIET_S):
        return
    console = console_on(sys.stderr)
    with Live(Text(), console=console, auto_refresh=False, transient=True, redirect_stdout=False) as live:
        watch.print = partial(console.print, soft_wrap=True)
        while not ended.wait(DRAWN_EVERY_S):
            words = watch.line() if watch.elapsed_s >= QUIET_S else ""
            live.update(Text(words, no_wrap=True, overflow="ellipsis"), refresh=True)
        watch.print = _print


def _write_lines(watch: Watch, ended: threading.Event) -> None:
    """Write a line every half minute, none for what is over sooner."""
    told_at = watch.elapsed_s
    while not ended.wait(DRAWN_EVERY_S):
        if watch.elapsed_s < told_at:  # something else has begun
            told_at = 0.0
        if watch.elapsed_s - told_at >= LINE_EVERY_S:
            told_at = watch.elapsed_s
            if words := watch.line():
                watch.print(words)


def _time_left(left_s: float) -> str:
    return f"{left_s:.0f} s left" if left_s < 60 else format_time_left(left_s)  # noqa: PLR2004 - a minute


def _whole_seconds(elapsed_s: float) -> str:
    return format_seconds(elapsed_s) if elapsed_s >= 60 else f"{elapsed_s:.0f} s"  # noqa: PLR2004 - a minute


def _print(line: "str | Text") -> None:
    if isinstance(line, str):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    else:
        console_on(sys.stderr).print(line, soft_wrap=True)

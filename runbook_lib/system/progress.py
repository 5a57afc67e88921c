"""Progress a person can bear: a widget where a front end listens, a bar in a terminal, sparse lines elsewhere."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Final, Never, Protocol

from runbook_lib.render.values import format_bytes

if TYPE_CHECKING:
    from tqdm.std import tqdm

HEADLESS_VARIABLE = "RUNBOOK_HEADLESS"
PROGRESS_VARIABLE: Final = "RUNBOOK_PROGRESS"
"""Names the file in which the kernels of a headless run say how far they are; whoever started them shows it."""
_FRONT_END_VARIABLES = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD")
_LINE_EVERY_S = 10.0
_WRITTEN_EVERY_S: Final = 0.5
_COUNTED_EVERY_S: Final = 0.1
Say = Callable[[str], None]


class Progress(Protocol):
    """Told how far a step has come."""

    def update_to(self, done_bytes: int) -> None:
        """Take the bytes done so far; may be called often and with falling numbers."""

    def say(self, line: str) -> None:
        """Show what a person should know while the step goes on, such as that it is tried again."""


Passed = Callable[[int], None]
"""Told how many bytes have passed since the last time."""
View = Callable[[str, int], AbstractContextManager[Progress]]
"""Takes the title and the size of a step, and shows how far it comes."""
_view: ContextVar[View | None] = ContextVar("view", default=None)


def has_front_end() -> bool:
    """Whether a notebook front end draws widgets: jupyter_server and VS Code name their sessions in the environment.

    papermill, nbconvert and nbval do not, so that they leave no dead widgets behind.
    """
    return not os.environ.get(HEADLESS_VARIABLE) and any(os.environ.get(name) for name in _FRONT_END_VARIABLES)


def print_to_stderr(line: str) -> None:
    """Tell a person what is being waited for."""
    sys.stderr.write(f"{line}\n")


@contextmanager
def progress_shown_elsewhere(say: Say = print_to_stderr) -> Iterator[None]:
    """Let the steps of this thread show no progress of their own, because a view does; it is given what they say."""

    @contextmanager
    def step(_title: str, _total_bytes: int) -> Iterator[Progress]:
        yield _Elsewhere(say)

    with progress_shown_by(step):
        yield


@contextmanager
def progress_shown_by(view: View) -> Iterator[None]:
    """Let a view show the steps of this thread."""
    token = _view.set(view)
    try:
        yield
    finally:
        _view.reset(token)


@contextmanager
def show_progress(title: str, total_bytes: int) -> Iterator[Progress]:
    """Show a step's progress in the way that fits the place; writes to stderr outside notebooks."""
    if (view := _view.get()) is not None:
        with view(title, total_bytes) as progress:
            yield progress
    elif not total_bytes:  # nothing is on its way, and a bar would stand at zero
        yield _Elsewhere(print_to_stderr)
    elif "ipykernel" in sys.modules:
        if os.environ.get(HEADLESS_VARIABLE) and (file := os.environ.get(PROGRESS_VARIABLE)):
            with _written(Path(file), title, total_bytes) as progress:
                yield progress
        elif has_front_end():
            from tqdm.notebook import tqdm as notebook_bar

            with notebook_bar(total=total_bytes, desc=title, unit="B", unit_scale=True) as bar:
                yield _Bar(bar)
        else:
            yield _Lines(title, total_bytes)
    elif sys.stderr.isatty():
        from tqdm.std import tqdm  # who draws no bar, as a scheduled run, does not wait for it

        with tqdm(total=total_bytes, desc=title, unit="B", unit_scale=True, ascii=True) as bar:
            yield _Bar(bar)
    else:
        yield _Lines(title, total_bytes)


class Counted:
    """Adds up the bytes that pass, in however many threads, and tells the progress now and then."""

    def __init__(self, progress: Progress) -> None:
        self.done_bytes = 0
        self._progress, self._lock, self._next = progress, threading.Lock(), 0.0

    def __call__(self, count: int) -> None:
        """Take a number of bytes that have just passed."""
        with self._lock:
            self.done_bytes += count
            if time.monotonic() >= self._next:
                self._next = time.monotonic() + _COUNTED_EVERY_S
                self._progress.update_to(self.done_bytes)


@contextmanager
def _written(file: Path, title: str, total_bytes: int) -> Iterator[Progress]:
    written = _Written(file, title, total_bytes)
    try:
        yield written
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)


class _Written:
    """Written for another process; where it cannot be written, it is not shown, and nothing else is lost."""

    def __init__(self, file: Path, title: str, total_bytes: int) -> None:
        self._file, self._title, self._total_bytes = file, title, total_bytes
        self._next = 0.0

    def update_to(self, done_bytes: int) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _WRITTEN_EVERY_S
        step = {"title": self._title, "done_bytes": done_bytes, "total_bytes": self._total_bytes}
        part = self._file.with_suffix(".part")
        with suppress(OSError):
            part.write_text(json.dumps(step), encoding="utf-8")
            part.replace(self._file)

    def say(self, line: str) -> None:
        print_to_stderr(line)


class _Bar:
    def __init__(self, bar: "tqdm[Never]") -> None:
        self._bar = bar

    def update_to(self, done_bytes: int) -> None:
        self._bar.n = min(done_bytes, self._bar.total or done_bytes)
        self._bar.refresh()

    def say(self, line: str) -> None:
        self._bar.write(line, file=sys.stderr)


class _Elsewhere:
    def __init__(self, say: Say) -> None:
        self.say = say

    def update_to(self, done_bytes: int) -> None:
        """Show nothing."""


class _Lines:
    """A line every ten seconds, none for what is over sooner."""

    def __init__(self, title: str, total_bytes: int) -> None:
        self._title, self._total_bytes = title, total_bytes
        self._next_line = time.monotonic() + _LINE_EVERY_S

    def update_to(self, done_bytes: int) -> None:
        if time.monotonic() >= self._next_line:
            self._next_line += _LINE_EVERY_S
            shown = f"{self._title}: {format_bytes(done_bytes)} of {format_bytes(self._total_bytes)}"
            sys.stderr.write(shown + "\n")

    def say(self, line: str) -> None:
        print_to_stderr(line)

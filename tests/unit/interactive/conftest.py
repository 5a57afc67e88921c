"""Fixtures for the views: a front end that seems to listen, a practice run, and hands to press buttons with."""

import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice.server import running_hub
from runbook_lib.run.opening import OpenRun, open_run

LAYOUT = "docling-project/docling-layout-heron"
PAD_MB = 24


def descendants(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from descendants(child)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


class Hands:
    """What a person does with a view: read, press, wait."""

    def __init__(self, view: Any) -> None:
        self.view = view

    def controls(self, kind: str) -> list[Any]:
        return [widget for widget in descendants(self.view.widget) if type(widget).__name__ == kind]

    def html(self) -> str:
        return "\n".join(widget.value for widget in self.controls("HTML"))

    def words(self) -> str:
        parser = _Words()
        parser.feed(self.html())
        return " ".join(" ".join(parser.found).split())

    def buttons(self) -> list[str]:
        return [button.description for button in self.controls("Button")]

    def button(self, label: str) -> Any:
        return next(button for button in self.controls("Button") if button.description == label)

    def press(self, label: str) -> None:
        self.wait(lambda: label in self.buttons(), f"a button {label!r}")
        self.button(label).click()

    def field(self, name: str) -> Any:
        return next(widget for widget in descendants(self.view.widget) if getattr(widget, "description", "") == name)

    def await_words(self, words: str, limit_s: float = 30.0) -> None:
        self.wait(lambda: words in self.words(), f"{words!r} in {self.words()!r}", limit_s)

    @staticmethod
    def wait(condition: Callable[[], bool], what: str, limit_s: float = 30.0) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
            time.sleep(0.05)


@pytest.fixture
def hands() -> Callable[[Any], Hands]:
    return Hands


@pytest.fixture
def front_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "notebook.ipynb")


@pytest.fixture
def practice_run(in_tmp_path: Path) -> OpenRun:
    """Open a run on the practice hub for the small model, with folders of its own."""
    return open_run(
        run_dir=str(in_tmp_path / "run"),
        hub="practice",
        models=LAYOUT,
        cache_dir=str(in_tmp_path / "hub"),
        artifacts_dir=str(in_tmp_path / "artifacts"),
    )


@pytest.fixture
def padded_run(in_tmp_path: Path) -> Iterator[OpenRun]:
    """The same, with weights large enough to be stopped in the middle of."""
    yield open_run(
        run_dir=str(in_tmp_path / "run"),
        hub="practice",
        models=LAYOUT,
        cache_dir=str(in_tmp_path / "hub"),
        artifacts_dir=str(in_tmp_path / "artifacts"),
        practice_pad_mb=PAD_MB,
    )
    running_hub(pad_bytes=PAD_MB * 1_000_000, head="second").play()

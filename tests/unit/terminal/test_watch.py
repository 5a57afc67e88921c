"""What is said while a step goes on."""

import json
import threading
import time
from pathlib import Path

import pytest

from runbook_lib.system.progress import HEADLESS_VARIABLE, PROGRESS_VARIABLE, show_progress
from runbook_lib.terminal import watch as watches
from runbook_lib.terminal.watch import Step, Watch, watching


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_step_without_bytes_says_how_long_it_has_taken() -> None:
    clock = Clock()
    watch = Watch("convert", clock)
    clock.now += 75
    assert watch.line() == "convert: 1 min 15 s"


def test_a_download_says_bytes_rate_and_what_is_left() -> None:
    clock = Clock()
    watch = Watch("download", clock)
    watch.came_to(Step("org/name@main", 0, 200_000_000))
    clock.now += 4
    watch.came_to(Step("org/name@main", 100_000_000, 200_000_000))
    assert watch.line() == "download: 4 s; 100 MB of 200 MB, 25.0 MB/s, 4 s left; org/name@main"


def test_a_line_that_stalls_has_no_rate_of_before() -> None:
    clock = Clock()
    watch = Watch("download", clock)
    for second in range(30):
        watch.came_to(Step("org/name@main", min(second, 5) * 1_000_000, 200_000_000))
        clock.now += 1
    assert watch.line() == "download: 30 s; 5.0 MB of 200 MB; org/name@main"


def test_the_next_stage_begins_at_nothing(tmp_path: Path) -> None:
    clock = Clock()
    watch = Watch("download", clock)
    watch.came_to(Step("org/name@main", 5, 10))
    clock.now += 9
    watch.begin("verify", tmp_path / "none")
    assert watch.line() == "verify: 0 s"
    watch.begin("")
    assert watch.line() == ""


def test_what_another_process_says_is_read_and_a_broken_file_is_no_error(tmp_path: Path) -> None:
    clock = Clock()
    watch = Watch("", clock)
    file = tmp_path / "progress.json"
    watch.begin("download", file)
    file.write_text(json.dumps({"title": "org/name", "done_bytes": 5000, "total_bytes": 10_000}), encoding="utf-8")
    assert watch.line() == "download: 0 s; 5.0 KB of 10.0 KB; org/name"
    file.write_text("{", encoding="utf-8")
    assert watch.line() == "download: 0 s"


def test_a_kernel_writes_how_far_it_is_and_takes_it_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "progress.json"
    monkeypatch.setenv(HEADLESS_VARIABLE, "1")
    monkeypatch.setenv(PROGRESS_VARIABLE, str(file))
    monkeypatch.setitem(__import__("sys").modules, "ipykernel", threading)
    with show_progress("org/name", 10) as progress:
        progress.update_to(5)
        assert json.loads(file.read_text(encoding="utf-8")) == {"title": "org/name", "done_bytes": 5, "total_bytes": 10}
    assert not file.exists()


def test_without_a_terminal_there_is_a_calm_line_and_none_for_what_is_over_soon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watches, "LINE_EVERY_S", 0.6)
    monkeypatch.setattr(watches, "DRAWN_EVERY_S", 0.02)
    with watching("reading every file"):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""
    with watching("reading every file"), show_progress("org/name", 100) as progress:
        progress.update_to(40)
        time.sleep(1.0)
    assert capsys.readouterr().err == "reading every file: 1 s; 40 bytes of 100 bytes; org/name\n"

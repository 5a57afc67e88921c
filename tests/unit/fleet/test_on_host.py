"""What a host tells of an order, without a cluster: why it does not run, and how a run that it begins ended."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from runbook_lib import __version__
from runbook_lib.fleet import on_host, running
from runbook_lib.fleet.messages import Event, Order

SAYS = """
import json, os, sys, time
sys.stderr.write(json.dumps({"event": "stage_began", "stage": "detect"}) + "\\n")
sys.stderr.flush()
if sys.argv[1] == "hang":
    while os.read(0, 1):
        pass
    sys.exit(143)
print(json.dumps({"error": {"what": "No room.", "why": "", "remedy": "Make some."}}))
sys.exit(74)
"""


def order(home: Path, **more: object) -> Order:
    told = {"campaign": "c", "host": "a", "attempt": 1, "version": __version__, "home": str(home), "limit_s": 30}
    return Order.model_validate({"parameters": {"hub": "http://127.0.0.1:9"}, **told, **more})


def told_of(given: Order) -> list[Event]:
    events: list[Event] = []
    on_host.carry_out(given, events.append, lambda: True)
    return events


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stands in for the run itself."""
    path = tmp_path / "says.py"
    path.write_text(SAYS, encoding="utf-8")
    begin: Callable[..., object] = subprocess.Popen

    def started(command: list[str], **options: object) -> object:
        assert command[1:3] == ["-m", "runbook_lib.fleet.child"]
        return begin(
            [sys.executable, str(path), "hang" if "hub" in command and "hang" in command else "end"], **options
        )

    monkeypatch.setattr(subprocess, "Popen", started)
    yield path
    running.forget((tmp_path / "runs" / "fleet-c-a").absolute())


@pytest.mark.parametrize(
    ("more", "missing", "why"),
    [
        ({"version": "0.0.1"}, "", "version"),
        ({}, "papermill", "packages"),
        ({}, "docling", "docling"),
    ],
)
def test_a_host_that_cannot_run_says_why_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, object], missing: str, why: str
) -> None:
    monkeypatch.setattr(on_host, "find_spec", lambda name: None if name == missing else find_spec(name))
    began, last = told_of(order(tmp_path / "home", **more))
    assert began.kind == "began"
    assert last.ended
    assert (last.ended.status, last.ended.why, last.ended.exit_code) == ("fail", why, None)
    assert last.ended.versions["python"]
    assert not (tmp_path / "home").exists()


def test_an_error_before_the_run_began_comes_back_with_its_exit_code(tmp_path: Path, script: Path) -> None:
    *events, last = told_of(order(tmp_path))
    assert [event.stage for event in events if event.kind == "stage"] == ["detect"]
    assert last.ended
    assert (last.ended.why, last.ended.exit_code, last.ended.reason) == ("disk", 74, "No room. Make some.")


def test_a_run_whose_time_is_over_is_asked_to_end(tmp_path: Path, script: Path) -> None:
    given = order(tmp_path, limit_s=1, parameters={"hub": "hang"})
    last = told_of(given)[-1]
    assert last.ended
    assert (last.ended.status, last.ended.exit_code, last.ended.reason) == ("fail", 143, "It was ended after 1 s.")


def test_a_run_that_nobody_waits_for_goes_on_and_the_next_attempt_takes_it_up(tmp_path: Path, script: Path) -> None:
    given = order(tmp_path, limit_s=2, parameters={"hub": "hang"})
    events: list[Event] = []
    on_host.carry_out(given, events.append, lambda: False)
    assert [event.kind for event in events] == ["began"]
    last = told_of(given)[-1]
    assert last.ended
    assert last.ended.exit_code == 143

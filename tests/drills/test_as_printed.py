"""Every drill from a terminal alone: what is printed is typed, until the stage that failed is fixed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from runbook_lib.practice.drills.catalogue import DRILLS
from runbook_lib.practice.drills.drill import Drill
from runbook_lib.run.folder import stage_file_stem
from tests.drills.conftest import Output

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="typed into a POSIX shell")]

_SHELL = shutil.which("sh") or "sh"
_LIMIT_S = 300.0
_ONE_MODEL = "-p models docling-project/docling-layout-heron"
_MODELS = {"corrupt": "-p models docling"}
"""What is fixed by repair goes on with a conversion, for which one model is not enough."""


@pytest.fixture
def terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A terminal whose PATH finds `runbook`, in a folder of the test."""
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"])
    return home


def typed(line: str) -> Output:
    done = subprocess.run([_SHELL, "-c", line], capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    return Output(done.returncode, done.stdout or done.stderr)


@contextmanager
def at_work(line: str) -> Iterator["subprocess.Popen[str]"]:
    """Type a line whose command goes on; it and all that it started are asked to end.

    By SIGTERM, and not as Ctrl-C does: where the tests run in the background of a shell, SIGINT is ignored.
    """
    started = subprocess.Popen(
        [_SHELL, "-c", line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)
        started.communicate(timeout=_LIMIT_S)


def statuses(stage: str) -> dict[Path, tuple[str, str]]:
    """Return when the stage began and how it ended, in every run of this folder."""
    found = {}
    for path in Path("runs").glob(f"*/{stage_file_stem(stage)}.json"):
        record = json.loads(path.read_bytes())
        found[path] = (record["started_at"], record["status"])
    return found


def fixes(line: str, stage: str) -> bool:
    """Type a line and wait until the stage has been gone through anew and well; what comes after is not waited for."""
    before, deadline = statuses(stage), time.monotonic() + _LIMIT_S
    with at_work(line) as started:
        while time.monotonic() < deadline:
            anew = [entry for path, entry in statuses(stage).items() if before.get(path) != entry]
            if anew:
                return all(status in ("ok", "warn") for _, status in anew)
            if started.poll() is not None:
                return False
            time.sleep(0.2)
    return False


def sharing_the_port(drill: Drill) -> tuple[pytest.MarkDecorator, ...]:
    """The port that a drill prints for its mirror is one: tests that serve it there take turns."""
    return (pytest.mark.xdist_group("mirror port"),) if drill.beside else ()


@pytest.mark.parametrize(
    "drill", [pytest.param(drill, marks=sharing_the_port(drill), id=drill.name) for drill in DRILLS]
)
def test_what_a_drill_prints_is_typed_as_it_stands_and_fixes_it(drill: Drill, terminal: Path) -> None:
    if drill.denies and not sys.platform.startswith("linux"):
        pytest.skip("only Linux can take the privilege from a process")
    failed = typed(f"runbook run --practice --drill {drill.name} {_MODELS.get(drill.name, _ONE_MODEL)}")
    assert failed.exit_code not in (0, 130), failed.text
    assert failed.failed_in(drill.stage, failed.exit_code), failed.text
    *first, last = failed.commands()
    for line in first:
        assert typed(line).exit_code == 0, line
    if beside := failed.beside():
        with at_work(beside) as hub:
            assert hub.stdout is not None
            assert hub.stdout.readline().startswith("http://127.0.0.1:")
            assert fixes(last, drill.stage)
    else:
        repaired = bool(first)  # by which the stage has been gone through; the next one shows that it holds
        assert fixes(last, "convert" if repaired else drill.stage), last

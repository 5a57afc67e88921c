"""Folders that refuse: each command ends with one error that says what to do, and leaves nothing behind."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

COMMANDS = (
    ("run",),
    ("run", "--practice"),
    ("run", "--practice", "--drill", "corrupt", "-p", "cache_dir", ""),
    ("repair",),
    ("lab", "--no-browser"),
)
"""Those that write into the working folder before anything else."""
QUIET = (
    ("doctor", "-p", "offline", "true", "--only", "free-space"),
    ("dedupe", "--dry-run"),
    ("lock", "--check"),
    ("quirks",),
)
"""Those that need not write there."""


def runbook(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "HF_HUB_CACHE": str(home / "hub")}
    command = [sys.executable, "-m", "runbook_lib", *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, **places}, timeout=200, check=False
    )


def everything_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_working_folder_that_may_only_be_read_is_one_error(volume: Path, words: tuple[str, ...]) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(volume)], check=True)
    done = runbook(volume, *words)
    assert done.returncode not in (0, 70)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    assert "errno 30" in done.stderr
    assert "what to do: " in done.stderr
    assert everything_below(volume) == []


@pytest.mark.parametrize("words", QUIET, ids=" ".join)
def test_a_command_that_only_looks_needs_no_folder_to_write_in(volume: Path, words: tuple[str, ...]) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(volume)], check=True)
    done = runbook(volume, *words)
    assert "Traceback" not in done.stderr
    assert "errno 30" not in done.stderr + done.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_full_working_folder_is_one_error(volume: Path, words: tuple[str, ...]) -> None:
    fill(volume)
    before = everything_below(volume)
    done = runbook(volume, *words)
    assert done.returncode not in (0, 70)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    assert "errno 28" in done.stderr
    assert everything_below(volume) == before, "no folder is left that nothing stands in"


def test_a_run_folder_that_fills_up_meanwhile_is_told_with_one_error(volume: Path) -> None:
    begun = runbook(volume, "run", "--only", "verify", "--run-dir", "r", "-p", "models", "a/b", "-p", "offline", "true")
    assert begun.returncode == 1, begun.stderr
    fill(volume)
    done = runbook(volume, "run", "--only", "verify", "--run-dir", "r")
    assert done.returncode not in (0, 70)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    assert "errno 28" in done.stderr


def fill(volume: Path) -> None:
    with (volume / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))

"""Calling the command line as people do: a process of its own, or this one through `main`."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from runbook_lib.cli import main

Command = Callable[..., subprocess.CompletedProcess[str]]
Ended = Callable[..., tuple[object, str, str]]


@pytest.fixture
def command() -> Command:
    """Run the command line in a process of its own; variables by name."""

    def call(*words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "runbook_lib", *words],
            input=given,
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, **variables},
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ended:
    """Run the command line in this process; returns exit code, stdout and stderr."""

    def call(*words: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["runbook", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        return (caught.value.code, *capsys.readouterr())

    return call

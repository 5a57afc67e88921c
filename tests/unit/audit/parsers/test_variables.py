"""Where texts set environment variables."""

import pytest

from runbook_lib.audit.repository import ParsedSource
from runbook_lib.audit.sources.kinds import Kind
from runbook_lib.audit.sources.source import Source


def settings(kind: Kind, text: str) -> list[tuple[str, str | None, int]]:
    return [(one.name, one.value, one.line) for one in ParsedSource(Source("x", kind, text)).variables]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.SHELL, "export HF_HOME=/m", "/m"),
        (Kind.SHELL, 'HF_HOME="/my models" uvicorn', "/my models"),
        (Kind.SHELL, "docker run -e HF_HOME=/m image", "/m"),
        (Kind.SHELL, "export HF_HOME=$HOME/m", None),
        (Kind.SHELL, "export HF_HOME=", ""),
        (Kind.DOTENV, "HF_HOME=/m", "/m"),
        (Kind.POWERSHELL, "$env:HF_HOME = 'C:\\m'", "C:\\m"),
        (Kind.POWERSHELL, "[Environment]::SetEnvironmentVariable('HF_HOME', 'C:\\m', 'User')", "C:\\m"),
        (Kind.BATCH, 'set "HF_HOME=C:\\m"', "C:\\m"),
        (Kind.BATCH, "set HF_HOME=C:\\m", "C:\\m"),
        (Kind.BATCH, "setx HF_HOME C:\\m", "C:\\m"),
        (Kind.YAML, "  HF_HOME: /m", "/m"),
        (Kind.YAML, "  - HF_HOME=/m", "/m"),
        (Kind.YAML, "  HF_HOME: ${{ vars.M }}", None),
        (Kind.DOCKERFILE, "ENV HF_HOME=/m", "/m"),
        (Kind.DOCKERFILE, "ENV HF_HOME /m", "/m"),
        (Kind.PYTHON, "import os\nos.environ['HF_HOME'] = '/m'", "/m"),
        (Kind.PYTHON, "from os import environ as e\ne.setdefault('HF_HOME', '/m')", "/m"),
        (Kind.PYTHON, "import os\nos.environ.update({'HF_HOME': path})", None),
        (Kind.PYTHON, "import os\nos.putenv('HF_HOME', '/m')", "/m"),
    ],
)
def test_one_setting_is_seen_once(kind: Kind, text: str, value: str | None) -> None:
    assert settings(kind, text) == [("HF_HOME", value, text.count("\n") + 1)]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.SHELL, '[ "$HF_HOME" = /m ]'),
        (Kind.SHELL, "echo ${HF_HOME:=/m}"),
        (Kind.SHELL, "# HF_HOME=/m"),
        (Kind.POWERSHELL, "if ($env:HF_HOME -eq 'x') {}"),
        (Kind.PYTHON, "import os\nprint(os.environ['HF_HOME'])"),
        (Kind.PROSE, "Set HF_HOME=/m."),
    ],
)
def test_reading_is_not_setting(kind: Kind, text: str) -> None:
    assert settings(kind, text) == []


def test_the_true_words_are_those_of_huggingface_hub() -> None:
    text = "A01=1\nA02=yes\nA03=On\nA04=TRUE\nA05=$X\nA06=0\nA07=y\nA08=enabled\nA09=\n"
    variables = ParsedSource(Source("x", Kind.DOTENV, text)).variables
    assert [one.name for one in variables if one.is_true] == ["A01", "A02", "A03", "A04", "A05"]

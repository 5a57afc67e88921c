"""Kernel specs, the runtime folder, text and notebooks; with jupyter's own search path."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.jupyter import (
    PROBES,
    judge_jupyter_path,
    judge_kernelspec,
    judge_runtime_folder,
    judge_text_encoding,
    kernel_argv,
)
from runbook_lib.run.check import Check, Status

MakeContext = Callable[..., ProbeContext]
BY_ID = {probe.id: probe for probe in PROBES}


def check(name: str, context: ProbeContext) -> Check:
    return BY_ID[name].check(context)


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], None]:
    """Register a kernel spec that wins over every other one."""

    def make(argv: list[str]) -> None:
        spec = tmp_path / "jupyter" / "kernels" / "python3"
        spec.mkdir(parents=True)
        (spec / "kernel.json").write_text(json.dumps({"argv": argv, "language": "python"}), encoding="utf-8")
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    return make


@pytest.mark.parametrize("command", ["python", sys.executable])
def test_a_kernel_that_is_this_python_is_fine(
    context: MakeContext, register: Callable[..., None], command: str
) -> None:
    register([command, "-m", "ipykernel_launcher"])
    assert check("kernelspec", context()).status is Status.OK


def test_a_kernel_whose_python_is_gone_is_named(context: MakeContext, register: Callable[..., None]) -> None:
    register(["/deleted/venv/bin/python", "-m", "ipykernel_launcher"])
    found = check("kernelspec", context())
    assert (found.status, found.quirk) == (Status.WARN, "no-such-kernel")
    assert "/deleted/venv/bin/python, which does not exist" in found.evidence
    assert "--sys-prefix" in found.remedy


def test_a_kernel_spec_without_a_command_is_named(context: MakeContext, register: Callable[..., None]) -> None:
    register([])
    assert "names no command" in check("kernelspec", context()).evidence


def test_without_a_spec_jupyter_takes_its_own_python() -> None:
    assert judge_kernelspec(None, ipykernel=True, own=sys.executable).status is Status.OK
    assert judge_kernelspec(None, ipykernel=False, own=sys.executable).status is Status.WARN


def test_the_runtime_folder_is_tried_with_jupyters_own_call(
    context: MakeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    assert "not there yet" in check("jupyter-runtime", context()).evidence
    (tmp_path / "runtime").mkdir()
    found = check("jupyter-runtime", context())
    assert (found.status, list((tmp_path / "runtime").iterdir())) == (Status.OK, [])


def test_a_runtime_folder_that_refuses_names_the_variable() -> None:
    verdict = judge_runtime_folder(Path("/runtime"), "Permissions assignment failed for secure file")
    assert verdict.status is Status.WARN
    assert "JUPYTER_RUNTIME_DIR" in verdict.remedy


@pytest.mark.parametrize(
    ("preferred", "utf8", "status"),
    [
        ("UTF-8", False, Status.OK),
        ("utf8", False, Status.OK),
        ("cp1252", True, Status.OK),
        ("cp1252", False, Status.WARN),
    ],
)
def test_a_code_page_is_a_warning_unless_utf8_mode_is_on(preferred: str, utf8: bool, status: Status) -> None:
    assert judge_text_encoding(preferred, "cp1252", utf8=utf8).status is status


GOOD = '{"nbformat": 4, "nbformat_minor": 5, "cells": [{"id": "a", "cell_type": "code"}], "metadata": {}}'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf" + GOOD.encode(), "begins with a byte order mark"),
        (b"<html>blocked</html>", "is not JSON"),
        (b"[]", "is not a notebook of format 4"),
        (GOOD.replace('"id": "a", ', "").encode(), "has cells without an id"),
    ],
)
def test_a_notebook_that_cannot_be_read_is_named(
    context: MakeContext, in_tmp_path: Path, content: bytes, said: str
) -> None:
    assert check("notebook-files", context()).status is Status.SKIP
    (in_tmp_path / "good.ipynb").write_text(GOOD, encoding="utf-8")
    assert check("notebook-files", context()).status is Status.OK
    (in_tmp_path / "bad.ipynb").write_bytes(content)
    found = check("notebook-files", context())
    assert (found.status, found.quirk) == (Status.WARN, "nbformat-mismatch")
    assert f"bad.ipynb {said}" in found.evidence


def test_a_kernel_below_jupyter_path_hides_the_registered_one(tmp_path: Path) -> None:
    registered = tmp_path / "env" / "kernels"
    holding = tmp_path / "share" / "jupyter"
    hidden = judge_jupyter_path([holding], holding, ["/usr/bin/another/python"], registered=registered)
    assert hidden.status is Status.WARN
    assert str(holding) in hidden.remedy
    own = judge_jupyter_path([holding], holding, [sys.executable], registered=registered)
    assert own.status is Status.OK
    assert judge_jupyter_path([holding], None, None, registered=registered).status is Status.OK
    assert judge_jupyter_path([], None, None, registered=registered).evidence == "JUPYTER_PATH is not set"


def test_jupyter_path_is_looked_through_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text('{"argv": ["/opt/other/bin/python", "-m", "ipykernel_launcher"]}', encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert kernel_argv() == ["/opt/other/bin/python", "-m", "ipykernel_launcher"]

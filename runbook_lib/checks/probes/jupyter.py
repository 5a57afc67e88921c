"""What the notebooks need: a kernel that is this Python, a runtime folder, whole notebook files, UTF-8."""

import json
import locale
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import WINDOWS, Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Verdict, ok, skip, warn
from runbook_lib.system.filesystem import describe_os_error

KERNEL: Final = "python3"
_BARE = frozenset({"python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}", "python.exe"})
"""What jupyter_client replaces by its own interpreter (`KernelManager.format_kernel_cmd`)."""
_REGISTER = f"Register this Python: {{}} -m ipykernel install --sys-prefix --name {KERNEL}; or runbook doctor --fix."
_BOM = b"\xef\xbb\xbf"
_IDS_SINCE = (4, 5)


def kernel_argv() -> list[str] | None:
    """Return the command of the kernel spec that wins on jupyter's path; None when there is none."""
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("kernels"):
        spec = Path(folder, KERNEL, "kernel.json")
        if spec.is_file():
            argv = json.loads(spec.read_text(encoding="utf-8")).get("argv")
            return [str(word) for word in argv] if isinstance(argv, list) else []
    return None


def _kernelspec(_context: ProbeContext) -> Verdict:
    from importlib.util import find_spec

    return judge_kernelspec(kernel_argv(), ipykernel=find_spec("ipykernel") is not None, own=sys.executable)


def judge_kernelspec(argv: Sequence[str] | None, *, ipykernel: bool, own: str) -> Verdict:
    """Say whether the kernel the notebooks name is the Python that runs this."""
    remedy = _REGISTER.format(own)
    if not ipykernel:
        return warn("ipykernel is not installed beside this Python", f"{own} -m pip install ipykernel. {remedy}")
    if argv is None:
        return ok(f"no kernel spec is named {KERNEL}; jupyter takes its own Python")
    if not argv:
        return warn(f"the kernel spec {KERNEL} names no command", remedy, fixed_by=FixedBy.DOCTOR_FIX)
    if argv[0] in _BARE or _same_file(argv[0], own):
        return ok(f"{KERNEL} starts {argv[0]}")
    there = "" if Path(argv[0]).is_file() else ", which does not exist"
    return warn(f"{KERNEL} starts {argv[0]}{there}; this is {own}", remedy, fixed_by=FixedBy.DOCTOR_FIX)


def _jupyter_path(context: ProbeContext) -> Verdict:
    from jupyter_core.paths import ENV_JUPYTER_PATH

    folders = [Path(one) for one in context.environ.get("JUPYTER_PATH", "").split(os.pathsep) if one]
    holding = next((one for one in folders if Path(one, "kernels", KERNEL, "kernel.json").is_file()), None)
    return judge_jupyter_path(folders, holding, kernel_argv(), registered=Path(ENV_JUPYTER_PATH[0], "kernels", KERNEL))


def judge_jupyter_path(
    folders: Sequence[Path], holding: Path | None, argv: Sequence[str] | None, *, registered: Path
) -> Verdict:
    """Say whether a kernel spec below JUPYTER_PATH stands before the one that `doctor --fix` registers."""
    if not folders:
        return ok("JUPYTER_PATH is not set")
    if holding is None or (argv and _same_file(argv[0], sys.executable)):
        return ok(f"JUPYTER_PATH holds no {KERNEL} of another Python")
    return warn(
        f"JUPYTER_PATH comes first, and {holding} holds a kernel spec {KERNEL}: one in {registered} is never looked at",
        f"Take {holding} out of JUPYTER_PATH, or register this Python there: {sys.executable} -m ipykernel install"
        f" --prefix {holding.parent.parent} --name {KERNEL}.",
    )


def _same_file(one: str, other: str) -> bool:
    """Whether both names stand in one folder of one environment; a virtual environment links to a shared Python."""
    return os.path.normcase(Path(one).parent.absolute()) == os.path.normcase(Path(other).parent.absolute()) and (
        Path(one).exists()
    )


def _runtime_folder(_context: ProbeContext) -> Verdict:
    from jupyter_core.paths import jupyter_runtime_dir, secure_write

    folder = Path(jupyter_runtime_dir())
    if not folder.is_dir():
        return ok(f"{folder} is not there yet; jupyter makes it")
    probe = folder / f"runbook-probe-{os.getpid()}.json"
    try:
        with secure_write(str(probe)):
            pass
    except (OSError, RuntimeError) as error:
        return judge_runtime_folder(folder, describe_os_error(error) if isinstance(error, OSError) else str(error))
    finally:
        probe.unlink(missing_ok=True)
    return judge_runtime_folder(folder, "")


def judge_runtime_folder(folder: Path, problem: str) -> Verdict:
    """Say whether jupyter can write a file there that nobody else may read."""
    if not problem:
        return ok(f"{folder} takes a file for the owner alone")
    return warn(
        f"{folder}: {problem}",
        "Set JUPYTER_RUNTIME_DIR to a folder on a local volume; do not chmod 777.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _text_encoding(context: ProbeContext) -> Verdict:
    if context.practice:
        return skip("practice mode: nothing here writes text in another encoding than UTF-8")
    stdout = getattr(sys.__stdout__, "encoding", None) or "none"
    return judge_text_encoding(locale.getpreferredencoding(do_setlocale=False), stdout, utf8=bool(sys.flags.utf8_mode))


def judge_text_encoding(preferred: str, stdout: str, *, utf8: bool) -> Verdict:
    """Say whether files and pipes of Python are UTF-8 unless told otherwise."""
    seen = f"files: {preferred}, stdout: {stdout}, UTF-8 mode: {'on' if utf8 else 'off'}"
    if utf8 or preferred.lower().replace("-", "") == "utf8":
        return ok(seen)
    return warn(
        seen, "Set PYTHONUTF8=1 before Python starts; name the encoding in open().", fixed_by=FixedBy.CONFIGURE_ENV
    )


def _notebooks(_context: ProbeContext) -> Verdict:
    folder = Path("notebooks") if Path("notebooks").is_dir() else Path()
    files = sorted(folder.glob("*.ipynb"))
    return judge_notebooks(len(files), tuple(problem for path in files for problem in _notebook_problems(path)))


def _notebook_problems(path: Path) -> Iterator[str]:
    content = path.read_bytes()
    if content.startswith(_BOM):
        yield f"{path.name} begins with a byte order mark"
    try:
        notebook: Any = json.loads(content.removeprefix(_BOM))
    except ValueError:
        yield f"{path.name} is not JSON"
        return
    match notebook:
        case {"nbformat": int(major), "nbformat_minor": int(minor), "cells": list(cells)}:
            if (major, minor) >= _IDS_SINCE and not all(isinstance(cell, dict) and cell.get("id") for cell in cells):
                yield f"{path.name} has cells without an id"
        case _:
            yield f"{path.name} is not a notebook of format 4"


def judge_notebooks(count: int, problems: Sequence[str]) -> Verdict:
    """Say whether the notebooks in the working folder can be read."""
    if not count:
        return skip("the working folder holds no notebooks")
    if not problems:
        return ok(f"{count} notebooks can be read")
    return warn("; ".join(problems), "Fetch them again, or open and save them in JupyterLab; UTF-8 without a mark.")


PROBES = (
    Probe("jupyter-path", "JUPYTER_PATH hides no kernel", "no-such-kernel", _jupyter_path),
    Probe("kernelspec", "the notebooks' kernel is this Python", "no-such-kernel", _kernelspec),
    Probe("jupyter-runtime", "jupyter's runtime folder is private", "jupyter-secure-write", _runtime_folder),
    Probe("text-encoding", "text is UTF-8", "cp1252-encode", _text_encoding, systems=WINDOWS),
    Probe("notebook-files", "the notebooks can be read", "nbformat-mismatch", _notebooks),
)

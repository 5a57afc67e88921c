"""Removes what the runbook made for itself: practice models, drills, quarantine, the kernel specification."""

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil

from runbook_lib.cache.disk_usage import freed_bytes
from runbook_lib.cache.inventory import QUARANTINE
from runbook_lib.cache.locks import download_lock, hold
from runbook_lib.cache.walk import folders_in, walk
from runbook_lib.core.value import Value
from runbook_lib.errors import ExitCode, LockHeld, RunbookError
from runbook_lib.notebooks import KERNEL_NAME
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes
from runbook_lib.run.folder import runs_below
from runbook_lib.run.life import Life, header_words, life_of
from runbook_lib.run.opening import RUNS
from runbook_lib.run.target import Target
from runbook_lib.system.own_folder import own_cache_dir

KINDS: Final = ("practice", "drills", "quarantine", "kernel")
_GOING: Final = ".going"

_log = logging.getLogger(__name__)


class CleanedFolder(Value):
    """A folder that goes, or why it stays."""

    kind: str
    folder: str
    size_bytes: int
    """What the disk gets back: a file that has names elsewhere stays."""
    kept: str = ""
    """Why it stays; empty for one that goes."""


class Cleaning(Rendered, Value):
    """What would go, or is gone."""

    done: bool
    folders: tuple[CleanedFolder, ...]

    @property
    def exit_code(self) -> ExitCode:
        """3 when something that was to go is still there."""
        return ExitCode.PARTIAL if self.done and any(folder.kept for folder in self.folders) else ExitCode.OK

    def sections(self) -> Sequence[Section]:
        """Return a row a folder, and what it comes to."""
        goes = "gone" if self.done else "would go"
        rows = tuple(
            ("stays" if folder.kept else goes, folder.kind, format_bytes(folder.size_bytes), _where(folder))
            for folder in self.folders
        )
        size = format_bytes(sum(folder.size_bytes for folder in self.folders if not folder.kept))
        hint = () if self.done or not rows else ("Nothing was removed; add --yes to do it.",)
        return (
            Table("Clean", ("what", "kind", "frees", "folder"), rows, empty="nothing to clean"),
            Note("Together", (f"{size} {'freed' if self.done else 'to be freed'}", *hint)),
        )


def _where(folder: CleanedFolder) -> str:
    return f"{folder.folder}: {folder.kept}" if folder.kept else folder.folder


@dataclass(frozen=True)
class _Going:
    kind: str
    folder: Path


def plan_cleaning(target: Target, kinds: Sequence[str] = KINDS) -> Cleaning:
    """Say what would go; changes nothing.

    Practice models and drills stand in this program's own folder. The quarantine is that of the target's cache and
    artifacts folder.
    """
    used = tuple(_used_folders())
    return Cleaning(done=False, folders=tuple(_planned(going, used) for going in _found(target, kinds)))


def apply_cleaning(plan: Cleaning) -> Cleaning:
    """Remove what the plan lets go, after another look at who uses it; what cannot be removed stays and is told."""
    used = tuple(_used_folders())
    return Cleaning(done=True, folders=tuple(_carried_out(folder, used) for folder in plan.folders))


def _found(target: Target, kinds: Sequence[str]) -> Iterator[_Going]:
    own = own_cache_dir()
    kernels = Path(sys.prefix, "share", "jupyter", "kernels", KERNEL_NAME)
    found = {
        "practice": (own / "practice",),
        "drills": folders_in(own / "drills"),
        "quarantine": tuple(dict.fromkeys(home / QUARANTINE for home in (target.cache_dir, target.artifacts_dir))),
        "kernel": (kernels,),
    }
    for kind in KINDS:
        if kind in kinds:
            yield from (_Going(kind, folder) for folder in found[kind] if os.path.lexists(folder))


def _planned(going: _Going, used: Sequence[Path]) -> CleanedFolder:
    size_bytes = freed_bytes(st for _name, st in walk(going.folder))
    kept = _reason_to_stay(going.kind, going.folder, used)
    return CleanedFolder(kind=going.kind, folder=str(going.folder), size_bytes=size_bytes, kept=kept)


def _carried_out(planned: CleanedFolder, used: Sequence[Path]) -> CleanedFolder:
    folder = Path(planned.folder)
    kept = planned.kept or _reason_to_stay(planned.kind, folder, used) or _removed(planned.kind, folder)
    size_bytes = 0 if kept else planned.size_bytes
    return CleanedFolder(kind=planned.kind, folder=planned.folder, size_bytes=size_bytes, kept=kept)


def _reason_to_stay(kind: str, folder: Path, used: Sequence[Path]) -> str:
    if folder.is_symlink():
        return "a link, which this program did not make"
    if kind == "kernel":
        return "JupyterLab of this environment is running" if _jupyter_runs() else ""
    home = folder.parent if kind == "quarantine" else folder
    if any(place.is_relative_to(home) for place in used):
        return "a run that is going on works there"
    return ""


def _removed(kind: str, folder: Path) -> str:
    """Remove a folder; returns why it could not be.

    It is renamed first, so that what is half removed passes for nothing, and the caches in it are held meanwhile: a
    download of another process is not cut off.
    """
    aside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}{_GOING}")
    try:
        for cache_dir in _caches(kind, folder):
            with hold(download_lock(cache_dir), "a download into this cache", limit_s=0):
                pass
        folder.rename(aside)
        shutil.rmtree(aside)
    except LockHeld:
        return "a download is going on there"
    except (OSError, RunbookError) as error:
        _log.warning("%s could not be removed: %s", folder, error)
        return str(error).partition("\n")[0]
    return ""


def _caches(kind: str, folder: Path) -> tuple[Path, ...]:
    if kind == "quarantine":
        return (folder.parent,) if (folder.parent / ".locks").is_dir() else ()
    return (folder / "hub",) if (folder / "hub").is_dir() else ()


def _used_folders() -> Iterator[Path]:
    """Yield cache and artifacts folder of every run that is going on, as far as this user's processes tell."""
    for home in dict.fromkeys((RUNS.absolute(), *_homes_of_processes())):
        for run in runs_below(home):
            if life_of(run.folder) is Life.LIVING:
                words = header_words(run.folder)
                yield from (Path(str(words[name])) for name in ("cache_dir", "artifacts_dir") if words.get(name))


def _homes_of_processes() -> Iterator[Path]:
    """Yield where other runbooks of this user keep their runs: each works in a folder of its own."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            words = process.cmdline()
            if not any(Path(word).name.startswith(("runbook", "hf-runbook")) for word in words[:4]):
                continue
            folder = Path(process.cwd())
            yield folder / RUNS
            if "--run-dir" in words[:-1]:
                yield (folder / words[words.index("--run-dir") + 1]).parent


def _jupyter_runs() -> bool:
    """Whether a Jupyter server of this environment could want the kernel specification."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            words = process.cmdline()
            if process.pid == os.getpid() or not any(word.startswith(sys.prefix) for word in words[:2]):
                continue
            if any(Path(word).name in ("lab", "jupyter-lab", "jupyterlab", "jupyter-notebook") for word in words[:4]):
                return True
    return False

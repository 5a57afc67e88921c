"""Putting the wheels of a bundle into a folder, and the one command that installs them there without a network."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Final

from runbook_lib.bundle.facts import ImportedWheels
from runbook_lib.bundle.read import Bundle, WantedBlob
from runbook_lib.bundle.staging import staged_in
from runbook_lib.bundle.standing import holds
from runbook_lib.bundle.wheelhouse import PYLOCK, REQUIREMENTS, Wheelhouse
from runbook_lib.core import atomic
from runbook_lib.errors import BundleError
from runbook_lib.system.filesystem import refusals_told
from runbook_lib.system.progress import Counted, show_progress

_ARRIVING: Final = ".runbook-import"


def take_wheels(bundle: Bundle, folder: Path) -> ImportedWheels:
    """Put the wheels into a folder, all or none, with `pylock.toml` and what pip reads; may be run again.

    Raises `BundleError` when the bundle carries none, or one of them is damaged, `DiskError` when there is no room.
    """
    house = require_wheels(bundle)
    absent = [wheel for wheel in house.wheels if not holds(folder / wheel.name, wheel.sha256)]
    blobs = {wheel.name: WantedBlob(wheel.sha256, wheel.size_bytes, wheel.name) for wheel in absent}
    needed_bytes = sum(wheel.size_bytes for wheel in absent)
    wanted = dict.fromkeys((wheel.sha256 for wheel in absent), 1)
    with (
        refusals_told(f"The wheels cannot be put into {folder}.", "Name a folder that this user may write to."),
        show_progress("wheels", needed_bytes) as progress,
        staged_in(folder / _ARRIVING, folder, wanted, needed_bytes, links=False) as staging,
    ):
        counted = Counted(progress)
        for blob in blobs.values():
            staging.fetch(bundle, blob, counted)
        for name, blob in blobs.items():
            staging.path(blob.sha256).replace(folder / name)
        atomic.write_text(folder / PYLOCK, house.pylock())
        atomic.write_text(folder / REQUIREMENTS, house.requirements())
    return ImportedWheels(
        folder=folder,
        python=house.python,
        count=len(house.wheels),
        placed=len(absent),
        command=_command(folder),
    )


def require_wheels(bundle: Bundle) -> Wheelhouse:
    """Return the wheels of a bundle; raises `BundleError` when it carries none."""
    if bundle.wheels is None:
        raise BundleError(
            f"{bundle.source.words} carries no wheels.",
            why="It was made without --wheels.",
            remedy="Nothing was written. Export it with --wheels PLATFORM-PYTHON, such as --wheels win_amd64-3.11.",
        )
    return bundle.wheels


def _command(folder: Path) -> str:
    place = folder.resolve()
    locked = ["--require-hashes", "-r", str(place / REQUIREMENTS)]
    words = ["python", "-m", "pip", "install", "--no-index", "--find-links", str(place), *locked]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)

"""Fetching wheels for another machine with the clients everybody uses: uv resolves for it, pip downloads by hash."""

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.bundle.wheelhouse import LockedWheel, Wheelhouse, WheelTarget, requirements_of
from runbook_lib.cache.hashing import sha256_of
from runbook_lib.core.extras import require_extra
from runbook_lib.core.masking import mask_secrets
from runbook_lib.errors import BundleError
from runbook_lib.run.settings import Settings
from runbook_lib.system.progress import print_to_stderr

_RESOLVE_LIMIT_S: Final = 600
_DOWNLOAD_LIMIT_S: Final = 4 * 3600
_SHOWN: Final = 600


@dataclass(frozen=True)
class FetchedWheels:
    """Wheels in a folder."""

    house: Wheelhouse
    folder: Path


@contextmanager
def fetched_wheels(target: WheelTarget, wanted: Sequence[str], settings: Settings) -> Iterator[FetchedWheels]:
    """Fetch the wheels of requirements and of all they depend on, into a folder that goes with the block.

    Without requirements it is the docling of the target's interpreter. Versions are those installed there, as far as
    the other platform has them: what is carried is what was proven. Raises `BundleError` with what uv or pip said.
    """
    require_extra("wheels", "uv", purpose="Fetching wheels for another machine")
    require_extra("wheels", "pip", purpose="Fetching wheels for another machine")
    with tempfile.TemporaryDirectory(prefix="runbook-wheels-") as name:
        folder = Path(name)
        installed = _installed(settings)
        requirements = tuple(wanted) or tuple(line for line in installed if line.startswith("docling=="))
        if not requirements:
            raise BundleError(
                "No wheels were fetched: no docling is installed in the interpreter whose packages are to be carried.",
                remedy="Name the requirements (--wheel REQUIREMENT), or the interpreter (-p target_python PATH).",
            )
        print_to_stderr(f"wheels: resolving {', '.join(requirements)} for {target}")
        wheels = _resolved(target, requirements, installed, folder)
        print_to_stderr(f"wheels: fetching {len(wheels)} files")
        (folder / "house").mkdir()
        _download(target, wheels, folder)
        yield FetchedWheels(_measured(target, wheels, folder / "house"), folder / "house")


def _installed(settings: Settings) -> tuple[str, ...]:
    """Return what is installed in the interpreter, by version; what came from elsewhere than an index is left out."""
    told = _said("uv", "pip", "freeze", "--python", settings.target_python or sys.executable, limit_s=_RESOLVE_LIMIT_S)
    pinned = (line.partition("+")[0] for line in told.splitlines() if "==" in line and " @ " not in line)
    return tuple(line for line in pinned if not line.startswith(("-", "#")))


def _resolved(
    target: WheelTarget, requirements: Sequence[str], installed: Sequence[str], folder: Path
) -> tuple[LockedWheel, ...]:
    """Return which wheel of each package the other Python takes; their lengths are not known yet."""
    from packaging.pylock import PackageWheel, Pylock
    from packaging.tags import compatible_tags, cpython_tags

    asked, held, lock = folder / "requirements.in", folder / "constraints.txt", folder / "pylock.toml"
    asked.write_text("\n".join(requirements), encoding="utf-8")
    held.write_text("\n".join(installed), encoding="utf-8")
    words = ("--format", "pylock.toml", "--only-binary", ":all:", "--no-header", "--quiet", "-o", str(lock))
    where = ("--python-platform", target.uv_platform, "--python-version", target.python)
    _said("uv", "pip", "compile", str(asked), "-c", str(held), *where, *words, limit_s=_RESOLVE_LIMIT_S)
    major, minor = map(int, target.python.split("."))
    platforms = list(target.platforms)
    interpreter = f"cp{major}{minor}"
    tags = [
        *cpython_tags((major, minor), [interpreter], platforms),
        *compatible_tags((major, minor), interpreter, platforms),
    ]
    resolved = Pylock.from_dict(tomllib.loads(lock.read_text(encoding="utf-8")))
    chosen = resolved.select(environment=target.environment, tags=tags)
    return tuple(
        LockedWheel(package.name, str(package.version), wheel.filename, 0, wheel.hashes["sha256"])
        for package, wheel in sorted(chosen, key=lambda pair: pair[0].name)
        if isinstance(wheel, PackageWheel)
    )


def _download(target: WheelTarget, wheels: Sequence[LockedWheel], folder: Path) -> None:
    pinned = folder / "pinned.txt"
    pinned.write_text(requirements_of(wheels), encoding="utf-8")
    where = [word for platform in target.platforms for word in ("--platform", platform)]
    python = ("--implementation", "cp", "--python-version", target.python)
    words = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "--quiet", "--disable-pip-version-check")
    dest = ("--dest", str(folder / "house"), "-r", str(pinned))
    _said("pip", "download", *words, *python, *where, *dest, limit_s=_DOWNLOAD_LIMIT_S)


def _measured(target: WheelTarget, wheels: Sequence[LockedWheel], house: Path) -> Wheelhouse:
    """Return the wheels with the lengths of the files that came; pip has compared their hashes, and so does this."""
    files = {sha256_of(path): path for path in house.iterdir()}
    lacking = [wheel.name for wheel in wheels if wheel.sha256 not in files]
    if lacking:
        raise BundleError(
            f"{len(lacking)} wheels were not downloaded, the first is {lacking[0]}.",
            why="pip reported success, but its folder does not hold them.",
            remedy="Run it again; check the index that pip and uv are set up for.",
        )
    found = (files[wheel.sha256] for wheel in wheels)
    measured = (
        LockedWheel(wheel.package, wheel.version, path.name, path.stat().st_size, wheel.sha256)
        for wheel, path in zip(wheels, found, strict=True)
    )
    return Wheelhouse(target.python, tuple(measured))


def _said(module: str, *words: str, limit_s: float) -> str:
    """Run a client of this interpreter and return what it printed; its last words are told when it fails."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _not_fetched(module, f"it was stopped after {limit_s:g} s") from error
    if done.returncode:
        raise _not_fetched(module, " ".join(done.stderr.split())[-_SHOWN:])
    return done.stdout


def _not_fetched(module: str, why: str) -> BundleError:
    return BundleError(
        "The wheels cannot be fetched.",
        why=f"{module}: {mask_secrets(why)}",
        remedy="Check the index and proxy that uv and pip are set up for, and which wheels there are for the platform.",
    )

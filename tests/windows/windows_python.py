"""A Windows CPython that runs under Wine."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Literal

import psutil

SymlinkPolicy = Literal["deny", "stub"]

REPOSITORY = Path(__file__).resolve().parents[2]
_WINDOWS_SITE = Path(__file__).resolve().parent / "windows_site"
_RUN_MARK = "TEST_RUN_MARK"
# The first question for the desktop starts explorer.exe, the last of the services.
_KEEP_AWAKE = (
    "import ctypes, sys; ctypes.windll.user32.GetDesktopWindow(); print('awake', flush=True); sys.stdin.read()"
)
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_CODE_PAGE = "cp1252"  # what Windows CPython writes to a pipe in western locales


def to_windows_path(path: PurePath) -> str:
    r"""Return an absolute path as Wine shows it: drive Z: is the root of the file system."""
    if not path.is_absolute():
        raise ValueError(f"Not an absolute path: {path}")
    return "Z:" + str(path).replace("/", "\\")


def wine_environment(prefix: Path) -> dict[str, str]:
    """Return the whole environment for Wine; nothing of the caller's own leaks into Windows."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(prefix.parent / "home"),
        "LC_ALL": "C.UTF-8",  # file names and arguments beyond ASCII
        "WINEPREFIX": str(prefix),
        "WINEARCH": "win64",
        "WINEDEBUG": "-all",
        # No .NET, no browser, no desktop entries; and a native crash ends the process instead of opening a debugger.
        "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe,winedbg.exe=d",
    }


@dataclass(frozen=True)
class WindowsPython:
    """A prepared interpreter; `site_packages` holds Windows wheels, `prefix` is Wine's drive C: and registry."""

    python_exe: Path
    site_packages: Path
    prefix: Path

    def run(
        self,
        args: Sequence[str],
        *,
        env: Mapping[str, str] = NO_VARIABLES,
        timeout_s: float,
        cwd: Path = REPOSITORY,
        symlinks: SymlinkPolicy = "deny",
        encoding: str = _CODE_PAGE,
    ) -> subprocess.CompletedProcess[str]:
        """Run the interpreter with these arguments and return exit code, stdout and stderr.

        `runbook_lib` is importable. Paths in `args` and `env` must be Windows paths already. stdin is empty.
        `env` also reaches the variables that Wine sets itself, such as USERPROFILE and TEMP.

        Raises:
            subprocess.TimeoutExpired: The limit passed; every process of this run is gone.
        """
        mark = uuid.uuid4().hex
        command = ["wine", str(self.python_exe), *args]
        try:
            return subprocess.run(
                command,
                env={
                    **self._environment(symlinks),
                    **env,
                    "TEST_VARIABLES": json.dumps(dict(env)),
                    _RUN_MARK: mark,
                },
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
                encoding=encoding,
                errors="replace",
            )
        except BaseException:
            _end_marked(mark)
            raise

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Keep Wine's services running meanwhile, so that a start takes 0.1 s instead of 3 s.

        Services that a run starts itself inherit its output pipes and hold them open until they end, long after it.
        So one process starts them all before the first run; it ends when its stdin closes, even if we are killed.
        """
        with subprocess.Popen(
            ["wine", str(self.python_exe), "-c", _KEEP_AWAKE],
            env=wine_environment(self.prefix),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            if process.stdout.readline().strip() != b"awake":
                raise RuntimeError("Wine did not start. Remove the lane's folder in the cache and try again.")
            yield

    def _environment(self, symlinks: SymlinkPolicy) -> dict[str, str]:
        python_path = ";".join(to_windows_path(folder) for folder in (_WINDOWS_SITE, REPOSITORY))
        return {
            **wine_environment(self.prefix),
            "PYTHONPATH": python_path,
            # Bytecode of both systems would share one __pycache__, and pytest's names the source file of the other.
            "PYTHONPYCACHEPREFIX": to_windows_path(self.prefix.parent / "pycache"),
            "TEST_SYMLINKS": symlinks,
        }


def _end_marked(mark: str) -> None:
    """Kill every process of a run; Windows processes leave the process group, but they keep the environment."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(_RUN_MARK) == mark:
                process.kill()

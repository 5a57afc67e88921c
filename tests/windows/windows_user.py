"""A Windows user without admin rights, whose name no western code page holds whole."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.windows.windows_python import NO_VARIABLES, SymlinkPolicy, WindowsPython, to_windows_path

RUN_LIMIT_S = 900.0
"""A whole run takes a minute on idle cores; other lanes may share them."""
_TEMPORARY = Path("AppData", "Local", "Temp")


@dataclass(frozen=True)
class WindowsUser:
    """A user with a profile of its own, where everything lands that has not been told another place."""

    python: WindowsPython
    home: Path

    @classmethod
    def made(cls, python: WindowsPython, folder: Path) -> "WindowsUser":
        """Make the profile `J\u00fcrgen \u0416 {x}`: not ASCII, not cp1252, a space, and braces for `str.format`."""
        home = folder / "J\u00fcrgen \u0416 {x}"
        (home / _TEMPORARY).mkdir(parents=True)
        return cls(python, home)

    def runbook(
        self, *args: str, symlinks: SymlinkPolicy = "deny", env: Mapping[str, str] = NO_VARIABLES
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line in the profile's folder."""
        return self._run(("-m", "runbook_lib", *args), symlinks, env)

    def told(
        self, code: str, *args: str, symlinks: SymlinkPolicy = "deny", env: Mapping[str, str] = NO_VARIABLES
    ) -> Any:
        """Run code that prints one JSON value as its last line, and return that value."""
        done = self._run(("-c", code, *args), symlinks, env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def runs(self) -> tuple[Path, ...]:
        """Return the run folders below the profile, the oldest first."""
        return tuple(sorted(path.parent for path in (self.home / "runs").glob("*/run.json")))

    def _run(
        self, args: tuple[str, ...], symlinks: SymlinkPolicy, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        profile = to_windows_path(self.home)
        temporary = to_windows_path(self.home / _TEMPORARY)
        own = {"USERPROFILE": profile, "USERNAME": "J\u00fcrgen", "TEMP": temporary, "TMP": temporary}
        own["RUNBOOK_PROBE_LIMIT_S"] = "30"  # Wine beside other tests is slower than any machine
        return self.python.run(args, env={**own, **env}, timeout_s=RUN_LIMIT_S, cwd=self.home, symlinks=symlinks)


def record_of(run: Path, name: str) -> dict[str, Any]:
    """Read the record `NN_stage` of a run."""
    record: dict[str, Any] = json.loads((run / f"{name}.json").read_text(encoding="utf-8"))
    return record

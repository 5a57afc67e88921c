"""The allow-list of what the doctor may mend: each fix plans first, and each step can be done twice.

Nothing is unset for good and no model is deleted; nothing is touched but the cache, the folder of the record and this
Python's own environment.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runbook_lib.cache.incomplete_files import remove
from runbook_lib.cache.locks import download_lock, hold
from runbook_lib.checks.probes.cached import dangling_links
from runbook_lib.checks.probes.jupyter import KERNEL, kernel_argv
from runbook_lib.core import atomic
from runbook_lib.errors import DiskError, RunbookError
from runbook_lib.render.env_files import to_dotenv, to_powershell, to_shell
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Change
from runbook_lib.run.environment_plan import EnvironmentPlan
from runbook_lib.run.interpreter import abandoned_files
from runbook_lib.run.target import Target

_INSTALL_LIMIT_S = 120.0
_ENV_FILES: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "env.sh": to_shell,
    "env.ps1": to_powershell,
    ".env": to_dotenv,
}


@dataclass(frozen=True)
class Step:
    """One thing a fix would do, and how it is done."""

    what: str
    before: str
    after: str
    apply: Callable[[], bool]
    """Does it; False when something is in the way and nothing was changed."""

    @property
    def change(self) -> Change:
        """The step as an entry of a record."""
        return Change(what=self.what, before=self.before, after=self.after)


@dataclass(frozen=True)
class Fix:
    """What the doctor may do about a check that is not `ok`."""

    check_id: str
    plan: Callable[[Target, Path], tuple[Step, ...]]
    """Takes the target and the folder of the record; looks, changes nothing."""


def _plan_incomplete(target: Target, _folder: Path) -> tuple[Step, ...]:
    return tuple(
        Step(
            what=f"remove {file.path}",
            before=f"incomplete file, {format_bytes(file.size_bytes)}",
            after="removed",
            apply=partial(remove, target.cache_dir, file),
        )
        for file in abandoned_files(target)
    )


def _plan_dangling(target: Target, _folder: Path) -> tuple[Step, ...]:
    return tuple(
        Step(
            what=f"remove {link}",
            before=f"link to {link.readlink()}, which does not exist",
            after="removed; stage download fetches the file",
            apply=_link_removal(target.cache_dir, link),
        )
        for link in dangling_links(target.cache_dir)
    )


def _link_removal(cache_dir: Path, link: Path) -> Callable[[], bool]:
    """Return the removal of a link that still leads nowhere, unless a download holds the cache."""

    def apply() -> bool:
        try:
            with hold(download_lock(cache_dir), "a download into this cache", limit_s=0):
                if link.exists():
                    return False
                link.unlink(missing_ok=True)
        except DiskError:
            return False
        return True

    return apply


def _plan_kernel(_target: Target, _folder: Path) -> tuple[Step, ...]:
    command = [sys.executable, "-m", "ipykernel", "install", "--sys-prefix", "--name", KERNEL]
    argv = kernel_argv()
    before = "no kernel spec" if argv is None else f"starts {argv[0] if argv else 'nothing'}"
    return (Step(f"register kernel {KERNEL} below {sys.prefix}", before, f"starts {sys.executable}", _runs(command)),)


def _runs(command: list[str]) -> Callable[[], bool]:
    def apply() -> bool:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_INSTALL_LIMIT_S
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", errors="replace").strip().splitlines()
            raise RunbookError("The kernel could not be registered.", why=said[-1] if said else "no reason was given")
        return True

    return apply


def _plan_env_files(target: Target, folder: Path) -> tuple[Step, ...]:
    from runbook_lib.stages.configure_env import plan_from_scratch  # only this fix needs a stage

    plan = plan_from_scratch(target)
    return tuple(_env_file(plan, folder / name, write) for name, write in _ENV_FILES.items())


def _env_file(plan: EnvironmentPlan, path: Path, write: Callable[[Mapping[str, str]], str]) -> Step:
    lasting = {variable.name: variable.value for variable in plan.variables if variable.in_files}

    def apply() -> bool:
        atomic.write_text(path, write(lasting))
        return True

    return Step(f"write {path}", "", f"{len(lasting)} variables, to be read before the service starts", apply)


FIXES: tuple[Fix, ...] = (
    Fix("incomplete-files", _plan_incomplete),
    Fix("dangling-links", _plan_dangling),
    Fix("kernelspec", _plan_kernel),
    Fix("symlink-race", _plan_env_files),
    Fix("text-encoding", _plan_env_files),
)
"""The allow-list; what is not here is never touched by the doctor."""

"""Limits of the surroundings: memory of the container, quota, the commit limit and policies of Windows, lingering."""

import getpass
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runbook_lib.checks.context import LOOK_LIMIT_S, ProbeContext
from runbook_lib.checks.probe import LINUX, WINDOWS, Probe
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Verdict, ok, skip, warn
from runbook_lib.system.limits import Quota, commit_limit_bytes, memory_limit_bytes, user_quota

_CONVERSION_BYTES: Final = 3 << 30
"""docling 2.143 with its standard models: 1.5 to 2.5 GB resident for a document of a few pages, one at a time."""
_MODELS_BYTES: Final = 2_000_000_000


def judge_memory(limit_bytes: int | None) -> Verdict:
    """Say whether the memory limit of the container leaves room for a conversion."""
    if limit_bytes is None:
        return ok("no memory limit of a control group holds here")
    seen = f"this process may use {format_bytes(limit_bytes)} of memory"
    if limit_bytes >= _CONVERSION_BYTES:
        return ok(seen)
    return warn(
        f"{seen}; a conversion with the standard models takes up to {format_bytes(_CONVERSION_BYTES)}",
        "Raise the limit (resources.limits.memory, docker run --memory), or the kernel ends the process (exit 137).",
    )


def judge_quota(quota: Quota | None) -> Verdict:
    """Say whether the quota of the user leaves room for models, whatever the disk has free."""
    if quota is None:
        return ok("no quota of this user is known where the cache is")
    left = max(quota.limit_bytes - quota.used_bytes, 0)
    seen = f"{format_bytes(left)} are left of a quota of {format_bytes(quota.limit_bytes)} where the cache is"
    if left >= _MODELS_BYTES:
        return ok(seen)
    return warn(seen, "Put the cache elsewhere (HF_HOME), remove old revisions (runbook delete), or ask for more.")


def judge_commit(limit: tuple[int, int] | None) -> Verdict:
    """Say whether Windows can promise the memory that loading the models asks for."""
    if limit is None:
        return skip("Windows did not tell its commit limit")
    total, taken = limit
    seen = f"{format_bytes(total - taken)} of the commit limit of {format_bytes(total)} are free"
    if total - taken >= _CONVERSION_BYTES:
        return ok(seen)
    return warn(
        f"{seen}: loading models may end with WinError 1455",
        "End other programs or workers; a larger page file is a matter for the administrator.",
    )


_POLICIES: Final = {
    r"SOFTWARE\Policies\Microsoft\Windows\SrpV2\Exe": "AppLocker has rules for programs",
    r"SOFTWARE\Policies\Microsoft\Windows\SrpV2\Dll": "AppLocker has rules for libraries",
    r"SOFTWARE\Policies\Microsoft\Windows\Safer\CodeIdentifiers": "software restriction policies are set",
}
_SMART_APP_CONTROL: Final = r"SYSTEM\CurrentControlSet\Control\CI\Policy"
_EXECUTION: Final = r"SOFTWARE\Policies\Microsoft\Windows\PowerShell"


def judge_policies(found: Mapping[str, str]) -> Verdict:
    """Name the policies that may keep python.exe, jupyter.exe, a .dll or Activate.ps1 from running."""
    if not found:
        return ok("no policy on programs can be read")
    return warn(
        "; ".join(found.values()),
        "Where a program is blocked: call python -m jupyterlab in place of jupyter-lab.exe, and .venv\\Scripts\\python"
        " directly in place of Activate.ps1; a blocked .dll (WinError 4551) has to be allowed by the administrator.",
    )


def read_policies() -> dict[str, str]:
    """Return what the registry tells every user about restrictions on programs, by key; empty elsewhere."""
    if sys.platform != "win32":
        return {}
    found = {key: words for key, words in _POLICIES.items() if _has_values(key)}
    state = _value(_SMART_APP_CONTROL, "VerifiedAndReputablePolicyState")
    if state == 1:
        found[_SMART_APP_CONTROL] = "Smart App Control is on"
    policy = _value(_EXECUTION, "ExecutionPolicy")
    if policy in {"Restricted", "AllSigned"}:
        found[_EXECUTION] = f"PowerShell runs scripts only as {policy} allows, by group policy"
    return found


def _has_values(key: str) -> bool:
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:  # type: ignore[attr-defined,unused-ignore] # Windows only
            keys, values, _ = winreg.QueryInfoKey(opened)  # type: ignore[attr-defined,unused-ignore] # Windows only
    except OSError:
        return False
    return bool(keys or values)


def _value(key: str, name: str) -> object:
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:  # type: ignore[attr-defined,unused-ignore] # Windows only
            return winreg.QueryValueEx(opened, name)[0]  # type: ignore[attr-defined,unused-ignore] # Windows only
    except OSError:
        return None


_LINGER: Final = Path("/var/lib/systemd/linger")
_SYSTEMD: Final = Path("/run/systemd/system")


def judge_lingering(*, runs_systemd: bool, is_root: bool, user: str, lingers: bool) -> Verdict:
    """Say whether a user's timers and services go on when the user logs out."""
    if not runs_systemd:
        return ok("systemd does not run here")
    if is_root:
        return ok("root's services are the system's and outlive every login")
    if lingers:
        return ok(f"{user} lingers: timers and services of the user go on without a login")
    return ok(f"{user} does not linger: timers of systemctl --user stop at logout, until loginctl enable-linger {user}")


def _memory(_: ProbeContext) -> Verdict:
    return judge_memory(memory_limit_bytes())


def _quota(context: ProbeContext) -> Verdict:
    return judge_quota(user_quota(context.cache_dir))


def _lingering(_: ProbeContext) -> Verdict:
    user = getpass.getuser()
    is_root = hasattr(os, "getuid") and os.getuid() == 0
    return judge_lingering(
        runs_systemd=_SYSTEMD.is_dir(), is_root=is_root, user=user, lingers=(_LINGER / user).exists()
    )


PROBES = (
    Probe("memory-limit", "the container leaves memory for a conversion", "", _memory, systems=LINUX),
    Probe("quota", "the quota leaves room for models", "disk-full-cross-volume", _quota, LOOK_LIMIT_S, systems=LINUX),
    Probe("lingering", "it is known whether timers outlive the login", "", _lingering, systems=LINUX),
    Probe(
        "commit-limit",
        "Windows can promise enough memory",
        "",
        lambda _: judge_commit(commit_limit_bytes()),
        systems=WINDOWS,
    ),
    Probe(
        "program-policy", "no policy restricts programs", "", lambda _: judge_policies(read_policies()), systems=WINDOWS
    ),
)

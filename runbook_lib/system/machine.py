"""What kind of machine this is."""

import ctypes
import locale
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from runbook_lib.core.value import Value

_CI_VARIABLES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION")
_CONTAINER_WORDS = ("docker", "containerd", "kubepods", "lxc", "podman")


class MachineFacts(Value):
    """Operating system, Python and the kind of place it runs in."""

    system: str
    release: str
    architecture: str
    python: str
    executable: str
    cpu_count: int
    container: str
    """Why this looks like a container; empty when it does not."""
    ci: str
    """The variable that says this is a CI runner; empty when none does."""
    wsl: bool
    wine: bool
    text_encoding: str


def examine_machine(environ: Mapping[str, str] | None = None) -> MachineFacts:
    """Look at the machine; reads files and variables only."""
    environ = os.environ if environ is None else environ
    return MachineFacts(
        system=platform.system(),
        release=platform.release(),
        architecture=platform.machine(),
        python=platform.python_version(),
        executable=sys.executable,
        cpu_count=os.cpu_count() or 1,
        container=_container_sign(environ),
        ci=next((name for name in _CI_VARIABLES if environ.get(name)), ""),
        wsl="microsoft" in platform.release().lower(),
        wine=runs_under_wine(),
        text_encoding=locale.getpreferredencoding(do_setlocale=False),
    )


def runs_under_wine() -> bool:
    """Whether Wine plays Windows here: its ntdll alone exports `wine_get_version` (Wine Developer's Guide)."""
    return sys.platform == "win32" and hasattr(ctypes.windll.ntdll, "wine_get_version")


def _container_sign(environ: Mapping[str, str]) -> str:
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "KUBERNETES_SERVICE_HOST is set"
    for path in (Path("/.dockerenv"), Path("/run/.containerenv")):
        if path.exists():
            return f"{path} exists"
    try:
        groups = Path("/proc/1/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return next((f"/proc/1/cgroup names {word}" for word in _CONTAINER_WORDS if word in groups), "")

"""The probes of stage detect: which of them, and about what."""

from collections.abc import Sequence
from pathlib import Path

from runbook_lib.adapters.site_packages import SitePackages, own_packages
from runbook_lib.adapters.worker import Interpreter
from runbook_lib.probes import PROBES, Probe, ProbeContext
from runbook_lib.settings import ModelRef, Settings
from runbook_lib.target import Target

_LIST_LIMIT_S = 20.0


def probe_context(
    target: Target, models: Sequence[ModelRef] = (), *, packages: SitePackages | None = None
) -> ProbeContext:
    """Say what the probes are about; without `packages` asks the interpreter under examination for its folders."""
    return ProbeContext(
        settings=target.settings,
        endpoint=target.endpoint,
        cache_dir=target.cache_dir,
        artifacts_dir=target.artifacts_dir,
        packages=packages or packages_of(target.settings),
        models=tuple(models),
    )


def packages_of(settings: Settings) -> SitePackages:
    """Return the packages of the interpreter under examination; raises `RunbookError` when it cannot be started."""
    if not settings.target_python:
        return own_packages()
    told = Interpreter(Path(settings.target_python)).run("list_site_folders", limit_s=_LIST_LIMIT_S).value
    return SitePackages(
        executable=told["executable"],
        python=told["version"],
        prefix=Path(told["prefix"]),
        folders=tuple(told["folders"]),
    )


def probes_for(context: ProbeContext) -> tuple[Probe, ...]:
    """Return the probes whose quirk exists on this system."""
    return tuple(probe for probe in PROBES if probe.applies_to(context.system))

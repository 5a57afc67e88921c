"""The probes of stage detect: which of them, and about what."""

from collections.abc import Sequence

from runbook_lib.checks.probe import Probe, ProbeContext
from runbook_lib.checks.registry import PROBES
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.interpreter import packages_of
from runbook_lib.run.target import Target
from runbook_lib.system.packages import SitePackages


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


def probes_for(context: ProbeContext) -> tuple[Probe, ...]:
    """Return the probes whose quirk exists on this system."""
    return tuple(probe for probe in PROBES if probe.applies_to(context.system))

"""The probes of stage detect: which of them, and about what."""

from collections.abc import Sequence

from runbook_lib.adapters.site_packages import SitePackages
from runbook_lib.model_ref import ModelRef
from runbook_lib.probes import PROBES, Probe, ProbeContext
from runbook_lib.stages.interpreter import packages_of
from runbook_lib.target import Target


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

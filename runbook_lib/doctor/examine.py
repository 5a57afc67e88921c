"""Detect without notebooks: nothing of Hugging Face, docling or torch is imported, here or elsewhere."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.checks.probe import ProbeContext, run_probes
from runbook_lib.checks.registry import PROBES
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.doctor.catalogue import OF_MACHINE, require_known
from runbook_lib.doctor.report import DoctorReport
from runbook_lib.errors import RecordError
from runbook_lib.run.check import Check
from runbook_lib.run.folder import Run
from runbook_lib.run.interpreter import InterpreterFacts, packages_of, versions_of
from runbook_lib.run.opening import RUNS
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import Target, resolve_target
from runbook_lib.run.wanted_models import remembered_models
from runbook_lib.stages.detect.checks import judge_machine
from runbook_lib.stages.detect.facts import DetectFacts
from runbook_lib.stages.detect.preflight import probe_context, probes_for
from runbook_lib.system.filesystem import examine_folder
from runbook_lib.system.machine import examine_machine
from runbook_lib.system.network import NetworkFacts, examine_network
from runbook_lib.system.packages import SitePackages
from runbook_lib.system.variables import variables_of_interest

_ANY_MODEL = "docling-project/docling-models"


def examine(settings: Settings, only: Iterable[str] = ()) -> DoctorReport:
    """Make the checks that take no import of docling; with `only` just these.

    Changes nothing. Raises `UsageError` for an unknown id, `RunbookError` when `target_python` cannot be started.
    """
    wanted = require_known(only)
    started_at, clock = datetime.now(UTC), time.perf_counter()
    context = context_of(resolve_target(settings))
    checks = make_checks(context, wanted)
    return DoctorReport(
        started_at=started_at,
        elapsed_s=round(time.perf_counter() - clock, 3),
        inputs=settings.model_dump(mode="json", exclude_defaults=True),
        checks=checks,
    )


def context_of(target: Target) -> ProbeContext:
    """Say what is examined; the models are those asked for by name, or those docling named when it was last asked."""
    packages = packages_of(target.settings)
    models = (
        target.settings.model_refs()
        or remembered_models(target.artifacts_dir, versions_of(packages))
        or _models_of_last_run(RUNS, packages)
    )
    return probe_context(target, models, packages=packages)


def _models_of_last_run(runs: Path, packages: SitePackages) -> tuple[ModelRef, ...]:
    """Return what stage detect was told by the same interpreter with the same versions; empty without such a run."""
    for header in sorted(runs.glob("*/run.json"), reverse=True):
        try:
            facts = Run(header.parent).read("detect", DetectFacts).facts
        except RecordError:
            continue
        if facts.interpreter.executable == packages.executable and facts.interpreter.packages == versions_of(packages):
            return facts.models
    return ()


def make_checks(context: ProbeContext, wanted: frozenset[str] = frozenset()) -> tuple[Check, ...]:
    """Make every check that applies here, or the wanted ones; the machine is looked at while the probes run."""
    probes = tuple(probe for probe in PROBES if probe.id in wanted) if wanted else probes_for(context)
    of_machine = OF_MACHINE & wanted if wanted else OF_MACHINE
    with ThreadPoolExecutor(1, thread_name_prefix="machine") as pool:
        pending = pool.submit(_machine_checks, context, of_machine) if of_machine else None
        probed = run_probes(context, probes)
        return (*(pending.result() if pending else ()), *probed)


def _machine_checks(context: ProbeContext, wanted: frozenset[str]) -> tuple[Check, ...]:
    network = _network(context) if "hub-reachable" in wanted else None
    facts = DetectFacts(
        machine=examine_machine(),
        interpreter=_interpreter(context.packages),
        folders=(examine_folder("cache", context.cache_dir), examine_folder("artifacts", context.artifacts_dir)),
        variables=variables_of_interest(),
        network=network,
        models=context.models,
        models_problem="",
        models_cached=False,
    )
    return tuple(check for check in judge_machine(facts) if check.id in wanted)


def _network(context: ProbeContext) -> NetworkFacts | None:
    if context.settings.offline:
        return None
    repo_id = context.models[0].repo_id if context.models else _ANY_MODEL
    return examine_network(context.endpoint, repo_id, context.settings.probe_limit_s)


def _interpreter(packages: SitePackages) -> InterpreterFacts:
    """Describe the interpreter by metadata alone; what its huggingface_hub makes of the variables stays open."""
    return InterpreterFacts(
        executable=packages.executable,
        version=packages.python,
        prefix=str(packages.prefix),
        site_packages=next(iter(packages.folders), ""),
        packages=versions_of(packages),
        hub_constants={},
    )

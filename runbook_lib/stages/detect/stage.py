"""Stage 1, detect: look at the machine and judge it; changes nothing."""

from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.stages.detect.facts import DetectFacts


def detect(run: OpenRun) -> StageRecord[DetectFacts]:
    """Look at machine, interpreter, folders, network and models, ask the probes; judge; save the record."""
    # Forty probes, which the stages that only read the facts need not load.
    from runbook_lib.checks.probe import run_probes
    from runbook_lib.stages.detect.checks import judge_machine
    from runbook_lib.stages.detect.collect import collect_detect_facts
    from runbook_lib.stages.detect.preflight import probe_context, probes_for

    stage = StartedStage(run, "detect")
    facts = collect_detect_facts(run)
    context = probe_context(run, facts.models)
    return stage.finish(facts, (*judge_machine(facts), *run_probes(context, probes_for(context))))

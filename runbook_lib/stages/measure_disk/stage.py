"""Stage 6, measure disk: what the models take, counted by inode, and what they would take with other links."""

from collections.abc import Iterator

from runbook_lib.render.charts import byte_bars, byte_growth, can_draw
from runbook_lib.run.check import Artifact
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.stages.measure_disk.checks import judge_disk
from runbook_lib.stages.measure_disk.collect import collect_disk
from runbook_lib.stages.measure_disk.facts import DiskFacts, growth_steps

CHART_NAME = "disk.png"
GROWTH_NAME = "growth.png"


def measure_disk(run: OpenRun) -> StageRecord[DiskFacts]:
    """Measure cache and artifacts folder, and draw what each kind of link costs, now and later; reads only."""
    stage = StartedStage(run, "measure_disk")
    facts = collect_disk(run)
    return stage.finish(facts, judge_disk(facts), artifacts=_pictures(run, facts))


def _pictures(run: OpenRun, facts: DiskFacts) -> Iterator[Artifact]:
    if not can_draw():
        return
    bars = {"on disk now": facts.allocated_bytes} | {entry.name: entry.total_bytes for entry in facts.projections}
    now = byte_bars("What the models take on disk", bars)
    yield run.add_artifact(CHART_NAME, now.png, now.title, now.alternative)
    if facts.projections:
        later = byte_growth("After further revisions with unchanged weights", growth_steps(), facts.growth())
        yield run.add_artifact(GROWTH_NAME, later.png, later.title, later.alternative)

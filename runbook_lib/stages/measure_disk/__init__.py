"""Stage 6, measure disk: what the models take, counted by inode, and what they would take with other links."""

from collections.abc import Iterator

from runbook_lib.records import Artifact, StageRecord
from runbook_lib.render.charts import byte_bars, byte_growth
from runbook_lib.runs import OpenRun
from runbook_lib.stages.measure_disk.checks import judge_disk
from runbook_lib.stages.measure_disk.collect import collect_disk
from runbook_lib.stages.measure_disk.facts import (
    DiskFacts,
    Projection,
    RepositoryUsage,
    RevisionUsage,
    growth_steps,
)
from runbook_lib.stages.started import StartedStage

__all__ = ["DiskFacts", "Projection", "RepositoryUsage", "RevisionUsage", "collect_disk", "judge_disk", "measure_disk"]

CHART_NAME = "disk.png"
GROWTH_NAME = "growth.png"


def measure_disk(run: OpenRun) -> StageRecord[DiskFacts]:
    """Measure cache and artifacts folder, and draw what each kind of link costs, now and later; reads only."""
    stage = StartedStage(run, "measure_disk")
    facts = collect_disk(run)
    return stage.finish(facts, judge_disk(facts), artifacts=_pictures(run, facts))


def _pictures(run: OpenRun, facts: DiskFacts) -> Iterator[Artifact]:
    bars = {"on disk now": facts.allocated_bytes} | {entry.name: entry.total_bytes for entry in facts.projections}
    now = byte_bars("What the models take on disk", bars)
    yield run.add_artifact(CHART_NAME, now.png, now.title, now.alternative)
    if facts.projections:
        later = byte_growth("After further revisions with unchanged weights", growth_steps(), facts.growth())
        yield run.add_artifact(GROWTH_NAME, later.png, later.title, later.alternative)

"""Stage 6, measure disk: what the models take, counted by inode, and what they would take with other links."""

from runbook_lib.records import StageRecord
from runbook_lib.render.charts import byte_bars
from runbook_lib.runs import OpenRun
from runbook_lib.stages.measure_disk.checks import judge_disk
from runbook_lib.stages.measure_disk.collect import collect_disk
from runbook_lib.stages.measure_disk.facts import DiskFacts, Projection, RepositoryUsage, RevisionUsage
from runbook_lib.stages.started import StartedStage

__all__ = ["DiskFacts", "Projection", "RepositoryUsage", "RevisionUsage", "collect_disk", "judge_disk", "measure_disk"]

CHART_NAME = "disk.png"


def measure_disk(run: OpenRun) -> StageRecord[DiskFacts]:
    """Measure cache and artifacts folder, and draw what each kind of link costs; reads only."""
    stage = StartedStage(run, "measure_disk")
    facts = collect_disk(run)
    bars = {"on disk now": facts.allocated_bytes} | {entry.name: entry.total_bytes for entry in facts.projections}
    picture = byte_bars("What the models take on disk", bars)
    chart = run.add_artifact(CHART_NAME, picture.png, picture.title, picture.alternative)
    return stage.finish(facts, judge_disk(facts), artifacts=(chart,))

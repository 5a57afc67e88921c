"""The stage itself: collect, judge, record."""

from collections.abc import Iterator

from runbook_lib.checks.practice import failed_for_practice
from runbook_lib.render.charts import can_draw, rate_bars
from runbook_lib.run.check import Artifact
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.stages.verify.checks import judge_verification
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.facts import VerifyFacts
from runbook_lib.stages.verify.sources import Locked

THROUGHPUT_NAME = "throughput.png"


def verify(run: OpenRun, locked: Locked | None = None) -> StageRecord[VerifyFacts]:
    """Read and hash everything the models consist of; changes nothing and touches no network.

    Args:
        run: Whose models, cache and artifacts folder are looked at.
        locked: What a lock file says (`expectations_of(read_lock(path))`); stands above what the cache says.
    """
    stage = StartedStage(run, "verify")
    facts = collect_verification(run, locked)
    checks = (*failed_for_practice(run), *judge_verification(facts))
    return stage.finish(facts, checks, artifacts=_throughput(run, facts))


def _throughput(run: OpenRun, facts: VerifyFacts) -> Iterator[Artifact]:
    """Draw what reading on several threads was worth; nothing when nothing was read."""
    if can_draw() and facts.hashed_bytes and facts.elapsed_s and facts.one_by_one_s:
        rates = {
            f"on {facts.threads} threads": facts.hashed_bytes / facts.elapsed_s,
            "one file after the other": facts.hashed_bytes / facts.one_by_one_s,
        }
        picture = rate_bars("Reading and hashing the models", rates)
        yield run.add_artifact(THROUGHPUT_NAME, picture.png, picture.title, picture.alternative)

"""Stage 5, convert: documents through the real pipeline, with the network cut off."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from runbook_lib.checks.practice import failed_for_practice
from runbook_lib.run.check import Artifact, Check, Status
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.stages.convert.asked import judge_asked
from runbook_lib.stages.convert.checks import judge_conversion
from runbook_lib.stages.convert.collect import collect_conversion
from runbook_lib.stages.convert.facts import ConvertedDocument, ConvertFacts


def convert(run: OpenRun) -> StageRecord[ConvertFacts]:
    """Convert the documents offline and keep Markdown and page pictures beside the record.

    The pipeline runs in a process of its own with HF_HUB_OFFLINE=1 and every socket but loopback refused, and ends
    after `convert_limit_s`.
    """
    stage = StartedStage(run, "convert")
    with tempfile.TemporaryDirectory(prefix="runbook-convert-") as name:
        output = Path(name)
        facts = collect_conversion(run, output)
        artifacts = tuple(artifact for document in facts.documents for artifact in _keep(run, document, output))
    checks = (*failed_for_practice(run, artifacts_only=True), *judge_conversion(facts), *_judge_models(facts))
    return stage.finish(facts, checks, artifacts=artifacts)


def _judge_models(facts: ConvertFacts) -> Iterator[Check]:
    if facts.models is not None:
        converted = not any(check.status is Status.FAIL for check in judge_conversion(facts))
        yield judge_asked(facts.models, converted=converted)


def _keep(run: OpenRun, document: ConvertedDocument, output: Path) -> Iterator[Artifact]:
    if document.markdown:
        yield run.add_artifact(
            document.markdown, (output / document.markdown).read_bytes(), f"{document.name} as Markdown"
        )
    for page in document.pictures:
        title = f"Page {page.page_no} of {document.name}"
        if page.name:
            counts = ", ".join(f"{number} {label}" for label, number in Counter(page.boxes).most_common())
            alternative = f"{title} with its boxes in reading order: {counts or 'none'}"
            yield run.add_artifact(page.name, (output / page.name).read_bytes(), title, alternative)
        if page.markdown:
            yield run.add_artifact(page.markdown, (output / page.markdown).read_bytes(), f"{title} as Markdown")

"""Stage 5, convert: a real document through the real pipeline, with the network cut off."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from runbook_lib.checks.practice import failed_for_practice
from runbook_lib.run.check import Artifact
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.stages.convert.checks import judge_conversion
from runbook_lib.stages.convert.collect import MARKDOWN_NAME, choose_document, collect_conversion
from runbook_lib.stages.convert.facts import ConvertFacts


def convert(run: OpenRun) -> StageRecord[ConvertFacts]:
    """Convert the document offline and keep Markdown and page pictures beside the record.

    The pipeline runs in a process of its own with HF_HUB_OFFLINE=1 and every socket but loopback refused, and ends
    after `convert_limit_s`.
    """
    stage = StartedStage(run, "convert")
    document, sentences = choose_document(run)
    with tempfile.TemporaryDirectory(prefix="runbook-convert-") as name:
        output = Path(name)
        facts = collect_conversion(run, document, output, sentences)
        artifacts = tuple(_keep(run, facts, output))
    checks = (*failed_for_practice(run, artifacts_only=True), *judge_conversion(facts))
    return stage.finish(facts, checks, artifacts=artifacts)


def _keep(run: OpenRun, facts: ConvertFacts, output: Path) -> Iterator[Artifact]:
    done = facts.conversion
    if done is None:
        return
    yield run.add_artifact(MARKDOWN_NAME, (output / MARKDOWN_NAME).read_bytes(), "The document as Markdown")
    for page in done.pictures:
        if page.name:
            counts = ", ".join(f"{number} {label}" for label, number in Counter(page.boxes).most_common())
            alternative = f"Page {page.page_no} of {facts.document} with its boxes in reading order: {counts or 'none'}"
            yield run.add_artifact(page.name, (output / page.name).read_bytes(), f"Page {page.page_no}", alternative)
        if page.markdown:
            title = f"Page {page.page_no} as Markdown"
            yield run.add_artifact(page.markdown, (output / page.markdown).read_bytes(), title)

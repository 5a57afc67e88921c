"""The judging of stage convert."""

from collections.abc import Iterator

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Check, Status
from runbook_lib.stages.convert.facts import Conversion, ConvertFacts


def judge_conversion(facts: ConvertFacts) -> tuple[Check, ...]:
    """Return the checks: success, all pages, known sentences, no network asked for; one when skipped."""
    title = "the document converts with the network cut off"
    if facts.skipped:
        return (Check(id="converted", title=title, status=Status.SKIP, evidence=facts.skipped),)
    done = facts.conversion
    seen = "; ".join((f"status {done.status}", *done.errors)) if done else facts.problem
    converted = Check.judged(
        "converted",
        title,
        done is not None and done.status == "success" and not done.errors,
        seen,
        remedy=facts.remedy or f"Run {FixedBy.VERIFY.words}: a damaged model fails here first.",
        quirk=facts.quirk,
        fixed_by=FixedBy.VERIFY,
    )
    return (converted, *_judge_result(facts, done)) if done else (converted,)


def _judge_result(facts: ConvertFacts, done: Conversion) -> Iterator[Check]:
    yield Check.judged(
        "all-pages",
        "every page was converted",
        done.pages_converted == done.page_count,
        f"{done.pages_converted} of {done.page_count} pages",
        remedy="Read the errors of the conversion; a partial success is not enough.",
        quirk="docling-bad-alloc",
    )
    if facts.sentences_known:
        found = facts.sentences_known - len(facts.sentences_missing)
        missing = "".join(f"; missing: {sentence}" for sentence in facts.sentences_missing)
        yield Check.judged(
            "known-sentences",
            "the sample's sentences are in the Markdown",
            not facts.sentences_missing,
            f"{found} of {facts.sentences_known} found{missing}",
            remedy=f"Run {FixedBy.VERIFY.words}; if the models are intact, report the pair of docling and document.",
        )
    yield Check.judged(
        "no-network",
        "nothing asked for the network",
        not done.refused_connections,
        ", ".join(done.refused_connections) or "no connection was tried",
        otherwise=Status.WARN,
        remedy="It worked all the same, but something wanted out: see which library before running air-gapped.",
    )

"""docling asked which models its pipeline takes, once it is imported, where that was known without asking it."""

from collections.abc import Sequence
from typing import Final

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.errors import RunbookError
from runbook_lib.pipeline.answer import MODELS_AS_KNOWN, AnsweredBy
from runbook_lib.run.check import Check, Status
from runbook_lib.run.interpreter import ask_docling, docling_of, wanted_for
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.wanted_models import remember_wanted
from runbook_lib.stages.convert.conversions import Conversions
from runbook_lib.stages.convert.facts import AskedAfterwards
from runbook_lib.stages.detect import DetectFacts

_TITLE: Final = "docling itself asks for the models that were known"
_SAME: Final = "docling was asked as well, and names the very same models and files"
_AGAIN: Final = "Run it all again: what docling says is kept beside the models and counts from now on."
_NOT_KEPT: Final = (
    "The artifacts folder cannot be written, so that what docling says is not kept: fill it where it can be written, or"
    " name the models (-p models ORG/NAME@REVISION, ...), then run it all again."
)
_INSTALL: Final = "Install what is missing there, then run it all again."


def is_to_be_asked(run: OpenRun) -> bool:
    """Whether nobody has asked docling of this machine which models it takes."""
    return run.has("detect") and run.read("detect", DetectFacts).facts.answered_by is AnsweredBy.KNOWN


def ask_afterwards(run: OpenRun, conversions: Conversions, skipped: str) -> AskedAfterwards | None:
    """Compare what was known with what docling says, and keep the latter beside the models; None where it was asked.

    It has said so to the process that converted. Where that one never came so far it is asked anew, but not when the
    time for converting is over.
    """
    if not is_to_be_asked(run):
        return None
    facts = run.read("detect", DetectFacts).facts
    known = facts.wanted.parts
    if skipped or conversions.late is not None:
        return AskedAfterwards(known=known, problem=skipped or "the time for converting was over")
    try:
        wanted = conversions.wanted or ask_docling(docling_of(run), run.settings.pipeline_spec)
    except RunbookError as error:
        return AskedAfterwards(known=known, problem=" ".join(error.lines()))
    asked_of = wanted_for(run, facts.interpreter.packages, facts.interpreter.prefix)
    try:
        remember_wanted(run.artifacts_dir, asked_of, wanted)
    except OSError:  # a folder that came ready-made and read-only
        kept = False
    else:
        kept = True
    named = run.settings.model_refs()
    taken = wanted if named is None else wanted.with_named(named)
    return AskedAfterwards(known=known, asked=taken.parts, missing=bool(wanted.missing), kept=kept)


def judge_asked(seen: AskedAfterwards, *, converted: bool) -> Check:
    """Say whether both are the same; that they are not is a failure only where nothing was converted."""
    if seen.problem:
        words = f"docling was not asked: {seen.problem}"
        return Check(id=MODELS_AS_KNOWN, title=_TITLE, status=Status.SKIP, evidence=words)
    only_known, only_asked = sorted({*seen.known} - {*seen.asked}), sorted({*seen.asked} - {*seen.known})
    if not (only_known or only_asked):
        return Check(id=MODELS_AS_KNOWN, title=_TITLE, status=Status.OK, evidence=_SAME)
    return Check.judged(
        MODELS_AS_KNOWN,
        _TITLE,
        False,
        f"only known: {_listed(only_known)}; only docling says: {_listed(only_asked)}",
        otherwise=Status.WARN if converted else Status.FAIL,
        remedy=_INSTALL if seen.missing else _AGAIN if seen.kept else _NOT_KEPT,
        fixed_by=FixedBy.DETECT,
    )


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts) or "nothing"

"""An answer to the question which models a pipeline takes, and who gave it."""

from enum import StrEnum
from typing import Final

from runbook_lib.core.value import Value
from runbook_lib.pipeline.wanted import Wanted

MODELS_AS_KNOWN: Final = "models-as-known"
"""The check of stage convert that compares what was known with what docling says."""


class AnsweredBy(StrEnum):
    """Where an answer comes from."""

    NAMED = "named"
    KEPT = "kept"
    KNOWN = "known"
    ASKED = "asked"

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        return _WORDS[self]


_WORDS: Final = {
    AnsweredBy.NAMED: "The settings name them.",
    AnsweredBy.KEPT: "docling of these very versions was asked before; its answer is kept beside the models.",
    AnsweredBy.KNOWN: "What docling answers is known of these very files of it, so that it was not imported for that."
    " Stage convert asks docling itself and compares.",
    AnsweredBy.ASKED: "docling was asked: it built the pipeline, without models.",
}


class Answer(Value):
    """What a pipeline takes, and who says so."""

    wanted: Wanted
    by: AnsweredBy

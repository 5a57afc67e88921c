"""The judging of stage convert."""

from collections.abc import Iterator, Sequence

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Check, Status
from runbook_lib.stages.convert.facts import CRASH, ConvertedDocument, ConvertFacts

_VERIFY = FixedBy.VERIFY
_MOST_NAMED = 5
_AT_FAULT = "The document is at fault, not the models"
_OF_THE_DOCUMENT = {
    "empty-file": f"{_AT_FAULT}: fetch it again, the file holds nothing.",
    "encrypted": f"{_AT_FAULT}: save it without a password and convert that; docling 2.143 takes none.",
    "mislabelled": f"{_AT_FAULT}: see where it comes from, a portal's page or another format under this name.",
    "damaged": f"{_AT_FAULT}: fetch it again, or save it again in the program it comes from.",
    "unsupported": "Save it as a format docling reads: PDF, DOCX, PPTX, XLSX, HTML, Markdown, pictures.",
    "needs-package": "Install what is named into the interpreter under examination, or leave this format out.",
}
_MODELS = f"Run {_VERIFY.words}: a damaged model fails here first."
_DIED = (
    "Native code crashed or memory ran out. Convert this document alone (-p document FILE): if it dies there, too,"
    " the document is what docling stumbles over; if not, look at the memory of this machine."
)


def judge_conversion(facts: ConvertFacts) -> tuple[Check, ...]:
    """Return the checks: success, all pages, text, known sentences, no network asked for; one when skipped.

    The verdict on this machine needs one document that converts and nothing that fails here. A document that nobody
    could read is named, and blamed on nothing but itself: it fails the stage where it was all that was asked for.
    """
    title = "the document converts with the network cut off"
    if facts.skipped:
        return (Check(id="converted", title=title, status=Status.SKIP, evidence=facts.skipped),)
    if not facts.documents:
        return (_not_converted(title, facts.problem, facts.remedy or _MODELS, facts.quirk, _VERIFY),)
    converted = _judge_documents(title, facts)
    if not any(document.succeeded for document in facts.documents):
        return (converted, *_judge_pages(facts))
    return (converted, *_judge_result(facts))


def _not_converted(title: str, seen: str, remedy: str, quirk: str = "", fixed_by: FixedBy = FixedBy.NOTHING) -> Check:
    return Check.judged("converted", title, False, seen, remedy=remedy, quirk=quirk, fixed_by=fixed_by)


def _judge_documents(title: str, facts: ConvertFacts) -> Check:
    documents = facts.documents
    elsewhere = [one for one in documents if not one.succeeded and not one.is_at_fault]
    if elsewhere:
        died = elsewhere[0].fault == CRASH
        remedy = facts.remedy or (_DIED if died else _MODELS)
        return _not_converted(
            title, _named(elsewhere), remedy, facts.quirk, FixedBy.NOTHING if facts.remedy or died else _VERIFY
        )
    if not any(document.succeeded for document in documents):
        return _not_converted(title, _named(documents), _of_the_document(documents[0]))
    done = sum(document.succeeded and not document.is_empty for document in documents)
    seen = "status success" if len(documents) == 1 else f"{done} of {len(documents)} documents"
    seen = facts.scope() if facts.covers and done == len(documents) else seen
    return Check.judged("converted", title, True, seen)


def _judge_result(facts: ConvertFacts) -> Iterator[Check]:
    refused = [document for document in facts.documents if document.is_at_fault]
    if len(facts.documents) > 1:
        yield Check.judged(
            "documents-readable",
            "every document can be read",
            not refused,
            _named(refused) if refused else f"{len(facts.documents)} documents",
            otherwise=Status.WARN,
            remedy=_of_the_document(refused[0]) if refused else "",
        )
    yield from _judge_pages(facts)
    yield _judge_text(facts)
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
        not facts.refused_connections,
        ", ".join(facts.refused_connections) or "no connection was tried",
        otherwise=Status.WARN,
        remedy="It worked all the same, but something wanted out: see which library before running air-gapped.",
    )


def _judge_pages(facts: ConvertFacts) -> Iterator[Check]:
    """Judge the pages of what docling began to convert; many formats have none."""
    begun = [document for document in facts.documents if document.pages_converted]
    if not begun:
        return
    short = [document for document in begun if document.pages_converted != document.page_count]
    only_theirs = any(document.succeeded for document in facts.documents) and all(one.is_at_fault for one in short)
    counted = short or begun
    done, there = sum(one.pages_converted for one in counted), sum(one.page_count for one in counted)
    yield Check.judged(
        "all-pages",
        "every page was converted",
        not short,
        f"{done} of {there} pages" + (f": {_named(short)}" if short else ""),
        otherwise=Status.WARN if only_theirs else Status.FAIL,
        remedy=_of_the_document(short[0])
        if short and short[0].is_at_fault
        else "Read the errors of the conversion; a partial success is not enough.",
        quirk="" if short and short[0].is_at_fault else facts.quirk,
    )


def _judge_text(facts: ConvertFacts) -> Check:
    done = [document for document in facts.documents if document.succeeded]
    empty = [document for document in done if document.is_empty]
    why = (
        "A blank page, or a picture of text and OCR is off: turn it on with -p pipeline ocr=auto."
        if not facts.ocr
        else "A blank page, or OCR found nothing on it: look at its picture in the run's folder."
    )
    return Check.judged(
        "has-text",
        "text came out",
        not empty,
        f"no text in {', '.join(one.name for one in empty[:_MOST_NAMED])}{_more(empty)}, and docling calls it a success"
        if empty
        else f"{sum(document.text_characters for document in done)} characters",
        otherwise=Status.FAIL if len(empty) == len(done) else Status.WARN,
        remedy=why,
    )


def _of_the_document(document: ConvertedDocument) -> str:
    return _OF_THE_DOCUMENT.get(document.fault, _OF_THE_DOCUMENT["damaged"])


def _named(documents: Sequence[ConvertedDocument]) -> str:
    return "; ".join(document.story() for document in documents[:_MOST_NAMED]) + _more(documents)


def _more(documents: Sequence[ConvertedDocument]) -> str:
    return f" and {len(documents) - _MOST_NAMED} more" if len(documents) > _MOST_NAMED else ""

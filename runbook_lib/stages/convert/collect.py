"""Running the pipeline in a worker."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.checks.explain import Explanation, explain_failure, explain_text
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.run.documents import find_documents
from runbook_lib.run.interpreter import docling_of
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.convert.asked import ask_afterwards, is_to_be_asked
from runbook_lib.stages.convert.conversions import Conversions
from runbook_lib.stages.convert.facts import PIPELINE, ConvertedDocument, ConvertFacts
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.system.machine import runs_under_wine

MARKDOWN_NAME = "document.md"
DOCUMENTS_FOLDER = "documents"
_OCR_OFF = "off in this pipeline, so that no scan was converted; turn it on with -p pipeline ocr=auto"
_NO_TORCH = "Wine plays Windows here, where torch does not start (Wine 8): convert on Windows itself"
_LATE = "Allow more with -p convert_limit_s SECONDS, or look at the load of this machine."


def collect_conversion(run: OpenRun, output: Path) -> ConvertFacts:
    """Convert the documents the run asks for; a pipeline that cannot run is told, not raised; none under Wine."""
    samples = {} if run.settings.document else _samples(with_scan=_reads_scans(run))
    paths = tuple(samples) or find_documents(run.settings.document)
    sentences = [words for known in samples.values() for words in known]
    skipped = _NO_TORCH if runs_under_wine() else ""
    request = request_for(run, paths, output, samples=bool(samples))
    conversions = Conversions(docling_of(run), request, _names(paths), ask_models=is_to_be_asked(run))
    if not skipped:
        conversions.run(run.settings.convert_limit_s)
    explained = _explained(conversions)
    return ConvertFacts(
        document=Path(run.settings.document or str(paths[0])).name,
        covers=_covers(run),
        ocr=_reads_scans(run),
        ocr_reason=_OCR_OFF,
        documents=tuple(conversions.documents) if conversions.was_begun else (),
        timings_s=conversions.timings_s,
        refused_connections=tuple(conversions.refused),
        skipped=skipped,
        problem=explained.evidence,
        remedy=explained.remedy,
        quirk=explained.quirk,
        peak_memory_bytes=conversions.peak_memory_bytes,
        sentences_missing=() if skipped else _missing(sentences, output),
        sentences_known=len(sentences),
        models=ask_afterwards(run, conversions, skipped),
    )


def request_for(run: OpenRun, paths: Sequence[Path], output: Path, *, samples: bool) -> dict[str, Any]:
    """Return what the worker is asked: pipeline options, documents, and where their Markdown goes."""
    folder = len(paths) > 1 and not samples
    documents = [
        {
            "path": str(path),
            "markdown": f"{DOCUMENTS_FOLDER}/{number:03d}-{path.name}.md"
            if folder
            else f"{_of(number)}{MARKDOWN_NAME}",
            "prefix": f"{DOCUMENTS_FOLDER}/{number:03d}-" if folder else _of(number),
        }
        for number, path in enumerate(paths, start=1)
    ]
    return {
        "documents": documents,
        "artifacts_dir": str(run.artifacts_dir),
        "pipeline": run.settings.pipeline_spec.request(),
        "output": str(output),
        "twice": samples,
    }


def _of(number: int) -> str:
    """Return what the files of a sample begin with: nothing for the first one."""
    return "" if number == 1 else f"{number}-"


def _samples(*, with_scan: bool) -> Mapping[Path, Sequence[str]]:
    """Return the samples and the sentences known to be in each."""
    # The samples are packaged with practice.
    from runbook_lib.practice.sample import SAMPLE_SENTENCES, SCAN_SENTENCES, sample_document, scanned_page

    return {sample_document(): SAMPLE_SENTENCES, **({scanned_page(): SCAN_SENTENCES} if with_scan else {})}


def _reads_scans(run: OpenRun) -> bool:
    """Whether the pipeline has OCR: it has, unless it says otherwise."""
    return dict(run.settings.pipeline_spec.choices).get("ocr") != "off"


def _covers(run: OpenRun) -> tuple[str, ...]:
    """Return the parts of the pipeline in words, as far as stage detect was told them."""
    wanted = run.read("detect", DetectFacts).facts.wanted if run.has("detect") else Wanted()
    stages = tuple(dict.fromkeys(word for repository in wanted.repositories if (word := repository.purpose)))
    return (*stages, f"OCR by {wanted.ocr}") if stages and wanted.ocr else stages


def _names(paths: Sequence[Path]) -> list[str]:
    """Name each document by what tells it from the others."""
    common = paths[0].parent
    while not all(path.is_relative_to(common) for path in paths):
        common = common.parent
    return [path.relative_to(common).as_posix() for path in paths]


def _explained(conversions: Conversions) -> Explanation:
    """Return what kept the pipeline from its end, or what the first document it failed on tells of a known cause.

    Without evidence in the latter case, which the document itself gives; empty when all is well.
    """
    if conversions.late is not None:
        return Explanation(conversions.late.what, _LATE)
    if conversions.failure is not None:
        return explain_failure(conversions.failure)
    failed = next((document for document in conversions.documents if document.fault == PIPELINE), None)
    known = explain_text(_words(failed, conversions)) if failed else None
    return Explanation("", known.remedy, known.quirk) if known and known.quirk else Explanation("", "")


def _words(document: ConvertedDocument, conversions: Conversions) -> str:
    return "\n".join((conversions.traceback_of(document), *document.errors, *document.warnings, document.said))


def _missing(sentences: Sequence[str], output: Path) -> tuple[str, ...]:
    files = sorted(output.glob(f"*{MARKDOWN_NAME}"))
    markdown = " ".join(_plain(path.read_text(encoding="utf-8")) for path in files)
    return tuple(sentence for sentence in sentences if _plain(sentence) not in markdown)


def _plain(text: str) -> str:
    """Fold white space, so that a sentence is found however its lines were broken."""
    return " ".join(text.split())

"""Running the pipeline in a worker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runbook_lib.checks.explain import explain_failure
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.run.interpreter import interpreter_of
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.convert.facts import Conversion, ConvertFacts
from runbook_lib.system.machine import runs_under_wine
from runbook_lib.workers.failure import WorkerFailed
from runbook_lib.workers.host import Answer

MARKDOWN_NAME = "document.md"
_OCR_OFF = (
    "OCR is off: its models do not come from the Hub but from ModelScope or GitHub (quirk docling-ocr-download-host)."
    " Turn it on with -p ocr true once they are in the artifacts folder."
)
_NO_TORCH = "Wine plays Windows here, where torch does not start (Wine 8): convert on Windows itself"


def collect_conversion(run: OpenRun, document: Path, output: Path, sentences: Sequence[str]) -> ConvertFacts:
    """Run the pipeline in a worker; a pipeline that cannot run is told as a problem, not raised; none under Wine."""
    facts = ConvertFacts(
        document=document.name,
        ocr=run.settings.ocr,
        ocr_reason=_OCR_OFF,
        conversion=None,
        sentences_known=len(sentences),
    )
    if runs_under_wine():
        return facts.model_copy(update={"skipped": _NO_TORCH})
    try:
        answer = _run_pipeline(run, document, output)
    except WorkerFailed as failure:
        explained = explain_failure(failure)
        problem = {"problem": explained.evidence, "remedy": explained.remedy, "quirk": explained.quirk}
        return facts.model_copy(update=problem)
    except DeadlineExceeded as late:
        remedy = "Allow more with -p convert_limit_s SECONDS, or look at the load of this machine."
        return facts.model_copy(update={"problem": late.what, "remedy": remedy})
    markdown = (output / MARKDOWN_NAME).read_text(encoding="utf-8")
    return facts.model_copy(
        update={
            "conversion": Conversion.model_validate(answer.value),
            "peak_memory_bytes": answer.peak_memory_bytes,
            "sentences_missing": tuple(sentence for sentence in sentences if _plain(sentence) not in _plain(markdown)),
        }
    )


def choose_document(run: OpenRun) -> tuple[Path, Sequence[str]]:
    """Return the document to convert and the sentences known to be in it: the sample's own, or none."""
    from runbook_lib.practice.sample import SAMPLE_SENTENCES, sample_document  # the sample is packaged with practice

    if run.settings.document:
        return Path(run.settings.document).absolute(), ()
    return sample_document(), SAMPLE_SENTENCES


def _run_pipeline(run: OpenRun, document: Path, output: Path) -> Answer:
    variables = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(run.cache_dir)}
    request: dict[str, Any] = {
        "document": str(document),
        "artifacts_dir": str(run.artifacts_dir),
        "ocr": run.settings.ocr,
        "output": str(output),
    }
    return interpreter_of(run, variables).run("convert_document", request, limit_s=run.settings.convert_limit_s)


def _plain(text: str) -> str:
    """Fold white space, so that a sentence is found however its lines were broken."""
    return " ".join(text.split())

"""Every way docling is installed: recognised by what can be imported, and asked what it takes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.pipeline.known_answers import known_answer
from runbook_lib.pipeline.spec import PipelineSpec
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.run.interpreter import PACKAGES, InterpreterFacts, collect_interpreter, packages_of
from runbook_lib.run.settings import Settings
from runbook_lib.workers.host import Interpreter
from tests.environments.conftest import PythonOf

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("environments")]

STANDARD = "docling-slim[standard]"
ONNX_ONLY = "docling-slim[format-pdf,feat-ocr-rapidocr-onnx]"
OLD = "docling 2.15"
_LIMIT_S = 300.0


def ask(python: Path | None, pipeline: str = "") -> Wanted:
    request = {"pipeline": PipelineSpec.parse(pipeline).request()}
    answer = Interpreter(python or Path(sys.executable)).run("list_pipeline_models", request, limit_s=_LIMIT_S)
    return Wanted.model_validate(answer.value)


def describe(python: Path) -> InterpreterFacts:
    return collect_interpreter(Interpreter(python))


def known(python: Path, pipeline: str = "") -> Wanted | None:
    return known_answer(packages_of(Settings(target_python=str(python))), PipelineSpec.parse(pipeline), {})


def names(wanted: Wanted) -> list[str]:
    return [str(model) for model in wanted.models]


DEFAULT_MODELS = ["docling-project/docling-layout-heron@main", "docling-project/docling-models@v2.3.0"]


@pytest.mark.parametrize("name", [STANDARD, ONNX_ONLY, OLD])
def test_docling_is_recognised_whichever_distribution_brings_it(python_of: PythonOf, name: str) -> None:
    python = python_of(name)
    version = describe(python).packages["docling"]
    assert version is not None
    assert version.startswith("2.15." if name == OLD else "2.143.")
    by_metadata = packages_of(Settings(target_python=str(python)))
    assert by_metadata.version_text("docling") == version, "the doctor, which starts no docling, says the same"
    assert set(describe(python).packages) == set(PACKAGES)


@pytest.mark.parametrize("pipeline", ["", "ocr=off"])
@pytest.mark.parametrize("name", [STANDARD, OLD])
def test_what_is_known_of_an_environment_is_what_docling_answers_there(
    python_of: PythonOf, name: str, pipeline: str
) -> None:
    python = python_of(name)
    answer = known(python, pipeline)
    assert answer is not None, "after constraints.txt was changed: tools/make_known_answers.py"
    assert answer == ask(python, pipeline)


def test_nothing_is_known_of_an_environment_where_docling_lacks_something(python_of: PythonOf) -> None:
    assert known(python_of(ONNX_ONLY)) is None


def test_a_docling_that_was_patched_is_asked(python_of: PythonOf) -> None:
    """In an environment of its own files, by a line that changes no version and no size that anybody looks at."""
    python = python_of(STANDARD)
    (source,) = python.parents[1].glob("**/docling/models/stages/table_structure/table_structure_model.py")
    whole = source.read_bytes()
    source.unlink()  # uv's cache has the same file
    try:
        source.write_bytes(whole.replace(b"v2.3.0", b"v2.2.0"))
        assert source.read_bytes() != whole
        assert known(python) is None
        assert names(ask(python)) == [DEFAULT_MODELS[0], "docling-project/docling-models@v2.2.0"]
    finally:
        source.write_bytes(whole)
    assert known(python) is not None


def test_slim_with_everything_takes_what_docling_takes_and_reads_with_torch(python_of: PythonOf) -> None:
    wanted = ask(python_of(STANDARD))
    assert names(wanted) == DEFAULT_MODELS
    assert wanted.missing == ()
    assert wanted.ocr is not None
    assert str(wanted.ocr) == "rapidocr with torch"
    assert "onnxruntime is not installed" in wanted.ocr.reason
    assert {file.name.rpartition(".")[2] for file in wanted.ocr.files} == {"pth", "txt"}
    assert not any(file.shipped for file in wanted.ocr.files), "the wheel holds ONNX models alone"


def test_slim_without_torch_names_the_extra_that_is_missing(python_of: PythonOf) -> None:
    """docling-slim 2.143 imports torch for its speech pipeline, whatever the pipeline is."""
    wanted = ask(python_of(ONNX_ONLY))
    assert wanted.models == ()
    (missing,) = wanted.missing
    assert (missing.module, missing.install) == ("torch", "docling-slim[models-local]")


def test_an_old_docling_is_asked_as_well(python_of: PythonOf) -> None:
    wanted = ask(python_of(OLD))
    assert names(wanted) == ["ds4sd/docling-models@v2.1.0"]
    assert wanted.missing == ()
    assert wanted.ocr is not None
    assert str(wanted.ocr) == "easyocr"
    assert [file.name for file in wanted.ocr.files] == ["craft_mlt_25k.pth", "latin_g2.pth"]
    assert all(len(file.md5) == 32 and file.is_archived for file in wanted.ocr.files)


def test_docling_tools_is_no_better_informed_than_we_are() -> None:
    ours = ask(None, "formulas, code, picture-classes, picture-description=smolvlm, charts")
    theirs = docling_tools(
        "layout", "tableformer", "code_formula", "picture_classifier", "rapidocr", "smolvlm", "granite_chart_extraction"
    )
    known = {(model.repo_id, model.revision) for model in ours.models}
    known |= {(variant.repo_id, variant.revision) for variant in ours.variants}
    assert {tuple(entry) for entry in theirs["repositories"]} == known
    assert ours.ocr is not None
    assert {url for url in theirs["files"] if url.endswith(".onnx")} == {file.url for file in ours.ocr.files}
    assert ours.missing == ()
    assert str(ours.ocr) == "rapidocr with onnxruntime"
    assert all(file.shipped and file.sha256 for file in ours.ocr.files), "the package brings them along"
    assert [variant.repo_id for variant in ours.variants] == ["docling-project/docling-layout-heron-onnx"]


def docling_tools(*models: str) -> dict[str, Any]:
    script = Path(__file__).parent / "docling_tools_lists.py"
    done = subprocess.run([sys.executable, script, *models], capture_output=True, text=True, check=True, timeout=240)
    answer: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return answer


SERVICE = """\
from docling.datamodel.pipeline_options import PdfPipelineOptions, TesseractCliOcrOptions

options = PdfPipelineOptions(do_table_structure=False, do_ocr=False)


def converter():
    from docling.document_converter import DocumentConverter

    return DocumentConverter()


nothing = 3
"""


def test_the_pipeline_of_a_service_is_taken_from_its_own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "service.py").write_text(SERVICE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    options = ask(None, "service:options")
    assert names(options) == DEFAULT_MODELS[:1]
    assert options.ocr is None
    (missing,) = ask(None, "service:nothing").missing
    assert "service:nothing is int" in missing.message

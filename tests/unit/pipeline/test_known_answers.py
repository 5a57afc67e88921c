"""What docling answers is known for an environment that is the same in everything that decides, and for no other."""

import json
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path, PurePosixPath

import pytest

from runbook_lib.cache.paths import is_safe_path
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.pipeline import known_answers
from runbook_lib.pipeline.known_answers import DATA, KnownAnswers, KnownEnvironment, digest_of, known_answer
from runbook_lib.pipeline.spec import PipelineSpec
from runbook_lib.pipeline.wanted import Wanted, WantedOcr, WantedRepository
from runbook_lib.system.packages import SitePackages, own_packages

TEXT = (files("runbook_lib.pipeline") / DATA).read_text(encoding="ascii")
SHIPPED = "rapidocr/models/det.onnx"
ANSWER = Wanted(
    repositories=(WantedRepository(repo_id="org/layout", revision="main", stage="LayoutModel"),),
    ocr=WantedOcr(
        engine="rapidocr",
        backend="onnxruntime",
        languages=(),
        reason="",
        folder="RapidOcr",
        files=(ModelFile(name="det.onnx", url="https://example.org/det.onnx", sha256="1" * 64, shipped=SHIPPED),),
    ),
)


class Environment:
    """Packages in a folder, in which the answer is known."""

    def __init__(self, home: Path) -> None:
        self.site = home / "site-packages"
        self.put("docling/document_converter.py", "converter = 1")
        self.put("docling/__init__.py")
        self.put("rapidocr/__init__.py")
        self.put("rapidocr/default_models.yaml", "det: det.onnx")
        self.put(SHIPPED, "weights")
        self.put("torch/__init__.py")
        self.put("pylatexenc.py")
        self.put("docling_slim-2.143.0.dist-info/METADATA", "Name: docling-slim\nVersion: 2.143.0\n\n")
        self.put("rapidocr-3.10.0.dist-info/METADATA", "Name: rapidocr\nVersion: 3.10.0\n\n")
        self.known = KnownEnvironment(
            platform="linux",
            versions={"docling": "2.143.0", "rapidocr": "3.10.0"},
            sources={name: digest_of(self.site / name) for name in ("docling", "rapidocr")},
            imported=("pylatexenc", "torch"),
            absent=("nemotron_ocr",),
            answers={"": ANSWER},
        )

    def put(self, name: str, content: str = "") -> None:
        path = self.site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def answer(self, pipeline: str = "", platform: str = "linux", **environ: str) -> Wanted | None:
        packages = SitePackages("python", "3.11.9", self.site.parent, (str(self.site.parent / "lib"), str(self.site)))
        return known_answer(packages, PipelineSpec.parse(pipeline), environ, platform=platform)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    made = Environment(tmp_path)
    monkeypatch.setattr(known_answers, "_data", lambda: KnownAnswers(environments=(made.known,)))
    return made


def test_the_answer_names_the_files_that_an_engine_brings_along_where_they_are_here(environment: Environment) -> None:
    answer = environment.answer()
    assert answer is not None
    assert answer.parts == ANSWER.parts
    assert answer.ocr is not None
    assert answer.ocr.files[0].shipped == str(environment.site / SHIPPED)
    (environment.site / SHIPPED).unlink()
    without = environment.answer()
    assert without is not None
    assert without.ocr is not None
    assert without.ocr.files[0].shipped == "", "a distribution's package without models: they are fetched"


def test_what_decides_nothing_changes_nothing(environment: Environment) -> None:
    environment.put("docling/__pycache__/document_converter.cpython-311.pyc", "compiled")
    environment.put("unrelated/__init__.py")
    assert environment.answer(DOCLING_ARTIFACTS_PATH="/models", docling_cache_dir="/cache", DOCLING_DEVICE="")


Change = Callable[[Environment], object]
OTHERS: dict[str, Change] = {
    "another version of docling": lambda it: it.put(
        "docling_slim-2.143.0.dist-info/METADATA", "Name: docling-slim\nVersion: 2.143.1\n\n"
    ),
    "docling was patched": lambda it: it.put("docling/document_converter.py", "converter = 2"),
    "docling has a file more": lambda it: it.put("docling/models/plugins/ours.py"),
    "docling lacks a file": lambda it: (it.site / "docling/__init__.py").unlink(),
    "rapidocr has other models": lambda it: it.put("rapidocr/default_models.yaml", "det: other.onnx"),
    "rapidocr is gone": lambda it: (it.site / "rapidocr-3.10.0.dist-info/METADATA").unlink(),
    "torch is missing": lambda it: (it.site / "torch/__init__.py").unlink(),
    "a module is missing": lambda it: (it.site / "pylatexenc.py").unlink(),
    "an engine that docling prefers": lambda it: it.put("nemotron_ocr/__init__.py"),
    "a native engine": lambda it: it.put("nemotron_ocr.cp311-win_amd64.pyd"),
    "an engine that is imported from elsewhere": lambda it: it.put(
        "nemotron_ocr-1.0.dist-info/METADATA", "Name: nemotron-ocr\nVersion: 1.0\n\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", OTHERS.values(), ids=list(OTHERS))
def test_an_environment_that_differs_is_not_known(environment: Environment, change: Change) -> None:
    assert environment.answer() is not None
    change(environment)
    assert environment.answer() is None


@pytest.mark.parametrize("pipeline", ["formulas", "ocr=off", "service.pipelines:options"])
def test_a_pipeline_that_was_not_asked_for_is_not_known(environment: Environment, pipeline: str) -> None:
    assert environment.answer(pipeline) is None


def test_another_system_is_not_known(environment: Environment) -> None:
    assert environment.answer(platform="darwin") is None


@pytest.mark.parametrize("name", ["DOCLING_DEVICE", "docling_perf_page_batch_size", "DOCLING_INFERENCE"])
def test_a_setting_of_docling_can_change_what_it_does(environment: Environment, name: str) -> None:
    assert environment.answer(**{name: "1"}) is None


def test_the_data_is_as_the_tool_writes_it() -> None:
    known = KnownAnswers.model_validate_json(TEXT)
    dumped = known.model_dump(mode="json", exclude_defaults=True)
    assert json.dumps(dumped, indent=1, sort_keys=True) + "\n" == TEXT
    keys = [one.model_dump_json(exclude={"answers"}) for one in known.environments]
    assert keys == sorted(set(keys))


def test_the_data_is_complete_and_holds_no_path_of_a_machine() -> None:
    for known in KnownAnswers.model_validate_json(TEXT).environments:
        assert {"", "ocr=off"} <= known.answers.keys()
        assert "docling" in known.sources.keys() & known.versions.keys()
        for wanted in known.answers.values():
            assert wanted.repositories
            assert not wanted.missing
            shipped = [file.shipped for file in wanted.ocr.files if file.shipped] if wanted.ocr else []
            assert all(is_safe_path(path) and PurePosixPath(path).parts[0] in known.imported for path in shipped)


@pytest.mark.skipif(sys.platform == "darwin", reason="docling prefers macOS' own OCR, and nobody has asked it there")
def test_our_own_environment_is_known() -> None:
    """Whether it is true, stage convert says in every run: here in `tests/unit/stages/test_end_to_end.py`."""
    packages = own_packages()
    if packages.version_text("docling") is None or packages.module("torch") is None:
        pytest.skip("docling is not installed here")
    answer = known_answer(packages, PipelineSpec(), {})
    assert answer is not None, "after constraints.txt was changed: tools/make_known_answers.py"
    assert answer.ocr is not None
    assert all(Path(file.shipped).is_file() for file in answer.ocr.files)

"""Which stages a resumed run keeps: each thing a stage rests on is changed once, and it says so."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.headless.evidence import collect_evidence
from runbook_lib.pipeline.answer import MODELS_AS_KNOWN
from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import STAGES, Run
from runbook_lib.run.interpreter import packages_of, versions_of
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.run.settings import Settings
from runbook_lib.stages.download.facts import DownloadFacts, FetchedModel
from runbook_lib.stages.verify.facts import VerifiedFolder, VerifyFacts

LATER = datetime.now(UTC) + timedelta(hours=1)


class Whole:
    """A run whose stages all ended well, and the files they rest on."""

    def __init__(self, home: Path) -> None:
        self.run = Run.create(home / "r", {}, {})
        self.model, self.document = home / "snapshot", home / "page.pdf"
        self.model.mkdir()
        self.weights = self.model / "weights.bin"
        self.weights.write_bytes(b"weights")
        self.document.write_bytes(b"%PDF")
        for name in ("env.sh", "env.ps1", ".env", "document.md"):
            (self.run.folder / name).touch()
        self.settings = Settings(document=str(self.document))
        packages = versions_of(packages_of(self.settings))
        listing = {"files": [{"path": "weights.bin", "size_bytes": 7}]}
        self.save("detect", interpreter={"packages": packages})
        self.save("configure_env")
        self.save("download", models=[{"snapshot": str(self.model), "listing": listing}])
        self.save("verify", folders=[{"folder": str(self.model)}])
        self.save("convert")
        self.save("measure_disk")

    def refute(self) -> None:
        """Have docling say, after it has converted, that it takes other models than were known."""
        packages = versions_of(packages_of(self.settings))
        self.save("detect", answered_by="known", interpreter={"packages": packages})
        self.save("convert", check_id=MODELS_AS_KNOWN)
        assert self.again() == ("", ""), "it has said the same so far"
        self.save("convert", "warn", check_id=MODELS_AS_KNOWN)

    def save(self, stage: str, status: str = "ok", check_id: str = "c", **facts: Any) -> None:
        check = Check(id=check_id, title="t", status=Status(status), evidence="e")
        record = StageRecord[RawFacts](
            stage=stage,
            started_at=LATER,
            elapsed_s=1,
            inputs=self.settings.model_dump(mode="json", exclude_defaults=True),
            facts=RawFacts(**facts),
            checks=(check,),
        )
        self.run.save(record)

    def again(self, **settings: Any) -> tuple[str, str]:
        """Return the first stage that runs again and why; empty when all are kept."""
        evidence = collect_evidence(self.run, self.settings.model_copy(update=settings))
        assert [one.stage for one in evidence] == list(STAGES)
        first = next((one for one in evidence if not one.stands), None)
        if first is None:
            return "", ""
        after = evidence[evidence.index(first) + 1 :]
        assert {one.why for one in after} <= {f"stage {first.stage} comes before it"}
        return first.stage, first.why


@pytest.fixture
def whole(tmp_path: Path) -> Whole:
    return Whole(tmp_path)


def modified(path: Path) -> None:
    os.utime(path, (LATER.timestamp() + 60, LATER.timestamp() + 60))


CASES: dict[str, tuple[Callable[[Whole], object], str, str]] = {
    "a record is gone": (lambda run: run.run.record_path("verify").unlink(), "verify", "it has no record"),
    "a record is damaged": (lambda run: run.run.record_path("verify").write_text("{"), "verify", "it has no record"),
    "a stage failed": (lambda run: run.save("convert", "fail"), "convert", "it failed"),
    "a version": (
        lambda run: run.save("detect", interpreter={"packages": {"docling": "1.0"}}),
        "detect",
        "docling was 1.0 and is ",
    ),
    "docling refuted what was known of it": (lambda run: run.refute(), "detect", "asks for other models than"),
    "env.sh is gone": (lambda run: (run.run.folder / "env.sh").unlink(), "configure_env", "env.sh is gone"),
    "a model file is gone": (lambda run: run.weights.unlink(), "download", "weights.bin: gone, or of another length"),
    "a model file is short": (lambda run: run.weights.write_bytes(b"w"), "download", "gone, or of another"),
    "a model file was written to": (lambda run: modified(run.weights), "verify", "weights.bin was changed since"),
    "a document was written to": (lambda run: modified(run.document), "convert", "page.pdf was changed since"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "stage", "why"), CASES.values(), ids=list(CASES))
def test_a_stage_runs_again_when_what_it_rests_on_is_another(
    whole: Whole, change: Callable[[Whole], object], stage: str, why: str
) -> None:
    assert whole.again() == ("", "")
    change(whole)
    again, said = whole.again()
    assert (again, why in said) == (stage, True), said


@pytest.mark.parametrize(
    ("settings", "stage"),
    [
        ({"download_limit_s": 7.0, "keep": "runs=3"}, ""),
        ({"document": ""}, "convert"),
        ({"ocr_mirror": "https://example.org"}, "download"),
        ({"offline": True}, "detect"),
    ],
)
def test_a_setting_counts_for_the_stages_that_read_it(whole: Whole, settings: dict[str, Any], stage: str) -> None:
    assert whole.again(**settings)[0] == stage


def test_the_facts_it_reads_are_fields_of_the_stages() -> None:
    assert "models" in DownloadFacts.model_fields
    assert {"snapshot", "listing"} <= set(FetchedModel.model_fields)
    assert "folders" in VerifyFacts.model_fields
    assert "folder" in VerifiedFolder.model_fields

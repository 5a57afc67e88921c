"""OCR's models are verified, locked, repaired and measured like the others."""

import hashlib
from pathlib import Path

import pytest

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.errors import HubError, StageFailed
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.pipeline.wanted import Wanted, WantedOcr
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from runbook_lib.run.lock_file import LOCK_NAME, read_lock
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.target import Target
from runbook_lib.stages.download import plan as download_plan
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.measure_disk.stage import measure_disk
from runbook_lib.stages.verify.locked import expectations_of
from runbook_lib.stages.verify.stage import verify
from runbook_lib.upkeep.lock import write_lock
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair
from tests.unit.stages.verify.real_caches import Install, Installed, open_installed

MODELS = {"det.onnx": b"\x08\x07" + bytes(range(256)) * 40, "rec.onnx": b"\x08\x08" + bytes(range(256)) * 80}
SIZE_BYTES = sum(map(len, MODELS.values()))


def wanted_ocr(package: Path, *, shipped: bool = True) -> WantedOcr:
    package.mkdir(exist_ok=True)
    files = []
    for name, content in MODELS.items():
        (package / name).write_bytes(content)
        files.append(
            ModelFile(
                name=name,
                url=f"http://127.0.0.1:9/onnx/{name}",
                sha256=hashlib.sha256(content).hexdigest(),
                shipped=str(package / name) if shipped else "",
            )
        )
    return WantedOcr(
        engine="rapidocr", backend="onnxruntime", languages=(), reason="", folder="RapidOcr", files=tuple(files)
    )


@pytest.fixture
def installed(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A machine with a model of the Hub and those of an OCR engine, placed by stage download."""
    made = install("copy")
    want(monkeypatch, made.run, wanted_ocr(tmp_path / "package"))
    assert download(made.run).failed() == ()
    return made


def want(monkeypatch: pytest.MonkeyPatch, run: OpenRun, ocr: WantedOcr) -> None:
    named = Wanted.named(run.settings.model_refs() or ()).model_copy(update={"ocr": ocr})

    def collect(_target: Target) -> Wanted:
        return named

    monkeypatch.setattr(download_plan, "collect_wanted", collect)


def model(installed: Installed, name: str = "rec.onnx") -> Path:
    return installed.run.artifacts_dir / "RapidOcr" / name


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_they_are_verified_by_the_engines_own_hashes(installed: Installed) -> None:
    (check,) = (check for check in verify(installed.run).checks if check.id == "artifacts-RapidOcr")
    assert check.status is Status.OK
    assert "rapidocr's own list of models" in check.evidence
    damage(model(installed))
    (failed,) = verify(installed.run).failed()
    assert failed.id == "artifacts-RapidOcr"
    assert "rec.onnx: wrong hash" in failed.evidence
    assert failed.fixed_by is FixedBy.REPAIR


def test_other_files_in_the_folder_belong_to_other_engines(installed: Installed) -> None:
    (installed.run.artifacts_dir / "RapidOcr" / "torch.pth").write_bytes(b"another engine's")
    assert verify(installed.run).status is Status.OK


def test_a_damaged_one_is_moved_aside_and_put_back_without_any_network(
    installed: Installed, practice_hub: PracticeHub
) -> None:
    damage(model(installed))
    plan = plan_repair(installed.run)
    assert not plan.fetches
    assert "the models for OCR (rapidocr with onnxruntime)" in str(plan)
    practice_hub.reset_counters()
    result = apply_repair(installed.run, plan)
    assert (result.status, result.fetched_bytes) == (Status.OK, 0)
    assert model(installed).read_bytes() == MODELS["rec.onnx"]
    assert [moved.source for moved in result.moved] == [model(installed)]
    assert practice_hub.counters.requests == 0


def test_offline_nothing_is_moved_when_nothing_can_replace_it(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(model(installed))
    offline = open_installed(installed.run.cache_dir.parent, installed.hub, "copy", offline=True)
    want(monkeypatch, offline, wanted_ocr(tmp_path / "package", shipped=False))
    plan = plan_repair(offline)
    with pytest.raises(HubError, match="nothing was moved"):
        apply_repair(offline, plan)
    assert model(installed).exists()


def test_the_lock_file_holds_them(installed: Installed, tmp_path: Path) -> None:
    lock = write_lock(installed.run, tmp_path / LOCK_NAME)
    assert lock == read_lock(tmp_path / LOCK_NAME)
    assert lock.ocr is not None
    assert {file.path: file.size_bytes for file in lock.ocr.files} == {
        name: len(content) for name, content in MODELS.items()
    }
    assert verify(installed.run, expectations_of(lock)).status is Status.OK
    damage(model(installed))
    (failed,) = verify(installed.run, expectations_of(lock)).failed()
    assert failed.id == "artifacts-RapidOcr"
    with pytest.raises(StageFailed, match="RapidOcr@onnxruntime is not intact"):
        write_lock(installed.run, tmp_path / "another.json")


def test_a_lock_file_without_them_is_a_doubt_and_no_failure(installed: Installed, tmp_path: Path) -> None:
    lock = write_lock(installed.run, tmp_path / LOCK_NAME).model_copy(update={"ocr": None})
    assert '"ocr"' not in lock.text()
    record = verify(installed.run, expectations_of(lock))
    assert (record.status, record.failed()) == (Status.WARN, ())


def test_they_are_measured(installed: Installed) -> None:
    facts = measure_disk(installed.run).facts
    assert SIZE_BYTES <= facts.ocr_bytes < facts.artifacts_bytes
    assert next(entry for entry in facts.projections if entry.name == "hard links").artifacts_bytes >= SIZE_BYTES

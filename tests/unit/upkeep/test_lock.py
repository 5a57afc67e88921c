"""The lock file: written from a verified cache, read strictly, obeyed by verify and repair."""

import json
import shutil
from pathlib import Path

import pytest

from runbook_lib.cache.hashing import sha256_of
from runbook_lib.errors import HubError, RecordError, StageFailed
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from runbook_lib.run.lock_file import LOCK_NAME, LockFile, read_lock
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.locked import expectations_of
from runbook_lib.stages.verify.problems import ProblemKind
from runbook_lib.stages.verify.stage import verify
from runbook_lib.upkeep.lock import lock_drift, write_lock
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair
from tests.unit.stages.verify.real_caches import MODES, REPO_ID, WEIGHTS, Install, Installed, flip_bit, open_installed

PAGE = Path(__file__).parents[3] / "docs" / "lock-file.md"


def example() -> str:
    """Return the example of the documentation."""
    return PAGE.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]


def test_the_documented_example_is_a_lock_file() -> None:
    lock = LockFile.model_validate_json(example())
    assert lock.repositories[0].repo_id == REPO_ID
    assert json.loads(lock.text()) == json.loads(example())
    assert lock.ocr is not None


def test_every_field_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    schema = LockFile.model_json_schema()
    names = {name for model in (schema, *schema["$defs"].values()) for name in model["properties"]}
    assert {name for name in names if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("mode", MODES)
def test_it_names_the_sha256_of_every_file_and_verify_obeys_it(install: Install, mode: str, tmp_path: Path) -> None:
    installed = install(mode)
    lock = write_lock(installed.run, tmp_path / LOCK_NAME)
    assert lock == read_lock(tmp_path / LOCK_NAME)
    (repository,) = lock.repositories
    assert {file.path: file.sha256 for file in repository.files} == {
        file.path: sha256_of(installed.snapshot / file.path) for file in installed.listing.files
    }
    assert [file.path for file in repository.files if file.lfs] == [WEIGHTS]
    record = verify(installed.run, expectations_of(lock))
    assert record.status is Status.OK, str(record)
    assert {folder.source for folder in record.facts.folders} == {"the lock file"}


def test_the_same_contents_give_the_same_bytes(install: Install, tmp_path: Path) -> None:
    installed = install()
    path = tmp_path / LOCK_NAME
    write_lock(installed.run, path)
    aged = path.read_text(encoding="utf-8").replace(str(read_lock(path).created_at.year), "2020")
    path.write_text(aged, encoding="utf-8")
    write_lock(installed.run, path)
    assert path.read_text(encoding="utf-8") == aged


def test_a_damaged_model_is_not_locked(install: Install, tmp_path: Path) -> None:
    installed = install()
    flip_bit(installed.snapshot / "config.json", 9)
    with pytest.raises(StageFailed, match="The lock file was not written"):
        write_lock(installed.run, tmp_path / LOCK_NAME)
    assert not (tmp_path / LOCK_NAME).exists()


def test_without_a_listing_nothing_is_locked(install: Install, tmp_path: Path) -> None:
    installed = install()
    shutil.rmtree(installed.repo.folder / "trees")
    with pytest.raises(HubError, match="no listing of"):
        write_lock(installed.run, tmp_path / LOCK_NAME)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda content: content.update(schema_version=2), "schema_version"),
        (lambda content: content.update(surprise=1), "surprise"),
        (lambda content: content["repositories"][0].update(commit="main"), "commit"),
        (lambda content: content["repositories"][0].update(repo_id="../x"), "repo_id"),
        (lambda content: content["repositories"][0]["files"][0].update(path="../../etc/passwd"), "path"),
        (lambda content: content["repositories"][0]["files"][0].update(path="a\nb"), "path"),
        (lambda content: content["repositories"][0]["files"][0].update(sha256="A" * 64), "sha256"),
        (lambda content: content["repositories"][0]["files"][0].update(size_bytes=-1), "size_bytes"),
    ],
)
def test_a_lock_file_that_is_not_one_is_refused_with_the_place(tmp_path: Path, change: object, why: str) -> None:
    content = json.loads(example())
    assert callable(change)
    change(content)
    path = tmp_path / LOCK_NAME
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RecordError, match="is not a lock file") as caught:
        read_lock(path)
    assert why in caught.value.why


def test_a_lock_file_that_is_no_json_is_refused_with_the_place_and_nothing_before_it(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text("x", encoding="utf-8")
    with pytest.raises(RecordError, match="is not a lock file") as caught:
        read_lock(tmp_path / LOCK_NAME)
    assert caught.value.why.startswith("Invalid JSON")


def test_a_missing_lock_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="There is no lock file") as caught:
        read_lock(tmp_path / LOCK_NAME)
    assert "runbook lock" in caught.value.remedy


def test_a_model_the_lock_does_not_name_warns(install: Install) -> None:
    installed = install()
    other = LockFile.model_validate_json(example().replace("layout-heron", "layout-other"))
    record = verify(installed.run, expectations_of(other))
    assert record.checks[0].status is Status.WARN
    assert [problem.kind for problem in record.facts.folders[0].problems] == [ProblemKind.NOT_LOCKED]


def test_a_hub_that_moved_on_is_only_informational(tmp_path: Path) -> None:
    with PracticeHub(head="first") as hub:
        run = open_installed(tmp_path, hub, "copy")
        assert download(run).status is Status.OK
        lock = write_lock(run, tmp_path / LOCK_NAME)
        assert lock_drift(run, lock).repositories[0].changed == ()
        hub.move_head("second")
        drift = lock_drift(run, lock)
        assert drift.repositories[0].changed == ("README.md",)
        assert drift.repositories[0].hub_commit != drift.repositories[0].locked_commit
        assert "README.md" in str(drift)
        assert verify(run, expectations_of(lock)).status is Status.OK


def test_models_newer_than_the_lock_are_found_and_repaired_back_to_it(tmp_path: Path) -> None:
    with PracticeHub(head="first") as hub:
        run = open_installed(tmp_path, hub, "copy")
        assert download(run).status is Status.OK
        lock = write_lock(run, tmp_path / LOCK_NAME)
        hub.move_head("second")
        assert download(run).status is Status.OK
        locked = expectations_of(lock)
        record = verify(run, locked)
        snapshot, artifacts, _ = record.checks
        assert snapshot.status is Status.OK, "the locked commit is still in the cache"
        assert "the lock file says" in snapshot.evidence
        assert artifacts.status is Status.FAIL
        assert "README.md" in artifacts.evidence
        result = apply_repair(run, plan_repair(run, locked), locked)
        assert result.status is Status.OK, str(result)
        assert (
            Installed(run, hub)
            .artifacts.joinpath("README.md")
            .read_text(encoding="utf-8")
            .endswith("Practice revision 1.\n")
        )

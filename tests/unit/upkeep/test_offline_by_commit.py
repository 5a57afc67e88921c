"""A whole cache without its listings, offline: the lock file stands in for them; without one it is said what lacks."""

import shutil
from pathlib import Path

import pytest

from runbook_lib.cache.listing_writer import write_listing
from runbook_lib.errors import HubError
from runbook_lib.run.check import Status
from runbook_lib.run.lock_file import LOCK_NAME
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from runbook_lib.upkeep.lock import write_lock
from tests.unit.stages.verify.real_caches import REPO_ID, Install, Installed


@pytest.fixture
def bare(install: Install, tmp_path: Path) -> Installed:
    """A cache filled file by file, or by an old huggingface_hub: no listing. Its lock file lies beside, elsewhere."""
    installed = install("copy")
    write_lock(installed.run, tmp_path / LOCK_NAME)
    commit = installed.listing.commit
    shutil.rmtree(installed.repo.folder / "trees")
    (tmp_path / "commit").write_text(commit, encoding="utf-8")
    return installed


def offline(installed: Installed, revision: str, lock_file: str = "") -> OpenRun:
    base = installed.run.cache_dir.parent
    return open_run(
        run_dir=str(base / f"offline-{revision[:8]}"),
        hub="practice",
        models=f"{REPO_ID}@{revision}",
        cache_dir=str(base / "hub"),
        artifacts_dir=str(base / "other artifacts"),
        links="copy",
        offline=True,
        lock_file=lock_file,
    )


def pinned(tmp_path: Path) -> str:
    return (tmp_path / "commit").read_text(encoding="utf-8")


@pytest.mark.parametrize("by", ["commit", "branch"])
def test_with_a_lock_file_the_run_ends_well_and_the_listing_is_written(
    bare: Installed, tmp_path: Path, in_tmp_path: Path, by: str
) -> None:
    """huggingface_hub 1.33 asks the network for a pinned commit without its listing, though every file is there."""
    commit = pinned(tmp_path)
    revision = commit if by == "commit" else "main"
    run = offline(bare, revision, lock_file=str(tmp_path / LOCK_NAME))
    bare.hub.reset_counters()
    record = download(run)
    assert record.failed() == ()
    written = bare.repo.folder / "trees" / f"{commit}.json"
    assert [change.after for change in record.changes if change.what == str(written)] == ["written from the lock file"]
    assert bare.repo.listing(commit) is not None
    assert verify(run).status is Status.OK
    assert bare.hub.counters.requests == 0


def test_a_lock_file_in_the_working_directory_is_found(bare: Installed, in_tmp_path: Path) -> None:
    assert (in_tmp_path / LOCK_NAME).is_file()
    assert download(offline(bare, pinned(in_tmp_path))).failed() == ()


def test_a_branch_that_nobody_asked_for_here_gets_its_reference_from_the_lock_file(
    bare: Installed, in_tmp_path: Path
) -> None:
    shutil.rmtree(bare.repo.folder / "refs")
    assert download(offline(bare, "main")).failed() == ()
    assert (bare.repo.folder / "refs" / "main").read_text(encoding="utf-8") == pinned(in_tmp_path)


@pytest.fixture
def without_lock(bare: Installed, in_tmp_path: Path) -> Installed:
    (in_tmp_path / LOCK_NAME).unlink()
    return bare


def refusal(run: OpenRun) -> str:
    with pytest.raises(HubError) as caught:
        download(run)
    return " ".join(caught.value.lines())


def test_without_one_the_missing_list_is_named_and_what_is_there(without_lock: Installed, tmp_path: Path) -> None:
    said = refusal(offline(without_lock, pinned(tmp_path)))
    assert f"trees/{pinned(tmp_path)}.json" in said
    assert " files of commit" in said
    assert "-p lock_file PATH" in said


def test_a_missing_reference_is_named(without_lock: Installed, tmp_path: Path) -> None:
    shutil.rmtree(without_lock.repo.folder / "refs")
    said = refusal(offline(without_lock, "main"))
    assert "refs/main is missing" in said
    assert f"-p models {REPO_ID}@{pinned(tmp_path)}" in said


def test_another_commit_is_named(without_lock: Installed, tmp_path: Path) -> None:
    said = refusal(offline(without_lock, "0" * 40))
    assert "commit 00000000 is not in the cache" in said
    assert pinned(tmp_path)[:8] in said


def test_a_lock_file_of_something_else_is_said(bare: Installed, in_tmp_path: Path) -> None:
    shutil.copytree(bare.repo.snapshot(pinned(in_tmp_path)), bare.repo.snapshot("1" * 40))
    assert f"{LOCK_NAME} does not name this model" in refusal(offline(bare, "1" * 40))


def test_a_listing_that_is_there_is_left_as_it_is(install: Install) -> None:
    installed = install("copy")
    tree = installed.repo.folder / "trees" / f"{installed.listing.commit}.json"
    before = tree.read_bytes()
    assert write_listing(installed.repo, installed.listing) == ()
    assert tree.read_bytes() == before

"""Repair of real caches in every link mode, with the unmodified client and the practice hub."""

import os
import re
import shutil
import subprocess
import sysconfig
import time
from pathlib import Path

import pytest
from filelock import FileLock

from runbook_lib.cache.artifacts import STAMP_NAME
from runbook_lib.errors import HubError, StageFailed
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from runbook_lib.upkeep.repair.apply import _target, apply_repair
from runbook_lib.upkeep.repair.facts import Move, RepairResult
from runbook_lib.upkeep.repair.notes import repairs_of
from runbook_lib.upkeep.repair.plan import plan_repair
from runbook_lib.workers.host import Interpreter
from runbook_lib.workers.process import WorkerProcess
from tests.unit.stages.verify.real_caches import (
    MODES,
    REPO_ID,
    WEIGHTS,
    Install,
    Installed,
    flip_bit,
    move_into_shared_store,
    open_installed,
)

HOUR_S = 3600.0
BLOCK_PAGE = b"<!DOCTYPE html><html><body>blocked by policy</body></html>"
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX file kinds")


def damage_artifacts(installed: Installed) -> None:
    """Damage the weights in the artifacts folder, too, where they are a file of their own."""
    weights = installed.artifacts / WEIGHTS
    if not weights.samefile(installed.snapshot / WEIGHTS):
        flip_bit(weights, 8 * 600_000)


def repair(installed: Installed) -> RepairResult:
    return apply_repair(installed.run, plan_repair(installed.run))


def tree(folder: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Return every name with what it holds, so that a change of anything shows."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.lstat().st_ino, _content(path))
        for path in folder.rglob("*")
    }


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def weight_bytes(installed: Installed) -> int:
    return next(file.size_bytes for file in installed.listing.files if file.path == WEIGHTS)


@pytest.mark.parametrize("mode", MODES)
def test_a_whole_cache_needs_no_repair_and_no_hub(install: Install, mode: str) -> None:
    installed = install(mode)
    plan = plan_repair(installed.run)
    assert plan.is_empty
    assert str(plan).endswith("Nothing has to be repaired.")
    installed.hub.reset_counters()
    assert apply_repair(installed.run, plan).status is Status.OK
    assert installed.hub.counters.requests == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_flipped_bit_and_a_block_page_are_fixed_and_only_those_files_are_fetched(install: Install, mode: str) -> None:
    installed = install(mode)
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    page = Path(os.path.realpath(installed.snapshot / "config.json"))
    for path in (page, installed.artifacts / "config.json"):
        path.write_bytes(BLOCK_PAGE)
    damage_artifacts(installed)
    config_bytes = next(file.size_bytes for file in installed.listing.files if file.path == "config.json")
    plan = plan_repair(installed.run)
    assert plan.fetches
    installed.hub.reset_counters()
    result = apply_repair(installed.run, plan)
    assert result.status is Status.OK, str(result)
    assert result.fetched_bytes == weight_bytes(installed) + config_bytes
    assert installed.hub.counters.weight_bytes == weight_bytes(installed)
    kept = {move.target.name: move.target for move in result.moved if not move.target.is_symlink()}
    assert BLOCK_PAGE in {path.read_bytes() for path in kept.values()}
    assert all(".runbook-quarantine" in move.target.parts for move in result.moved)
    assert verify(installed.run).status is Status.OK
    assert plan_repair(installed.run).is_empty


@pytest.mark.parametrize("mode", MODES)
def test_a_dry_run_changes_nothing(install: Install, mode: str) -> None:
    installed = install(mode)
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    before = tree(installed.run.cache_dir.parent)
    plan = plan_repair(installed.run)
    assert plan.moves
    assert ("wrong hash" if mode == "copy" else "written through a hard link") in str(plan)
    assert tree(installed.run.cache_dir.parent) == before


def test_repair_imports_the_client_once(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Interpreter] = []
    start = Interpreter.start

    def counted(interpreter: Interpreter) -> WorkerProcess:
        started.append(interpreter)
        return start(interpreter)

    installed = install("copy")
    monkeypatch.setattr(Interpreter, "start", counted)
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    damage_artifacts(installed)
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert result.fetched_bytes == weight_bytes(installed)
    assert len(started) == 1


def test_repairing_an_older_revision_leaves_nothing_of_the_one_that_was_placed(tmp_path: Path) -> None:
    """Its stamp is whole and tells what it placed; moved aside as damaged, nobody would know whose those files are."""

    def tree(name: str) -> tuple[RepositoryFile, ...]:
        return (RepositoryFile("config.json", Content.of_bytes(b"{}")), weights(name))

    def weights(name: str) -> RepositoryFile:
        return RepositoryFile(name, Content.of_padding(20_000, name), lfs=True)

    with PracticeHub(repositories=[linear_history("acme/model", tree("old.bin"), tree("new.bin"))]) as hub:

        def opened(revision: str) -> OpenRun:
            return open_run(
                run_dir=str(tmp_path / f"run-{revision}"),
                hub=hub.url,
                models=f"acme/model@{revision}",
                cache_dir=str(tmp_path / "hub"),
                artifacts_dir=str(tmp_path / "artifacts"),
            )

        for revision in ("previous", "latest"):
            assert download(opened(revision)).status is Status.OK
        run = opened("previous")
        plan = plan_repair(run)
        assert plan.moves == ()
        result = apply_repair(run, plan)
        assert result.status is Status.OK, str(result)
    placed = {path.name for path in (tmp_path / "artifacts" / "acme--model").iterdir() if not path.name.startswith(".")}
    assert placed == {"config.json", "old.bin"}


@posix
def test_a_bad_blob_goes_with_the_link_and_every_hard_link_to_it(install: Install) -> None:
    installed = install("symlink")
    blob = Path(os.path.realpath(installed.snapshot / WEIGHTS))
    elsewhere = installed.run.artifacts_dir / "of-another-model.safetensors"
    os.link(blob, elsewhere)
    flip_bit(blob, 8 * 500_000)
    plan = plan_repair(installed.run)
    assert {move.source for move in plan.moves} == {
        installed.snapshot / WEIGHTS,
        blob,
        installed.artifacts / WEIGHTS,
        elsewhere,
    }
    result = apply_repair(installed.run, plan)
    assert result.status is Status.OK, str(result)
    assert not elsewhere.exists()
    assert (installed.snapshot / WEIGHTS).resolve() == blob


@posix
def test_a_link_to_another_blob_is_replaced_and_the_blob_stays(install: Install) -> None:
    installed = install("symlink")
    readme, config = installed.snapshot / "README.md", installed.snapshot / "config.json"
    readme.unlink()
    readme.symlink_to(config.readlink())
    blob = config.resolve()
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert blob not in {move.source for move in result.moved}
    assert config.resolve() == blob
    assert readme.read_bytes() != config.read_bytes()


@posix
def test_a_listing_that_contradicts_link_and_content_is_listed_anew(install: Install) -> None:
    installed = install("symlink")
    listing = installed.repo.folder / "trees" / f"{installed.listing.commit}.json"
    good = listing.read_text(encoding="utf-8")
    etag = next(file.etag for file in installed.listing.files if file.path == "config.json")
    listing.write_text(good.replace(etag, "0" * 40), encoding="utf-8")
    result = repair(installed)
    assert result.verification.status is Status.OK, str(result)
    assert result.fetched_bytes <= 2000, "the content was right all the time"
    assert listing.read_text(encoding="utf-8") == good


def test_an_unreadable_listing_is_listed_anew(install: Install) -> None:
    installed = install()
    listing = installed.repo.folder / "trees" / f"{installed.listing.commit}.json"
    good = listing.read_bytes()
    listing.write_bytes(good[:100])
    assert repair(installed).status is Status.OK
    assert listing.read_bytes() == good


@posix
def test_what_is_no_file_goes_aside_and_nothing_outside_is_touched(install: Install, tmp_path: Path) -> None:
    installed = install()
    outside = tmp_path / "mine.json"
    shutil.copyfile(installed.snapshot / "config.json", outside)
    for name in ("config.json", "README.md", "preprocessor_config.json"):
        (installed.snapshot / name).unlink()
    (installed.snapshot / "config.json").symlink_to(outside)
    (installed.snapshot / "README.md").mkdir()
    (installed.snapshot / "README.md" / "kept.txt").write_text("kept", encoding="utf-8")
    os.mkfifo(installed.snapshot / "preprocessor_config.json")
    before = outside.read_bytes()
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert outside.read_bytes() == before
    assert "kept" in {
        path.read_text(encoding="utf-8") for move in result.moved for path in move.target.glob("kept.txt")
    }


@posix
def test_a_link_into_another_repository_becomes_a_file_of_its_own(install: Install) -> None:
    installed = install()
    config = installed.snapshot / "config.json"
    other = installed.run.cache_dir / "models--a--b" / "blobs" / "x"
    other.parent.mkdir(parents=True)
    config.rename(other)
    config.symlink_to(other)
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert not config.is_symlink()
    assert other.exists()


def test_a_file_where_the_snapshot_should_be_makes_room(install: Install) -> None:
    installed = install()
    snapshot = installed.snapshot
    shutil.rmtree(snapshot)
    snapshot.write_bytes(b"not a folder")
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert (snapshot / WEIGHTS).is_file()


def test_a_place_too_long_for_windows_is_flattened() -> None:
    move = Move(source=Path("/c", "x" * 60), home=Path("/c"), place=Path("a" * 100, "b" * 100, "x" * 60), reason="")
    assert _target(move, "T", 7) == Path("/c", ".runbook-quarantine", "T", "007-" + "x" * 60)
    short = Move(source=Path("/c/f"), home=Path("/c"), place=Path("blobs/f"), reason="")
    assert _target(short, "T", 7) == Path("/c/.runbook-quarantine/T/blobs/f")


@posix
def test_lost_links_are_made_again(install: Install) -> None:
    installed = install("symlink")
    shutil.rmtree(installed.repo.blobs)
    installed.hub.reset_counters()
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert installed.hub.counters.requests == 0
    assert (installed.snapshot / WEIGHTS).is_symlink()


@posix
def test_a_damaged_file_in_the_shared_store_goes_and_comes_back(install: Install) -> None:
    installed = install("symlink")
    store = move_into_shared_store(installed)
    flip_bit(store, 8 * 500_000)
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert not store.exists()
    assert store in {move.source for move in result.moved}
    assert (installed.snapshot / WEIGHTS).resolve().is_file()


@pytest.mark.parametrize("mode", MODES)
def test_bad_artifacts_are_placed_from_a_whole_snapshot_without_the_hub(install: Install, mode: str) -> None:
    installed = install(mode)
    flip_bit(installed.artifacts / "config.json", 9)  # small files are copies in every mode
    plan = plan_repair(installed.run)
    assert not plan.fetches
    installed.hub.reset_counters()
    result = apply_repair(installed.run, plan)
    assert result.status is Status.OK, str(result)
    assert installed.hub.counters.body_bytes == 0


@pytest.mark.parametrize("mode", MODES)
def test_what_stands_intact_elsewhere_is_copied_from_there_and_no_network_is_asked(install: Install, mode: str) -> None:
    installed = install(mode)
    if mode != "copy":  # there the artifacts folder has its own
        spare = installed.run.artifacts_dir / "org--other" / "spare.safetensors"
        spare.parent.mkdir()
        shutil.copyfile(installed.snapshot / WEIGHTS, spare)
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    flip_bit(Path(os.path.realpath(installed.snapshot / "config.json")), 3)
    plan = plan_repair(installed.run)
    assert not plan.fetches
    assert {copy.path for copy in plan.copies} == {WEIGHTS, "config.json"}
    installed.hub.reset_counters()
    result = apply_repair(installed.run, plan)
    assert result.status is Status.OK, str(result)
    assert installed.hub.counters.requests == 0
    assert plan_repair(installed.run).is_empty
    assert (installed.snapshot / WEIGHTS).is_symlink() is (mode == "symlink")


@pytest.mark.parametrize("mode", MODES)
def test_with_the_hub_switched_off_the_artifacts_folder_is_what_the_cache_is_repaired_from(
    tmp_path: Path, mode: str
) -> None:
    with PracticeHub() as hub:
        installed = Installed(open_installed(tmp_path, hub, mode), hub)
        assert download(installed.run).status is Status.OK
    own = installed.artifacts / WEIGHTS
    if own.samefile(installed.snapshot / WEIGHTS):  # a folder that another program filled has a file of its own
        content = own.read_bytes()
        own.unlink()
        own.write_bytes(content)
    flip_bit(Path(os.path.realpath(installed.snapshot / WEIGHTS)), 8 * 500_000)
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert [copy.source.name for copy in result.copied] == [WEIGHTS]
    assert result.fetched_bytes == 0


def test_with_the_hub_switched_off_another_snapshot_is_what_this_one_is_repaired_from(tmp_path: Path) -> None:
    with PracticeHub(head="first") as hub:
        installed = Installed(open_installed(tmp_path, hub, "copy"), hub)
        assert download(installed.run).status is Status.OK
        older = installed.snapshot
        hub.move_head("second")
        assert download(installed.run).status is Status.OK
        newer = installed.snapshot
    damage_artifacts(installed)
    flip_bit(newer / WEIGHTS, 8 * 500_000)
    (copy,) = plan_repair(installed.run).copies
    assert copy.source == older / WEIGHTS
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert (newer / WEIGHTS).read_bytes() == (older / WEIGHTS).read_bytes()


def test_a_copy_that_is_damaged_as_well_is_not_taken(install: Install) -> None:
    installed = install("copy")
    damage_artifacts(installed)
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    plan = plan_repair(installed.run)
    assert (plan.fetches, plan.copies) == (True, ())


def test_a_repair_leaves_a_note_in_the_folder_of_its_run(install: Install) -> None:
    installed = install("copy")
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    result = repair(installed)
    (note,) = repairs_of(installed.run)
    assert (note.status, note.said, note.fetched_bytes) == (Status.OK, result.said(), 0)
    assert note.moved == tuple(str(move.source) for move in result.moved)
    (installed.run.folder / "repair-0.json").write_text("{}", encoding="utf-8")
    assert repairs_of(installed.run) == (note,)


def test_a_snapshot_that_is_gone_is_made_again_from_the_artifacts(install: Install) -> None:
    installed = install("symlink")
    shutil.rmtree(installed.repo.folder / "snapshots")
    shutil.rmtree(installed.repo.blobs)
    installed.hub.reset_counters()
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert installed.hub.counters.requests == 0


@pytest.mark.parametrize("text", ["", "{}\n", "\0" * 40])
def test_a_damaged_reference_is_written_again_without_the_hub(install: Install, text: str) -> None:
    installed = install("symlink")
    reference, commit = installed.repo.folder / "refs" / "main", installed.listing.commit
    reference.write_text(text.format(commit), encoding="utf-8")
    installed.hub.reset_counters()
    result = repair(installed)
    assert result.status is Status.OK, str(result)
    assert reference.read_text(encoding="utf-8") == commit
    assert installed.hub.counters.requests == 0


def test_a_flipped_digit_in_reference_listing_or_stamp_is_verified_and_repaired(install: Install) -> None:
    """Fields that no download reads are among them: the stamp vouches for the listing, and a checksum for the stamp."""
    installed = install("hardlink")
    named = installed.repo.listing("main")
    tree_name = f"{installed.listing.commit}.json"
    files = [installed.repo.folder / "refs" / "main", installed.repo.folder / "trees" / tree_name]
    for path in (*files, installed.artifacts / STAMP_NAME):
        before = path.read_bytes()
        digits = [place for found in re.finditer(rb"[0-9a-f]{15,}", before) for place in range(*found.span())]
        for place in digits[:: len(digits) // 3]:
            other = b"1" if before[place : place + 1] == b"0" else b"0"
            path.write_bytes(before[:place] + other + before[place + 1 :])
            assert verify(installed.run).status is not Status.OK, (path.name, before[place - 30 : place + 30])
            result = repair(installed)
            assert result.status is Status.OK, str(result)
            assert installed.repo.listing("main") == named


def test_offline_with_a_damaged_snapshot_is_one_clear_error_and_nothing_moves(install: Install) -> None:
    installed = install(offline=True)
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    damage_artifacts(installed)
    before = tree(installed.run.cache_dir)
    plan = plan_repair(installed.run)
    with pytest.raises(HubError, match="this run is offline; nothing was moved"):
        apply_repair(installed.run, plan)
    assert tree(installed.run.cache_dir) == before


def test_a_hub_that_does_not_answer_leaves_everything_where_it_is(install: Install, tmp_path: Path) -> None:
    installed = install()
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    damage_artifacts(installed)
    run = open_run(
        run_dir=str(tmp_path / "other-run"),
        hub="http://127.0.0.1:9",
        models=f"{REPO_ID}@main",
        cache_dir=str(installed.run.cache_dir),
        artifacts_dir=str(installed.run.artifacts_dir),
        links="copy",
    )
    before = tree(installed.run.cache_dir)
    with pytest.raises(HubError, match="does not tell what"):
        apply_repair(run, plan_repair(run))
    assert tree(installed.run.cache_dir) == before


def test_repair_keeps_the_commit_when_the_hub_has_moved_on(tmp_path: Path) -> None:
    with PracticeHub(head="first") as hub:
        run = open_installed(tmp_path, hub, "copy")
        assert download(run).status is Status.OK
        installed = Installed(run, hub)
        commit = installed.listing.commit
        flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
        damage_artifacts(installed)
        hub.move_head("second")
        result = repair(installed)
        assert result.status is Status.OK, str(result)
        assert result.verification.facts.folders[0].commit == commit
        assert [path.name for path in installed.repo.snapshots()] == [commit]
        assert hub.counters.weight_bytes == 2 * weight_bytes(installed)


def test_an_older_snapshot_that_shared_the_bad_file_shares_the_fixed_one(tmp_path: Path) -> None:
    with PracticeHub(head="first") as hub:
        run = open_installed(tmp_path, hub, "hardlink")
        assert download(run).status is Status.OK
        installed = Installed(run, hub)
        older = installed.snapshot
        hub.move_head("second")
        assert download(run).status is Status.OK
        newer = installed.snapshot
        assert (older / WEIGHTS).samefile(newer / WEIGHTS)
        flip_bit(newer / WEIGHTS, 8 * 500_000)
        hub.reset_counters()
        result = repair(installed)
        assert result.status is Status.OK, str(result)
        assert result.relinked == (older / WEIGHTS,)
        assert (older / WEIGHTS).samefile(newer / WEIGHTS)
        assert hub.counters.weight_bytes == weight_bytes(installed)


def old_leftover(installed: Installed, age_s: float) -> Path:
    installed.repo.blobs.mkdir(exist_ok=True)
    path = installed.repo.blobs / f"{'a' * 64}.0123abcd.incomplete"
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def test_an_old_leftover_goes_a_young_one_and_one_under_its_lock_stay(install: Install) -> None:
    installed = install()
    leftover = old_leftover(installed, HOUR_S / 2)
    assert plan_repair(installed.run).incomplete == ()
    os.utime(leftover, (time.time() - 2 * HOUR_S,) * 2)
    plan = plan_repair(installed.run)
    assert [file.path for file in plan.incomplete] == [leftover]
    lock = installed.run.cache_dir / ".locks" / installed.repo.folder.name / f"{'a' * 64}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        assert apply_repair(installed.run, plan).removed == ()
    assert leftover.exists()
    assert apply_repair(installed.run, plan).removed == (leftover,)
    assert not leftover.exists()


@posix
def test_a_name_that_cannot_be_moved_is_reported_and_the_repair_fails(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a file that is open cannot be renamed (WinError 32)."""
    installed = install()
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    plan = plan_repair(installed.run)
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == WEIGHTS:
            raise PermissionError(13, "in use")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    result = apply_repair(installed.run, plan)
    assert result.status is Status.FAIL
    assert [entry.reason for entry in result.skipped] == ["errno 13: in use"]
    with pytest.raises(StageFailed, match=r"could not move .*model\.safetensors aside"):
        result.require()


@pytest.mark.parametrize("mode", ["symlink", "hardlink"])
def test_hf_cache_commands_work_after_a_repair_and_see_no_inconsistency(install: Install, mode: str) -> None:
    installed = install(mode)
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    assert repair(installed).status is Status.OK
    hf = str(Path(sysconfig.get_path("scripts")) / "hf")
    home = installed.run.cache_dir.parent
    environment = {**os.environ, "HF_ENDPOINT": installed.hub.url, "HF_HUB_CACHE": str(installed.run.cache_dir)}
    environment["HF_HOME"] = str(home)

    def hf_cache(*arguments: str) -> str:
        done = subprocess.run(
            [hf, "cache", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    assert "inconsistenc" not in hf_cache("ls")
    hf_cache("verify", REPO_ID)
    hf_cache("prune", "--yes")
    assert verify(installed.run).status is Status.OK

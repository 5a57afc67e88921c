"""A bundle carries models whole: every form, every link mode, twice, from where something is left out."""

import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from runbook_lib.bundle.compare import compare_with_machine, compare_with_other, contents_of, show_bundle
from runbook_lib.bundle.documents import BLOBS_ELSEWHERE
from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.parts import parts_of
from runbook_lib.cache.artifacts import read_stamp
from runbook_lib.cache.hashing import sha256_of
from runbook_lib.cache.layout import CachedRepo
from runbook_lib.cache.local_notes import is_closed
from runbook_lib.cache.sharing import shares_without_links
from runbook_lib.errors import BundleError, DiskError, RecordError, UsageError
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from runbook_lib.run.lock_file import LOCK_NAME, read_lock
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.target import ResolvedTarget
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from runbook_lib.upkeep.lock import write_lock
from tests.unit.bundle.bundles import MakeTarget, read, take
from tests.unit.cache_layouts import state_on_disk
from tests.unit.stages.verify.real_caches import (
    FOLDER_NAME,
    MODES,
    REPO_ID,
    WEIGHTS,
    Install,
    Installed,
    flip_bit,
    open_installed,
)


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.skipif(os.name == "nt", reason="sets a limit of POSIX systems")
def test_where_no_file_may_be_that_long_the_error_says_how_to_cut_it(installed: Installed, tmp_path: Path) -> None:
    import resource

    (tmp_path / "stick").mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(DiskError) as caught:
            export_bundle(installed.run, tmp_path / "stick" / "carried.tar")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "--split 4000M" in caught.value.remedy
    assert list((tmp_path / "stick").iterdir()) == []


def verified(target: ResolvedTarget, hub: PracticeHub, mode: str) -> Status:
    """Open a run over a target and verify, which asks no hub."""
    return verify(open_installed(target.cache_dir.parent, hub, mode)).status


@pytest.mark.parametrize("name", ["carried", "carried.tar"])
@pytest.mark.parametrize("source_mode", MODES)
def test_what_arrives_is_what_was_downloaded(
    install: Install, make_target: MakeTarget, tmp_path: Path, name: str, source_mode: str
) -> None:
    installed = install(source_mode)
    export_bundle(installed.run, tmp_path / name)
    target = make_target()
    taken = take(tmp_path / name, target)
    repo = CachedRepo(target.cache_dir, REPO_ID)
    listing = repo.listing("main")
    assert listing is not None
    assert (listing.commit, listing.files) == (installed.listing.commit, installed.listing.files)
    assert contents(repo.snapshot(listing.commit)) == contents(installed.snapshot)
    assert contents(repo.folder / "trees") == contents(installed.repo.folder / "trees")
    assert (taken.models[0].placed, taken.models[0].kept) == (len(listing.files), 0)


@pytest.mark.parametrize("mode", MODES)
def test_it_is_put_as_the_target_links_and_verifies_there(
    installed: Installed, folder: Path, make_target: MakeTarget, mode: str
) -> None:
    target = make_target(mode)
    take(folder, target)
    repo = CachedRepo(target.cache_dir, REPO_ID)
    weights = repo.snapshot(installed.listing.commit) / WEIGHTS
    assert weights.is_symlink() is (mode == "symlink")
    placed = target.artifacts_dir / FOLDER_NAME / WEIGHTS
    shared = os.path.samestat(weights.stat(), placed.stat())
    assert shared is (mode != "copy")
    assert is_closed(placed.parent) is shared
    assert read_stamp(placed.parent) is not None
    assert verified(target, installed.hub, mode) is Status.OK
    assert not list((target.cache_dir / ".locks").glob("runbook-import*"))


def test_a_second_import_reads_nothing_and_changes_nothing(folder: Path, make_target: MakeTarget) -> None:
    target = make_target()
    take(folder, target)
    before = {path: facts for path, facts in state_on_disk(target.cache_dir).items() if ".locks" not in path.parts}
    artifacts = state_on_disk(target.artifacts_dir)
    again = take(folder, target)
    after = {path: facts for path, facts in state_on_disk(target.cache_dir).items() if ".locks" not in path.parts}
    assert (again.read_bytes, again.changed) == (0, False)
    assert after == before
    assert state_on_disk(target.artifacts_dir) == artifacts


def test_a_file_that_was_damaged_since_is_put_right(
    installed: Installed, folder: Path, make_target: MakeTarget
) -> None:
    target = make_target("copy")
    take(folder, target)
    snapshot = CachedRepo(target.cache_dir, REPO_ID).snapshot(installed.listing.commit)
    flip_bit(snapshot / WEIGHTS, 77)
    assert compare_with_machine(read(folder), target).models[0].lacking == (WEIGHTS,)
    assert take(folder, target).models[0].placed == 1
    assert verified(target, installed.hub, "copy") is Status.OK


def test_equal_contents_make_equal_bundles(installed: Installed, tmp_path: Path) -> None:
    write_lock(installed.run, tmp_path / LOCK_NAME)
    for name in ("one.tar", "two.tar"):
        export_bundle(with_lock(installed, tmp_path / LOCK_NAME), tmp_path / name)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def with_lock(installed: Installed, path: Path) -> OpenRun:
    """Return the run with a lock file in force."""
    resolved = installed.run.resolved
    values = resolved.values.model_copy(update={"lock_file": str(path)})
    return replace(installed.run, resolved=replace(resolved, values=values))


def test_a_folder_beside_the_cache_writes_next_to_nothing(installed: Installed, tmp_path: Path) -> None:
    made = export_bundle(installed.run, tmp_path / "bundle")
    assert made.shared_bytes == installed.listing.size_bytes - sum(
        file.size_bytes for file in installed.listing.files if file.path != WEIGHTS
    )
    blob = tmp_path / "bundle" / "blobs" / "sha256" / sha256_of(installed.snapshot / WEIGHTS)
    assert os.path.samestat(blob.stat(), (installed.snapshot / WEIGHTS).stat())
    assert blob.stat().st_mode & 0o222 == 0, "what is shared with the cache is not to be written to"
    config = tmp_path / "bundle" / "blobs" / "sha256" / sha256_of(installed.snapshot / "config.json")
    assert not os.path.samestat(config.stat(), (installed.snapshot / "config.json").stat())


def test_importing_from_the_same_volume_shares_the_weights(
    installed: Installed, folder: Path, make_target: MakeTarget
) -> None:
    target = make_target()
    take(folder, target)
    weights = CachedRepo(target.cache_dir, REPO_ID).snapshot(installed.listing.commit) / WEIGHTS
    assert os.path.samestat(weights.stat(), (installed.snapshot / WEIGHTS).stat())


@pytest.mark.skipif(os.name == "nt", reason="Windows tells no blocks")
def test_a_bundle_in_a_folder_on_the_same_volume_takes_less_than_a_hundredth_of_the_weights(tmp_path: Path) -> None:
    if shares_without_links(tmp_path):
        pytest.skip("blocks that two files share are counted with both")
    weights = RepositoryFile("model.safetensors", Content.of_padding(16_000_000), lfs=True)
    with PracticeHub(repositories=[linear_history(REPO_ID, (weights,))]) as hub:
        run = open_installed(tmp_path / "source", hub, "hardlink")
        assert download(run).status is Status.OK
    bundle = tmp_path / "bundle"
    export_bundle(run, bundle)
    in_cache = {path.stat().st_ino for path in run.cache_dir.rglob("*") if path.is_file()}
    written = {path: path.stat() for path in bundle.rglob("*") if path.stat().st_ino not in in_cache}
    assert sum(found.st_blocks * 512 for found in written.values()) < weights.size_bytes / 100
    assert sum(path.stat().st_size for path in bundle.rglob("*") if path not in written) >= weights.size_bytes


def test_whoever_asks_for_copies_shares_nothing_with_the_bundle(
    installed: Installed, folder: Path, make_target: MakeTarget
) -> None:
    target = make_target("copy")
    take(folder, target)
    weights = CachedRepo(target.cache_dir, REPO_ID).snapshot(installed.listing.commit) / WEIGHTS
    assert weights.stat().st_nlink == 1


# ------------------------------------------------------------------------------------------------- parts


def test_a_file_in_parts_is_read_from_either_name_and_cat_joins_it(
    installed: Installed, make_target: MakeTarget, tmp_path: Path
) -> None:
    dest = tmp_path / "cut.tar"
    made = export_bundle(installed.run, dest, split_bytes=300_000)
    assert [path.name for path in made.paths] == [f"cut.tar.{number:03d}" for number in range(1, len(made.paths) + 1)]
    sizes = [path.stat().st_size for path in made.paths]
    assert set(sizes[:-1]) == {300_000}
    assert 0 < sizes[-1] <= 300_000
    for name in ("cut.tar", "cut.tar.001"):
        assert take(tmp_path / name, make_target()).models[0].placed == len(installed.listing.files)
    (tmp_path / "joined.tar").write_bytes(b"".join(path.read_bytes() for path in made.paths))
    with tarfile.open(tmp_path / "joined.tar") as tar:
        assert tar.getnames()[:2] == ["oci-layout", "index.json"]
    assert show_bundle(read(tmp_path / "cut.tar")).carried_bytes == installed.listing.size_bytes


@pytest.mark.parametrize("missing", [1, 2, -1])
def test_a_part_that_is_missing_is_said(
    installed: Installed, make_target: MakeTarget, tmp_path: Path, missing: int
) -> None:
    made = export_bundle(installed.run, tmp_path / "cut.tar", split_bytes=300_000)
    made.paths[missing].unlink()
    target = make_target()
    with pytest.raises(BundleError):
        take(tmp_path / "cut.tar", target)
    assert not target.cache_dir.exists()


def test_a_folder_is_not_cut_and_nothing_is_written_over(installed: Installed, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cut into parts"):
        export_bundle(installed.run, tmp_path / "bundle", split_bytes=10**6)
    (tmp_path / "there.tar").write_bytes(b"mine")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_bytes(b"mine")
    (tmp_path / "parts.tar.001").write_bytes(b"mine")
    for name in ("there.tar", "there", "parts.tar"):
        with pytest.raises(UsageError, match="already exists"):
            export_bundle(installed.run, tmp_path / name)
    assert contents(tmp_path / "there") == {"mine": b"mine"}
    assert parts_of(tmp_path / "parts.tar") == (tmp_path / "parts.tar.001",)


# --------------------------------------------------------------------------------------- what is left out


def test_since_leaves_out_what_the_target_has_and_the_target_adds_it(make_target: MakeTarget, tmp_path: Path) -> None:
    target = make_target()
    with PracticeHub(head="first") as hub:
        run = open_installed(tmp_path / "source", hub, "hardlink")
        assert download(run).status is Status.OK
        lock = write_lock(run, tmp_path / LOCK_NAME)
        first = export_bundle(run, tmp_path / "first.tar")
        take(tmp_path / "first.tar", target)
        hub.move_head("second")
        run = open_installed(tmp_path / "source", hub, "hardlink")
        assert download(run).status is Status.OK
        for other in (LOCK_NAME, "first.tar"):
            have = contents_of(tmp_path / other)
            second = export_bundle(run, tmp_path / f"since-{other}.tar", have=have)
            assert second.carried_bytes < first.carried_bytes / 100
            assert second.left_out_bytes + second.carried_bytes >= first.carried_bytes / 2
        taken = take(tmp_path / f"since-{LOCK_NAME}.tar", target)
        assert verified(target, hub, "auto") is Status.OK
    name = f"since-{LOCK_NAME}.tar"
    assert read(tmp_path / name).config.requires == (BLOBS_ELSEWHERE,)
    assert compare_with_other(read(tmp_path / name), tmp_path / LOCK_NAME).models[0].lacking == ("README.md",)
    repo = CachedRepo(target.cache_dir, REPO_ID)
    assert repo.commit_of("main") == taken.models[0].commit != lock.repositories[0].commit
    listing = repo.listing("main")
    assert listing is not None
    assert repo.missing(listing) == ()


def test_what_was_left_out_and_is_not_here_refuses_the_whole(
    installed: Installed, make_target: MakeTarget, tmp_path: Path
) -> None:
    write_lock(installed.run, tmp_path / LOCK_NAME)
    export_bundle(installed.run, tmp_path / "b.tar", have=contents_of(tmp_path / LOCK_NAME))
    target = make_target()
    with pytest.raises(BundleError, match="has more than this one") as caught:
        take(tmp_path / "b.tar", target)
    assert "6 contents" in caught.value.why
    assert not target.cache_dir.exists()


# ------------------------------------------------------------------------------------------ before it is made


def test_a_damaged_model_is_not_carried_in_any_form(installed: Installed, tmp_path: Path) -> None:
    flip_bit(installed.snapshot / WEIGHTS, 1234)
    for name in ("bundle", "bundle.tar"):
        with pytest.raises(BundleError, match="not intact"):
            export_bundle(installed.run, tmp_path / name)
    flip_bit(installed.snapshot / WEIGHTS, 1234)
    flip_bit(installed.snapshot / "config.json", 9)
    with pytest.raises(BundleError, match="not intact"):
        export_bundle(installed.run, tmp_path / "bundle")
    (installed.snapshot / "config.json").unlink()
    with pytest.raises(BundleError, match="not intact") as caught:
        export_bundle(installed.run, tmp_path / "bundle")
    assert "config.json: it is missing" in caught.value.why
    assert not [path for path in tmp_path.iterdir() if "bundle" in path.name or path.name.endswith(".tmp")]


def test_practice_is_not_taken_for_real(folder: Path, make_target: MakeTarget) -> None:
    target = make_target(hub="https://hub.invalid", offline=True)
    with pytest.raises(RecordError, match="practice models"):
        take(folder, target)
    assert not target.cache_dir.exists()


def test_the_papers_arrive_where_they_are_wanted(installed: Installed, make_target: MakeTarget, tmp_path: Path) -> None:
    verify(installed.run)
    export_bundle(installed.run, tmp_path / "b.tar", proof=installed.run.folder)
    taken = take(tmp_path / "b.tar", make_target(), papers_dir=tmp_path / "papers")
    assert sorted(path.relative_to(tmp_path / "papers").as_posix() for path in taken.papers) == [
        "run/04_verify.json",
        "run/run.json",
        LOCK_NAME,
    ]
    lock = read_lock(tmp_path / "papers" / LOCK_NAME)
    assert lock.repositories[0].commit == installed.listing.commit
    record = json.loads((tmp_path / "papers" / "run" / "04_verify.json").read_bytes())
    assert record["stage"] == "verify"


def test_proof_has_to_be_a_run(installed: Installed, tmp_path: Path) -> None:
    with pytest.raises(RecordError):
        export_bundle(installed.run, tmp_path / "b.tar", proof=tmp_path)

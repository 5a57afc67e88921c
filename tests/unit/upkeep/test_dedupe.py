"""Copies become hard links, whatever the layout of the cache."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runbook_lib.cache.artifacts import STAMP_NAME, is_placed, place_artifacts
from runbook_lib.cache.disk_usage import DiskUsage
from runbook_lib.cache.hard_links import TEMPORARY_SUFFIX
from runbook_lib.cache.local_notes import HUGGINGFACE, is_closed
from runbook_lib.cache.locks import blob_lock
from runbook_lib.cache.sharing import COPY_SUFFIX, shares_without_links
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import DiskError
from runbook_lib.system.filesystem import LinkProbe
from runbook_lib.system.layers import Layer, Layers
from runbook_lib.upkeep.dedupe import volumes
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe
from tests.unit.cache_layouts import CacheLayout, listed, state_on_disk

REPO = "org/model"
WEIGHTS = "model.safetensors"
FIRST = {WEIGHTS: os.urandom(300_000), "config.json": b'{"a": 1}', "vocab.txt": b"words" * 3000}
SECOND = {**FIRST, "config.json": b'{"a": 2}'}


def _used(*folders: Path) -> int:
    usage = DiskUsage()
    for folder in folders:
        usage.add_tree(folder)
    return usage.allocated_bytes


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".locks" not in path.parts
    }


def _artifacts(layout: CacheLayout, artifacts_dir: Path) -> Path:
    """Place the first revision by copies, as docling-tools would, and the second in the cache."""
    listing = layout.add(REPO, FIRST)
    folder = artifacts_dir / "org--model"
    place_artifacts(listing, layout.repo(REPO).snapshot(listing.commit), folder, docling="2.143.0", link=False)
    return folder


def test_two_revisions_share_what_did_not_change(layout: CacheLayout) -> None:
    first, second = layout.add(REPO, FIRST), layout.add(REPO, SECOND)
    before, used = _contents(layout.cache_dir), _used(layout.cache_dir)
    plan = plan_dedupe(layout.cache_dir)
    result = apply_dedupe(plan)
    assert _contents(layout.cache_dir) == before
    assert result.skipped == ()
    assert result.freed_bytes == plan.frees_bytes == used - _used(layout.cache_dir)
    assert bool(result.linked_count) == (layout.mode == "copy")
    one, other = (layout.repo(REPO).snapshot(commit) / WEIGHTS for commit in (first.commit, second.commit))
    assert one.samefile(other)


def test_where_no_hard_link_can_be_made_nothing_is_promised_and_the_reason_said(
    unshared: CacheLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = LinkProbe(works=False, evidence="errno 1: Operation not permitted")
    monkeypatch.setattr(volumes, "probe_hardlink", lambda _folder: refused)
    unshared.add(REPO, FIRST)
    unshared.add(REPO, SECOND)
    plan = plan_dedupe(unshared.cache_dir)
    assert (plan.is_empty, plan.frees_bytes) == (True, 0)
    assert {entry.path.name for entry in plan.kept_back} == {WEIGHTS, "vocab.txt"}
    assert "2 kept back: no hard link can be made" in str(plan)
    assert "Operation not permitted" in str(apply_dedupe(plan))


@pytest.mark.parametrize(("layer", "words"), [(Layer.LOWER, "the image keeps it"), (Layer.UNTOLD, "does not tell")])
def test_what_a_lower_layer_of_a_container_holds_is_left_alone(
    unshared: CacheLayout, monkeypatch: pytest.MonkeyPatch, layer: Layer, words: str
) -> None:
    """The first revision is of the image; two more were downloaded in the container, and share with each other."""
    image = unshared.add(REPO, FIRST)
    unshared.add(REPO, SECOND)
    unshared.add(REPO, {**FIRST, "config.json": b'{"a": 3}'})
    monkeypatch.setattr(Layers, "of", lambda _layers, path: layer if image.commit in path.parts else Layer.OWN)
    plan = plan_dedupe(unshared.cache_dir)
    assert {entry.name.path.name for entry in plan.replacements} == {WEIGHTS, "vocab.txt"}
    assert len(plan.replacements) == 2
    paths = [path for entry in plan.replacements for path in (entry.name.path, entry.keeper.path)]
    assert not any(image.commit in path.parts for path in paths)
    assert {words in entry.reason for entry in plan.kept_back} == {True}
    assert apply_dedupe(plan).freed_bytes == plan.frees_bytes > 0
    assert plan_dedupe(unshared.cache_dir).is_empty


def test_a_copy_that_a_kill_left_half_way_goes_and_counts_as_freed(layout: CacheLayout) -> None:
    listing = layout.add(REPO, FIRST)
    leftover = layout.repo(REPO).snapshot(listing.commit) / f".abc123{COPY_SUFFIX}"
    leftover.write_bytes(os.urandom(50_000))
    used = _used(layout.cache_dir)
    plan = plan_dedupe(layout.cache_dir)
    result = apply_dedupe(plan)
    assert not leftover.exists()
    assert result.freed_bytes == plan.frees_bytes == used - _used(layout.cache_dir)
    assert plan.frees_bytes >= 50_000


def test_deduping_again_finds_nothing(layout: CacheLayout) -> None:
    layout.add(REPO, FIRST)
    layout.add(REPO, SECOND)
    apply_dedupe(plan_dedupe(layout.cache_dir))
    again = plan_dedupe(layout.cache_dir)
    assert again.is_empty
    assert again.frees_bytes == 0


def test_a_plan_changes_nothing_and_tells_what_it_would_free(unshared: CacheLayout) -> None:
    unshared.add(REPO, FIRST)
    unshared.add(REPO, SECOND)
    before = state_on_disk(unshared.cache_dir)
    plan = plan_dedupe(unshared.cache_dir)
    assert state_on_disk(unshared.cache_dir) == before
    assert plan.frees_bytes >= 300_000
    assert "2 copies become hard links" in str(plan)


def test_artifacts_share_the_weights_and_keep_their_small_files(layout: CacheLayout, tmp_path: Path) -> None:
    folder = _artifacts(layout, tmp_path / "artifacts")
    second = layout.add(REPO, SECOND)
    before = _contents(tmp_path)
    result = apply_dedupe(plan_dedupe(layout.cache_dir, tmp_path / "artifacts"))
    snapshot = layout.repo(REPO).snapshot(second.commit)
    after = _contents(tmp_path)
    ours = [name for name in after if name.endswith((STAMP_NAME, HUGGINGFACE.as_posix()))]
    assert {name: after[name] for name in after if name not in ours} == {
        name: before[name] for name in before if name not in ours
    }
    assert result.freed_bytes >= 300_000
    assert is_placed(folder, ModelRef(REPO)), "the stamp tells the new times"
    assert is_closed(folder) or shares_without_links(tmp_path)
    assert (folder / WEIGHTS).samefile(snapshot / WEIGHTS) or shares_without_links(tmp_path)
    assert not (folder / "vocab.txt").samefile(snapshot / "vocab.txt")
    assert (folder / "vocab.txt").stat().st_nlink == 1


def test_no_hard_link_goes_to_a_folder_that_hub_downloads_to(unshared: CacheLayout, tmp_path: Path) -> None:
    folder = _artifacts(unshared, tmp_path / "artifacts")
    (folder / HUGGINGFACE).mkdir(parents=True)
    if not shares_without_links(tmp_path):
        assert plan_dedupe(unshared.cache_dir, tmp_path / "artifacts").replacements == ()


def test_a_file_of_the_cache_is_kept_rather_than_one_of_the_artifacts_folder(
    unshared: CacheLayout, tmp_path: Path
) -> None:
    folder = _artifacts(unshared, tmp_path / "artifacts")
    os.utime(folder / WEIGHTS, (0, 0))
    plan = plan_dedupe(unshared.cache_dir, tmp_path / "artifacts")
    assert [entry.name.path for entry in plan.replacements] == [folder / WEIGHTS]


def test_repositories_share_weights_and_no_small_files(unshared: CacheLayout) -> None:
    unshared.add(REPO, FIRST)
    unshared.add("org/other", FIRST)
    plan = plan_dedupe(unshared.cache_dir)
    assert [entry.name.path.name for entry in plan.replacements] == [WEIGHTS]


def test_equal_length_with_another_content_is_not_shared(unshared: CacheLayout) -> None:
    unshared.add(REPO, {WEIGHTS: b"a" * 5000})
    unshared.add(REPO, {WEIGHTS: b"b" * 5000})
    plan = plan_dedupe(unshared.cache_dir)
    assert plan.is_empty
    assert plan.hashed_bytes == 10_000


def test_a_blob_whose_content_stands_in_a_snapshot_goes(unshared: CacheLayout) -> None:
    unshared.add(REPO, FIRST)
    blob = _blob(unshared, FIRST[WEIGHTS])
    used = _used(unshared.cache_dir)
    plan = plan_dedupe(unshared.cache_dir)
    assert [entry.name.path for entry in plan.unused_blobs] == [blob]
    result = apply_dedupe(plan)
    assert not blob.exists()
    assert result.freed_bytes == plan.frees_bytes == used - _used(unshared.cache_dir)


def test_a_blob_that_an_interrupted_download_will_go_on_from_stays(unshared: CacheLayout) -> None:
    listing = unshared.add(REPO, FIRST)
    (unshared.repo(REPO).snapshot(listing.commit) / WEIGHTS).unlink()
    blob = _blob(unshared, FIRST[WEIGHTS])
    assert apply_dedupe(plan_dedupe(unshared.cache_dir)).removed_count == 0
    assert blob.read_bytes() == FIRST[WEIGHTS]


def test_a_blob_that_no_listing_knows_goes_only_where_every_listing_was_kept(unshared: CacheLayout) -> None:
    unshared.add(REPO, FIRST)
    blob = _blob(unshared, b"of a revision that was removed")
    assert [entry.name.path for entry in plan_dedupe(unshared.cache_dir).unused_blobs] == [blob]
    unshared.add(REPO, SECOND, keeps_listing=False)
    assert plan_dedupe(unshared.cache_dir).unused_blobs == ()


def test_blobs_stay_while_a_partial_file_tells_of_a_download(unshared: CacheLayout) -> None:
    unshared.add(REPO, FIRST)
    blob = _blob(unshared, b"of a revision that was removed")
    (blob.parent / "x.incomplete").write_bytes(b"half")
    plan = plan_dedupe(unshared.cache_dir)
    assert plan.unused_blobs == ()
    assert [entry.path for entry in plan.kept_back] == [blob]
    assert "a download may be going on" in plan.kept_back[0].reason


def test_a_blob_that_a_snapshot_links_to_meanwhile_stays(unshared: CacheLayout) -> None:
    listing = unshared.add(REPO, FIRST)
    blob = _blob(unshared, b"of a revision that was removed")
    plan = plan_dedupe(unshared.cache_dir)
    link = unshared.repo(REPO).snapshot(listing.commit) / "new"
    try:
        link.symlink_to(blob)
    except OSError:
        pytest.skip("no symlinks here")
    if not link.is_symlink():
        pytest.skip("symlinks are made of air here")
    result = apply_dedupe(plan)
    assert [entry.path for entry in result.skipped] == [blob]
    assert blob.exists()


def test_links_into_the_shared_store_and_the_store_itself_are_left_alone(unshared: CacheLayout, tmp_path: Path) -> None:
    unshared.add(REPO, FIRST)
    store = unshared.cache_dir / "blobs" / "ab" / ("ab" * 32)
    store.parent.mkdir(parents=True)
    store.write_bytes(FIRST[WEIGHTS])
    link = unshared.repo(REPO).blobs / ("cd" * 32)
    try:
        link.symlink_to(os.path.relpath(store, link.parent))
    except OSError:
        pytest.skip("no symlinks here")
    if not link.is_symlink():
        pytest.skip("symlinks are made of air here")
    plan = plan_dedupe(unshared.cache_dir)
    assert plan.is_empty
    assert plan.hashed_bytes == 0


def test_a_name_that_changed_since_the_plan_is_skipped_and_said(unshared: CacheLayout) -> None:
    unshared.add(REPO, FIRST)
    unshared.add(REPO, SECOND)
    plan = plan_dedupe(unshared.cache_dir)
    changed = next(entry for entry in plan.replacements if entry.name.path.name == WEIGHTS).name.path
    changed.write_bytes(b"written meanwhile")
    result = apply_dedupe(plan)
    assert [entry.path for entry in result.skipped] == [changed]
    assert changed.read_bytes() == b"written meanwhile"


def test_a_file_in_use_is_skipped_and_said_and_the_others_are_linked(
    unshared: CacheLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    unshared.add(REPO, FIRST)
    unshared.add(REPO, SECOND)
    plan = plan_dedupe(unshared.cache_dir)
    replace = Path.replace

    def refuse_weights(self: Path, target: Path) -> Path:
        if target.name == WEIGHTS:
            raise PermissionError(13, "The process cannot access the file", str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse_weights)
    before = _contents(unshared.cache_dir)
    result = apply_dedupe(plan)
    assert [entry.path.name for entry in result.skipped] == [WEIGHTS]
    assert result.linked_count == 1
    assert _contents(unshared.cache_dir) == before


def test_a_download_of_hub_that_goes_on_ends_in_one_clear_error(unshared: CacheLayout) -> None:
    unshared.add(REPO, FIRST)
    unshared.add(REPO, SECOND)
    before = _contents(unshared.cache_dir)
    etag = listed(WEIGHTS, FIRST[WEIGHTS]).etag
    lock = blob_lock(unshared.cache_dir, "models--org--model", etag)
    lock.parent.mkdir(parents=True)
    hold = "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire()"
    script = f"{hold}; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(DiskError, match=r"a download of model\.safetensors is going on"):
            apply_dedupe(plan_dedupe(unshared.cache_dir), lock_limit_s=0.2)
        holder.kill()
    assert _contents(unshared.cache_dir) == before


def test_a_temporary_name_that_a_killed_process_left_goes(unshared: CacheLayout) -> None:
    listing = unshared.add(REPO, FIRST)
    weights = unshared.repo(REPO).snapshot(listing.commit) / WEIGHTS
    leftover = weights.with_name(f".0123abcd{TEMPORARY_SUFFIX}")
    leftover.hardlink_to(weights)
    plan = plan_dedupe(unshared.cache_dir)
    assert plan.leftovers == (leftover,)
    assert apply_dedupe(plan).removed_count == 1
    assert not leftover.exists()
    assert weights.read_bytes() == FIRST[WEIGHTS]


@pytest.mark.skipif(os.name == "nt", reason="needs symlinks")
def test_a_model_folder_that_is_a_link_is_left_alone(unshared: CacheLayout, tmp_path: Path) -> None:
    unshared.add(REPO, FIRST)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / WEIGHTS).write_bytes(FIRST[WEIGHTS])
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "org--model").symlink_to(outside)
    assert plan_dedupe(unshared.cache_dir, tmp_path / "artifacts").is_empty


def test_a_cache_that_does_not_exist_needs_nothing(tmp_path: Path) -> None:
    assert plan_dedupe(tmp_path / "nothing", tmp_path / "neither").is_empty
    assert list(tmp_path.iterdir()) == []


def test_plan_and_result_are_json_and_text(unshared: CacheLayout) -> None:
    unshared.add(REPO, FIRST)
    unshared.add(REPO, SECOND)
    plan = plan_dedupe(unshared.cache_dir)
    result = apply_dedupe(plan)
    assert json.loads(plan.model_dump_json())["frees_bytes"] == plan.frees_bytes
    assert json.loads(result.model_dump_json())["linked_count"] == 2
    assert "2 copies became hard links" in str(result)


def _blob(layout: CacheLayout, content: bytes) -> Path:
    blob = layout.repo(REPO).blobs / listed("x.safetensors", content).etag
    blob.write_bytes(content)
    return blob

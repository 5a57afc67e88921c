"""docling's artifacts folder, made from a snapshot."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from runbook_lib.cache.artifacts import STAMP_NAME, Placement, is_placed, place_artifacts, read_stamp
from runbook_lib.cache.layout import ListedFile, Listing
from runbook_lib.cache.local_notes import HUGGINGFACE
from runbook_lib.core.model_ref import ModelRef
from tests.unit.cache_layouts import state_on_disk

WEIGHTS = "model.safetensors"
FIRST = {WEIGHTS: b"weights" * 100, "config.json": b"{}", "deep/er/notes.txt": b"notes"}


def sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Cache:
    """A snapshot folder and the listing that goes with it."""

    def __init__(self, root: Path, *, symlinks: bool = False) -> None:
        self.root = root
        self.symlinks = symlinks

    def publish(self, commit: str, files: Mapping[str, bytes]) -> tuple[Listing, Path]:
        snapshot = self.root / "snapshots" / commit
        listed = []
        for name, content in files.items():
            lfs = hashlib.sha256(content).hexdigest() if name.endswith(".safetensors") else None
            listed.append(ListedFile(path=name, size_bytes=len(content), git_sha1=sha1(content), sha256=lfs))
            self._store(snapshot / name, content)
        return Listing(repo_id="org/name", revision="main", commit=commit, files=tuple(listed)), snapshot

    def _store(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self.symlinks:
            path.write_bytes(content)
            return
        blob = self.root / "blobs" / sha1(content)
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(content)
        path.symlink_to(os.path.relpath(blob, path.parent))


@pytest.fixture(
    params=[False, pytest.param(True, marks=pytest.mark.skipif(os.name == "nt", reason="needs a privilege there"))],
    ids=["moved", "symlinks"],
)
def cache(tmp_path: Path, request: pytest.FixtureRequest) -> Cache:
    return Cache(tmp_path / "cache", symlinks=request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "artifacts" / "org--name"


def place(source: tuple[Listing, Path], folder: Path, *, link: bool = True, docling: str = "2.143.0") -> Placement:
    return place_artifacts(*source, folder, docling=docling, link=link)


def content_of(folder: Path) -> dict[str, bytes]:
    ours = {folder / STAMP_NAME, folder / HUGGINGFACE}
    files = (path for path in folder.rglob("*") if path.is_file() and path not in ours)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_weights_are_hard_linked_and_small_files_copied(cache: Cache, folder: Path) -> None:
    listing, snapshot = cache.publish("1" * 40, FIRST)
    assert place((listing, snapshot), folder) == Placement(linked=1, copied=2)
    assert content_of(folder) == FIRST
    assert (folder / WEIGHTS).samefile(snapshot / WEIGHTS)
    assert not (folder / WEIGHTS).is_symlink()
    assert not (folder / "config.json").samefile(snapshot / "config.json")


def test_the_stamp_names_snapshot_and_docling(cache: Cache, folder: Path) -> None:
    place(cache.publish("1" * 40, FIRST), folder)
    stamp = read_stamp(folder)
    assert stamp is not None
    assert (stamp.repo_id, stamp.revision, stamp.commit, stamp.docling) == ("org/name", "main", "1" * 40, "2.143.0")
    assert set(stamp.files) == set(FIRST)


def test_a_folder_counts_as_placed_for_its_own_model_only(cache: Cache, folder: Path) -> None:
    assert not is_placed(folder, ModelRef("org/name"))
    place(cache.publish("1" * 40, FIRST), folder)
    assert is_placed(folder, ModelRef("org/name"))
    assert not is_placed(folder, ModelRef("org/name", "v2"))
    assert not is_placed(folder, ModelRef("org/other"))


@pytest.mark.parametrize("content", [None, b"short"], ids=["removed", "cut short"])
def test_a_folder_that_lost_something_does_not_count_as_placed(
    cache: Cache, folder: Path, content: bytes | None
) -> None:
    place(cache.publish("1" * 40, FIRST), folder)
    (folder / WEIGHTS).unlink()
    if content is not None:
        (folder / WEIGHTS).write_bytes(content)
    assert not is_placed(folder, ModelRef("org/name"))


def test_a_second_call_keeps_everything(cache: Cache, folder: Path) -> None:
    source = cache.publish("1" * 40, FIRST)
    place(source, folder)
    before = state_on_disk(folder)
    assert place(source, folder) == Placement(kept=3)
    assert state_on_disk(folder) == before


def test_another_docling_is_noted_without_touching_files(cache: Cache, folder: Path) -> None:
    source = cache.publish("1" * 40, FIRST)
    place(source, folder)
    assert place(source, folder, docling="3.0") == Placement(kept=3)
    stamp = read_stamp(folder)
    assert stamp is not None
    assert stamp.docling == "3.0"


def test_a_new_revision_replaces_what_changed_and_removes_what_went(cache: Cache, folder: Path) -> None:
    place(cache.publish("1" * 40, FIRST), folder)
    (folder / "my-own-notes.txt").write_bytes(b"mine")
    second = {WEIGHTS: b"other weights", "config.json": b"{}", "tokenizer.json": b"[]"}
    placement = place(cache.publish("2" * 40, second), folder)
    assert placement == Placement(linked=1, copied=1, kept=1, removed=1)
    assert content_of(folder) == second | {"my-own-notes.txt": b"mine"}


def test_replacing_weights_leaves_the_older_snapshot_alone(cache: Cache, folder: Path) -> None:
    _, first = cache.publish("1" * 40, FIRST)
    place(cache.publish("1" * 40 if not cache.symlinks else "3" * 40, FIRST), folder)
    place(cache.publish("2" * 40, {WEIGHTS: b"other weights"}), folder)
    assert (first / WEIGHTS).read_bytes() == FIRST[WEIGHTS]
    assert (folder / WEIGHTS).read_bytes() == b"other weights"


def test_an_edited_config_is_put_right_and_the_cache_was_never_edited(cache: Cache, folder: Path) -> None:
    source = cache.publish("1" * 40, FIRST)
    place(source, folder)
    (folder / "config.json").write_bytes(b"edited by hand")
    assert (source[1] / "config.json").read_bytes() == FIRST["config.json"]
    assert place(source, folder) == Placement(copied=1, kept=2)
    assert content_of(folder) == FIRST


def test_a_damaged_copy_of_the_weights_is_replaced(cache: Cache, folder: Path) -> None:
    source = cache.publish("1" * 40, FIRST)
    place(source, folder, link=False)
    (folder / WEIGHTS).write_bytes(b"damaged")
    assert place(source, folder) == Placement(linked=1, kept=2)
    assert (folder / WEIGHTS).samefile(source[1] / WEIGHTS)


def test_without_leave_to_link_everything_is_copied(cache: Cache, folder: Path) -> None:
    source = cache.publish("1" * 40, FIRST)
    assert place(source, folder, link=False) == Placement(copied=3)
    assert not (folder / WEIGHTS).samefile(source[1] / WEIGHTS)
    assert place(source, folder, link=False) == Placement(kept=3)


def test_where_no_hard_link_can_be_made_everything_is_copied(
    cache: Cache, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    assert place(cache.publish("1" * 40, FIRST), folder) == Placement(copied=3)
    assert content_of(folder) == FIRST


def test_a_full_disk_midway_leaves_no_half_file_and_the_next_call_goes_on(
    cache: Cache, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = cache.publish("1" * 40, FIRST)
    with monkeypatch.context() as patch:

        def half(source: Path, target: Path) -> None:
            target.write_bytes(b"hal")
            raise OSError(28, "No space left on device")

        patch.setattr("shutil.copyfile", half)
        with pytest.raises(OSError, match="No space left"):
            place(source, folder)
    assert content_of(folder) == {WEIGHTS: FIRST[WEIGHTS]}
    assert place(source, folder) == Placement(copied=2, kept=1)
    assert content_of(folder) == FIRST


@pytest.mark.parametrize("stamp", [b"", b"{", b'{"schema_version": 2}', b"\xff\xfe"])
def test_a_stamp_that_cannot_be_read_counts_as_none(cache: Cache, folder: Path, stamp: bytes) -> None:
    source = cache.publish("1" * 40, FIRST)
    place(source, folder)
    (folder / STAMP_NAME).write_bytes(stamp)
    assert read_stamp(folder) is None
    assert place(source, folder) == Placement(copied=2, kept=1)
    assert content_of(folder) == FIRST


def test_a_folder_without_stamp_has_none(tmp_path: Path) -> None:
    assert read_stamp(tmp_path) is None


def test_a_placement_reads_as_words() -> None:
    assert str(Placement(linked=1, copied=2, kept=3, removed=4)) == "1 hard links, 2 copies, 3 kept, 4 removed"

"""docling's artifacts folder, made from a snapshot."""

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from runbook_lib.cache.artifacts import (
    STAMP_NAME,
    Placement,
    is_placed,
    place_artifacts,
    placing_leftovers,
    read_stamp,
    written_since,
)
from runbook_lib.cache.layout import ListedFile, Listing
from runbook_lib.cache.local_notes import HUGGINGFACE, is_closed, notes_in
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import DiskError
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


# ------------------------------------------------------------------------------------------- other programs beside us


def fill_as_hub(folder: Path, files: Mapping[str, bytes], commit: str) -> None:
    """Fill the folder as `hf download --local-dir` does, notes included."""
    for name, content in files.items():
        note = folder / HUGGINGFACE / "download" / f"{name}.metadata"
        for path in (folder / name, note):
            path.parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        etag = hashlib.sha256(content).hexdigest() if name.endswith(".safetensors") else sha1(content)
        note.write_text(f"{commit}\n{etag}\n{time.time() + 60}\n", encoding="utf-8")


def test_a_folder_of_links_is_closed_and_one_of_copies_opened_again(cache: Cache, folder: Path) -> None:
    source = cache.publish("1" * 40, FIRST)
    place(source, folder)
    assert is_closed(folder)
    assert "runbook run -p links copy" in (folder / HUGGINGFACE).read_text(encoding="utf-8")
    assert place(source, folder, link=False) == Placement(copied=1, kept=2)
    assert not (folder / HUGGINGFACE).parent.exists()
    assert not (folder / WEIGHTS).samefile(source[1] / WEIGHTS)


def test_no_hard_link_goes_to_a_folder_that_hub_downloads_to(cache: Cache, folder: Path) -> None:
    fill_as_hub(folder, FIRST, "1" * 40)
    listing, snapshot = cache.publish("1" * 40, FIRST)
    place((listing, snapshot), folder)
    assert not (folder / WEIGHTS).samefile(snapshot / WEIGHTS)
    assert {note.commit for note in notes_in(folder)} == {listing.commit}, "what is true stays"


def test_a_note_that_is_not_true_of_the_placed_file_goes_before_the_file(cache: Cache, folder: Path) -> None:
    newer = FIRST | {WEIGHTS: b"newer weights"}
    fill_as_hub(folder, newer, "2" * 40)
    place(cache.publish("1" * 40, FIRST), folder)
    assert list(notes_in(folder)) == []
    assert content_of(folder).items() >= FIRST.items()


def test_weights_written_through_are_not_placed_and_the_event_is_said(cache: Cache, folder: Path) -> None:
    source = cache.publish("1" * 40, FIRST)
    place(source, folder)
    (folder / WEIGHTS).chmod(0o644)
    (folder / WEIGHTS).write_bytes(FIRST[WEIGHTS][::-1])
    assert written_since(folder) == (WEIGHTS,)
    assert not is_placed(folder, ModelRef("org/name"))
    with pytest.raises(DiskError, match="a program has written to it since it was placed"):
        place(source, folder)


def test_a_folder_copied_without_its_times_is_as_good(cache: Cache, folder: Path) -> None:
    place(cache.publish("1" * 40, FIRST), folder)
    os.utime(folder / WEIGHTS, (0, 0))
    assert is_placed(folder, ModelRef("org/name"))


@pytest.mark.parametrize("name", [".abcdef.rbcopy", ".0123abcd.tmp", "deep/er/.fedcba.rbcopy"])
def test_what_a_killed_placing_left_is_removed_by_the_next(cache: Cache, folder: Path, name: str) -> None:
    source = cache.publish("1" * 40, FIRST)
    place(source, folder)
    (folder / name).write_bytes(b"half")
    assert placing_leftovers(folder) == (folder / name,)
    place(source, folder)
    assert placing_leftovers(folder) == ()


@pytest.mark.parametrize("field", ["mtime_ns", "docling", "listing_sha256", "revision"])
def test_a_stamp_that_was_changed_anywhere_counts_as_none(cache: Cache, folder: Path, field: str) -> None:
    place(cache.publish("1" * 40, FIRST), folder)
    text = (folder / STAMP_NAME).read_text(encoding="utf-8")
    place_of_field = text.index(f'"{field}": ') + len(f'"{field}": ') + 1
    damaged = text[:place_of_field] + chr(ord(text[place_of_field]) ^ 1) + text[place_of_field + 1 :]
    (folder / STAMP_NAME).write_text(damaged, encoding="utf-8")
    assert read_stamp(folder) is None

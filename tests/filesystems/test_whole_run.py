"""Download, verify, dedupe, repair, kill and rerun on real file systems, containers' layers among them."""

from collections.abc import Iterator

from tests.filesystems.conftest import Seen
from tests.filesystems.mounting import FileSystem
from tests.filesystems.whole_run import FILE_BYTES

CHANGED_BYTES = FILE_BYTES
SHARED_BYTES = 3 * FILE_BYTES
OVERHEAD_BYTES = 500_000
"""Listings, refs, stamps, folders, tables of inodes, and what each file system rounds up."""
COPY_UP_WHAT_THEY_REPLACE = ("overlay, index=on", "fuse-overlayfs")
"""Removing one of the names that a lower file has copies it up whole under the others."""


def revisions(seen: Seen, *, links: bool = True) -> Iterator[tuple[str, Seen]]:
    """Yield the modes and what the second revision did in them."""
    return ((mode, did) for mode, did in seen["second revision"].items() if (mode != "copy") is links)


def test_every_stage_ends_well(seen: Seen) -> None:
    for did in seen["second revision"].values():
        assert (did["failed"], did["verify"]) == ([], [])
    for step in ("dedupe of the image", "dedupe", "kill and rerun"):
        assert seen[step]["verify"] == []


def test_a_second_revision_fetches_only_what_changed_wherever_there_are_links(seen: Seen) -> None:
    assert {mode: did["fetched"] for mode, did in revisions(seen)} == {
        mode: CHANGED_BYTES for mode, _did in revisions(seen)
    }
    for mode, did in revisions(seen):
        assert did["linked"] == (SHARED_BYTES if mode == "hardlink" else 0)


def test_a_run_that_has_nothing_to_do_fetches_and_stores_nothing(seen: Seen) -> None:
    for did in seen["second revision"].values():
        assert did["again"]["fetched"] == 0
        assert did["again"]["grew_bytes"] < OVERHEAD_BYTES


def test_what_linking_copies_up_in_a_container_is_said(seen: Seen, filesystem: FileSystem) -> None:
    """The upper layer grows by no more than was fetched and what the record names."""
    for _mode, did in revisions(seen):
        replaced = 2 * CHANGED_BYTES if filesystem.name in COPY_UP_WHAT_THEY_REPLACE else 0
        told = did["fetched"] + did["copied up"] + replaced
        assert did["grew_bytes"] < told + OVERHEAD_BYTES
        assert did["grew_bytes"] > told - replaced - OVERHEAD_BYTES
        assert filesystem.layered or did["copied up"] == 0


def test_what_placing_weights_of_an_image_takes_is_planned_and_said(seen: Seen) -> None:
    did = seen["placing"]
    assert (did["fetched"], did["verify"]) == (0, [])
    assert did["grew_bytes"] < did["planned"] + OVERHEAD_BYTES
    copies = 4 * FILE_BYTES if "copy" in seen["second revision"] else 0
    assert abs(did["grew_bytes"] - did["copied up"] - copies) < OVERHEAD_BYTES


def test_dedupe_frees_what_it_promised_and_finds_nothing_afterwards(seen: Seen) -> None:
    did = seen["dedupe"]
    assert did["planned"] == did["linked"]
    assert did["promised"] == did["freed"]
    assert abs(did["freed"] + did["grew_bytes"]) < OVERHEAD_BYTES
    assert (did["skipped"], did["left"]) == ([], 0)
    assert did["freed"] > SHARED_BYTES or did["kept back"], "either it frees, or it says why not"


def test_dedupe_leaves_an_image_alone_where_it_would_only_grow_the_container(
    seen: Seen, filesystem: FileSystem
) -> None:
    did = seen["dedupe of the image"]
    assert did["grew_bytes"] < OVERHEAD_BYTES
    if filesystem.layered:
        assert (did["planned"], did["promised"], did["skipped"]) == (0, 0, [])
        (reason,) = did["kept back"]
        assert "layer" in reason


def test_a_changed_byte_is_found_and_repaired_by_no_more_than_its_file(seen: Seen) -> None:
    for did in seen["repair"].values():
        assert did["found"]
        assert (did["status"], did["verify"]) == ("ok", [])
        assert did["fetched"] <= FILE_BYTES


def test_a_download_that_was_killed_is_completed_by_the_next(seen: Seen) -> None:
    assert seen["kill and rerun"]["killed at"] > 0, "it was killed in the transfer"
    assert seen["kill and rerun"]["failed"] == []

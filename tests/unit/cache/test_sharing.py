"""Sharing a content: reflinks where a volume has them, else read-only hard links, else copies."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.cache.disk_usage import DiskUsage
from runbook_lib.cache.reflinks import clone, shared_blocks
from runbook_lib.cache.sharing import Sharing, exchange, refuse_writing, share, shares_without_links

CONTENT = os.urandom(2_000_000)
posix = pytest.mark.skipif(os.name == "nt", reason="file modes")


@pytest.fixture(params=["btrfs", "xfs"])
def cloning_volume(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A volume that has reflinks."""
    if os.name == "nt":
        pytest.skip("loop images are Linux's")
    image, point = tmp_path / "image", tmp_path / "volume"
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(400_000_000)
    script = f"mkfs.{request.param} -q {image} && mount -o loop {image} {point}"
    made = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"a {request.param} volume cannot be mounted here: {made.stderr.strip()}")
    yield point
    subprocess.run(["umount", "--lazy", str(point)], check=True)


def written(path: Path) -> Path:
    path.write_bytes(CONTENT)
    return path


def test_a_reflink_takes_no_room_and_a_write_to_it_stays_with_it(cloning_volume: Path) -> None:
    source, twin = written(cloning_volume / "source"), cloning_volume / "twin"
    assert share(source, twin) is Sharing.CLONED
    assert shared_blocks(source) == shared_blocks(twin) != ()
    allocated = DiskUsage().add_tree(cloning_volume).allocated_bytes
    assert len(CONTENT) <= allocated < 2 * len(CONTENT)
    with twin.open("r+b") as file:
        file.write(b"edited")
    assert source.read_bytes() == CONTENT
    assert shared_blocks(source) != shared_blocks(twin)
    assert shares_without_links(cloning_volume)


def test_a_clone_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    source = written(tmp_path / "source")
    with pytest.raises(OSError, match=r".+"):
        clone(source, tmp_path / "no-such-folder" / "twin")
    if not shares_without_links(tmp_path):
        with pytest.raises(OSError, match=r".+"):
            clone(source, tmp_path / "twin")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@posix
def test_a_hard_link_can_be_read_only_and_removed_as_ever(tmp_path: Path) -> None:
    source, twin = written(tmp_path / "source"), tmp_path / "twin"
    assert share(source, twin, clones=False) is Sharing.LINKED
    assert twin.samefile(source)
    assert source.stat().st_mode & 0o777 == 0o644 & ~0o222
    twin.unlink()
    source.unlink()


@posix
def test_on_windows_the_read_only_attribute_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = written(tmp_path / "source")
    before = source.stat().st_mode
    monkeypatch.setattr("runbook_lib.cache.sharing.os.name", "nt")
    refuse_writing(source)
    assert source.stat().st_mode == before


def test_what_may_only_be_shared_is_not_copied(tmp_path: Path) -> None:
    source, target = written(tmp_path / "source"), tmp_path / "target"
    target.write_bytes(b"older")
    with pytest.raises(OSError, match="neither reflinks nor hard links"):
        exchange(source, target, clones=False, hard_links=False, copies=False)
    assert target.read_bytes() == b"older"
    assert exchange(source, target, clones=False, hard_links=False) is Sharing.COPIED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]

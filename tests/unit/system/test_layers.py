"""The layers of a container's file system; the real ones are mounted in tests/filesystems."""

import os
import sys
from pathlib import Path

import pytest

from runbook_lib.system import layers as module
from runbook_lib.system.layers import CopyUps, Layer, Layers
from runbook_lib.system.mounts import Mount


def mounted(monkeypatch: pytest.MonkeyPatch, folder: Path, type_: str) -> Layers:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(module, "read_mounts", lambda: (Mount("none", str(folder.resolve()), type_),))
    return Layers(folder)


def test_a_plain_file_system_has_no_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = mounted(monkeypatch, tmp_path, "ext4")
    assert not layers.exist
    assert layers.is_own(tmp_path / "whatever")


@pytest.mark.parametrize("type_", ["fuse.fuse-overlayfs", "aufs"])
def test_a_file_system_of_layers_that_tells_nothing_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type_: str
) -> None:
    layers = mounted(monkeypatch, tmp_path, type_)
    assert layers.exist
    assert layers.of(tmp_path) is Layer.UNTOLD


@pytest.mark.skipif(os.name == "nt", reason="overlayfs is Linux's")
def test_a_handle_that_is_not_overlayfs_s_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older Linux, a container that forbids the call, or a volume mounted over the overlay."""
    assert mounted(monkeypatch, tmp_path, "overlay").of(tmp_path) is Layer.UNTOLD


@pytest.mark.parametrize(("taken_bytes", "counted"), [(0, 0), (400, 0), (900, 1000), (1100, 1000)])
def test_a_copy_up_is_counted_where_the_free_space_shrinks_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_bytes: int, counted: int
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(1000))
    free = iter([50_000, 50_000 - taken_bytes])
    monkeypatch.setattr(module, "free_bytes", lambda _path: next(free))
    copy_ups = CopyUps(mounted(monkeypatch, tmp_path, "fuse.fuse-overlayfs"))
    with copy_ups.counted(path):
        pass
    assert copy_ups.size_bytes == counted

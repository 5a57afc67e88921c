"""Which links a run uses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.cache.link_mode import LinkMode, choose_links
from runbook_lib.errors import SettingsError
from runbook_lib.system.filesystem import FolderFacts, LinkProbe, examine_folder

MakeFolder = Callable[..., FolderFacts]


@pytest.mark.parametrize(
    ("requested", "symlinks", "hard_links", "chosen"),
    [
        ("auto", True, True, LinkMode.SYMLINK),
        ("auto", True, False, LinkMode.SYMLINK),
        ("auto", False, True, LinkMode.HARDLINK),
        ("auto", False, False, LinkMode.COPY),
        ("symlink", True, True, LinkMode.SYMLINK),
        ("symlink", False, True, None),
        ("hardlink", True, True, LinkMode.HARDLINK),
        ("hardlink", False, True, LinkMode.HARDLINK),
        ("hardlink", True, False, None),
        ("copy", True, True, LinkMode.COPY),
        ("copy", False, False, LinkMode.COPY),
    ],
)
def test_the_links_of_a_run(
    folder: MakeFolder, requested: str, symlinks: bool, hard_links: bool, chosen: LinkMode | None
) -> None:
    cache = folder(
        symlink=LinkProbe(works=symlinks, evidence="symlink seen"),
        hardlink=LinkProbe(works=hard_links, evidence="hard link seen"),
    )
    if chosen is not None:
        choice = choose_links(requested, cache)
        assert choice.mode is chosen
        assert choice.reason
        return
    with pytest.raises(SettingsError) as caught:
        choose_links(requested, cache)
    assert caught.value.why == ("symlink seen" if requested == "symlink" else "hard link seen")
    assert "auto" in caught.value.remedy


def test_the_reason_of_auto_is_what_was_tried(folder: MakeFolder, refused_link: LinkProbe) -> None:
    assert "WinError 1314" in choose_links("auto", folder(symlink=refused_link)).reason


def test_the_very_folder_is_probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_link: Path, _target: str) -> None:
        raise OSError(22, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert choose_links("auto", examine_folder("cache", tmp_path / "hub")).mode is LinkMode.HARDLINK

"""How files share content: which kind of link a run uses, and why."""

from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.errors import SettingsError
from runbook_lib.system.filesystem import FolderFacts


class LinkMode(StrEnum):
    """How a file stands in more than one place."""

    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    COPY = "copy"


@dataclass(frozen=True)
class LinkChoice:
    """The mode of a run and the reason for it."""

    mode: LinkMode
    reason: str


def choose_links(requested: str, cache: FolderFacts) -> LinkChoice:
    """Choose by what the very cache folder can do; `SettingsError` when the mode asked for does not work there."""
    works = {
        LinkMode.SYMLINK: cache.symlink.works,
        LinkMode.HARDLINK: cache.hardlink.works,
        LinkMode.COPY: True,
    }
    if requested == "auto":
        mode = next(mode for mode in LinkMode if works[mode])
        return LinkChoice(mode, f"symlinks {cache.symlink.evidence}; hard links {cache.hardlink.evidence}")
    mode = LinkMode(requested)
    if not works[mode]:
        probe = cache.symlink if mode is LinkMode.SYMLINK else cache.hardlink
        raise SettingsError(
            f"links = {requested!r} does not work in {cache.path}.",
            why=probe.evidence,
            remedy="Run again with -p links auto, which takes the best kind that works there.",
        )
    return LinkChoice(mode, "asked for by the parameter links, and it works")

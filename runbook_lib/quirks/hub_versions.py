"""What each version of huggingface_hub does about missing symlinks: the facts of quirk-001, measured."""

from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.version import Version

VARIABLE_WORKS_SINCE: Final = Version("1.9.0")
"""Below, `HF_HUB_DISABLE_SYMLINKS` is silently ignored (pull request 4032)."""
FRESH_ATTEMPTS_SINCE: Final = Version("1.18.0")
"""From here on no download goes on with the incomplete file of an earlier one (quirk incomplete-no-resume)."""
LISTS_PINNED_COMMITS_ONLINE: Final = SpecifierSet(">=1.26,<2.2", prereleases=True)
"""These ask the network for the listing even of a commit that is pinned and whole (pull request 4604, measured)."""
RACE_FIXED_IN: Final = Version("1.33.0")
"""Below, the probe's answer is published before the probe ends (issue 4915): a third of fresh downloads fail."""


def has_race(version: Version | None) -> bool:
    """Whether concurrent downloads can die of WinError 1314; an unknown version is taken to be affected."""
    return version is None or version < RACE_FIXED_IN


def obeys_variable(version: Version | None) -> bool:
    """Whether `HF_HUB_DISABLE_SYMLINKS` does anything."""
    return version is not None and version >= VARIABLE_WORKS_SINCE


def lists_pinned_commits_online(version: Version | None) -> bool:
    """Whether a pinned commit whose listing is missing cannot be used offline; unknown versions are taken to."""
    return version is None or version in LISTS_PINNED_COMMITS_ONLINE


def resumes_downloads(version: Version | None) -> bool:
    """Whether a download goes on with the incomplete file that an earlier one left."""
    return version is not None and version < FRESH_ATTEMPTS_SINCE


def remedy_for(version: Version | None) -> str:
    """Return what keeps the symlink race away with this version, in one sentence."""
    if not has_race(version):
        return f"nothing is needed: fixed in huggingface_hub {RACE_FIXED_IN}"
    if obeys_variable(version):
        return "HF_HUB_DISABLE_SYMLINKS=1, set before huggingface_hub is imported"
    return f"settle the probe on one thread before downloading, as stage download does; or upgrade to {RACE_FIXED_IN}"

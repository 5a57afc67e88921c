"""Which known failures a set of installed versions is exposed to; pure."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.quirks.model import Platform, Quirk

Versions = Mapping[str, str]
"""Canonical name of a distribution to its version."""
_PLATFORMS: Final = {"windows": Platform.WINDOWS, "linux": Platform.LINUX, "darwin": Platform.MACOS}


@cache
def bounded_quirks() -> tuple[Quirk, ...]:
    """Return the quirks that some versions of a package have and others have not: of others no version tells."""
    return tuple(quirk for quirk in load_catalogue() if any(affected.versions for affected in quirk.packages))


@cache
def watched_packages() -> frozenset[str]:
    """Return the canonical names of the packages on which exposure depends."""
    return frozenset(canonicalize_name(one.package) for quirk in bounded_quirks() for one in quirk.packages)


def exposed_to(platform: str, installed: Versions) -> tuple[tuple[Quirk, str], ...]:
    """Return the quirks that can occur with these versions, each with the versions that make it so, in words.

    A quirk can occur when every package it names that is installed has an affected version, and one that bounds it is
    installed. `platform` is `Windows`, `Linux` or `Darwin` as Python names it; an unknown one counts as any.
    """
    found = ((quirk, _because(quirk, installed)) for quirk in bounded_quirks() if _is_on(quirk, platform))
    return tuple((quirk, because) for quirk, because in found if because)


def _is_on(quirk: Quirk, platform: str) -> bool:
    known = _PLATFORMS.get(platform.lower())
    return known is None or known in quirk.platforms


def _because(quirk: Quirk, installed: Versions) -> str:
    words = []
    for affected in quirk.packages:
        version = installed.get(canonicalize_name(affected.package))
        if version is None:
            continue
        if not _contains(affected.versions, version):
            return ""
        if affected.versions:
            words.append(f"{affected.package} {version}")
    return ", ".join(words)


@cache
def _contains(versions: str, version: str) -> bool:
    """Whether a range holds a version; one that cannot be read is in no range but the one without bounds."""
    if not versions:
        return True
    try:
        return SpecifierSet(versions).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False

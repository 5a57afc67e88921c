"""Which remedy fits the versions at hand, and whether the quirk can occur with them at all."""

import sys
from collections.abc import Iterable, Mapping
from importlib import metadata

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from runbook_lib.quirks.model import Platform, Quirk, Remedy

Installed = Mapping[str, str]


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed beside this interpreter, from their metadata."""
    found: dict[str, str] = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def this_platform() -> str:
    """Return the platform this interpreter runs on, in the catalogue's words."""
    if sys.platform == "win32":
        return Platform.WINDOWS
    return Platform.MACOS if sys.platform == "darwin" else Platform.LINUX


def remedy_for(quirk: Quirk, installed: Installed, platform: str | None = None) -> str:
    """Return the first remedy that fits the installed versions and the platform.

    Where the version that decides is not known, every remedy that may fit is given, with its condition.

    Args:
        quirk: An entry of the catalogue.
        installed: Package names and versions.
        platform: `windows`, `linux` or `macos`; without it the only platform of the quirk, or else this one.
    """
    where = platform or (quirk.platforms[0] if len(quirk.platforms) == 1 else this_platform())
    candidates = [remedy for remedy in quirk.remedies if not remedy.platforms or where in remedy.platforms]
    versions = _by_name(installed)
    maybe: list[str] = []
    for remedy in candidates or quirk.remedies:
        fits = _fits(remedy, versions)
        if fits and not maybe:
            return remedy.text
        if fits is not False:
            maybe.append(f"{condition(remedy)}: {remedy.text}" if remedy.package else f"Else: {remedy.text}")
        if fits:
            break
    return " ".join(maybe) or quirk.remedies[0].text


def condition(remedy: Remedy) -> str:
    """Return when a remedy applies, in words; empty if always."""
    versions = f"With {remedy.package} {remedy.versions.replace(',', ', ')}" if remedy.package else ""
    where = f"on {', '.join(remedy.platforms)}" if remedy.platforms else ""
    return " ".join(part for part in (versions, where if versions else where.capitalize()) if part)


def affected_by(quirk: Quirk, installed: Installed) -> bool | None:
    """Say whether the quirk can occur with these versions; None if that cannot be known from them."""
    versions = _by_name(installed)
    answers = [
        affected.contains(versions[name])
        for affected in quirk.packages
        if (name := canonicalize_name(affected.package)) in versions and affected.versions
    ]
    return all(answers) if answers else None


def versions_sentence(quirk: Quirk, installed: Installed) -> str:
    """Return what the installed versions say about the quirk; empty if they say nothing."""
    affected = affected_by(quirk, installed)
    if affected is None:
        return ""
    versions = _by_name(installed)
    named = ", ".join(
        f"{entry.package} {versions[canonicalize_name(entry.package)]} (affected: {entry.versions})"
        for entry in quirk.packages
        if canonicalize_name(entry.package) in versions and entry.versions
    )
    verdict = "can occur" if affected else "should not occur; the log may come from another environment"
    return f"With the installed {named} it {verdict}."


def _by_name(installed: Installed) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in installed.items() if _is_version(version)}


def _is_version(version: str) -> bool:
    try:
        Version(version)
    except InvalidVersion:
        return False
    return True


def _fits(remedy: Remedy, versions: Mapping[str, str]) -> bool | None:
    if not remedy.package:
        return True
    version = versions.get(canonicalize_name(remedy.package))
    if version is None:
        return None
    return SpecifierSet(remedy.versions).contains(version, prereleases=True)

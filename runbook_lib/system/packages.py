"""What an interpreter has installed, read from metadata on disk; nothing is imported and nothing of it runs."""

import re
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_REQUIRED_NAME = re.compile(r"[A-Za-z0-9._-]+")
DOCLING = "docling"
DOCLING_DISTRIBUTIONS = ("docling-slim", "docling")
"""Either brings the package `docling`; since 2.8x the distribution `docling` only requires docling-slim, and services
install docling-slim alone. So what counts is the package, and either distribution tells its version."""
_METADATA_VERSION = re.compile(r"^Version:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_METADATA_REQUIRES = re.compile(r"^Requires-Dist:[ \t]*(.+)", re.MULTILINE | re.IGNORECASE)
_VERSION_LINE = re.compile(r"^__version__\s*(?::[^=]+)?=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


@dataclass(frozen=True)
class SitePackages:
    """The packages of one interpreter."""

    executable: str
    python: str
    """Its version."""
    prefix: Path
    folders: tuple[str, ...]
    """Where it looks for packages, in its order."""
    _found: dict[str, metadata.Distribution | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By name, as several checks ask for the same."""

    def version_text(self, name: str) -> str | None:
        """Return the version of a distribution as its metadata writes it; None when it is not installed."""
        distribution = self._distribution(name)
        return _stated_version(distribution) if distribution is not None else None

    def version(self, name: str) -> Version | None:
        """Return the version of a distribution; None when it is not installed or has no readable version."""
        return as_version(self.version_text(name))

    def requirements(self, name: str, on: str) -> Iterator[Requirement]:
        """Yield what a distribution requires of another one; what cannot be read is passed over."""
        distribution = self._distribution(name)
        for line in _stated_requirements(distribution) if distribution is not None else ():
            named = _REQUIRED_NAME.match(line)  # parsing all of a long list takes a tenth of a second
            if named and canonicalize_name(named[0]) == canonicalize_name(on):
                with suppress(InvalidRequirement):
                    yield Requirement(line)

    def module(self, name: str) -> Path | None:
        """Return the folder of an importable package; None when there is none."""
        return next((path for folder in self.folders if (path := Path(folder, name)).is_dir()), None)

    def module_version(self, name: str) -> Version | None:
        """Return the version a package's `version.py` states, with the local tag that metadata leaves out (torch)."""
        folder = self.module(name)
        if folder is None:
            return None
        try:
            text = (folder / "version.py").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        found = _VERSION_LINE.search(text)
        return as_version(found.group(1)) if found else None

    def _distribution(self, name: str) -> metadata.Distribution | None:
        if name != DOCLING:
            return self._named(name)
        found = next(filter(None, map(self._named, DOCLING_DISTRIBUTIONS)), None)
        return found if found is not None and (self._holds_docling() or _is_editable(found)) else None

    def _named(self, name: str) -> metadata.Distribution | None:
        if name not in self._found:
            self._found[name] = next(iter(metadata.distributions(name=name, path=list(self.folders))), None)
        return self._found[name]

    def _holds_docling(self) -> bool:
        return any(Path(folder, DOCLING, "document_converter.py").is_file() for folder in self.folders)


def _head(distribution: metadata.Distribution) -> str:
    """Read the fields alone: `Distribution.version` and `requires` parse it all as an e-mail, readme included."""
    return (distribution.read_text("METADATA") or "").partition("\n\n")[0]


def _stated_version(distribution: metadata.Distribution) -> str | None:
    stated = _METADATA_VERSION.search(_head(distribution))
    if stated:
        return stated[1]
    try:
        return distribution.version
    except FileNotFoundError:  # of what a removal has left, where importlib_metadata took the place of the standard one
        return None


def _stated_requirements(distribution: metadata.Distribution) -> Sequence[str]:
    head = _head(distribution)
    if head:
        return _METADATA_REQUIRES.findall(head)
    try:
        return distribution.requires or ()
    except FileNotFoundError:
        return ()


def _is_editable(distribution: metadata.Distribution) -> bool:
    """Whether the package stands somewhere else (PEP 610), where this module does not look for it."""
    return '"editable": true' in (distribution.read_text("direct_url.json") or "")


def as_version(text: str | None) -> Version | None:
    """Return the version; None for nothing or for what is no version."""
    try:
        return Version(text or "")
    except InvalidVersion:
        return None


def own_packages() -> SitePackages:
    """Return the packages of this interpreter."""
    return SitePackages(
        executable=sys.executable,
        python=sysconfig.get_python_version(),
        prefix=Path(sys.prefix),
        folders=tuple(folder for folder in sys.path if folder),
    )

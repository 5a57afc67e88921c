"""Requirements as files state them, one package with the versions it may have; specifiers are packaging's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from runbook_lib.audit.parsers.commands import Command

_LINE_COMMENT = re.compile(r"(^|\s)#.*$")
_PIP_OPTION = re.compile(r"\s--?[a-zA-Z].*$")
_INSTALL = re.compile(r"\b(?:pip3?|uv)\s+(?:pip\s+)?(?:install|add)\s+([^;&|]{1,2000})")
_CONSTRAINED = re.compile(r"(^|\s)(-c|--constraint)[\s=]")
_WORD = re.compile(r"\"[^\"]*\"|'[^']*'|\S+")
_TAKES_VALUE = {"-r", "--requirement", "-i", "--index-url", "--extra-index-url", "-f", "--find-links"}
_NO_RELEASE_IS_AS_NEW = SpecifierSet(">=100000")


@dataclass(frozen=True)
class Dependency:
    """A package with the versions it may have."""

    name: str
    specifier: SpecifierSet
    line: int
    scope: tuple[int, int]

    @property
    def is_bounded(self) -> bool:
        """Whether there is a newest version it may have."""
        return self._comparable.is_disjoint(_NO_RELEASE_IS_AS_NEW)

    def is_before(self, version: str) -> bool:
        """Whether every allowed version is older than `version`."""
        return self._comparable.is_disjoint(SpecifierSet(f">={version}"))

    def is_from(self, version: str) -> bool:
        """Whether no allowed version is older than `version`."""
        return self._comparable.is_subset(SpecifierSet(f">={version}"))

    @property
    def pinned(self) -> Version | None:
        """The one version that is allowed, without its local part."""
        for one in self._comparable:
            if one.operator == "==" and not one.version.endswith(".*"):
                return Version(Version(one.version).public)
        return None

    @cached_property
    def _comparable(self) -> SpecifierSet:
        """The specifier with `===` as `==`: packaging 26.3 compares no sets that hold it."""
        try:
            return SpecifierSet(",".join(str(one).replace("===", "==") for one in self.specifier))
        except InvalidSpecifier:
            return SpecifierSet()


def parse_requirements(text: str) -> Iterator[Dependency]:
    """Yield the packages of a requirements or constraints file; options and URLs are passed over."""
    for number, line in enumerate(text.split("\n"), start=1):
        stated = _PIP_OPTION.sub("", _LINE_COMMENT.sub("", line)).rstrip("\\ ").strip()
        if stated and not stated.startswith("-"):
            yield from stated_dependency(stated, number, (number, number))


def installed_by(command: Command) -> Iterator[Dependency]:
    """Yield what a `pip install`, `uv pip install` or `uv add` names; nothing where a constraints file rules."""
    for install in _INSTALL.finditer(command.text):
        if _CONSTRAINED.search(install[1]):
            continue
        skip = False
        for word in _WORD.finditer(install[1]):
            text = word[0].strip("\"'")
            if not skip and not text.startswith("-"):
                line, _ = command.locate(install.start(1) + word.start())
                yield from stated_dependency(text, line, command.scope)
            skip = text in _TAKES_VALUE


def stated_dependency(stated: str, line: int, scope: tuple[int, int]) -> Iterator[Dependency]:
    """Yield a requirement of PEP 508 with its place; nothing for a URL or for what is none."""
    try:
        requirement = Requirement(stated)
    except InvalidRequirement:
        return
    if requirement.url is None:
        yield Dependency(canonicalize_name(requirement.name), requirement.specifier, line, scope)

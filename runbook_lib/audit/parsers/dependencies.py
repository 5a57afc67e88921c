"""Requirements that files state: requirements and constraints, pyproject, lock files, `pip install` lines."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from runbook_lib.audit.parsers.commands import Command

_LINE_COMMENT = re.compile(r"(^|\s)#.*$")
_PIP_OPTION = re.compile(r"\s--?[a-zA-Z].*$")
_INSTALL = re.compile(r"\b(?:pip3?|uv)\s+(?:pip\s+)?(?:install|add)\s+([^;&|]{1,2000})")
_CONSTRAINED = re.compile(r"(^|\s)(-c|--constraint)[\s=]")
_CONDA_ITEM = re.compile(r"\s*-\s+[\"']?([A-Za-z][\w.-]*(?:\[[\w,]+\])?\s*[^\s\"'#:]*)[\"']?\s*(?:#|$)")
_CONDA_EQUALS = re.compile(r"(?<![=<>!~])=([\d.]*\d)(?:\.\*|\*)?(?==|$).*")
_WORD = re.compile(r"\"[^\"]*\"|'[^']*'|\S+")
_LOWER_BOUNDS = {">=", ">", "==", "===", "~="}
_TAKES_VALUE = {"-r", "--requirement", "-i", "--index-url", "--extra-index-url", "-f", "--find-links"}


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
        return any(_upper(one.operator, one.version) for one in self.specifier)

    def is_before(self, version: str) -> bool:
        """Whether every allowed version is older than `version`."""
        limit = Version(version)
        for one in self.specifier:
            bound = _upper(one.operator, one.version)
            if bound and (bound.version < limit or (bound.version == limit and not bound.included)):
                return True
        return False

    def is_from(self, version: str) -> bool:
        """Whether no allowed version is older than `version`."""
        bounds = [_version(one.version) for one in self.specifier if one.operator in _LOWER_BOUNDS]
        return any(bound and bound >= Version(version) for bound in bounds)


@dataclass(frozen=True)
class _Bound:
    version: Version
    included: bool


def parse_requirements(text: str) -> Iterator[Dependency]:
    """Yield the packages of a requirements or constraints file; options and URLs are passed over."""
    for number, line in enumerate(text.split("\n"), start=1):
        stated = _PIP_OPTION.sub("", _LINE_COMMENT.sub("", line)).rstrip("\\ ").strip()
        if stated and not stated.startswith("-"):
            yield from _dependency(stated, number, (number, number))


def parse_conda(text: str) -> Iterator[Dependency]:
    """Yield the packages of a conda environment file, those of its pip section included."""
    for number, line in enumerate(text.split("\n"), start=1):
        item = _CONDA_ITEM.match(line)
        if item:
            stated = _CONDA_EQUALS.sub(r"==\1.*", item[1])
            yield from _dependency(stated, number, (number, number))


def parse_toml(path: str, text: str) -> Iterator[Dependency]:
    """Yield what a pyproject.toml asks for or a uv.lock, poetry.lock or pdm.lock has settled on."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    if path.endswith(".lock"):
        for package in _list(table.get("package")):
            if isinstance(package, dict) and isinstance(package.get("version"), str):
                yield from _dependency(f"{package.get('name')}=={package['version']}", 1, (1, 1))
        return
    for stated in _pyproject_requirements(table):
        number = _line_of(text, stated)
        yield from _dependency(stated, number, (number, number))


def parse_pipfile_lock(text: str) -> Iterator[Dependency]:
    """Yield the packages of a Pipfile.lock."""
    try:
        sections = json.loads(text)
    except (ValueError, RecursionError):
        return
    packages = sections.get("default") if isinstance(sections, dict) else None
    for name, entry in packages.items() if isinstance(packages, dict) else ():
        if isinstance(entry, dict) and isinstance(entry.get("version"), str):
            yield from _dependency(f"{name}{entry['version']}", 1, (1, 1))


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
                yield from _dependency(text, line, command.scope)
            skip = text in _TAKES_VALUE


def _pyproject_requirements(table: dict[str, Any]) -> Iterator[str]:
    project = _dict(table.get("project"))
    groups = [project.get("dependencies"), *_dict(project.get("optional-dependencies")).values()]
    groups += _dict(table.get("dependency-groups")).values()
    poetry = _dict(_dict(_dict(table.get("tool")).get("poetry")).get("dependencies"))
    # Poetry's "^2.1" has an end and is no PEP 508; what `_dependency` cannot parse is passed over.
    groups.append([name if version == "*" else f"{name}=={version}" for name, version in poetry.items()])
    for group in groups:
        yield from (stated for stated in _list(group) if isinstance(stated, str))


def _dependency(stated: str, line: int, scope: tuple[int, int]) -> Iterator[Dependency]:
    try:
        requirement = Requirement(stated)
    except InvalidRequirement:
        return
    if requirement.url is None:
        yield Dependency(canonicalize_name(requirement.name), requirement.specifier, line, scope)


def _upper(operator: str, stated: str) -> _Bound | None:
    version = _version(stated)
    if version is None:
        return None
    if operator in {"==", "===", "<", "<="} and not stated.endswith(".*"):
        return _Bound(version, included=operator != "<")
    if operator == "==":
        return _Bound(_next(version.release), included=False)
    return _Bound(_next(version.release[:-1]), included=False) if operator == "~=" else None


def _version(stated: str) -> Version | None:
    try:
        return Version(stated.removesuffix(".*"))
    except InvalidVersion:
        return None


def _next(release: tuple[int, ...]) -> Version:
    """Return the first version after all that begin so: 2 for `1`, 1.10 for `1.9`."""
    return Version(".".join(map(str, (*release[:-1], release[-1] + 1))))


def _line_of(text: str, stated: str) -> int:
    at = text.find(stated)
    return text.count("\n", 0, at) + 1 if at >= 0 else 1


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - whatever a TOML file holds
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a TOML file holds
    return value if isinstance(value, dict) else {}

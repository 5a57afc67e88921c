"""Dependencies in TOML, JSON and YAML: pyproject, the lock files of five tools, conda environments."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from packaging.version import InvalidVersion, Version

from runbook_lib.audit.parsers.dependencies import Dependency, stated_dependency
from runbook_lib.audit.parsers.yaml_tree import YamlMapping, YamlNode, YamlScalar, YamlSequence
from runbook_lib.core.lenient import as_object

_CONDA_EQUALS = re.compile(r"(?<![=<>!~])=([\d.]*\d)(?:\.\*|\*)?(?==|$).*")
_CARET_OR_TILDE = re.compile(r"([\^~])\s*(\d[\w.]*)")


def parse_conda(documents: Iterable[YamlNode]) -> Iterator[Dependency]:
    """Yield the packages of a conda environment file, those of its pip section included."""
    for document in documents:
        found = document.get("dependencies") if isinstance(document, YamlMapping) else None
        waiting = list(found.items) if isinstance(found, YamlSequence) else []
        for item in waiting:  # a pip section is put at the end while it is walked
            if isinstance(item, YamlScalar):
                stated = _CONDA_EQUALS.sub(r"==\1.*", item.value)
                yield from stated_dependency(stated, item.line, (item.line, item.last_line))
            elif isinstance(item, YamlMapping):
                pip = item.get("pip")
                waiting.extend(pip.items if isinstance(pip, YamlSequence) else ())


def parse_toml(name: str, text: str) -> Iterator[Dependency]:
    """Yield what a pyproject.toml asks for or a lock file has settled on; `name` is the file's, in lower case."""
    if name.endswith(".lock"):
        yield from _locked_packages(text)
        return
    table = _toml(text)
    if name.startswith("pylock."):
        yield from _pylock(table)
        return
    for stated in _pyproject_requirements(table):
        number = _line_of(text, stated)
        yield from stated_dependency(_standard(stated), number, (number, number))


def parse_pipfile_lock(text: str) -> Iterator[Dependency]:
    """Yield the packages of a Pipfile.lock."""
    try:
        sections = json.loads(text)
    except (ValueError, RecursionError):
        return
    packages = sections.get("default") if isinstance(sections, dict) else None
    for name, entry in packages.items() if isinstance(packages, dict) else ():
        if isinstance(entry, dict) and isinstance(entry.get("version"), str):
            yield from stated_dependency(f"{name}{entry['version']}", 1, (1, 1))


_LOCKED = re.compile(r"^name\s*=\s*\"([^\"\n]+)\"\nversion\s*=\s*\"([^\"\n]+)\"", re.MULTILINE)


def _locked_packages(text: str) -> Iterator[Dependency]:
    """Yield the packages of a uv.lock, poetry.lock or pdm.lock: the two lines with which each tool begins an entry.

    Parsing 1 MB of TOML takes half a second, and these files come in dozens; their layout is a program's.
    """
    position, number = 0, 1
    for found in _LOCKED.finditer(text):
        number += text.count("\n", position, found.start())
        position = found.start()
        yield from stated_dependency(f"{found[1]}=={found[2]}", number, (number, number))


def _pylock(table: dict[str, Any]) -> Iterator[Dependency]:
    """Yield the packages of a PEP 751 file."""
    from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

    try:
        packages = Pylock.from_dict(table).packages
    except (PylockValidationError, PylockUnsupportedVersionError):
        return
    for package in packages:
        if package.version is not None:
            yield from stated_dependency(f"{package.name}=={package.version}", 1, (1, 1))


def _pyproject_requirements(table: dict[str, Any]) -> Iterator[str]:
    project, tools = as_object(table.get("project")), as_object(table.get("tool"))
    groups = [project.get("dependencies"), *as_object(project.get("optional-dependencies")).values()]
    groups += as_object(table.get("dependency-groups")).values()
    poetry = as_object(tools.get("poetry"))
    tables = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
    tables += [as_object(group).get("dependencies") for group in as_object(poetry.get("group")).values()]
    groups += [list(_poetry(as_object(one))) for one in tables]
    for group in groups:
        yield from (stated for stated in group if isinstance(stated, str)) if isinstance(group, list) else ()


def _poetry(dependencies: dict[str, Any]) -> Iterator[str]:
    """Yield Poetry's table as it is written in the file, a line each: `rich = "^14"`, or `{version = "^14"}`."""
    for name, stated in dependencies.items():
        version = stated.get("version") if isinstance(stated, dict) else stated
        if isinstance(version, str):
            yield f"{name} = {version}"


def _standard(stated: str) -> str:
    """Return Poetry's `rich = ^14.1` as `rich>=14.1,<15`; what is PEP 508 already comes back as it is."""
    name, equals, version = stated.partition(" = ")
    if not equals:
        return stated
    if version == "*":
        return name
    standard = _CARET_OR_TILDE.sub(_range, version)
    return f"{name}=={version}" if standard[:1].isdigit() else f"{name}{standard}"


def _range(found: re.Match[str]) -> str:
    try:
        release = Version(found[2]).release
    except InvalidVersion:
        return found[0]
    fixed = (
        next((at for at, part in enumerate(release) if part), len(release) - 1)
        if found[1] == "^"
        else min(1, len(release) - 1)
    )
    above = [*release[:fixed], release[fixed] + 1]
    return f">={found[2]},<{'.'.join(map(str, above))}"


def _line_of(text: str, stated: str) -> int:
    at = text.find(stated)
    if at < 0:
        written = re.search(rf"^{re.escape(stated.partition(' = ')[0])}\s*=", text, re.MULTILINE)
        at = written.start() if written else -1
    return text.count("\n", 0, at) + 1 if at >= 0 else 1


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}

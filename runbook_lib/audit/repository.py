"""What the rules look at: each source with its structure, and what only all of them together tell."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import PurePosixPath

from runbook_lib.audit.parsers.commands import Command, split_commands
from runbook_lib.audit.parsers.dependencies import (
    Dependency,
    installed_by,
    parse_conda,
    parse_pipfile_lock,
    parse_requirements,
    parse_toml,
)
from runbook_lib.audit.parsers.dockerfile import Instruction, split_instructions
from runbook_lib.audit.parsers.python_commands import commands_of_module
from runbook_lib.audit.parsers.python_module import (
    PythonModule,
    PythonSyntaxError,
    imported_packages,
    keywords_of,
    parse_python,
)
from runbook_lib.audit.parsers.variables import Variable, variables_of_command, variables_of_module
from runbook_lib.audit.sources.kinds import Kind
from runbook_lib.audit.sources.source import Source

HUB = "huggingface-hub"
DISABLE_SYMLINKS = "HF_HUB_DISABLE_SYMLINKS"
_WEB_FRAMEWORKS = {"fastapi", "flask", "starlette", "litestar", "quart", "sanic", "aiohttp", "django"}
_WINDOWS_KINDS = {Kind.POWERSHELL, Kind.BATCH}
_WINDOWS_WORDS = re.compile(
    r"windows-(?:latest|20\d\d|1\d)|servercore|nanoserver|os\.name == [\"']nt[\"']|[\"']win32[\"']"
)
_STARTS_UP = re.compile(r"lifespan|start_?up|warm|preload|on_start", re.IGNORECASE)
_TEST_PATH = re.compile(r"(^|/)(tests?|testing|examples?)/|(^|/)(test_[^/]*|conftest)\.py$")


@dataclass(frozen=True)
class ParsedSource:
    """A source and, computed when first asked for, its structure."""

    source: Source

    @property
    def kind(self) -> Kind:
        """The language."""
        return self.source.kind

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The physical lines."""
        return tuple(self.source.text.split("\n"))

    @cached_property
    def _parsed_python(self) -> PythonModule | str | None:
        if self.kind is not Kind.PYTHON:
            return None
        try:
            return parse_python(self.source.text)
        except PythonSyntaxError as error:
            return str(error)

    @property
    def python(self) -> PythonModule | None:
        """The syntax tree; None for other languages and for what cannot be parsed."""
        return self._parsed_python if isinstance(self._parsed_python, PythonModule) else None

    @property
    def syntax_problem(self) -> str:
        """Why there is no syntax tree; empty if there is one or none is expected."""
        return self._parsed_python if isinstance(self._parsed_python, str) else ""

    @cached_property
    def instructions(self) -> tuple[Instruction, ...]:
        """The instructions of a Dockerfile."""
        return tuple(split_instructions(self.source.text)) if self.kind is Kind.DOCKERFILE else ()

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Logical lines that run something: of scripts, YAML, Dockerfiles and subprocess calls."""
        if self.python:
            return tuple(commands_of_module(self.python))
        if self.kind is Kind.DOCKERFILE:
            return tuple(one.command for one in self.instructions)
        return tuple(split_commands(self.source.text, self.kind))

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Environment variables that it sets."""
        if self.python:
            return tuple(variables_of_module(self.python))
        return tuple(chain.from_iterable(map(variables_of_command, self.commands)))

    @cached_property
    def dependencies(self) -> tuple[Dependency, ...]:
        """Packages that it asks for or has settled on."""
        return tuple(self._dependencies())

    def _dependencies(self) -> Iterator[Dependency]:
        name, text = PurePosixPath(self.source.path).name.lower(), self.source.text
        if self.kind is Kind.REQUIREMENTS:
            yield from parse_requirements(text)
        elif name == "pipfile.lock":
            yield from parse_pipfile_lock(text)
        elif self.kind is Kind.TOML:
            yield from parse_toml(name, text)
        elif re.fullmatch(r"environment.*\.ya?ml", name):
            yield from parse_conda(text)
        yield from chain.from_iterable(map(installed_by, self.commands))

    @property
    def is_application_code(self) -> bool:
        """Whether it is a module of the service: no test, example, notebook or documentation."""
        whole_python = self.kind is Kind.PYTHON and self.source.is_whole_file
        return whole_python and not _TEST_PATH.search(self.source.path)


@dataclass(frozen=True)
class Repository:
    """All sources together."""

    sources: tuple[ParsedSource, ...]

    @cached_property
    def _dependencies(self) -> dict[str, list[Dependency]]:
        found: dict[str, list[Dependency]] = {}
        for source in self.sources:
            for dependency in source.dependencies:
                found.setdefault(dependency.name, []).append(dependency)
        return found

    def is_before(self, package: str, version: str) -> bool:
        """Whether the files allow only versions of the package older than `version`."""
        return any(one.is_before(version) for one in self._dependencies.get(package, ()))

    def is_from(self, package: str, version: str) -> bool:
        """Whether a file demands `version` or a newer one."""
        return any(one.is_from(version) for one in self._dependencies.get(package, ()))

    def is_bounded(self, package: str) -> bool:
        """Whether any file, a lock or constraints file included, gives the package a newest version."""
        return any(one.is_bounded for one in self._dependencies.get(package, ()))

    def asks_for(self, package: str) -> bool:
        """Whether any file names the package."""
        return package in self._dependencies

    @cached_property
    def symlinks_are_disabled(self) -> bool:
        """Whether HF_HUB_DISABLE_SYMLINKS is set to something true anywhere."""
        settings = chain.from_iterable(source.variables for source in self.sources)
        return any(one.name == DISABLE_SYMLINKS and one.is_true for one in settings)

    @cached_property
    def imported_packages(self) -> frozenset[str]:
        """Top-level packages that the service's code imports."""
        modules = (source.python for source in self.sources if source.is_application_code)
        imports = chain.from_iterable(module.imports for module in modules if module)
        return frozenset(chain.from_iterable(map(imported_packages, imports)))

    @property
    def serves_http(self) -> bool:
        """Whether the service's code imports a web framework."""
        return bool(self.imported_packages & _WEB_FRAMEWORKS)

    @cached_property
    def preloads_models(self) -> bool:
        """Whether the service initialises the docling pipeline, or converts something while it starts."""
        modules = (source.python for source in self.sources if source.is_application_code)
        return any(_loads_early(module, call) for module in modules if module for call in module.calls)

    @cached_property
    def runs_on_windows(self) -> bool:
        """Whether there is a sign of Windows: its scripts, its runners, its images or a test for it."""
        return any(
            source.kind in _WINDOWS_KINDS or _WINDOWS_WORDS.search(source.source.text) for source in self.sources
        )


def _loads_early(module: PythonModule, call: ast.Call) -> bool:
    name = module.last_name_of(call)
    preload = keywords_of(call).get("preload_models")
    if name == "initialize_pipeline" or (isinstance(preload, ast.Constant) and preload.value is True):
        return True
    around = module.function_around(call)
    return name == "convert" and around is not None and bool(_STARTS_UP.search(around.name))

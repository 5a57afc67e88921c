"""What the rules look at: each source with its structure, and what only all of them together tell."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import PurePosixPath

from runbook_lib.audit.parsers.commands import Command, split_commands
from runbook_lib.audit.parsers.containers import Container, find_containers
from runbook_lib.audit.parsers.dependencies import Dependency, installed_by, parse_requirements
from runbook_lib.audit.parsers.dockerfile import Instruction, split_instructions
from runbook_lib.audit.parsers.manifests import parse_conda, parse_pipfile_lock, parse_toml
from runbook_lib.audit.parsers.python_commands import STARTING_WORDS, commands_of_module
from runbook_lib.audit.parsers.python_module import (
    PythonModule,
    PythonSyntaxError,
    keywords_of,
    parse_python,
)
from runbook_lib.audit.parsers.variables import Variable, variables_of_command, variables_of_module
from runbook_lib.audit.parsers.yaml_commands import commands_of_yaml, texts_of_yaml, variables_of_yaml
from runbook_lib.audit.parsers.yaml_tree import YamlError, YamlNode, parse_yaml
from runbook_lib.audit.sources.kinds import Kind, is_documentation, is_test_path
from runbook_lib.audit.sources.source import Source
from runbook_lib.audit.sources.subject import names_the_subject

HUB = "huggingface-hub"
DISABLE_SYMLINKS = "HF_HUB_DISABLE_SYMLINKS"
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_CONDA = re.compile(r"environment.*\.ya?ml")
_MOST_YAML_CHARACTERS = 300_000
"""What is larger was written by a program; it is read line by line."""
_INSTALLS = ("pip install", "pip3 install", "uv add", "pip', 'install", 'pip", "install')
_WINDOWS_KINDS = {Kind.POWERSHELL, Kind.BATCH}
_WINDOWS_WORDS = re.compile(r"windows-(?:latest|20\d\d|1\d)|servercore|nanoserver")
_WINDOWS_TEST = re.compile(r"os\.name == [\"']nt[\"']|[\"']win32[\"']|platform\.system\(\) == [\"']Windows[\"']")
_OF_A_TOOL = re.compile(r"(^|/)(gradlew|mvnw|make)\.(bat|cmd)$|(^|/)docs?/", re.IGNORECASE)
_STARTS_UP = re.compile(r"lifespan|start_?up|warm|preload|on_start", re.IGNORECASE)


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
            return parse_python(self.source.compiled or self.source.text)
        except PythonSyntaxError as error:
            return str(error)

    @property
    def python(self) -> PythonModule | None:
        """The syntax tree; None for other languages and for what cannot be parsed."""
        return self._parsed_python if isinstance(self._parsed_python, PythonModule) else None

    @property
    def syntax_problem(self) -> str:
        """Why there is no syntax tree; empty if there is one, or if no rule has asked for one."""
        asked = vars(self).get("_parsed_python")
        return asked if isinstance(asked, str) else ""

    @cached_property
    def instructions(self) -> tuple[Instruction, ...]:
        """The instructions of a Dockerfile."""
        return tuple(split_instructions(self.source.text)) if self.kind is Kind.DOCKERFILE else ()

    @cached_property
    def yaml(self) -> tuple[YamlNode, ...] | None:
        """The documents of a YAML text; None for other languages and for templates, which are read line by line."""
        if self.kind is not Kind.YAML or len(self.source.text) > _MOST_YAML_CHARACTERS:
            return None
        try:
            return tuple(parse_yaml(self.source.text))
        except YamlError:
            return None

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Logical lines that run something: of scripts, YAML, Dockerfiles and subprocess calls."""
        if self.kind is Kind.PYTHON and not (self.source.compiled or self.mentions(*STARTING_WORDS)):
            return ()
        if self.python:
            return tuple(commands_of_module(self.python))
        if self.kind is Kind.DOCKERFILE:
            return tuple(one.command for one in self.instructions)
        if self.yaml is not None:
            return tuple(commands_of_yaml(self.yaml, self.lines))
        return tuple(split_commands(self.source.text, self.kind))

    @cached_property
    def texts(self) -> tuple[Command, ...]:
        """The commands and, of YAML, every other value as well."""
        return self.commands if self.yaml is None else tuple(texts_of_yaml(self.yaml, self.lines))

    @cached_property
    def containers(self) -> tuple[Container, ...]:
        """What a compose file, a manifest or the values of a chart start."""
        return tuple(find_containers(self.yaml)) if self.mentions("image:", "services:") and self.yaml else ()

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Environment variables that it sets."""
        if self.kind is Kind.PYTHON and not (self.source.compiled or self.mentions("environ", "putenv")):
            return ()
        if self.python:
            return tuple(variables_of_module(self.python))
        if self.yaml is not None:
            return tuple(variables_of_yaml(self.yaml, self.commands))
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
        elif _CONDA.fullmatch(name) and self.yaml is not None:
            yield from parse_conda(self.yaml)
        if self.mentions(*_INSTALLS) and not is_documentation(self.source.path):
            yield from chain.from_iterable(map(installed_by, self.commands))

    @property
    def is_application_code(self) -> bool:
        """Whether it is a module of the service: no test, example, notebook or documentation."""
        return self.kind is Kind.PYTHON and self.source.is_whole_file and not self.is_test

    @cached_property
    def is_test(self) -> bool:
        """Whether it belongs to tests or examples."""
        return is_test_path(self.source.path)

    @cached_property
    def names_the_subject(self) -> bool:
        """Whether it names Docling, huggingface_hub or a setting of theirs."""
        return names_the_subject(self.source.text)

    def mentions(self, *words: str) -> bool:
        """Tell whether any of the words stands in the text; the cheap question before a syntax tree is made."""
        return any(word in self.source.text for word in words)


@dataclass(frozen=True)
class Repository:
    """All sources together."""

    sources: tuple[ParsedSource, ...]
    serves_http: bool = False
    """Whether the service's code imports a web framework."""

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

    def settings_of(self, *names: str) -> Iterator[Variable]:
        """Yield every setting of environment variables of these names."""
        for source in self.sources:
            if source.mentions(*names):
                yield from (one for one in source.variables if one.name in names)

    def mentions(self, *words: str) -> bool:
        """Tell whether any of the words stands in any source."""
        return any(source.mentions(*words) for source in self.sources)

    @cached_property
    def symlinks_are_disabled(self) -> bool:
        """Whether HF_HUB_DISABLE_SYMLINKS is set to something true anywhere."""
        return any(one.is_true for one in self.settings_of(DISABLE_SYMLINKS))

    @cached_property
    def is_offline(self) -> bool:
        """Whether a file switches the Hub off for whatever runs."""
        return any(one.is_true for one in self.settings_of(*OFFLINE))

    def pins(self, package: str) -> list[tuple[ParsedSource, Dependency]]:
        """Return where the package is named outside tests and documentation, lock files last."""
        return self._pins.get(package, [])

    @cached_property
    def _pins(self) -> dict[str, list[tuple[ParsedSource, Dependency]]]:
        found: dict[str, list[tuple[ParsedSource, Dependency]]] = {}
        for source in sorted(self.sources, key=lambda one: one.source.path.endswith(".lock")):
            if not (source.is_test or is_documentation(source.source.path)):
                for dependency in source.dependencies:
                    found.setdefault(dependency.name, []).append((source, dependency))
        return found

    @cached_property
    def preloads_models(self) -> bool:
        """Whether the service initialises the docling pipeline, or converts something while it starts."""
        words = ("initialize_pipeline", "preload_models", "convert(")
        early = [one for one in self.sources if one.is_application_code and one.mentions(*words)]
        modules = (source.python for source in early)
        return any(_loads_early(module, call) for module in modules if module for call in module.calls)

    @cached_property
    def runs_on_windows(self) -> bool:
        """Whether there is a sign of Windows: its scripts, its runners, its images or a test for it."""
        return any(map(_is_of_windows, self.sources))


def _is_of_windows(source: ParsedSource) -> bool:
    if source.kind in _WINDOWS_KINDS:
        return source.source.is_whole_file and not _OF_A_TOOL.search(source.source.path)
    if source.kind is Kind.PYTHON:
        return source.is_application_code and bool(_WINDOWS_TEST.search(source.source.text))
    return source.kind in {Kind.YAML, Kind.DOCKERFILE} and bool(_WINDOWS_WORDS.search(source.source.text))


def _loads_early(module: PythonModule, call: ast.Call) -> bool:
    name = module.last_name_of(call)
    preload = keywords_of(call).get("preload_models")
    if name == "initialize_pipeline" or (isinstance(preload, ast.Constant) and preload.value is True):
        return True
    around = module.function_around(call)
    return name == "convert" and around is not None and bool(_STARTS_UP.search(around.name))

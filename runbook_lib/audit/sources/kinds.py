"""Which files the audit reads, told by name alone."""

import re
from enum import StrEnum


class Kind(StrEnum):
    """The language a text is written in, as far as the rules care."""

    DOCKERFILE = "dockerfile"
    SHELL = "shell"
    POWERSHELL = "powershell"
    BATCH = "batch"
    YAML = "yaml"
    DOTENV = "dotenv"
    PYTHON = "python"
    NOTEBOOK = "notebook"
    REQUIREMENTS = "requirements"
    TOML = "toml"
    CONFIG = "config"
    MARKDOWN = "markdown"
    PROSE = "prose"


_SUFFIXES = {
    ".dockerfile": Kind.DOCKERFILE,
    ".sh": Kind.SHELL,
    ".bash": Kind.SHELL,
    ".zsh": Kind.SHELL,
    ".ps1": Kind.POWERSHELL,
    ".psm1": Kind.POWERSHELL,
    ".bat": Kind.BATCH,
    ".cmd": Kind.BATCH,
    ".yml": Kind.YAML,
    ".yaml": Kind.YAML,
    ".env": Kind.DOTENV,
    ".py": Kind.PYTHON,
    ".pyw": Kind.PYTHON,
    ".ipynb": Kind.NOTEBOOK,
    ".toml": Kind.TOML,
    ".lock": Kind.TOML,
    ".cfg": Kind.CONFIG,
    ".ini": Kind.CONFIG,
    ".json": Kind.CONFIG,
    ".reg": Kind.CONFIG,
    ".md": Kind.MARKDOWN,
    ".rst": Kind.PROSE,
    ".txt": Kind.PROSE,
}
_NAMES = re.compile(
    r"(?P<dockerfile>(docker|container)file([.-].+)?)"
    r"|(?P<requirements>(.*requirements.*|constraints.*)\.(txt|in))"
    r"|(?P<dotenv>\.env([.-].+)?)"
    r"|(?P<shell>(gnu)?makefile|justfile)",
    re.IGNORECASE,
)
_REQUIREMENT_FOLDERS = {"requirements", "constraints"}
_TEST_PATH = re.compile(r"(^|/)(tests?|testing|fixtures?|examples?)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")
_DOCUMENTATION = re.compile(r"(^|/)(docs?|documentation|releasenotes|changelogs?)/|(^|/)changelog[^/]*$", re.IGNORECASE)
_SHEBANGS = (
    (re.compile(r"#!.*\b(ba|da|z|k)?sh\b"), Kind.SHELL),
    (re.compile(r"#!.*\bpython"), Kind.PYTHON),
    (re.compile(r"#!.*\bpwsh\b"), Kind.POWERSHELL),
)
_FENCES = {
    "dockerfile": Kind.DOCKERFILE,
    "docker": Kind.DOCKERFILE,
    "sh": Kind.SHELL,
    "bash": Kind.SHELL,
    "shell": Kind.SHELL,
    "console": Kind.SHELL,
    "zsh": Kind.SHELL,
    "powershell": Kind.POWERSHELL,
    "ps1": Kind.POWERSHELL,
    "pwsh": Kind.POWERSHELL,
    "bat": Kind.BATCH,
    "batch": Kind.BATCH,
    "cmd": Kind.BATCH,
    "yaml": Kind.YAML,
    "yml": Kind.YAML,
    "python": Kind.PYTHON,
    "py": Kind.PYTHON,
    "dotenv": Kind.DOTENV,
    "env": Kind.DOTENV,
}


def kind_of_name(path: str) -> Kind | None:
    """Return the kind a path (with forward slashes) stands for by its last part, or None for none of ours."""
    folders, _, name = path.rpartition("/")
    named = _NAMES.fullmatch(name)
    if named and named.lastgroup:
        return Kind(named.lastgroup)
    suffix = suffix_of(name)
    if suffix in {".txt", ".in"} and folders.rpartition("/")[2].lower() in _REQUIREMENT_FOLDERS:
        return Kind.REQUIREMENTS
    return _SUFFIXES.get(suffix)


def suffix_of(name: str) -> str:
    """Return the suffix of a file name in lower case, as pathlib cuts it; empty for `.bashrc`."""
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if dot and stem.strip(".") and suffix else ""


def is_test_path(path: str) -> bool:
    """Tell whether a path belongs to tests or examples."""
    return bool(_TEST_PATH.search(path))


def is_documentation(path: str) -> bool:
    """Tell whether a path belongs to documentation or release notes."""
    return bool(_DOCUMENTATION.search(path)) or suffix_of(path.rpartition("/")[2]) in {".md", ".rst"}


def kind_of_shebang(first_line: str) -> Kind | None:
    """Return the kind an interpreter line stands for."""
    return next((kind for pattern, kind in _SHEBANGS if pattern.match(first_line)), None)


def kind_of_fence(language: str) -> Kind | None:
    """Return the kind of a Markdown code block, told by the word after its back-ticks."""
    return _FENCES.get(language.lower())

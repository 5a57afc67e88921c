"""Which files the audit reads, told by name alone."""

import re
from enum import StrEnum
from pathlib import PurePosixPath


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
_NAMES = (
    (re.compile(r"(docker|container)file([.-].+)?", re.IGNORECASE), Kind.DOCKERFILE),
    (re.compile(r"(.*requirements.*|constraints.*)\.(txt|in)", re.IGNORECASE), Kind.REQUIREMENTS),
    (re.compile(r"\.env([.-].+)?", re.IGNORECASE), Kind.DOTENV),
    (re.compile(r"(gnu)?makefile|justfile", re.IGNORECASE), Kind.SHELL),
)
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


def kind_of_name(path: PurePosixPath) -> Kind | None:
    """Return the kind a file name stands for, or None for a file that is none of ours."""
    for pattern, kind in _NAMES:
        if pattern.fullmatch(path.name):
            return kind
    if path.suffix.lower() in {".txt", ".in"} and path.parent.name.lower() in {"requirements", "constraints"}:
        return Kind.REQUIREMENTS
    return _SUFFIXES.get(path.suffix.lower())


def kind_of_shebang(first_line: str) -> Kind | None:
    """Return the kind an interpreter line stands for."""
    return next((kind for pattern, kind in _SHEBANGS if pattern.match(first_line)), None)


def kind_of_fence(language: str) -> Kind | None:
    """Return the kind of a Markdown code block, told by the word after its back-ticks."""
    return _FENCES.get(language.lower())

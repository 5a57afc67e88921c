"""Rights that the service should not have or ask for."""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.containers import Container
from runbook_lib.audit.parsers.dockerfile import split_stages
from runbook_lib.audit.parsers.python_module import PythonModule
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import at_node, in_command, in_commands, in_lines
from runbook_lib.audit.sources.kinds import Kind

_PROGRAMS = (
    "uvicorn|gunicorn|hypercorn|fastapi|flask|docling[a-z-]*|hf|huggingface-cli|jupyter|papermill"
    r"|python[0-9.]*(?!\s+-m\s+(?:pip|venv|ensurepip)\b)"
)
_ADMIN = re.compile(
    r"\brunas(?:\.exe)?\b[^|;&]{0,120}/user:\S*admin"
    r"|-Verb(?:\s+|:)[\"']?RunAs\b"
    r"|\bShellExecute\b[^|;&]{0,120}\brunas\b"
    rf"|\bsudo\s+(?:(?:-[EHSnk]+|--preserve-env\S*|[A-Z_]+=\S+)\s+){{0,8}}(?:\S{{0,200}}/)?(?:{_PROGRAMS})\b",
    re.IGNORECASE,
)
_REQUIRES_ADMIN = re.compile(r"^\s*#Requires\s+-RunAsAdministrator\b", re.IGNORECASE)


def _admin_launch(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    yield from in_commands(source, _ADMIN, "starts the service with administrator rights")
    if source.kind is Kind.POWERSHELL:
        yield from in_lines(source, _REQUIRES_ADMIN, "the script refuses to run without administrator rights")


_ROOT = re.compile(r"\s*USER\s+[\"']?(?:root|0|ContainerAdministrator)(?::\w+)?[\"']?\s*$", re.IGNORECASE)
_ROOT_IN_TEMPLATE = re.compile(r"^\s*(?:user|runAsUser):\s*[\"']?(?:root|0)(?::\w+)?[\"']?\s*(?:#|$)")
_STARTS_PYTHON = re.compile(rf"^\s*(?:CMD|ENTRYPOINT)\b.*\b(?:{_PROGRAMS})", re.IGNORECASE | re.DOTALL)
_OF_MODELS = re.compile(r"docling|hugging|\bHF_|\bhf\b|transformers|\bmodels?\b|easyocr|rapidocr", re.IGNORECASE)


def _container_root(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    stages = split_stages(source.instructions)
    users = [one for one in stages[-1].instructions if one.keyword == "USER"] if stages else []
    if users and _ROOT.match(users[-1].command.text) and _holds_a_service(source):
        yield in_command(users[-1].command, 0, "the last USER is root or administrator: the container runs as that")
    for container in source.containers:
        if is_of_models(container, source, repository):
            for line in filter(None, (container.runs_as_root, container.is_privileged)):
                yield Hit(line, "the container runs as root or privileged")
    if source.kind is Kind.YAML and source.yaml is None and source.names_the_subject:
        yield from in_commands(source, _ROOT_IN_TEMPLATE, "the container runs as root")


def _holds_a_service(source: ParsedSource) -> bool:
    return source.names_the_subject or any(_STARTS_PYTHON.match(one.command.text) for one in source.instructions)


def is_of_models(container: Container, source: ParsedSource, repository: Repository) -> bool:
    """Tell whether a container has to do with models: by what stands in it, or in the Dockerfile it is built from."""
    if _OF_MODELS.search(f"{container.name}\n{container.image}\n{container.text}"):
        return True
    if not container.build:
        return False
    folder = PurePosixPath(source.source.path).parent / container.build
    home = PurePosixPath(*(part for part in folder.parts if part != "."))
    files = (one for one in repository.sources if one.kind is Kind.DOCKERFILE)
    return any(PurePosixPath(one.source.path).parent == home and one.names_the_subject for one in files)


_WORLD_WRITABLE = re.compile(
    r"\bchmod\s+(?:-\w+\s+|--\w+\s+){0,4}(?:0?777|(?:[ugoa]{0,3}[oa][ug]{0,2})?\+rwx)\b(?P<files>[^;&|\n]{0,300})"
    r"|--chmod=0?777\b(?P<copied>[^;&|\n]{0,300})"
    r"|\bicacls\b(?P<folder>[^|;&]{0,200})(?:Everyone|\*S-1-1-0):(?:\(\w+\)){0,4}\(?F",
    re.IGNORECASE,
)
_MODEL_PLACE = re.compile(r"model|cache|hugging|hf_|docling|artifact|weights|/hub\b", re.IGNORECASE)
_PASSING = re.compile(r"^\s*/(?:tmp|var/tmp|dev/shm)/")
_ALL_MODE = 0o777


def _world_writable(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    if source.is_test:
        return
    message = "makes the models, or the folder they are in, writable for every user"
    for command in source.commands:
        for match in _WORLD_WRITABLE.finditer(command.text):
            files = match["files"] or match["copied"] or match["folder"] or ""
            if _MODEL_PLACE.search(files) and not _PASSING.match(files):
                yield in_command(command, match.start(), message)
    if source.python and source.names_the_subject:
        yield from _python_chmod(source.python, message)


def _python_chmod(module: PythonModule, message: str) -> Iterable[Hit]:
    for call in module.calls_of("chmod"):
        if _ALL_MODE in [getattr(argument, "value", None) for argument in call.args]:
            yield at_node(module, call, message)


_SETS_REGISTRY = re.compile(
    r"(?:reg(?:\.exe)?\s+add|(?:Set|New)-ItemProperty|SetValueEx?)[^\n]{0,200}AllowDevelopmentWithoutDevLicense"
    r"|AllowDevelopmentWithoutDevLicense[\"']?\s*=\s*dword:0*1",
    re.IGNORECASE,
)
_ADVISES = re.compile(
    r"(?:\b(?:enabl|activat|us|requir)(?:e|es|ing)\b|\b(?:turn|switch)(?:ing)? on\b|\bneeds?\b|\bvia\b)"
    r"[^.\n]{0,40}\bdeveloper mode\b"
    r"|\bfor developers\W{1,8}developer mode\b"
    r"|\bms-settings:developers\b",
    re.IGNORECASE,
)
_ADVISES_AGAINST = re.compile(r"\b(?:don'?t|do not|never|not|without|avoid|instead of|no need)\b", re.IGNORECASE)
_OF_WINDOWS = re.compile(r"windows|symlink|symbolic|update & security|ms-settings|\bwin(?:10|11)\b", re.IGNORECASE)
_OF_OTHERS = re.compile(r"chrome|extension|android|ios\b|iphone|discord|slack|oculus|quest\b|roku|usb", re.IGNORECASE)
_LINES_AROUND = 4


def _developer_mode(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    yield from in_commands(source, _SETS_REGISTRY, "switches Developer Mode on through the registry")
    if source.kind is Kind.CONFIG:
        yield from in_lines(source, _SETS_REGISTRY, "switches Developer Mode on through the registry")
    for number, line in enumerate(source.lines, start=1):
        advice = _ADVISES.search(line)
        if advice and not _ADVISES_AGAINST.search(line, 0, advice.end()) and _is_of_windows(source, number):
            yield Hit(number, "names Developer Mode as the remedy", advice.start() + 1)


def _is_of_windows(source: ParsedSource, number: int) -> bool:
    """Tell the Developer Mode of Windows from those of browsers and telephones by the lines around."""
    around = "\n".join(source.lines[max(number - 1 - _LINES_AROUND, 0) : number + _LINES_AROUND])
    if source.kind in {Kind.POWERSHELL, Kind.BATCH}:
        return True
    return bool(_OF_WINDOWS.search(around)) and not _OF_OTHERS.search(around)


RULES = (
    Rule(
        id="admin-launch",
        title="The service is started with administrator rights",
        reason="It hides the missing symlink privilege and gives every request the rights of an administrator; "
        "files that it writes can then not be read or replaced by the normal account.",
        remedy="Start it as a normal user; use huggingface_hub >= 1.33, or set HF_HUB_DISABLE_SYMLINKS=1 "
        "(huggingface_hub >= 1.9) before Python starts.",
        severity=Severity.ERROR,
        quirk="quirk-001",
        bad={"start.bat": 'runas /user:Administrator "uvicorn app.main:app"\n'},
        good={"start.bat": "set HF_HUB_DISABLE_SYMLINKS=1\nuvicorn app.main:app\n"},
        check=_admin_launch,
        words=("runas", "sudo"),
    ),
    Rule(
        id="container-root",
        title="The container runs as root",
        reason="Models and locks then belong to root, and the first start under another user cannot write them.",
        remedy="End the Dockerfile with a USER of its own; give it the model folder with COPY --chown.",
        severity=Severity.WARNING,
        quirk="cache-not-writable",
        bad={"Dockerfile": "FROM python:3.11-slim\nUSER root\nCMD uvicorn app.main:app\n"},
        good={"Dockerfile": "FROM python:3.11-slim\nUSER root\nRUN useradd app\nUSER app\nCMD uvicorn app.main:app\n"},
        check=_container_root,
        kinds=(Kind.DOCKERFILE, Kind.YAML),
        words=("user", "privileged"),
    ),
    Rule(
        id="world-writable",
        title="Files are made writable for everybody",
        reason="Every process of the machine may then replace the models; Jupyter refuses such folders.",
        remedy="Give the folder to the user that runs the service (chown, COPY --chown); reading needs a+rX only.",
        severity=Severity.WARNING,
        quirk="cache-not-writable",
        bad={"setup.sh": "chmod -R 777 /models\n"},
        good={"setup.sh": "chown -R app:app /models\nchmod -R a+rX /models\n"},
        check=_world_writable,
        words=("777", "+rwx", "everyone", "s-1-1-0"),
    ),
    Rule(
        id="developer-mode",
        title="Developer Mode is the remedy",
        reason="It needs an administrator, is absent in containers and on managed machines, and a cache made with it "
        "breaks where it is off.",
        remedy="Use huggingface_hub >= 1.33, which falls back by itself, or set HF_HUB_DISABLE_SYMLINKS=1 "
        "(huggingface_hub >= 1.9) before Python starts.",
        severity=Severity.WARNING,
        quirk="quirk-001",
        bad={"setup.ps1": "# Settings > Update & Security > For Developers > Developer Mode\n"},
        good={"setup.ps1": "# Do not enable Developer Mode\n$env:HF_HUB_DISABLE_SYMLINKS = '1'\n"},
        check=_developer_mode,
        words=("developer", "developmentwithout"),
    ),
)

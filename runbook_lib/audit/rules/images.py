"""How models get into an image or onto another machine."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.dependencies import installed_by
from runbook_lib.audit.parsers.dockerfile import Instruction, split_stages
from runbook_lib.audit.parsers.variables import variables_of_command
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import in_command
from runbook_lib.audit.sources.kinds import Kind

_DOCLING = {"docling", "docling-slim", "docling-serve"}
_INSTALLS_FROM_FILES = re.compile(
    r"\b(?:pip3?|uv)\s[^;&|]{0,200}?(?:-r|--requirement|\bsync\b|install\s+\S{0,20}\.(?:\[|\s|$))|\bpoetry\s+install\b"
)
_PREFETCHES = re.compile(
    r"docling-tools\s+models\s+download|\b(?:hf|huggingface-cli)\s+download\b|snapshot_download|hf_hub_download"
    r"|download_models|initialize_pipeline|prefetch|preload|(?:download|fetch|cache)[\w-]{0,40}models?\b",
    re.IGNORECASE,
)
_BRINGS_MODELS = re.compile(
    r"^(?:COPY|ADD|VOLUME)\b.*(?:models?|artifacts|huggingface|hf[_-]?(?:home|cache))", re.IGNORECASE | re.DOTALL
)
_SHELL_ONLY = re.compile(r"^\[?\s*[\"']?(?:/usr)?(?:/bin/)?(?:ba|z|da)?sh[\"']?\s*\]?\s*$")
_ARTIFACTS = {"DOCLING_ARTIFACTS_PATH", "DOCLING_SERVE_ARTIFACTS_PATH"}


def _no_prefetch(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if source.is_test or _is_for_people(source):
        return
    installs = [one for one in source.instructions if _installs_docling(one, source, repository)]
    if installs and not any(map(_provides_models, source.instructions)):
        yield in_command(installs[0].command, 0, "installs docling, and no layer brings its models")


def _is_for_people(source: ParsedSource) -> bool:
    """Tell an image that starts a shell, in which somebody works, from one that starts a service."""
    starts = [one.arguments for one in source.instructions if one.keyword in {"CMD", "ENTRYPOINT"}]
    return bool(starts) and all(map(_SHELL_ONLY.match, starts))


def _installs_docling(instruction: Instruction, source: ParsedSource, repository: Repository) -> bool:
    if instruction.keyword != "RUN":
        return False
    if any(one.name in _DOCLING for one in installed_by(instruction.command)):
        return True
    from_files = _INSTALLS_FROM_FILES.search(instruction.command.text)
    return bool(from_files) and any(_is_above(pin.source.path, source.source.path) for pin in _pins(repository))


def _pins(repository: Repository) -> Iterator[ParsedSource]:
    for name in _DOCLING:
        yield from (pin for pin, _ in repository.pins(name) if pin.kind in {Kind.REQUIREMENTS, Kind.TOML})


def _is_above(requirements: str, dockerfile: str) -> bool:
    """Tell whether a file of requirements lies beside a Dockerfile or in a folder above it: that is what it copies."""
    return PurePosixPath(dockerfile).is_relative_to(PurePosixPath(requirements).parent)


def _provides_models(instruction: Instruction) -> bool:
    text = instruction.command.text
    fetches = instruction.keyword == "RUN" and _PREFETCHES.search(text)
    points = any(one.name in _ARTIFACTS for one in variables_of_command(instruction.command))
    return bool(fetches or points or _BRINGS_MODELS.match(text.strip()))


_OFFLINE = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}
_FETCHES_NOW = re.compile(
    r"docling-tools\s+models\s+download|\b(?:hf|huggingface-cli)\s+download\b|snapshot_download\(|hf_hub_download\("
)


def _prefetch_offline(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    inherited: dict[str, str] = {}
    for stage in split_stages(source.instructions):
        offline = inherited.get(stage.base, "")
        for instruction in stage.instructions:
            own = {one.name: one.is_true for one in variables_of_command(instruction.command) if one.name in _OFFLINE}
            fetch = _FETCHES_NOW.search(instruction.command.text) if instruction.keyword == "RUN" else None
            if fetch and offline and own.get(offline, True):
                message = f"downloads after {offline} was set: nothing will be fetched"
                yield in_command(instruction.command, fetch.start(), message)
            if instruction.keyword == "ENV":
                offline = _offline_after(offline, own)
        inherited[stage.name] = offline


def _offline_after(offline: str, own: dict[str, bool]) -> str:
    for name, is_on in own.items():
        if is_on:
            offline = offline or name
        elif name == offline:
            offline = ""
    return offline


_COPIES = re.compile(r"\b(?:COPY|ADD|cp|rsync|scp|tar|zip|robocopy|xcopy|Copy-Item|Compress-Archive)\b(?!-)")
_SNAPSHOTS = re.compile(r"(?:models--|huggingface|[/\\]hub[/\\])[^\s\"']{0,300}[/\\]?snapshots\b", re.IGNORECASE)
_DEREFERENCES = re.compile(
    r"\s-[a-zA-Z]{0,8}L[a-zA-Z]{0,8}\b|--dereference|--copy-links|\btar\b[^|;&]{0,200}\s-?[a-zA-Z]{0,8}h[a-zA-Z]{0,8}\s"
)


def _snapshots_only(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    for command in source.commands:
        if "blobs" in command.text or _DEREFERENCES.search(command.text):
            continue
        copied, snapshots = _COPIES.search(command.text), _SNAPSHOTS.search(command.text)
        if copied and snapshots and copied.start() < snapshots.start():
            yield in_command(command, snapshots.start(), "copies snapshots without the blobs they link to")


_BASE = "FROM python:3.11-slim\nRUN pip install docling==2.143.0\n"
_MODELS = "RUN docling-tools models download -o /models\nENV DOCLING_ARTIFACTS_PATH=/models\n"

RULES = (
    Rule(
        id="no-prefetch-layer",
        title="An image installs docling and holds no models",
        reason="Each new container downloads them on its first document: minutes of waiting, and a failure wherever "
        "the network or the file system does not allow it.",
        remedy="RUN docling-tools models download -o /models in the build, and ENV DOCLING_ARTIFACTS_PATH=/models.",
        severity=Severity.WARNING,
        quirk="snapshot-no-timeout-hang",
        bad={"Dockerfile": _BASE + "CMD uvicorn app.main:app\n"},
        good={"Dockerfile": _BASE + _MODELS + "CMD uvicorn app.main:app\n"},
        check=_no_prefetch,
        kinds=(Kind.DOCKERFILE,),
        words=("install", "sync", "add"),
    ),
    Rule(
        id="prefetch-after-offline",
        title="Models are fetched after the offline variable is set",
        reason="ENV holds for every later layer of the build: the download refuses to use the network.",
        remedy="Move ENV HF_HUB_OFFLINE=1 below the download.",
        severity=Severity.ERROR,
        quirk="offline-cache-miss",
        bad={"Dockerfile": _BASE + "ENV HF_HUB_OFFLINE=1\n" + _MODELS},
        good={"Dockerfile": _BASE + _MODELS + "ENV HF_HUB_OFFLINE=1\n"},
        check=_prefetch_offline,
        kinds=(Kind.DOCKERFILE,),
        words=("OFFLINE",),
    ),
    Rule(
        id="snapshots-without-blobs",
        title="snapshots/ is copied without blobs/",
        reason="The files below snapshots/ are links into blobs/; without it they lead nowhere.",
        remedy="Ship a folder made by docling-tools models download -o or hf download --local-dir; or copy the whole "
        "hub folder, or with links followed (cp -aL).",
        severity=Severity.ERROR,
        quirk="cache-copied-dangling",
        bad={
            "ship.sh": "cp -a ~/.cache/huggingface/hub/models--docling-project--docling-models/snapshots /srv/models\n"
        },
        good={
            "ship.sh": "cp -aL ~/.cache/huggingface/hub/models--docling-project--docling-models/snapshots /srv/models\n"
        },
        check=_snapshots_only,
        words=("snapshots",),
    ),
)

"""Models that one user put into an image and another has to read."""

import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.fetches import Fetch, fetches_of, is_openshift_base
from runbook_lib.audit.parsers.image import Image, Step, last_image
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import in_command
from runbook_lib.audit.sources.kinds import Kind

_GIVES_ACCESS = re.compile(r"\bchown\b|\bchgrp\b|\bchmod\b|fix-permissions|\bsetfacl\b|\bumask\s+0*[0-2]*2\b")
_CHECKPOINTS = {"root", "0"}


def _fetched_by_root(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    image = last_image(source.instructions)
    if image is None or source.is_test or image.user in {"", *_CHECKPOINTS}:
        return
    for fetch in fetches_of(image):
        if _is_in_roots_home(fetch) and not _handed_over(image, fetch.position):
            message = f"fetches models into the home of root; the container runs as {image.user} and looks into another"
            yield in_command(fetch.step.instruction.command, fetch.offset, message)


def _is_in_roots_home(fetch: Fetch) -> bool:
    home = fetch.step.variables.get("HOME", "/root")
    return fetch.step.is_root and home == "/root" and (not fetch.folder or fetch.folder.startswith(("/root", "~")))


def _handed_over(image: Image, position: int) -> bool:
    """Tell whether a later part of the build moves or opens /root for others, or the fetch itself sets another home."""
    texts = [step.text for step in image.steps[position:] if step.instruction.keyword == "RUN"]
    return any(re.search(r"\b(?:HOME=|mv|cp|ln|chmod)\b[^;&|]*(?:/root|\$HOME|~)", text) for text in texts)


_COPY = re.compile(r"^\s*(?:COPY|ADD)\s+(?P<options>(?:--\S+\s+)*)(?P<paths>.+)$", re.DOTALL | re.IGNORECASE)
_CACHE = re.compile(r"(?:^|[/\s])(?:\.cache|huggingface|hf[_-]?(?:home|cache))(?:[/\s]|$)", re.IGNORECASE)


def _copied_for_root(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    image = last_image(source.instructions)
    if image is None or source.is_test or image.user in {"", *_CHECKPOINTS}:
        return
    for position, step in enumerate(image.steps):
        copied = _COPY.match(step.text) if step.instruction.keyword in {"COPY", "ADD"} else None
        if not copied or "--chown" in copied["options"] or "--chmod" in copied["options"]:
            continue
        if _CACHE.search(copied["paths"]) and not _opened_later(image.steps[position + 1 :]):
            message = f"copies a cache that stays root's; the container runs as {image.user}"
            yield in_command(step.instruction.command, 0, message)


def _opened_later(steps: tuple[Step, ...]) -> bool:
    return any(_GIVES_ACCESS.search(step.text) for step in steps if step.instruction.keyword == "RUN")


def _random_user(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    image = last_image(source.instructions)
    if image is None or source.is_test or not is_openshift_base(image.base):
        return
    for fetch in fetches_of(image):
        after = image.steps[fetch.position :]
        if not fetch.is_doclings and not _opened_later(after) and not repository.is_offline:
            message = "fetches models that a random user of OpenShift cannot write to, and the Hub is still asked"
            yield in_command(fetch.step.instruction.command, fetch.offset, message)


_BUILD = "FROM python:3.12-slim AS build\nRUN pip install sentence-transformers==5.1.0\n"

RULES = (
    Rule(
        id="fetched-by-root",
        title="Models are fetched into root's home, and another user runs the service",
        reason="The service looks into its own home, finds nothing and downloads everything again, or fails.",
        remedy="Set ENV HF_HOME=/models (for docling-tools: -o /models and ENV DOCLING_ARTIFACTS_PATH=/models) "
        "before the download, and chown it; or put USER before the download.",
        severity=Severity.ERROR,
        quirk="cache-not-writable",
        bad={"Dockerfile": "FROM python:3.11\nRUN hf download org/model --revision 1a2b\nUSER nobody\n"},
        good={
            "Dockerfile": "FROM python:3.11\nENV HF_HOME=/models\nRUN hf download org/model --revision 1a2b && "
            "chown -R nobody /models\nUSER nobody\n"
        },
        check=_fetched_by_root,
        kinds=(Kind.DOCKERFILE,),
        words=("user",),
    ),
    Rule(
        id="cache-copied-without-chown",
        title="A cache is copied into the image without --chown, and another user runs the service",
        reason="COPY makes all of it root's, with the modes it had. huggingface_hub writes locks and references beside "
        "the models: PermissionError, in the first request.",
        remedy="COPY --chown=app:app ..., and set HF_HUB_OFFLINE=1 where nothing has to be fetched any more.",
        severity=Severity.ERROR,
        quirk="cache-not-writable",
        bad={"Dockerfile": _BUILD + "FROM python:3.12-slim\nCOPY --from=build /huggingface /huggingface\nUSER app\n"},
        good={
            "Dockerfile": _BUILD
            + "FROM python:3.12-slim\nCOPY --from=build --chown=app /huggingface /huggingface\nUSER app\n"
        },
        check=_copied_for_root,
        kinds=(Kind.DOCKERFILE,),
        words=("copy", "add"),
    ),
    Rule(
        id="random-user",
        title="An image for OpenShift holds models that only the build's user may change",
        reason="OpenShift runs containers under a random user of group 0. Without rights for the group it cannot "
        "be written, and asking the Hub for news ends with PermissionError.",
        remedy="End the RUN with chgrp -R 0 DIR && chmod -R g=u DIR (or a+rX where nothing is written), and ENV "
        "HF_HUB_OFFLINE=1 after the download.",
        severity=Severity.WARNING,
        quirk="cache-not-writable",
        bad={
            "Containerfile": "FROM registry.access.redhat.com/ubi9/python-312\n"
            "RUN hf download org/model --revision 1a2b\n"
        },
        good={
            "Containerfile": "FROM registry.access.redhat.com/ubi9/python-312\n"
            "RUN hf download org/model --revision 1a2b && chmod -R a+rX ~/.cache\nENV HF_HUB_OFFLINE=1\n"
        },
        check=_random_user,
        kinds=(Kind.DOCKERFILE,),
        words=("from",),
    ),
)

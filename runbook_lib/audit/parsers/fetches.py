"""Where a build fetches models, and into which folder."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runbook_lib.audit.parsers.image import Image, Step

_DOCLING = re.compile(
    r"docling-tools\s+models\s+download(?:-hf-repo)?\b(?P<rest>[^;&|]{0,500})"
    r"|\bdownload_models\((?P<call>[^)]{0,300})\)"
)
_HUB = re.compile(
    r"\b(?:hf|huggingface-cli)\s+download\b(?P<rest>[^;&|]{0,500})"
    r"|\b(?:snapshot_download|hf_hub_download|from_pretrained|SentenceTransformer|CrossEncoder)\((?P<call>[^)]{0,500})\)"
)
_FOLDER_OPTION = re.compile(r"(?:-o|--output-dir|--local-dir|--cache-dir)(?:\s+|=)[\"']?([^\s\"']+)")
_FOLDER_ARGUMENT = re.compile(r"(?:output_dir|local_dir|cache_dir|cache_folder)\s*=\s*(?:Path\()?[\"']([^\"']+)")
_HOMES = re.compile(r"\bubi\d|/sclorg/|s2i|openshift")
_CACHES = {"HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "SENTENCE_TRANSFORMERS_HOME"}


@dataclass(frozen=True)
class Fetch:
    """One fetch; `folder` is empty for the default, which lies in the home of the user who fetches."""

    step: Step
    position: int
    offset: int
    is_doclings: bool
    folder: str


def fetches_of(image: Image) -> Iterator[Fetch]:
    """Yield what the RUN instructions of an image fetch."""
    for position, step in enumerate(image.steps):
        if step.instruction.keyword != "RUN":
            continue
        for pattern in (_DOCLING, _HUB):
            for found in pattern.finditer(step.text):
                option = _FOLDER_OPTION.search(found["rest"] or "") or _FOLDER_ARGUMENT.search(found["call"] or "")
                folder = step.expanded(option[1]) if option else ""
                if pattern is _HUB and not folder:
                    folder = next((step.variables[name] for name in sorted(_CACHES & step.variables.keys())), "")
                yield Fetch(step, position, found.start(), pattern is _DOCLING, folder.rstrip("/"))


def is_openshift_base(base: str) -> bool:
    """Tell an image made for OpenShift, which runs it under a random user of group 0, by its name."""
    return bool(_HOMES.search(base))

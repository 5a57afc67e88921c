"""What containers mount: volumes that hide the models or hold none, and roots that cannot be written."""

import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.containers import Container, Mount, Volume
from runbook_lib.audit.parsers.fetches import fetches_of
from runbook_lib.audit.parsers.image import last_image
from runbook_lib.audit.repository import OFFLINE, ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.artifacts import LIBRARY, SERVE
from runbook_lib.audit.sources.kinds import Kind

_CACHES = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
_OF_SERVE = "/opt/app-root/src/.cache/docling/models"
"""Where the images of docling-serve hold their models (its Containerfile, 1.38)."""
_TRUE = {"1", "on", "yes", "true"}
_FETCHES = re.compile(r"docling-tools\s+models|\bhf\s+download|snapshot_download|prefetch|download", re.IGNORECASE)


def _empty_volume(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    for container in () if source.is_test else source.containers:
        for name, path in _model_folders(container):
            volume = next((one for one in container.mounts if one.covers(path)), None)
            if volume is None or _is_filled(volume, container):
                continue
            baked = _is_baked(path, container, repository)
            if baked and volume.volume is Volume.EMPTY:
                yield Hit(volume.line, f"{volume.volume.value} hides the models that the image holds at {path}")
            elif not baked and _needs_models(name, volume, container):
                yield Hit(volume.line, f"{name} lies on {volume.volume.value}, and nothing here fills it")


def _model_folders(container: Container) -> Iterator[tuple[str, str]]:
    """Yield the folders that must hold models, with the variable that says so."""
    artifacts = [(name, container.variable(name)) for name in (LIBRARY, SERVE)]
    yield from ((name, path) for name, path in artifacts if path.startswith("/"))
    if "docling-serve" in container.image and SERVE not in container.variables:
        yield SERVE, _OF_SERVE
    yield from ((name, path) for name in _CACHES if (path := container.variable(name)).startswith("/"))


def _is_filled(volume: Mount, container: Container) -> bool:
    return (
        volume.volume is Volume.FILLED
        or volume.name in container.filled_elsewhere
        or bool(_FETCHES.search(container.text))
    )


def _is_baked(path: str, container: Container, repository: Repository) -> bool:
    if "docling-serve" in container.image and path == _OF_SERVE:
        return True
    if not container.build:
        return False
    images = [image for one in repository.sources if one.instructions and (image := last_image(one.instructions))]
    folders = [fetch.folder or image.variables.get("HF_HOME", "") for image in images for fetch in fetches_of(image)]
    return any(folder.startswith(path) or (folder and path.startswith(folder)) for folder in folders)


def _needs_models(name: str, volume: Mount, container: Container) -> bool:
    """Tell whether the folder must be full at the start: artifacts always, a cache where the Hub is switched off."""
    if any(container.variable(one).lower() in _TRUE for one in OFFLINE):
        return True
    return name in {LIBRARY, SERVE} and volume.volume is Volume.EMPTY


def _not_mounted(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    for container in () if source.is_test else source.containers:
        path = container.variable(SERVE)
        outside = path.startswith("/") and not path.startswith(_OF_SERVE)
        if outside and "docling-serve" in container.image and not any(one.covers(path) for one in container.mounts):
            message = f"nothing is mounted at {path}: docling-serve then downloads at run time, or fails"
            yield Hit(container.variables[SERVE].line, message)


_CACHE_VARIABLES = (*_CACHES, "XDG_CACHE_HOME", "HOME", "EASYOCR_MODULE_PATH", "TMPDIR")
_CACHE_FOLDER = re.compile(r"cache|hugging|/(?:home/|root)|app-root", re.IGNORECASE)
_WRITES = re.compile(r"docling|easyocr|hugging|transformers", re.IGNORECASE)


def _read_only_root(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    for container in () if source.is_test else source.containers:
        if container.is_read_only is None or not _WRITES.search(
            f"{container.name}\n{container.image}\n{container.text}"
        ):
            continue
        places = [path for name in _CACHE_VARIABLES if (path := container.variable(name))]
        writable = any(_CACHE_FOLDER.search(one.path) or any(map(one.covers, places)) for one in container.mounts)
        if not writable:
            message = (
                "the root is read-only, and no volume stands where the caches of the Hub and of EasyOCR are written"
            )
            yield Hit(container.is_read_only, message)


_SERVE_IMAGE = "image: quay.io/docling-project/docling-serve:1.38.2"
_POD = f"""apiVersion: v1
kind: Pod
spec:
  containers:
    - name: api
      {_SERVE_IMAGE}
      env:
        - name: DOCLING_SERVE_ARTIFACTS_PATH
          value: /models
      volumeMounts:
        - name: models
          mountPath: /models
  volumes:
    - name: models
"""

RULES = (
    Rule(
        id="empty-volume",
        title="A volume without models stands where the models should be",
        reason="An emptyDir or tmpfs hides what the image holds at that path. A cache on a new volume is empty, and "
        "stays so with HF_HUB_OFFLINE=1.",
        remedy="Mount it elsewhere; or fill it in an init container with docling-tools models download; "
        "or use a claim that a job has filled.",
        severity=Severity.ERROR,
        quirk="offline-cache-miss",
        bad={"pod.yaml": f"{_POD}      emptyDir: {{}}\n"},
        good={"pod.yaml": f"{_POD}      persistentVolumeClaim:\n        claimName: models\n"},
        check=_empty_volume,
        kinds=(Kind.YAML,),
        words=("ARTIFACTS_PATH", "HF_HOME", "HUB_CACHE", "docling-serve"),
    ),
    Rule(
        id="artifacts-not-mounted",
        title="docling-serve is pointed to a folder that its container does not have",
        reason="Its image holds the models in another folder. Where the named one does not exist docling-jobkit logs "
        "'artifacts_path is set to an invalid directory' and downloads at run time.",
        remedy="Mount a volume with the models at that path, or leave the variable out.",
        severity=Severity.ERROR,
        quirk="docling-artifacts-path",
        bad={
            "compose.yaml": f"services:\n  docling:\n    {_SERVE_IMAGE}\n    environment:\n"
            "      DOCLING_SERVE_ARTIFACTS_PATH: /models\n"
        },
        good={
            "compose.yaml": f"services:\n  docling:\n    {_SERVE_IMAGE}\n    environment:\n"
            "      DOCLING_SERVE_ARTIFACTS_PATH: /models\n    volumes:\n      - ./models:/models:ro\n"
        },
        check=_not_mounted,
        kinds=(Kind.YAML,),
        words=(SERVE,),
    ),
    Rule(
        id="read-only-root",
        title="The root file system is read-only, and the caches have no volume",
        reason="EasyOCR writes into ~/.EasyOCR even when all models are given, and huggingface_hub into its cache.",
        remedy="Mount an emptyDir, and set EASYOCR_MODULE_PATH and HF_HOME to folders on it.",
        severity=Severity.WARNING,
        quirk="cache-not-writable",
        bad={"compose.yaml": f"services:\n  docling:\n    {_SERVE_IMAGE}\n    read_only: true\n"},
        good={
            "compose.yaml": f"services:\n  docling:\n    {_SERVE_IMAGE}\n    read_only: true\n    tmpfs: [/scratch]\n"
            "    environment:\n      HF_HOME: /scratch/hf\n      EASYOCR_MODULE_PATH: /scratch/easyocr\n"
        },
        check=_read_only_root,
        kinds=(Kind.YAML,),
        words=("readOnlyRootFilesystem", "read_only"),
    ),
)

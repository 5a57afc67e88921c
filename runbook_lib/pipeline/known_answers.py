"""What docling answers in environments that are known exactly; it need not be imported there, which takes seconds.

The data, `known_answers.json`, is what docling answered when `tools/make_known_answers.py` asked it. An answer holds
for the very files of the packages that decide it, so that a docling that was patched is asked. See
`docs/decisions/asking-docling.md`.
"""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from runbook_lib.cache.walk import names_in, walk
from runbook_lib.core.value import StrictValue
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.pipeline.spec import PipelineSpec
from runbook_lib.pipeline.wanted import Wanted, WantedOcr
from runbook_lib.system.packages import SitePackages

DATA: Final = "known_answers.json"
_SOURCES: Final = (".py", ".yaml")
_SETTINGS: Final = "DOCLING_"
_PLACES_ALONE: Final = frozenset({"DOCLING_ARTIFACTS_PATH", "DOCLING_CACHE_DIR"})
"""Settings of docling's that say where models are, not which."""


class KnownEnvironment(StrictValue):
    """What decided the answers, and the answers: by pipeline, as settings spell it."""

    platform: str
    """As in `sys.platform`."""
    versions: dict[str, str]
    sources: dict[str, str]
    """Packages whose code or lists decide, and the SHA-256 of their sources (`digest_of`)."""
    imported: tuple[str, ...]
    """What docling's own code imported while it built the pipelines."""
    absent: tuple[str, ...]
    """What it looked for and did not find, such as an OCR engine that it would have preferred."""
    answers: dict[str, Wanted]
    """`shipped` of a file is relative to the folder that holds the package."""


class KnownAnswers(StrictValue):
    """The data."""

    schema_version: Literal[1] = 1
    environments: tuple[KnownEnvironment, ...] = ()


def known_answer(
    packages: SitePackages, pipeline: PipelineSpec, environ: Mapping[str, str], *, platform: str = sys.platform
) -> Wanted | None:
    """Return what docling answers in this environment, read from its files; None where docling has to be asked.

    `environ` are the variables that docling would find.
    """
    if pipeline.code or any(_is_a_setting(name) for name, value in environ.items() if value):
        return None
    with suppress(OSError):  # a file that may not be read, or went meanwhile: nothing is known of it
        for known in _data().environments:
            wanted = known.answers.get(str(pipeline))
            if wanted is not None and known.platform == platform and _is_like(known, packages):
                return _found_here(wanted, packages)
    return None


def _data() -> KnownAnswers:
    return KnownAnswers.model_validate_json((files("runbook_lib.pipeline") / DATA).read_bytes())


def _is_a_setting(name: str) -> bool:
    """Whether it can change what docling does by itself, or keep it from being imported; upper case or not."""
    return name.upper().startswith(_SETTINGS) and name.upper() not in _PLACES_ALONE


def _is_like(known: KnownEnvironment, packages: SitePackages) -> bool:
    """Compare what decides, the cheapest first."""
    return (
        all(packages.version_text(name) == version for name, version in known.versions.items())
        and all(_is_importable(name, packages.folders) for name in known.imported)
        and not any(_is_there(name, packages) for name in known.absent)
        and all(
            (folder := packages.module(name)) is not None and digest_of(folder) == digest
            for name, digest in known.sources.items()
        )
    )


def _is_importable(name: str, folders: Sequence[str]) -> bool:
    """Whether a package or a module of this name is there; a folder that a removal has left is none."""
    return any(
        (Path(folder, name, "__init__.py")).is_file() or Path(folder, f"{name}.py").is_file() for folder in folders
    )


def _is_there(name: str, packages: SitePackages) -> bool:
    """Whether there is any sign of it, a native module or one that is imported from elsewhere included."""
    if packages.version_text(name.replace("_", "-")) is not None:
        return True
    return any(entry.partition(".")[0] == name for folder in packages.folders for entry in names_in(Path(folder)))


def digest_of(package: Path) -> str:
    """Return the SHA-256 of a package's code and lists: of their names and contents, in the order of names."""
    whole = hashlib.sha256()
    for name in sorted(name for name, _ in walk(package) if name.endswith(_SOURCES)):
        content = hashlib.sha256((package / name).read_bytes()).hexdigest()
        whole.update(f"{name}\0{content}\n".encode())
    return whole.hexdigest()


def _found_here(wanted: Wanted, packages: SitePackages) -> Wanted:
    """Return the answer with the files that an engine brings along named where they are here."""
    if wanted.ocr is None:
        return wanted
    ocr = wanted.ocr
    here = WantedOcr(
        engine=ocr.engine,
        backend=ocr.backend,
        languages=ocr.languages,
        reason=ocr.reason,
        folder=ocr.folder,
        files=tuple(_file_here(file, packages) for file in ocr.files),
    )
    return Wanted(repositories=wanted.repositories, variants=wanted.variants, ocr=here)


def _file_here(file: ModelFile, packages: SitePackages) -> ModelFile:
    places = (Path(folder, file.shipped) for folder in packages.folders) if file.shipped else ()
    place = next((str(path) for path in places if path.is_file()), "")
    return ModelFile(name=file.name, url=file.url, sha256=file.sha256, md5=file.md5, shipped=place)

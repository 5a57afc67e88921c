"""The lock file: which repositories, commits and contents a set-up consists of. Described in docs/lock-file.md."""

import re
from collections.abc import Container
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator

from runbook_lib.cache.layout import ListedFile, Listing
from runbook_lib.cache.paths import is_safe_path
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.practice_mark import FILE_NAME
from runbook_lib.core.value import StrictValue
from runbook_lib.errors import RecordError
from runbook_lib.run.target import Target
from runbook_lib.system.filesystem import describe_os_error

LOCK_NAME: Final = "runbook.lock.json"

_Sha1 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_BREAKS = re.compile(r"[\x00-\x1f\x7f]")


def stays_inside(value: str) -> str:
    """Refuse a path that would leave its folder."""
    if not is_safe_path(value) or _BREAKS.search(value):
        raise ValueError("the path would leave its folder or holds control characters")
    return value


class LockedFile(StrictValue):
    """One file and its content."""

    path: str
    """Relative to the repository, with forward slashes."""
    size_bytes: int = Field(ge=0)
    sha256: _Sha256
    """Of the content, for every file; where the Hub gives only git's id it is computed from the verified file."""
    git_sha1: _Sha1
    """The Hub's `blob_id`: git's id of the content, for LFS files of the pointer."""
    lfs: bool

    _stays_inside = field_validator("path")(stays_inside)


class LockedRepository(StrictValue):
    """One repository at one commit."""

    repo_id: str
    revision: str
    """What was asked for: a branch, a tag or a commit."""
    commit: _Sha1
    """What it stood for when the file was written."""
    files: tuple[LockedFile, ...]

    @field_validator("repo_id")
    @classmethod
    def _is_a_repository(cls, value: str) -> str:
        return ModelRef.parse(value).repo_id

    @property
    def model(self) -> ModelRef:
        """The model as settings name it."""
        return ModelRef(self.repo_id, self.revision)

    def listing(self, revision: str) -> Listing:
        """Return what the Hub listed, for a revision that stands for the locked commit."""
        files = (
            ListedFile(
                path=file.path,
                size_bytes=file.size_bytes,
                git_sha1=file.git_sha1,
                sha256=file.sha256 if file.lfs else None,
            )
            for file in self.files
        )
        return Listing(repo_id=self.repo_id, revision=revision, commit=self.commit, files=tuple(files))


class LockedModelFile(StrictValue):
    """One file of an OCR engine."""

    path: str
    """Relative to the engine's folder, with forward slashes."""
    size_bytes: int = Field(ge=0)
    sha256: _Sha256
    url: str
    """Where the engine's own list says it comes from."""

    _stays_inside = field_validator("path")(stays_inside)


class LockedOcr(StrictValue):
    """The models of an OCR engine, which come from elsewhere than the Hub."""

    folder: str
    """Below the artifacts folder: `RapidOcr` or `EasyOcr`."""
    engine: str
    backend: str
    """What runs RapidOCR's models; empty for other engines."""
    files: tuple[LockedModelFile, ...]

    _stays_inside = field_validator("folder")(stays_inside)

    @property
    def model(self) -> ModelRef:
        """The name under which the folder is verified."""
        return ModelRef(self.folder, self.backend or self.engine)


class LockFile(StrictValue):
    """The whole file."""

    schema_version: Literal[1] = 1
    practice: bool = False
    """Whether these are practice models: random weights, which no service may be held to."""
    created_at: datetime
    docling: str
    """The docling that asked for these models; empty when it was not known."""
    repositories: tuple[LockedRepository, ...]
    ocr: LockedOcr | None = None
    """Left out of the file when the pipeline has no OCR, or its engine keeps its models elsewhere."""

    @property
    def is_practice(self) -> bool:
        """Whether it says so, or lists what only practice repositories hold."""
        return self.practice or any(file.path == FILE_NAME for repo in self.repositories for file in repo.files)

    def only(self, models: Container[ModelRef]) -> "LockFile":
        """Return what it says of some of its models."""
        return LockFile(
            practice=self.is_practice,
            created_at=self.created_at,
            docling=self.docling,
            repositories=tuple(repository for repository in self.repositories if repository.model in models),
            ocr=self.ocr if self.ocr and self.ocr.model in models else None,
        )

    def without_ocr(self) -> "LockFile":
        """Return what it says of repositories."""
        return self.only(frozenset(repository.model for repository in self.repositories))

    def says_the_same_as(self, other: "LockFile") -> bool:
        """Whether nothing but the time of writing differs."""
        return self.model_dump(exclude={"created_at"}) == other.model_dump(exclude={"created_at"})

    def text(self) -> str:
        """Return the file as it is written."""
        left_out = {"ocr"} if self.ocr is None else None
        return self.model_dump_json(indent=2, exclude=left_out) + "\n"


def read_lock(path: Path) -> LockFile:
    """Read a lock file; raises `RecordError` when it is missing, damaged or of another schema version."""
    remedy = "Write a new one with runbook lock, on a machine where the models verify."
    try:
        return LockFile.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        missing = "Name the file, or write it with runbook lock on a machine where the models verify."
        raise RecordError(f"There is no lock file {path}.", remedy=missing) from error
    except OSError as error:
        raise RecordError(f"{path} cannot be read.", why=describe_os_error(error), remedy=remedy) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"{path} is not a lock file.", why=f"{where}: {first['msg']}".lstrip(": "), remedy=remedy
        ) from error


def require_same_kind(target: Target, lock: LockFile, path: Path) -> None:
    """Raise `RecordError` for a lock file of practice models where real ones are meant, and the other way round."""
    if lock.is_practice == target.practice:
        return
    theirs, ours = ("practice", "real") if lock.is_practice else ("real", "practice")
    raise RecordError(
        f"{path} locks {theirs} models, but this command is about {ours} ones.",
        why="Practice models are random weights under the names of real ones.",
        remedy="Leave --practice out."
        if target.practice
        else "For practice: --practice. Otherwise write the file again.",
    )


def lock_beside(given: str) -> Path | None:
    """Return the lock file of a run: the one named, else the one in the working directory; None when there is none."""
    if given:
        return Path(given)
    here = Path(LOCK_NAME).absolute()
    return here if here.is_file() else None

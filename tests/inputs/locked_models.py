"""Models and the lock files that name them."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runbook_lib.practice.repository import Repository
from runbook_lib.run.lock_file import LOCK_NAME, LockedFile, LockedRepository, LockFile
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import ResolvedTarget, resolve_target

FILES_PER_MODEL: Final = 12
_CONTENT: Final = b"{}"


def lock_of(repository: Repository, *, practice: bool = False) -> LockFile:
    """Return a lock file that holds a repository at its newest commit."""
    files = tuple(
        LockedFile(
            path=file.path,
            size_bytes=file.size_bytes,
            sha256=file.content.sha256,
            git_sha1=file.git_oid,
            lfs=file.lfs,
        )
        for file in repository.head.files
    )
    locked = LockedRepository(repo_id=repository.repo_id, revision="main", commit=repository.head.id, files=files)
    return LockFile(practice=practice, created_at=datetime.now(UTC), docling="", repositories=(locked,))


def places_below(base: Path, *, practice: bool = False) -> ResolvedTarget:
    """Return where a machine that has its cache and artifacts folder below one folder looks for models, offline."""
    given = {"cache_dir": str(base / "hub"), "artifacts_dir": str(base / "artifacts"), "offline": True}
    settings = {**given, "hub": "practice"} if practice else given
    return resolve_target(resolve_settings(settings, explicit=True).values)


def write_locked_models(base: Path, models: int) -> None:
    """Write a lock file of so many models, and the models as huggingface_hub and stage download leave them."""
    target = places_below(base)
    sha256 = hashlib.sha256(_CONTENT).hexdigest()
    git_sha1 = hashlib.sha1(b"blob 2\0" + _CONTENT, usedforsecurity=False).hexdigest()
    names = [f"part-{number:02d}.json" for number in range(FILES_PER_MODEL)]
    files = tuple(LockedFile(path=name, size_bytes=2, sha256=sha256, git_sha1=git_sha1, lfs=False) for name in names)
    repositories = []
    for number in range(models):
        one = LockedRepository(repo_id=f"org/model-{number:05d}", revision="main", commit=f"{number:040x}", files=files)
        repo = target.cache_dir / f"models--org--model-{number:05d}"
        for folder in (repo / "snapshots" / one.commit, target.artifacts_dir / one.model.folder_name):
            folder.mkdir(parents=True)
            for name in names:
                (folder / name).write_bytes(_CONTENT)
        (repo / "refs").mkdir()
        (repo / "refs" / "main").write_text(one.commit, encoding="utf-8")
        repositories.append(one)
    lock = LockFile(created_at=datetime.now(UTC), docling="", repositories=tuple(repositories))
    (base / LOCK_NAME).write_text(lock.text(), encoding="utf-8")

"""The machines of the drills: what lies around on them, what they are denied, what they are offered."""

import errno
import hashlib
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from runbook_lib.errors import PracticeError
from runbook_lib.practice import denied_calls, table_model
from runbook_lib.practice.catalogue import practice_repositories
from runbook_lib.practice.content import Content, Padding
from runbook_lib.practice.hub_handler import STALE_TOKEN
from runbook_lib.practice.repository import Repository, RepositoryFile, linear_history

MIRROR_PORT: Final = 8471
"""Where the mirror of drill block-page is served, so that its address can be printed before it is."""
_LOCK_NAME = "runbook.lock.json"
_SMALL_BYTES = 100_000
_TOKEN_NAME = "token"  # noqa: S105 - the name of a file
_CANNOT = "Drill no-symlinks cannot be played here."


def stale_token_file(home: Path) -> None:
    """Leave the token that the practice hub takes for expired where `hf auth login` would have saved it."""
    (home / _TOKEN_NAME).write_text(STALE_TOKEN, encoding="utf-8")


def saved_token(home: Path) -> dict[str, str]:
    """Point huggingface_hub to the drill's token file, and keep the engineer's own token out of it."""
    return {"HF_TOKEN": "", "HUGGING_FACE_HUB_TOKEN": "", "HF_TOKEN_PATH": str(home / _TOKEN_NAME)}


def old_artifacts(home: Path) -> None:
    """Leave the small files of the table model under the name that docling before 2.61.2 gave the folder."""
    folder = home / "artifacts" / table_model.REPO_ID.replace("docling-project/", "ds4sd--")
    for path, content in table_model.table_files().items():
        if content.size_bytes <= _SMALL_BYTES:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"".join(content.read()))


def lost_listings(home: Path) -> None:
    """Take the lists of files out of the cache, as a copy without `trees/` or an older huggingface_hub leaves it."""
    for trees in (home / "hub").glob("models--*/trees"):
        shutil.rmtree(trees)


def lock_file_of_the_source(home: Path) -> dict[str, str]:
    """Name the lock file of the machine that the cache came from."""
    return {"lock_file": str(home / _LOCK_NAME)}


def another_volume(home: Path) -> dict[str, str]:
    """Name a folder that stands for another volume: any but the drill's own."""
    return {"cache_dir": str(home.with_name(f"{home.name}-other-volume"))}


def a_mirror(_home: Path) -> dict[str, str]:
    """Name the mirror that `runbook hub` serves at the port of this drill."""
    return {"hub": f"http://127.0.0.1:{MIRROR_PORT}"}


def no_symlinks(home: Path) -> None:
    """Deny symlinks to this process and its children as Windows does to a user without the privilege.

    Raises:
        PracticeError: The system is neither Linux nor a Windows without the privilege.
    """
    if _refused(home):
        return
    if not sys.platform.startswith("linux"):
        why = "This user may create symlinks, and only Linux can take that from a process."
        raise PracticeError(_CANNOT, why=why, remedy="Play it on Linux, or as a Windows user without that privilege.")
    try:
        denied_calls.deny(("symlink",), errno.EINVAL)
    except (KeyError, AttributeError, OSError) as error:
        why = f"seccomp: {type(error).__name__}: {error}"
        raise PracticeError(_CANNOT, why=why, remedy="Play it on Linux on x86_64 or aarch64.") from error


def _refused(home: Path) -> bool:
    """Whether this process may not create symlinks already."""
    link = home / f".drill-{os.getpid()}"
    try:
        link.symlink_to("nowhere")
    except OSError:
        return True
    link.unlink()
    return False


class Announced(Content):
    """Content that is only ever announced: its hash is made up, since no disk could take it to be compared."""

    @property
    def sha256(self) -> str:
        """A name that changes with the size."""
        return hashlib.sha256(f"announced {self.size_bytes}".encode()).hexdigest()


def larger_than_the_disk(home: Path) -> tuple[Repository, ...]:
    """Return the practice repositories, each with a file of twice the space that is free at `home`."""
    size_bytes = 2 * shutil.disk_usage(home).free
    large = RepositoryFile("pytorch_model.bin", Announced((Padding(size_bytes),)), lfs=True)
    return tuple(_with(repository, large) for repository in practice_repositories())


def _with(repository: Repository, file: RepositoryFile) -> Repository:
    trees = (tuple(sorted((*commit.files, file), key=lambda each: each.path)) for commit in repository.commits)
    made = linear_history(repository.repo_id, *trees, tags_at_head=repository.tags_at_head)
    return replace(made, head_index=repository.head_index)

"""What cache and folders say about themselves, verified too: refs, listings, our stamp, huggingface_hub's notes."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.cache.artifacts import STAMP_NAME, Stamp, read_stamp
from runbook_lib.cache.etags import is_commit
from runbook_lib.cache.layout import CachedRepo
from runbook_lib.cache.local_notes import HUGGINGFACE, notes_in
from runbook_lib.cache.refs import nearest, ref_text
from runbook_lib.cache.tree_listing import digest_of, oddity, refusal, tree_path
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.stages.verify.expected import Expectation
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind
from runbook_lib.system.filesystem import describe_os_error

_CLOCK_SLACK_S: Final = 1.0
"""What huggingface_hub grants a note (`read_download_metadata`)."""


@dataclass(frozen=True)
class NamedCommit:
    """The commit a branch or tag stands for, and what is wrong with the file that says so."""

    commit: str = ""
    problems: tuple[FileProblem, ...] = ()


def named_commit(repo: CachedRepo, revision: str, artifacts: Path) -> NamedCommit:
    """Read what a revision stands for; where its file is damaged, find what it stood for by what stands here.

    A well-formed commit that is not here is no damage: huggingface_hub notes a newer one before it fetches it.
    """
    if is_commit(revision):
        return NamedCommit(revision)
    text = ref_text(repo, revision)
    if text is None:
        return NamedCommit()
    standing = [snapshot.name for snapshot in repo.snapshots()]
    if is_commit(text):
        near = "" if text in standing else nearest(text, standing)
        problems = (_bad_ref(revision, f"it names {text}, which is not here; {near} is"),) if near else ()
        return NamedCommit(near or text, problems)
    return NamedCommit(_meant(text, standing, artifacts), (_bad_ref(revision, f"it holds {text[:80]!r}, no commit"),))


def _meant(text: str, standing: list[str], artifacts: Path) -> str:
    """Return the commit a damaged ref most likely stood for; empty when several are as likely."""
    stamp = read_stamp(artifacts)
    stamped = stamp.commit if stamp and stamp.commit in standing else ""
    only = standing[0] if len(standing) == 1 else ""
    return nearest(text.strip(), standing) or stamped or only


def _bad_ref(revision: str, seen: str) -> FileProblem:
    evidence = f"{seen}: offline huggingface_hub finds nothing by this name"
    return FileProblem(path=f"refs/{revision}", kind=ProblemKind.BAD_REF, evidence=evidence)


def unread_listing(repo: CachedRepo, commit: str) -> Iterator[FileProblem]:
    """Yield what keeps a listing that stands here from being read."""
    tree = tree_path(repo.folder, commit)
    name = f"trees/{tree.name}"
    if refused := refusal(tree):
        seen = f"{describe_os_error(refused)}; {_mode_and_owner(tree)}"
        yield FileProblem(path=name, kind=ProblemKind.PRIVATE_LISTING, evidence=seen)
    elif tree.exists():
        evidence = "huggingface_hub cannot read it and asks the Hub again"
        yield FileProblem(path=name, kind=ProblemKind.BAD_LISTING, evidence=evidence)


def _mode_and_owner(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:
        return "huggingface_hub makes it readable to its owner alone"
    mode = f"mode {stat.S_IMODE(facts.st_mode):04o}, owner {facts.st_uid}"
    return f"{mode}: huggingface_hub makes it readable to its owner alone"


def odd_listing(repo: CachedRepo, commit: str, stamp: Stamp | None) -> Iterator[FileProblem]:
    """Yield what shows that a readable listing is not what the Hub sent, in fields that nothing else uses too."""
    tree = tree_path(repo.folder, commit)
    seen = oddity(tree)
    if not seen and stamp and stamp.commit == commit and stamp.listing_sha256 not in ("", digest_of(tree)):
        seen = "it is not what it was when the artifacts were placed"
    if seen:
        yield FileProblem(path=f"trees/{tree.name}", kind=ProblemKind.BAD_LISTING, evidence=seen)


def stamp_problems(folder: Path, model: ModelRef, snapshot: Expectation | None) -> Iterator[FileProblem]:
    """Yield what is wrong with the stamp of a model's folder."""
    if not (folder / STAMP_NAME).is_file():
        return
    stamp = read_stamp(folder)
    seen = "it is not as it was written" if stamp is None else _stamp_oddity(stamp, model, snapshot)
    if seen:
        yield FileProblem(path=STAMP_NAME, kind=ProblemKind.BAD_STAMP, evidence=seen)


def _stamp_oddity(stamp: Stamp, model: ModelRef, snapshot: Expectation | None) -> str:
    if (stamp.repo_id, stamp.revision) != (model.repo_id, model.revision):
        return f"it names {stamp.repo_id}@{stamp.revision}, {model} is wanted"
    if not is_commit(stamp.commit):
        return f"it names {stamp.commit!r}, no commit"
    if snapshot is None or any(file.size_bytes is None for file in snapshot.files):
        return ""
    listed = {file.path: (file.etag, file.size_bytes) for file in snapshot.files}
    stamped = {path: (file.etag, file.size_bytes) for path, file in stamp.files.items()}
    if stamp.commit == snapshot.commit:
        wrong = sorted(path for path in listed.keys() | stamped.keys() if listed.get(path) != stamped.get(path))
        return f"of {wrong[0]} it says something else than the listing" if wrong else ""
    near = nearest(stamp.commit, (snapshot.commit,))
    return f"it names {stamp.commit}, a damaged {near}" if near and listed == stamped else ""


def note_problems(folder: Path, expectation: Expectation | None) -> Iterator[FileProblem]:
    """Yield the notes that huggingface_hub would believe of a file that is another one."""
    etags = {file.path: file.etag for file in expectation.files} if expectation else {}
    for note in sorted(notes_in(folder), key=lambda note: note.path):
        expected = etags.get(note.path, note.etag)
        with suppress(OSError):
            believed = (folder / note.path).stat().st_mtime - _CLOCK_SLACK_S <= note.time_s
            if believed and note.etag != expected:
                path = (HUGGINGFACE / "download" / f"{note.path}.metadata").as_posix()
                evidence = f"it says {note.etag[:12]} of commit {note.commit[:8]}, the file is {expected[:12]}"
                yield FileProblem(path=path, kind=ProblemKind.FALSE_NOTE, evidence=evidence)

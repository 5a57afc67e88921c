"""What clients believe of files that stand already: foreseen by names, lengths and times; no content is read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from packaging.version import Version

from runbook_lib.cache.artifacts import written_since
from runbook_lib.cache.layout import CachedRepo, cached_repos
from runbook_lib.cache.local_notes import HUGGINGFACE, notes_in
from runbook_lib.cache.refs import damaged_refs
from runbook_lib.cache.tree_listing import files_of, is_private, refusal
from runbook_lib.cache.walk import folders_in, names_in
from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import NotReached, Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Verdict, fail, ok, skip, warn
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.system.variables import is_true

_HUB_HOSTS = ("huggingface.co", "hf.co")
_TREE_SINCE: Final = Version("1.22.0")
"""From here on huggingface_hub takes Xet hashes from the listing (`_snapshot_download.py`)."""
_CLOCK_SLACK_S: Final = 1.0
_SAMPLE: Final = "docling-project/docling-layout-heron"


def _model_folders(artifacts_dir: Path) -> tuple[Path, ...]:
    return tuple(folder for folder in folders_in(artifacts_dir) if "--" in folder.name)


def _unchanged(context: ProbeContext) -> Verdict:
    folders = _model_folders(context.artifacts_dir)
    return judge_unchanged([folder / name for folder in folders for name in written_since(folder)])


def judge_unchanged(written: Sequence[Path]) -> Verdict:
    """Say whether somebody wrote to placed files: where they are hard links, that reached the cache."""
    if not written:
        return ok("every file has the length and time it was placed with")
    links = [path for path in written if _has_other_names(path)]
    through = f"; {links[0]} is one file with the cache's, which holds the same now" if links else ""
    judged = fail if links else warn
    return judged(
        f"{len(written)} placed files were written to since, the first is {written[0]}{through}",
        "Run runbook repair: it compares contents, and repairs what is not what the Hub lists.",
        fixed_by=FixedBy.REPAIR,
    )


def _has_other_names(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_nlink > 1
    return False


@dataclass(frozen=True)
class FolderNotes:
    """What the notes of a local folder say of files that are another length, or not there."""

    other_length: tuple[Path, ...] = ()
    gone: tuple[Path, ...] = ()


def _notes(context: ProbeContext) -> Verdict:
    return judge_notes([_folder_notes(folder) for folder in _model_folders(context.artifacts_dir)])


def _folder_notes(folder: Path) -> FolderNotes:
    """Compare the files of a folder with the listing beside its latest note; one without a listing tells nothing."""
    latest = max(notes_in(folder), key=lambda note: note.time_s, default=None)
    listed = files_of(folder / HUGGINGFACE / "trees" / f"{latest.commit}.json") if latest else None
    if listed is None:
        return FolderNotes()
    sizes = {name: entry.get("lfs_size") or entry.get("size") for name, entry in listed.items()}
    believed = [note.path for note in notes_in(folder) if _is_believed(folder / note.path, note.time_s)]
    other = [folder / name for name in believed if sizes.get(name) not in (None, (folder / name).stat().st_size)]
    gone = [folder / name for name in sizes if not (folder / name).exists()]
    return FolderNotes(tuple(other), tuple(gone))


def _is_believed(path: Path, time_s: float) -> bool:
    with suppress(OSError):
        return path.stat().st_mtime - _CLOCK_SLACK_S <= time_s
    return False


def judge_notes(folders: Sequence[FolderNotes]) -> Verdict:
    """Say whether huggingface_hub would take a folder for current that is not."""
    other = [path for folder in folders for path in folder.other_length]
    gone = [path for folder in folders for path in folder.gone]
    if other:
        return fail(
            f"{len(other)} files have another length than was downloaded, and count as current: {other[0]}",
            "Run runbook repair; a download to this folder changes nothing, as it believes its note.",
            fixed_by=FixedBy.REPAIR,
        )
    if gone:
        return fail(
            f"{len(gone)} files that were downloaded to their folder are gone: {gone[0]}",
            "An update broke off, or somebody removed them: run stage download.",
            fixed_by=FixedBy.DOWNLOAD,
            quirk="local-dir-loses-files",
        )
    return ok("no note of huggingface_hub in the artifacts folder speaks of another file")


def _copies(context: ProbeContext) -> Verdict:
    return judge_copies([path for repo in cached_repos(context.cache_dir) for path in _second_copies(repo)])


def _second_copies(repo: CachedRepo) -> Iterator[Path]:
    """Yield the snapshot files, by their listing, whose blob stands beside them as another file."""
    for snapshot in repo.snapshots():
        listing = repo.listing(snapshot.name)
        for file in listing.files if listing else ():
            path, blob = snapshot / file.path, repo.blobs / file.etag
            with suppress(OSError):
                if path.is_file() and blob.is_file() and not path.samefile(blob):
                    yield path


def judge_copies(paths: Sequence[Path]) -> Verdict:
    """Say whether contents are stored twice, as `force_download=True` leaves them where symlinks do not work."""
    if not paths:
        return ok("no content stands in blobs/ and in a snapshot as two files")
    total = 0
    for path in paths:
        with suppress(OSError):
            total += path.stat().st_size
    return warn(
        f"{len(paths)} files of {format_bytes(total)} stand in blobs/ and as a file of their own in a snapshot, "
        f"the first is {paths[0]}",
        "If force_download=True was to fix a file, it did not: run runbook repair; then runbook dedupe.",
        fixed_by=FixedBy.DEDUPE,
    )


@dataclass(frozen=True)
class PrivateListing:
    """A listing that not everybody who may use the cache can read."""

    path: Path
    refused: str
    """What the system says to this user; empty when this user can read it."""


def _listings(context: ProbeContext) -> Verdict:
    trees = [tree for repo in cached_repos(context.cache_dir) for tree in _trees(repo)]
    return judge_listings([found for tree in trees if (found := _private(tree))])


def _trees(repo: CachedRepo) -> tuple[Path, ...]:
    home = repo.folder / "trees"
    return tuple(home / name for name in names_in(home) if name.endswith(".json"))


def _private(tree: Path) -> PrivateListing | None:
    refused = refusal(tree)
    if refused:
        return PrivateListing(tree, describe_os_error(refused))
    return PrivateListing(tree, "") if is_private(tree) else None


def judge_listings(found: Sequence[PrivateListing]) -> Verdict:
    """Say whether every user of the cache can tell a complete snapshot from an incomplete one."""
    refused = [listing for listing in found if listing.refused]
    if refused:
        return warn(
            f"{len(refused)} listings cannot be read, the first is {refused[0].path} ({refused[0].refused})",
            "Nothing is damaged: let the user who downloaded, or root, run chmod go+r on them.",
        )
    if found:
        return warn(
            f"{len(found)} listings can be read by their owner alone, the first is {found[0].path}",
            f"If others use this cache: chmod go+r {found[0].path.parent}/*.json",
        )
    return ok("whoever may read the cache may read its listings")


def _refs(context: ProbeContext) -> Verdict:
    return judge_refs([seen for repo in cached_repos(context.cache_dir) for seen in damaged_refs(repo)])


def judge_refs(damaged: Sequence[tuple[Path, str]]) -> Verdict:
    """Say whether the branches and tags of the cache lead to snapshots."""
    if not damaged:
        return ok("every branch and tag holds one commit")
    path, text = damaged[0]
    return fail(
        f"{len(damaged)} branches or tags hold no commit that is here, the first is {path}: {text[:60]!r}",
        "Run runbook repair; offline huggingface_hub finds nothing by this name.",
        fixed_by=FixedBy.REPAIR,
    )


def _mirror(context: ProbeContext) -> Verdict:
    host = urlsplit(context.endpoint).hostname or ""
    hub, xet = context.packages.version("huggingface_hub"), context.packages.version("hf_xet")
    if any(host == name or host.endswith(f".{name}") for name in _HUB_HOSTS):
        return skip(f"{host} is not a mirror")
    if is_true(context.environ.get("HF_HUB_DISABLE_XET", "")):
        return ok("Xet is off: HF_HUB_DISABLE_XET")
    if hub is None or xet is None or hub < _TREE_SINCE:
        return ok("this huggingface_hub asks no Xet server, as the mirror names none")
    model = next((f"{ref.repo_id}/tree/{ref.revision}" for ref in context.models), f"{_SAMPLE}/tree/main")
    return judge_mirror(host, *_asked(context.endpoint, model, context.settings.probe_limit_s / 2))


def _asked(endpoint: str, model: str, limit_s: float) -> tuple[str, Mapping[str, str]]:
    """Return a file that the mirror's listing gives a Xet hash, and the headers the mirror sends for it."""
    import httpx

    try:
        answer = httpx.get(f"{endpoint}/api/models/{model}", params={"recursive": "true"}, timeout=limit_s)
        listed = answer.json() if answer.status_code == HTTPStatus.OK else []
        name = next((entry["path"] for entry in _entries(listed) if entry.get("xetHash")), "")
        if not name:
            return "", {}
        repo_id, _, revision = model.rpartition("/tree/")
        return name, httpx.head(f"{endpoint}/{repo_id}/resolve/{revision}/{name}", timeout=limit_s).headers
    except (httpx.TransportError, json.JSONDecodeError) as error:
        raise NotReached(f"{endpoint}: {error}") from error


def _entries(listed: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - whatever JSON may hold
    yield from (entry for entry in listed if isinstance(entry, dict)) if isinstance(listed, list) else ()


def judge_mirror(host: str, name: str, headers: Mapping[str, str]) -> Verdict:
    """Say whether downloads of whole models stay with the mirror."""
    if not name:
        return ok(f"the listings of {host} name no Xet hashes")
    if "x-xet-hash" in {header.lower() for header in headers}:
        return ok(f"{host} serves Xet itself, by its own headers")
    return warn(
        f"{host} lists a Xet hash for {name} and sends the file without: huggingface_hub goes past it, to Xet",
        "Set HF_HUB_DISABLE_XET=1 for every program that uses this mirror; the environment of stage configure does.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


PROBES = (
    Probe("refs", "branches and tags lead to snapshots", "ref-damaged", _refs),
    Probe("listing-readable", "every user can read the listings", "tree-listing-private", _listings),
    Probe("one-copy-each", "no content is stored twice in a repository", "force-download-copies", _copies, limit_s=6.0),
    Probe("artifacts-unchanged", "nobody wrote to placed files", "local-dir-writes-through", _unchanged),
    Probe("local-notes", "notes in local folders are true", "local-dir-trusts-times", _notes),
    Probe("mirror-xet", "the mirror is not passed by", "mirror-past-xet", _mirror, needs_network=True),
)

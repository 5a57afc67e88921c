"""What lies in the Hub cache: links that lead nowhere, incomplete files, models that are not all there."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.version import Version

from runbook_lib.cache.incomplete_files import IncompleteFile
from runbook_lib.cache.inventory import blob_entries, snapshot_entries
from runbook_lib.cache.layout import cached_repos, repo_of
from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.quirks.hub_versions import lists_pinned_commits_online
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Verdict, fail, ok, skip, warn
from runbook_lib.run.interpreter import abandoned_files
from runbook_lib.run.lock_file import LOCK_NAME
from runbook_lib.system.variables import is_true

_TOKENIZER = "sentence-transformers/all-MiniLM-L6-v2"
"""What docling's HybridChunker loads by default; no part of the conversion, and of no prefetch."""


def dangling_links(cache_dir: Path) -> Iterator[Path]:
    """Yield the links in snapshots whose file is not there."""
    for repo in cached_repos(cache_dir):
        for snapshot in repo.snapshots():
            yield from (entry.path for entry in snapshot_entries(repo, snapshot.name) if entry.is_dangling())


def _links(context: ProbeContext) -> Verdict:
    return judge_links(tuple(dangling_links(context.cache_dir)), context.system)


def judge_links(dangling: Sequence[Path], system: str) -> Verdict:
    """Say whether a snapshot holds links without files: copied without its blobs, or made with rights now gone."""
    if not dangling:
        return ok("every link in the snapshots leads to a file")
    return fail(
        f"{len(dangling)} links lead nowhere, the first is {dangling[0]}",
        f"Remove them ({FixedBy.DOCTOR_FIX.words}) and download again; copy a cache whole, hub/blobs included,"
        " or as files (cp -aL).",
        fixed_by=FixedBy.DOWNLOAD,
        quirk="win-symlink-dangling" if system == "Windows" else "",
    )


def _shared_blobs(context: ProbeContext) -> Verdict:
    blobs = (entry for repo in cached_repos(context.cache_dir) for entry in blob_entries(repo))
    links = [entry for entry in blobs if entry.link is not None]
    return judge_shared_blobs(len(links), tuple(entry.path for entry in links if entry.is_dangling()))


def judge_shared_blobs(count: int, dangling: Sequence[Path]) -> Verdict:
    """Say whether contents that stand outside their repository's folder are still there (huggingface_hub 1.32)."""
    if dangling:
        return fail(
            f"{len(dangling)} blobs are links without content, the first is {dangling[0]}",
            "Copy the whole cache, hub/blobs included; or fill it with HF_HUB_DISABLE_SHARED_BLOBS=1.",
            fixed_by=FixedBy.DOWNLOAD,
        )
    if count:
        return ok(f"{count} blobs stand in hub/blobs: copy the cache whole, never one models--org--name folder")
    return ok("every repository keeps its contents in its own folder")


def _incomplete(context: ProbeContext) -> Verdict:
    return judge_incomplete(abandoned_files(context, context.packages))


def judge_incomplete(found: Sequence[IncompleteFile]) -> Verdict:
    """Say whether interrupted downloads left files that only take space."""
    if not found:
        return ok("no incomplete file that no download goes on with is older than an hour")
    total = sum(file.size_bytes for file in found)
    seen = f"{len(found)} incomplete files of {format_bytes(total)}, the first is {found[0].path}"
    return warn(
        seen, f"Remove them: {FixedBy.DOCTOR_FIX.words}; no download resumes them.", fixed_by=FixedBy.DOCTOR_FIX
    )


def _cached_models(context: ProbeContext) -> Verdict:
    offline = context.settings.offline or is_true(context.environ.get("HF_HUB_OFFLINE", ""))
    if not context.models:
        return skip("which models are needed is not known without asking docling; stage detect asks")
    missing = {model: gap for model in context.models if (gap := _gap(context.cache_dir, model))}
    placed = tuple(model for model in missing if (context.artifacts_dir / model.folder_name / "config.json").is_file())
    return judge_cached({model: gap for model, gap in missing.items() if model not in placed}, offline=offline)


def _gap(cache_dir: Path, model: ModelRef) -> str:
    """Return what keeps the model from being found offline; empty when nothing does, as far as names tell."""
    repo = repo_of(cache_dir, model)
    commit = repo.commit_of(model.revision)
    if commit is None:
        return f"no refs/{model.revision}"
    if not repo.snapshot(commit).is_dir():
        return "no snapshot"
    listing = repo.listing(model.revision)
    absent = repo.missing(listing) if listing else ()
    return f"{len(absent)} files missing" if absent else ""


def judge_cached(missing: dict[ModelRef, str], *, offline: bool) -> Verdict:
    """Say whether what is needed offline is there."""
    if not missing:
        return ok("every model is in the cache or in the artifacts folder, by name")
    seen = "; ".join(f"{model}: {gap}" for model, gap in missing.items())
    if not offline:
        return ok(f"{seen}; not offline, so that stage download fetches it")
    return fail(
        f"offline, and {seen}",
        "Run stage download once with a network (-p offline false), or copy a complete cache here; the exact revision"
        " counts.",
        fixed_by=FixedBy.DOWNLOAD,
    )


def _listings(context: ProbeContext) -> Verdict:
    lacking = {}
    for repo in cached_repos(context.cache_dir):
        for snapshot in repo.snapshots():
            if repo.listing(snapshot.name) is None:
                lacking[f"{repo.repo_id}@{snapshot.name[:8]}"] = sum(1 for _ in snapshot_entries(repo, snapshot.name))
    return judge_listings(lacking, context.packages.version("huggingface_hub"))


def judge_listings(lacking: Mapping[str, int], hub: Version | None) -> Verdict:
    """Say whether commits can be used offline by their hash; `lacking`: files of the snapshots without a listing."""
    if not lacking:
        return ok("every snapshot has its list of files")
    (first, count), *_ = lacking.items()
    seen = f"{len(lacking)} snapshots have no list of files (trees/), the first is {first} with {count} files"
    if not lists_pinned_commits_online(hub):
        return ok(f"{seen}; huggingface_hub {hub} does without")
    return warn(
        f"{seen}; offline, huggingface_hub {hub or '(missing)'} cannot use a commit that is asked for by its hash",
        f"Run stage download offline beside a lock file ({LOCK_NAME}), which writes the list; or once online; or ask"
        " for the branch or tag, or with local_files_only=True; fixed in huggingface_hub 2.2.",
        fixed_by=FixedBy.DOWNLOAD,
    )


def _tokenizer(context: ProbeContext) -> Verdict:
    return judge_tokenizer(cached=not _gap(context.cache_dir, ModelRef(_TOKENIZER)))


def judge_tokenizer(*, cached: bool) -> Verdict:
    """Say whether chunking would work offline; whether the service chunks cannot be seen."""
    if cached:
        return ok(f"{_TOKENIZER} is in the cache")
    return skip(f"{_TOKENIZER} is not in the cache; it matters only to a service that uses HybridChunker")


PROBES = (
    Probe("dangling-links", "every link in the cache leads to a file", "cache-copied-dangling", _links, limit_s=6.0),
    Probe("shared-blobs", "shared contents are there", "shared-blobs-escape", _shared_blobs),
    Probe("incomplete-files", "no interrupted download left anything", "incomplete-no-resume", _incomplete),
    Probe("cached-models", "what is needed offline is there", "offline-cache-miss", _cached_models),
    Probe("cached-listings", "a pinned commit can be used offline", "offline-pinned-commit", _listings),
    Probe("chunker-tokenizer", "chunking works offline", "docling-chunker-tokenizer", _tokenizer),
)

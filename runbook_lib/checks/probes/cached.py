"""What lies in the Hub cache: links that lead nowhere, leftovers, models that are not all there."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.cache.layout import CachedRepo, cached_repos, repo_of
from runbook_lib.checks.probe import DOWNLOAD, Probe, ProbeContext, Verdict, fail, ok, skip, warn
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.render.values import format_bytes
from runbook_lib.system.variables import is_true

_LEFTOVER_AGE_S = 3600.0
_TOKENIZER = "sentence-transformers/all-MiniLM-L6-v2"
"""What docling's HybridChunker loads by default; no part of the conversion, and of no prefetch."""
_FIX = "runbook doctor --fix"


@dataclass(frozen=True)
class Leftover:
    """A partial file that an interrupted download left."""

    path: Path
    size_bytes: int


def dangling_links(cache_dir: Path) -> Iterator[Path]:
    """Yield the links in snapshots whose file is not there."""
    for repo in cached_repos(cache_dir):
        for snapshot in repo.snapshots():
            for folder, _, names in os.walk(snapshot):
                yield from (path for name in sorted(names) if _dangles(path := Path(folder, name)))


def _dangles(path: Path) -> bool:
    return path.is_symlink() and not os.path.exists(path)  # noqa: PTH110 - Path.exists raises where a link may not be followed


def _links(context: ProbeContext) -> Verdict:
    return judge_links(tuple(dangling_links(context.cache_dir)), context.system)


def judge_links(dangling: Sequence[Path], system: str) -> Verdict:
    """Say whether a snapshot holds links without files: copied without its blobs, or made with rights now gone."""
    if not dangling:
        return ok("every link in the snapshots leads to a file")
    return fail(
        f"{len(dangling)} links lead nowhere, the first is {dangling[0]}",
        f"Remove them ({_FIX}) and download again; copy a cache whole, hub/blobs included, or as files (cp -aL).",
        mended_by=DOWNLOAD,
        quirk="win-symlink-dangling" if system == "Windows" else "",
    )


def _shared_blobs(context: ProbeContext) -> Verdict:
    links = [path for repo in cached_repos(context.cache_dir) for path in _blob_links(repo)]
    return judge_shared_blobs(len(links), tuple(path for path in links if _dangles(path)))


def _blob_links(repo: CachedRepo) -> Iterator[Path]:
    return (path for path in sorted(repo.blobs.glob("*")) if path.is_symlink()) if repo.blobs.is_dir() else iter(())


def judge_shared_blobs(count: int, dangling: Sequence[Path]) -> Verdict:
    """Say whether contents that stand outside their repository's folder are still there (huggingface_hub 1.32)."""
    if dangling:
        return fail(
            f"{len(dangling)} blobs are links without content, the first is {dangling[0]}",
            "Copy the whole cache, hub/blobs included; or fill it with HF_HUB_DISABLE_SHARED_BLOBS=1.",
            mended_by=DOWNLOAD,
        )
    if count:
        return ok(f"{count} blobs stand in hub/blobs: copy the cache whole, never one models--org--name folder")
    return ok("every repository keeps its contents in its own folder")


def leftovers(cache_dir: Path, now_s: float) -> tuple[Leftover, ...]:
    """Return the partial files that no download has touched for an hour; huggingface_hub 1.18 never uses them again."""
    found = []
    for repo in cached_repos(cache_dir):
        for path in repo.leftovers():
            facts = path.lstat()
            if now_s - facts.st_mtime > _LEFTOVER_AGE_S:
                found.append(Leftover(path, facts.st_size))
    return tuple(found)


def _incomplete(context: ProbeContext) -> Verdict:
    return judge_leftovers(leftovers(context.cache_dir, time.time()))


def judge_leftovers(found: Sequence[Leftover]) -> Verdict:
    """Say whether interrupted downloads left files that only take space."""
    if not found:
        return ok("no partial file is older than an hour")
    total = sum(leftover.size_bytes for leftover in found)
    seen = f"{len(found)} partial files of {format_bytes(total)}, the first is {found[0].path}"
    return warn(seen, f"Remove them: {_FIX}, or hf cache prune; no download resumes from them.", mended_by=_FIX)


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
    absent = (
        [file.path for file in listing.files if not (repo.snapshot(commit) / file.path).exists()] if listing else []
    )
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
        "Run stage download once with a network, or copy a complete cache here; the exact revision counts.",
        mended_by=DOWNLOAD,
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
    Probe("chunker-tokenizer", "chunking works offline", "docling-chunker-tokenizer", _tokenizer),
)

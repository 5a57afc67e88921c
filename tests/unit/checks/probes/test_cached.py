"""A cache on disk: links, leftovers, models."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

from runbook_lib.cache.incomplete_files import abandoned
from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.cached import PROBES, dangling_links, judge_links, judge_listings
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.check import Check, Status

MakeContext = Callable[..., ProbeContext]
BY_ID = {probe.id: probe for probe in PROBES}
MODEL = ModelRef("docling-project/docling-models", "v2.3.0")
COMMIT = "a" * 40
HOUR_S = 3600

needs_symlinks = pytest.mark.skipif(sys.platform == "win32", reason="symlinks need a privilege there")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Make a repository in the cache with one snapshot of one linked file."""
    folder = tmp_path / "hub" / "models--docling-project--docling-models"
    for name in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (folder / name).mkdir(parents=True)
    (folder / "blobs" / "0123").write_bytes(b"weights")
    (folder / "refs" / "v2.3.0").write_text(COMMIT, encoding="utf-8")
    if sys.platform != "win32":
        (folder / "snapshots" / COMMIT / "model.safetensors").symlink_to("../../blobs/0123")
    return folder


def check(name: str, context: ProbeContext) -> Check:
    return BY_ID[name].check(context)


@needs_symlinks
def test_links_that_lead_to_files_are_fine(context: MakeContext, repo: Path) -> None:
    assert check("dangling-links", context()).status is Status.OK


@needs_symlinks
def test_a_snapshot_copied_without_its_blobs_fails(context: MakeContext, repo: Path) -> None:
    (repo / "blobs" / "0123").unlink()
    made = context()
    found = check("dangling-links", made)
    assert (found.status, found.quirk) == (Status.FAIL, "cache-copied-dangling")
    assert [path.name for path in dangling_links(made.cache_dir)] == ["model.safetensors"]


def test_on_windows_dangling_links_are_a_quirk_of_their_own() -> None:
    assert judge_links((Path("x"),), "Windows").quirk == "win-symlink-dangling"


@needs_symlinks
def test_shared_blobs_are_told_and_missing_ones_fail(context: MakeContext, repo: Path) -> None:
    shared = repo.parent / "blobs" / "45" / "4567"
    shared.parent.mkdir(parents=True)
    shared.write_bytes(b"shared")
    (repo / "blobs" / "89ab").symlink_to(os.path.relpath(shared, repo / "blobs"))
    found = check("shared-blobs", context())
    assert found.status is Status.OK
    assert "copy the cache whole" in found.evidence
    shared.unlink()
    assert check("shared-blobs", context()).status is Status.FAIL


def test_only_incomplete_files_that_no_download_touches_any_more_are_told(context: MakeContext, repo: Path) -> None:
    fresh, old = (repo / "blobs" / f"{name}.incomplete" for name in ("fresh.0123abcd", "old.0123abcd"))
    for path in (fresh, old):
        path.write_bytes(bytes(1_000_000))
    os.utime(old, (time.time() - 2 * HOUR_S,) * 2)
    made = context()
    assert [file.path for file in abandoned(made.cache_dir)] == [old]
    found = check("incomplete-files", made)
    assert found.status is Status.WARN
    assert "1.0 MB" in found.evidence
    assert "runbook doctor --fix" in found.remedy


def test_an_empty_machine_has_no_trouble_in_its_cache(context: MakeContext) -> None:
    names = ("dangling-links", "shared-blobs", "incomplete-files")
    assert {check(name, context()).status for name in names} == {Status.OK}


def test_offline_a_model_that_is_not_cached_fails(context: MakeContext) -> None:
    found = check("cached-models", context(offline=True, models=(MODEL,)))
    assert (found.status, found.quirk) == (Status.FAIL, "offline-cache-miss")
    assert "no refs/v2.3.0" in found.evidence


def test_online_a_missing_model_is_fetched_later(context: MakeContext) -> None:
    assert check("cached-models", context(models=(MODEL,))).status is Status.OK


def test_the_variable_that_means_offline_counts(context: MakeContext) -> None:
    made = context(models=(MODEL,), environ={"HF_HUB_OFFLINE": "1"})
    assert check("cached-models", made).status is Status.FAIL


def test_offline_another_revision_of_a_cached_model_does_not_count(context: MakeContext, repo: Path) -> None:
    main = ModelRef(MODEL.repo_id, "main")
    assert check("cached-models", context(offline=True, models=(MODEL,))).status is Status.OK
    assert "no refs/main" in check("cached-models", context(offline=True, models=(main,))).evidence


def test_offline_a_model_in_the_artifacts_folder_is_enough(context: MakeContext) -> None:
    made = context(offline=True, models=(MODEL,))
    placed = made.artifacts_dir / MODEL.folder_name
    placed.mkdir(parents=True)
    (placed / "config.json").write_text("{}", encoding="utf-8")
    assert check("cached-models", made).status is Status.OK


def test_the_tokenizer_is_a_question_only_people_can_answer(context: MakeContext) -> None:
    assert check("chunker-tokenizer", context()).status is Status.SKIP


@pytest.mark.parametrize(
    ("hub", "status"),
    [
        ("1.25.1", Status.OK),
        ("1.26.0", Status.WARN),
        ("1.33.0", Status.WARN),
        ("2.1.1", Status.WARN),
        ("2.2.0", Status.OK),
    ],
)
def test_a_snapshot_without_its_listing_matters_to_the_versions_that_ask_for_it(hub: str, status: Status) -> None:
    """Measured: a pinned commit, whole, offline, without trees/<commit>.json."""
    verdict = judge_listings({"org/name@01234567": 3}, Version(hub))
    assert verdict.status is status
    assert "org/name@01234567 with 3 files" in verdict.evidence


def test_snapshots_with_their_listings_are_in_order() -> None:
    assert judge_listings({}, None).status is Status.OK
    assert judge_listings({"org/name@01234567": 3}, None).status is Status.WARN, "an unknown version may be one of them"

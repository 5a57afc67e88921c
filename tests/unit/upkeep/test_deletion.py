from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import DiskError, UsageError
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import ResolvedTarget
from runbook_lib.upkeep.deletion.apply import apply_deletion
from runbook_lib.upkeep.deletion.naming import revisions_named
from runbook_lib.upkeep.deletion.plan import collect_revisions, plan_deletion
from tests.unit.cache_layouts import CacheLayout

WEIGHTS = b"w" * 50_000
FIRST = {"config.json": b"{}", "model.safetensors": WEIGHTS}
SECOND = {"config.json": b'{"new": true}', "model.safetensors": WEIGHTS}


@pytest.fixture
def target_of(tmp_path: Path) -> Callable[[CacheLayout], ResolvedTarget]:
    def made(layout: CacheLayout) -> ResolvedTarget:
        return ResolvedTarget(Settings(), "http://127.0.0.1:9", layout.cache_dir, tmp_path / "artifacts")

    return made


def test_what_a_revision_shares_is_counted_by_inode(layout: CacheLayout, tmp_path: Path) -> None:
    first, second = layout.add("org/name", FIRST), layout.add("org/name", SECOND)
    seen = {revision.commit: revision for revision in collect_revisions(layout.cache_dir, tmp_path / "artifacts")}
    assert seen[second.commit].names == ("main",)
    assert seen[first.commit].file_count == 2
    shares = layout.mode != "copy"
    for revision in seen.values():
        assert (revision.shared_bytes >= len(WEIGHTS)) is shares
        assert (revision.own_bytes >= len(WEIGHTS)) is not shares


def test_deleting_a_revision_frees_what_only_it_holds(
    layout: CacheLayout, target_of: Callable[[CacheLayout], ResolvedTarget]
) -> None:
    first, second = layout.add("org/name", FIRST), layout.add("org/name", SECOND)
    plan = plan_deletion(target_of(layout), [ModelRef("org/name", first.commit)])
    repo = layout.repo("org/name")
    assert repo.snapshot(first.commit) in plan.paths
    assert (plan.frees_bytes >= len(WEIGHTS)) is (layout.mode == "copy")
    assert repo.snapshot(first.commit).exists(), "a plan changes nothing"
    result = apply_deletion(target_of(layout), plan)
    assert result.left == ()
    assert result.freed_bytes == plan.frees_bytes
    assert not repo.snapshot(first.commit).exists()
    assert (repo.snapshot(second.commit) / "model.safetensors").read_bytes() == WEIGHTS


def test_an_unknown_commit_is_left_alone(
    unshared: CacheLayout, target_of: Callable[[CacheLayout], ResolvedTarget]
) -> None:
    unshared.add("org/name", FIRST)
    plan = plan_deletion(target_of(unshared), [ModelRef("org/name", "0" * 40)])
    assert plan.is_empty
    assert plan.unknown == (f"org/name@{'0' * 40}",)
    assert "cannot read" in str(plan)


def test_a_cache_that_changed_since_the_plan_is_not_touched(
    unshared: CacheLayout, target_of: Callable[[CacheLayout], ResolvedTarget]
) -> None:
    first = unshared.add("org/name", FIRST)
    plan = plan_deletion(target_of(unshared), [ModelRef("org/name", first.commit)])
    second = unshared.add("org/name", SECOND)
    with pytest.raises(DiskError, match="has changed since the plan"):
        apply_deletion(target_of(unshared), plan)
    assert unshared.repo("org/name").snapshot(first.commit).exists()
    assert unshared.repo("org/name").snapshot(second.commit).exists()


def _renamed(layout: CacheLayout) -> tuple[str, str]:
    """Have the cache hold one model under its old and its new name, at one commit, as after a rename on the Hub."""
    commits = {layout.add(repo_id, FIRST).commit for repo_id in ("old/name", "new/name")}
    (commit,) = commits
    return commit, "model.safetensors"


@pytest.mark.parametrize("gone", ["old/name", "new/name"])
def test_a_repository_at_the_same_commit_is_not_touched(
    layout: CacheLayout, target_of: Callable[[CacheLayout], ResolvedTarget], gone: str
) -> None:
    """huggingface_hub goes by commit hash alone, and takes either of the two."""
    commit, weights = _renamed(layout)
    kept = "new/name" if gone == "old/name" else "old/name"
    plan = plan_deletion(target_of(layout), [ModelRef(gone, commit)])
    assert [str(revision.model) for revision in plan.revisions] == [f"{gone}@{commit}"]
    assert plan.paths == (layout.repo(gone).folder,)
    assert apply_deletion(target_of(layout), plan).left == ()
    assert not layout.repo(gone).folder.exists()
    assert (layout.repo(kept).snapshot(commit) / weights).read_bytes() == WEIGHTS


def test_revisions_are_named_by_branch_or_commit_and_a_model_alone_means_all(
    unshared: CacheLayout, tmp_path: Path
) -> None:
    first, second = unshared.add("org/name", FIRST), unshared.add("org/name", SECOND)
    unshared.add("org/other", FIRST)
    present = collect_revisions(unshared.cache_dir, tmp_path / "artifacts")
    assert {model.revision for model in revisions_named("org/name", present)} == {first.commit, second.commit}
    assert revisions_named("org/name@main", present) == (ModelRef("org/name", second.commit),)
    assert revisions_named(f"org/name@{first.commit[:8]}", present) == (ModelRef("org/name", first.commit),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("org/nmae", "does not hold org/nmae"),
        ("org/name@v9", "names no revision"),
        ("name", "not of the form"),
        ("org/name@", "names no revision"),
    ],
)
def test_a_name_that_fits_nothing_says_what_is_there(
    unshared: CacheLayout, tmp_path: Path, text: str, words: str
) -> None:
    unshared.add("org/name", FIRST)
    unshared.add("org/name", SECOND)
    with pytest.raises(UsageError, match=words) as caught:
        revisions_named(text, collect_revisions(unshared.cache_dir, tmp_path / "artifacts"))
    assert caught.value.remedy


def test_a_revision_without_a_name_is_shown_as_pinned_by_commit(
    unshared: CacheLayout, target_of: Callable[[CacheLayout], ResolvedTarget]
) -> None:
    first = unshared.add("org/name", FIRST)
    unshared.add("org/name", SECOND)
    assert "pinned by commit" in str(plan_deletion(target_of(unshared), [ModelRef("org/name", first.commit)]))

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.errors import DiskError
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import ResolvedTarget
from runbook_lib.upkeep.deletion.apply import apply_deletion
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
    plan = plan_deletion(target_of(layout), [first.commit])
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
    plan = plan_deletion(target_of(unshared), ["0" * 40])
    assert plan.is_empty
    assert plan.unknown == ("0" * 40,)
    assert "cannot read" in str(plan)


def test_a_cache_that_changed_since_the_plan_is_not_touched(
    unshared: CacheLayout, target_of: Callable[[CacheLayout], ResolvedTarget]
) -> None:
    first = unshared.add("org/name", FIRST)
    plan = plan_deletion(target_of(unshared), [first.commit])
    second = unshared.add("org/name", SECOND)
    with pytest.raises(DiskError, match="has changed since the plan"):
        apply_deletion(target_of(unshared), plan)
    assert unshared.repo("org/name").snapshot(first.commit).exists()
    assert unshared.repo("org/name").snapshot(second.commit).exists()

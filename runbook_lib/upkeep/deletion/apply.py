"""Carrying out a deletion."""

import os
from typing import Final

from runbook_lib.cache.locks import download_lock, hold
from runbook_lib.errors import DiskError
from runbook_lib.run.target import Target
from runbook_lib.system.layers import Layers
from runbook_lib.upkeep.deletion.facts import DeletionPlan, DeletionResult
from runbook_lib.upkeep.deletion.plan import ask_hub, freed_below, plan_deletion

_LOCK_LIMIT_S: Final = 30.0


def apply_deletion(target: Target, plan: DeletionPlan) -> DeletionResult:
    """Let huggingface_hub delete what was planned, unless the cache has changed since.

    Raises `DiskError` when a download holds the cache, or when other things would go by now than were shown.
    """
    with hold(download_lock(target.cache_dir), "a download into this cache", limit_s=_LOCK_LIMIT_S):
        models = tuple(revision.model for revision in plan.revisions)
        if plan_deletion(target, models).paths != plan.paths:
            raise DiskError(
                "The cache has changed since the plan was made; nothing was deleted.",
                remedy="Plan again, and check what would go now.",
            )
        layers = Layers(target.cache_dir)
        would_free = freed_below(plan.paths, layers)
        ask_hub(target, models, execute=True)
    left = tuple(path for path in plan.paths if os.path.lexists(path))
    return DeletionResult(paths=plan.paths, freed_bytes=would_free - freed_below(left, layers), left=left)

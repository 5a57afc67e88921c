"""Removes revisions from the cache as huggingface_hub does, after saying what the disk really gets back."""

from runbook_lib.upkeep.deletion.apply import apply_deletion
from runbook_lib.upkeep.deletion.facts import CachedRevision, DeletionPlan, DeletionResult
from runbook_lib.upkeep.deletion.plan import collect_revisions, plan_deletion

__all__ = [
    "CachedRevision",
    "DeletionPlan",
    "DeletionResult",
    "apply_deletion",
    "collect_revisions",
    "plan_deletion",
]

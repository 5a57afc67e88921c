"""Turns a cache that holds contents more than once into hard links, and drops blobs that nothing refers to."""

from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.facts import DedupePlan, DedupeResult, Replacement, Seen, Skipped, UnusedBlob
from runbook_lib.upkeep.dedupe.plan import plan_dedupe

__all__ = [
    "DedupePlan",
    "DedupeResult",
    "Replacement",
    "Seen",
    "Skipped",
    "UnusedBlob",
    "apply_dedupe",
    "plan_dedupe",
]

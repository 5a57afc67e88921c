"""Mends what stage verify finds: moves bad files aside, fetches only those, places docling's artifacts, verifies."""

from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.facts import Move, Moved, RepairPlan, RepairResult, Skipped
from runbook_lib.upkeep.repair.plan import plan_repair

__all__ = [
    "Move",
    "Moved",
    "RepairPlan",
    "RepairResult",
    "Skipped",
    "apply_repair",
    "plan_repair",
]

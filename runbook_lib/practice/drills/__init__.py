"""Breakage drills: runs that fail as in life, to be mended by what their output says."""

from runbook_lib.practice.drills.catalogue import DRILLS, drill_named
from runbook_lib.practice.drills.drill import Drill

__all__ = ["DRILLS", "Drill", "drill_named"]

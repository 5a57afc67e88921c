"""A schedule with everything in it that a format may stumble over."""

import sys
from datetime import time
from pathlib import Path

import pytest

from runbook_lib.schedules.schedule import DAYS, Schedule


@pytest.fixture
def hostile(tmp_path: Path) -> Schedule:
    """Words with percent signs, quotes, dollars, braces, blanks, ampersands and a backslash."""
    folder = tmp_path / "50% of {{ it }} & 'more'"
    folder.mkdir()
    return Schedule(
        at=time(4, 20),
        days=DAYS[:5],
        zone="Europe/Berlin",
        zone_is_local=True,
        python=sys.executable,
        folder=str(folder),
        arguments=("-p", "keep", "runs=30, days=14", "-p", "document", 'a "b" $HOME %h {{ ds }} <&> \\n'),
        jitter_min=10,
        limit_h=4,
        keep_days=14,
    )

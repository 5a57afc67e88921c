"""What Wine 8 does not carry through every time; left out of a plain run, because a hang would end all lanes."""

import os

import pytest

VARIABLE = "RUNBOOK_TEST_UNSTABLE_WINE"

unstable_under_wine = pytest.mark.skipif(
    os.environ.get(VARIABLE) != "1",
    reason=f"hangs at times under Wine 8, in Wine's own processes; set {VARIABLE}=1 to run it",
)

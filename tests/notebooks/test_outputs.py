"""The outputs stored in the notebooks, against what the notebooks print today."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT_S = 1_200


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S + 60)
@pytest.mark.skipif(sys.platform != "linux", reason="outputs are stored on Linux")
def test_the_stored_outputs_are_what_nbval_gets() -> None:
    command = [sys.executable, str(ROOT / "tools" / "check_notebooks.py")]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]

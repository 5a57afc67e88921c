"""A volume that fills up while a stage writes its record: the header still says so, and nothing half-written stays."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.headless.started_runs import COMMAND
from tests.unit.headless.test_runner import recording
from tests.unit.headless.written_notebooks import WriteNotebook

FILL = """
import os
from pathlib import Path
from contextlib import suppress
with suppress(OSError), Path(run_dir, "filling").open("wb", buffering=0) as file:
    while True:
        file.write(os.urandom(512))
"""


@pytest.mark.timeout(200)
def test_a_disk_that_fills_up_under_a_record_is_told_by_header_and_exit_code(
    volume: Path, write_notebook: WriteNotebook
) -> None:
    notebooks = write_notebook("04_verify", FILL, recording("verify")).parent
    words = ["run", "--run-dir", str(volume / "r"), "--only", "verify", "-p", "hub", "http://127.0.0.1:9", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, str(notebooks), *words],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 74, done.stderr
    assert "Traceback" not in done.stderr
    header = json.loads((volume / "r" / "run.json").read_text(encoding="utf-8"))
    assert header["state"] == "failed"
    assert "cannot be written" in header["problem"] or "errno 28" in header["problem"]
    assert not (volume / "r" / "04_verify.json").exists()
    assert [path.name for path in (volume / "r").iterdir() if path.suffix == ".tmp" or path.name == ".spare"] == []
    json.loads(done.stdout)

"""A document converts where a container keeps its models, and where there are no links at all."""

import json
from pathlib import Path

import pytest

from tests.filesystems.conftest import require, run_on
from tests.filesystems.mounting import FILE_SYSTEMS


@pytest.mark.parametrize("name", ["overlay", "exfat-fuse"])
def test_the_six_stages_end_in_a_converted_document(name: str, tmp_path: Path) -> None:
    require(FILE_SYSTEMS[name])
    told = json.loads(run_on(name, "tests.filesystems.conversion", str(tmp_path / "mounts")))
    assert told["exit code"] == 0, told["said"][-3000:]
    assert "A document converts on this machine" in told["said"]
    assert told["report"]

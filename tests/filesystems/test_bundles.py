"""The sticks people carry: a bundle goes onto NTFS, exFAT and FAT32 in every form, and out again."""

import json
from pathlib import Path

import pytest

from tests.filesystems.conftest import require, run_on
from tests.filesystems.mounting import STICKS


@pytest.mark.parametrize("name", STICKS)
def test_a_bundle_goes_onto_a_stick_and_out_of_it(tmp_path: Path, name: str) -> None:
    require(STICKS[name])
    seen = json.loads(run_on(name, "tests.filesystems.bundles", str(tmp_path / "mounts")))
    assert {form: did["verify"] for form, did in seen.items()} == dict.fromkeys(seen, "ok")
    for did in seen.values():
        assert did["placed"] > 0
        assert did["again"] == 0
        assert did["links"] == ("copy" if name == "exfat-fuse" else "symlink")
    assert (seen["folder"]["parts"], seen["one.tar"]["parts"]) == (1, 1)
    assert seen["cut.tar"]["parts"] >= 3

"""What six versions of the real client and a dozen programs do to a pinned revision, in each way of sharing weights."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from integrity.clients import VERSIONS, client_python

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "make_integrity_docs.py"
MODES = ("reflink-btrfs", "reflink-xfs", "hardlink-user", "hardlink-root", "hardlink-everywhere", "copy")

pytestmark = pytest.mark.timeout(900)


def test_the_table_is_whole_and_no_cell_of_it_is_lost() -> None:
    columns = json.loads((ROOT / "docs" / "integrity.json").read_text(encoding="utf-8"))
    assert set(columns) == set(MODES)
    shapes = {mode: [(client, act) for client, act, _ in cells] for mode, cells in columns.items()}
    first = shapes[MODES[0]]
    assert all(shape == first for shape in shapes.values())
    assert {client for client, _ in first} > set(VERSIONS)
    outcomes = {outcome for cells in columns.values() for _, _, outcome in cells}
    assert outcomes <= {"kept", "kept, refused", "detected, repaired here", "detected, fetched again"}


def test_the_page_is_made_from_the_record() -> None:
    done = subprocess.run([sys.executable, str(TOOL), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, "run: python tools/make_integrity_docs.py --page"


@pytest.fixture(scope="module")
def clients() -> None:
    """Make the interpreters of the matrix, as long as the machine's own certificates can be seen."""
    for version in VERSIONS:
        client_python(version)


@pytest.mark.slow
@pytest.mark.usefixtures("clients")
@pytest.mark.parametrize(
    ("mode", "updated"),
    [
        ("hardlink-user", "kept, refused"),
        ("hardlink-root", "kept, refused"),
        ("reflink-btrfs", "kept"),
        ("copy", "kept"),
    ],
)
def test_an_update_of_the_folder_from_the_cache_leaves_the_pinned_revision_as_it_is(mode: str, updated: str) -> None:
    """With hard links alone huggingface_hub wrote the newer revision into the blob of the older one."""
    command = [sys.executable, str(TOOL), "--modes", mode, "--try", "folder-cached", "folder-back"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "mount" in done.stderr:
        pytest.skip(f"a volume cannot be mounted here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    cells = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(version, act): outcome for _, version, act, outcome in cells} == {
        (version, act): outcome
        for version in VERSIONS
        for act, outcome in (("folder-cached", updated), ("folder-back", "kept"))
    }

"""Hard links on Windows: huggingface_hub is refused where it would write through, and can delete its own cache."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from tests.windows.windows_python import WindowsPython, to_windows_path
from tests.windows.windows_user import WindowsUser

REPO = "acme/model"
WEIGHTS = tuple(Content.of_padding(200_000, f"revision {number}") for number in (1, 2))


@pytest.fixture
def hub() -> Iterator[PracticeHub]:
    trees = [
        (
            RepositoryFile("config.json", Content.of_bytes(b'{"number": %d}' % number)),
            RepositoryFile("model.safetensors", weights, lfs=True),
        )
        for number, weights in enumerate(WEIGHTS)
    ]
    with PracticeHub(repositories=[linear_history(REPO, *trees)], head="first") as running:
        yield running


@pytest.fixture
def user(windows_python: WindowsPython, tmp_path: Path) -> WindowsUser:
    return WindowsUser.made(windows_python, tmp_path)


_PLACE = """
import json, sys
from runbook_lib.run.opening import open_run
from runbook_lib.stages.download.stage import download
record = download(open_run(**json.loads(sys.argv[1])))
assert record.status == "ok", str(record)
print(json.dumps(record.facts.models[0].placement.linked))
"""
_UPDATE_AND_DELETE = """
import json, sys
from huggingface_hub import scan_cache_dir, snapshot_download
repo, cache, folder = sys.argv[1:]
snapshot_download(repo, cache_dir=cache)
try:
    snapshot_download(repo, cache_dir=cache, local_dir=folder)
    said = "nothing"
except Exception as error:
    said = type(error).__name__
commits = [revision.commit_hash for revision in next(iter(scan_cache_dir(cache).repos)).revisions]
scan_cache_dir(cache).delete_revisions(*commits).execute()
left = len(scan_cache_dir(cache).repos)
print(json.dumps([said, left]))
"""


def test_hub_is_refused_by_the_closed_folder_and_deletes_its_cache_as_ever(user: WindowsUser, hub: PracticeHub) -> None:
    home = user.home / "models"
    settings = {
        "run_dir": to_windows_path(home / "run"),
        "hub": hub.url,
        "models": REPO,
        "cache_dir": to_windows_path(home / "hub"),
        "artifacts_dir": to_windows_path(home / "artifacts"),
        "links": "hardlink",
    }
    assert user.told(_PLACE, json.dumps(settings)) == 1
    placed = home / "artifacts" / "acme--model" / "model.safetensors"
    assert placed.stat().st_nlink > 1
    assert placed.stat().st_mode & 0o200, "the read-only attribute would keep huggingface_hub from deleting the file"
    hub.move_head("second")
    places = (to_windows_path(home / "hub"), to_windows_path(placed.parent))
    assert user.told(_UPDATE_AND_DELETE, REPO, *places, env={"HF_ENDPOINT": hub.url}) == ["FileExistsError", 0]
    assert placed.read_bytes() == b"".join(WEIGHTS[0].read())

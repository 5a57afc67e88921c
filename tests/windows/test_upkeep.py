"""Fixing on Windows: a duplicated cache becomes hard links, a damaged one whole; and the doctor's quick look."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from tests.windows.windows_python import WindowsPython, to_windows_path
from tests.windows.windows_user import WindowsUser

_REPO = "practice/upkeep"
_WEIGHT_BYTES = 2_000_000
_WEIGHTS = Content.of_padding(_WEIGHT_BYTES)


@pytest.fixture
def hub() -> Iterator[PracticeHub]:
    trees = [
        (
            RepositoryFile("config.json", Content.of_bytes(b'{"number": %d}' % number)),
            RepositoryFile("model.safetensors", _WEIGHTS, lfs=True),
        )
        for number in (1, 2)
    ]
    with PracticeHub(repositories=[linear_history(_REPO, *trees)], head="first") as running:
        yield running


@pytest.fixture
def user(windows_python: WindowsPython, tmp_path: Path) -> WindowsUser:
    return WindowsUser.made(windows_python, tmp_path)


def weights_in(cache: Path) -> list[Path]:
    return sorted(cache.glob("models--*/snapshots/*/model.safetensors"))


_BARE = """
import json, sys
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download(sys.argv[1], max_workers=1)))
"""
_DEDUPE = """
import json, sys
from pathlib import Path
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe
plan = plan_dedupe(Path(sys.argv[1]))
done = apply_dedupe(plan)
print(json.dumps([plan.frees_bytes, done.freed_bytes, done.linked_count, len(done.skipped)]))
"""


def test_dedupe_joins_what_the_bare_client_stored_twice(user: WindowsUser, hub: PracticeHub) -> None:
    cache = user.home / ".cache" / "huggingface" / "hub"
    for head in ("first", "second"):
        hub.move_head("first" if head == "first" else "second")
        user.told(_BARE, _REPO, env={"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_SYMLINKS_WARNING": "1"})
    first, second = weights_in(cache)
    assert not first.samefile(second)
    planned, freed, linked, skipped = user.told(_DEDUPE, to_windows_path(cache))
    assert first.samefile(second)
    assert planned == freed >= _WEIGHT_BYTES
    assert (linked, skipped) == (1, 0)


_REPAIR = """
import json, sys
from runbook_lib import download, open_run
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair
run = open_run(new=True, **json.loads(sys.argv[1]))
assert download(run).status == "ok"
from pathlib import Path
(weights,) = run.cache_dir.rglob("model.safetensors")
with weights.open("r+b") as file:
    file.seek(1_000_000)
    byte = file.read(1)[0]
    file.seek(1_000_000)
    file.write(bytes([byte ^ 1]))
plan = plan_repair(run)
done = apply_repair(run, plan)
print(json.dumps([len(plan.moves), len(done.moved), [str(skipped) for skipped in done.skipped], done.status]))
"""


def test_repair_replaces_a_damaged_file_and_its_other_name(user: WindowsUser, hub: PracticeHub) -> None:
    home = user.home / "practice"  # what comes from a practice hub never goes where real models are kept
    cache, artifacts = home / "hub", home / "artifacts"
    places = {"cache_dir": to_windows_path(cache), "artifacts_dir": to_windows_path(artifacts)}
    planned, moved, skipped, status = user.told(_REPAIR, json.dumps({"hub": hub.url, "models": _REPO, **places}))
    assert (planned, moved, skipped, status) == (2, 2, [], "ok")
    (cached,) = weights_in(cache)
    placed = artifacts / "practice--upkeep" / "model.safetensors"
    assert cached.read_bytes() == b"".join(_WEIGHTS.read())
    assert cached.samefile(placed)


def test_the_doctor_warns_of_a_folder_too_deep_for_260_characters(user: WindowsUser) -> None:
    deep = to_windows_path(user.home / ("deep" * 30))
    done = user.runbook("doctor", "--json", "--only", "path-budget", "-p", "cache_dir", deep, "-p", "offline", "true")
    assert done.returncode == 0, done.stdout + done.stderr
    (check,) = json.loads(done.stdout)["checks"]
    assert (check["id"], check["status"]) == ("path-budget", "warn")
    assert f"cache: {len(deep)} of 98 characters" in check["evidence"]

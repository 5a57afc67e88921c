"""A machine without the symlink privilege: what a second revision costs, and how an old cache is fixed.

The client is the unmodified huggingface_hub; symlink(2) is denied by the kernel.
"""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from runbook_lib.cache.disk_usage import DiskUsage
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe

pytestmark = pytest.mark.faults

REPO = "practice/padded"
WEIGHTS = Content.of_padding(8_000_000)
VOCABULARY = Content.of_padding(20_000, "vocabulary")
CONFIGS = (b'{"number": 1}', b'{"number": 2}')

Deny = Callable[..., list[str]]

_DOWNLOAD = """
import json, sys
from runbook_lib import download, open_run
record = download(open_run(new=True, **json.loads(sys.argv[1])))
model = record.facts.models[0]
assert record.status == "ok", str(record)
print(json.dumps([record.facts.plan.links, model.fetched_bytes, model.linked_bytes, model.snapshot]))
"""
_BARE = "import sys; from huggingface_hub import snapshot_download; snapshot_download(sys.argv[1], max_workers=1)"


@pytest.fixture
def hub() -> Iterator[PracticeHub]:
    trees = [
        (
            RepositoryFile("config.json", Content.of_bytes(config)),
            RepositoryFile("model.safetensors", WEIGHTS, lfs=True),
            RepositoryFile("vocab.txt", VOCABULARY),
        )
        for config in CONFIGS
    ]
    with PracticeHub(repositories=[linear_history(REPO, *trees)], head="first") as running:
        yield running


def _used(folder: Path) -> int:
    return DiskUsage().add_tree(folder).allocated_bytes


def _weight_files(folder: Path) -> set[int]:
    return {path.stat().st_ino for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 8_000_000 - 1}


def _run(command: list[str], home: Path, environment: Mapping[str, str]) -> str:
    merged = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **environment}
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=180, env=merged, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _two_bare_revisions(hub: PracticeHub, home: Path, deny: Deny) -> dict[str, str]:
    """Fill a cache with the bare client under denied symlinks; returns the variables it was done with."""
    environment = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(home / "hub")}
    for head in ("first", "second"):
        hub.move_head("first" if head == "first" else "second")
        _run(deny([sys.executable, "-c", _BARE, REPO]), home, environment)
    return environment


@pytest.mark.parametrize(
    ("links", "denied_errno", "weights_fetched", "weight_files"),
    [
        ("auto", 22, 0, 1),
        ("auto", 1, 0, 1),
        ("hardlink", None, 0, 1),
        ("symlink", None, 0, 1),
        ("copy", 22, WEIGHTS.size_bytes, 3),
    ],
)
def test_a_second_revision_costs_what_changed_and_no_second_copy_of_weights(
    hub: PracticeHub,
    tmp_path: Path,
    without_symlinks: Deny,
    links: str,
    denied_errno: int | None,
    weights_fetched: int,
    weight_files: int,
) -> None:
    parameters = {
        "hub": hub.url,
        "models": REPO,
        "cache_dir": str(tmp_path / "hub"),
        "artifacts_dir": str(tmp_path / "artifacts"),
        "links": links,
    }
    command = [sys.executable, "-c", _DOWNLOAD, json.dumps(parameters)]
    if denied_errno is not None:
        command = without_symlinks(command, denied_errno)
    _run(command, tmp_path, {})
    assert hub.counters.weight_bytes == WEIGHTS.size_bytes
    hub.move_head("second")
    hub.reset_counters()
    mode, fetched, linked, snapshot = json.loads(_run(command, tmp_path, {}))
    assert mode == {"auto": "hardlink"}.get(links, links)
    assert hub.counters.weight_bytes == weights_fetched
    unchanged = WEIGHTS.size_bytes + VOCABULARY.size_bytes
    assert linked == (unchanged if mode == "hardlink" else 0)
    assert fetched == len(CONFIGS[1]) + (unchanged if links == "copy" else 0)
    sent = {path.rpartition("/")[2] for path, count in hub.counters.by_path.items() if count.body_bytes}
    assert "config.json" in sent
    assert ("vocab.txt" in sent) == (links == "copy")
    assert (Path(snapshot) / "config.json").read_bytes() == CONFIGS[1]
    assert len(_weight_files(tmp_path)) == weight_files


def test_a_damaged_old_revision_is_fetched_anew_and_not_linked(
    hub: PracticeHub, tmp_path: Path, without_symlinks: Deny
) -> None:
    parameters = {
        "hub": hub.url,
        "models": REPO,
        "cache_dir": str(tmp_path / "hub"),
        "artifacts_dir": str(tmp_path / "artifacts"),
    }
    command = without_symlinks([sys.executable, "-c", _DOWNLOAD, json.dumps(parameters)])
    _, _, _, first = json.loads(_run(command, tmp_path, {}))
    with (Path(first) / "model.safetensors").open("r+b") as file:
        file.seek(4_000_000)
        file.write(b"\0")
    hub.move_head("second")
    hub.reset_counters()
    _, fetched, linked, second = json.loads(_run(command, tmp_path, {}))
    assert hub.counters.weight_bytes == WEIGHTS.size_bytes
    assert (fetched, linked) == (WEIGHTS.size_bytes + len(CONFIGS[1]), VOCABULARY.size_bytes)
    assert b"".join(WEIGHTS.read()) == (Path(second) / "model.safetensors").read_bytes()


def test_dedupe_halves_a_cache_of_the_bare_client_and_hf_still_works_on_it(
    hub: PracticeHub, tmp_path: Path, without_symlinks: Deny
) -> None:
    environment = _two_bare_revisions(hub, tmp_path, without_symlinks)
    cache = tmp_path / "hub"
    doubled = _used(cache)
    assert doubled > 2 * WEIGHTS.size_bytes
    plan = plan_dedupe(cache)
    result = apply_dedupe(plan)
    assert result.freed_bytes == plan.frees_bytes == doubled - _used(cache)
    assert _used(cache) < 0.51 * doubled
    assert len(_weight_files(cache)) == 1

    def hf(*arguments: str) -> str:
        return _run([str(Path(sysconfig.get_path("scripts")) / "hf"), "cache", *arguments], tmp_path, environment)

    listed = json.loads(hf("ls", "--revisions", "--format", "json"))
    assert len(listed) == 2
    for commit in hub.repositories[0].commits:
        hf("verify", REPO, "--revision", commit.id)
    hf("prune", "--yes")
    hf("verify", REPO)
    assert len(json.loads(hf("ls", "--revisions", "--format", "json"))) == 1
    assert len(_weight_files(cache)) == 1
    hf("rm", f"model/{REPO}", "--yes")
    assert _weight_files(cache) == set()


def test_services_that_start_at_once_on_one_cache_fetch_each_file_once(
    hub: PracticeHub, tmp_path: Path, without_symlinks: Deny
) -> None:
    script = """
import sys
from runbook_lib import DoclingModelManager
home, models, hub = sys.argv[1:]
ready = DoclingModelManager(cache_dir=home + "/hub", artifacts_dir=home + "/art", models=models, hub=hub)
print(ready.ensure_models_downloaded(verify=False).fetched_bytes)
"""
    command = without_symlinks([sys.executable, "-c", script, str(tmp_path), REPO, hub.url])
    services = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    fetched = [int(service.communicate(timeout=120)[0]) for service in services]
    assert hub.counters.weight_bytes == WEIGHTS.size_bytes
    assert sorted(fetched)[:3] == [0, 0, 0]
    assert len(_weight_files(tmp_path)) == 1


def test_the_bare_client_links_nothing_and_pays_twice(hub: PracticeHub, tmp_path: Path, without_symlinks: Deny) -> None:
    _two_bare_revisions(hub, tmp_path, without_symlinks)
    assert hub.counters.weight_bytes == 2 * WEIGHTS.size_bytes
    assert len(_weight_files(tmp_path / "hub")) == 2
    assert not [path for path in (tmp_path / "hub").rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("errno_number", [22, 1])
def test_the_launcher_denies_symlinks_to_children_and_allows_hard_links(
    tmp_path: Path, without_symlinks: Deny, errno_number: int
) -> None:
    script = f"""
import errno, os, subprocess
open("file", "w").close()
os.link("file", "hard")
for options in ({{}}, {{"dir_fd": os.open(".", os.O_RDONLY)}}):
    try:
        os.symlink("file", "soft", **options)
    except OSError as error:
        assert error.errno == {errno_number}, error
    else:
        raise AssertionError("a symlink was made")
assert subprocess.run(["ln", "-s", "file", "soft"], capture_output=True).returncode != 0
"""
    done = subprocess.run(
        without_symlinks([sys.executable, "-c", script], errno_number),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "hard"]

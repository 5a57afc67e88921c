"""The stages on Windows, as notebooks through papermill, against the practice hub on the host."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice.server import PracticeHub
from tests.windows.windows_python import REPOSITORY, WindowsPython, to_windows_path
from tests.windows.windows_user import RUN_LIMIT_S, WindowsUser, record_of

pytestmark = pytest.mark.timeout(RUN_LIMIT_S + 60)

_STAGES = ("01_detect", "02_configure_env", "03_download", "04_verify", "05_convert", "06_measure_disk")
_FETCHING = tuple(stage for stage in _STAGES if stage != "05_convert")
_GOOD = ["warn", "ok", "ok", "ok", "skip", "ok"]
"""Detect warns of what a Windows machine should change and need not: cp1252, no long paths."""
_LAYOUT = "docling-project/docling-layout-heron"
_MODELS = f"{_LAYOUT}@main,docling-project/docling-models@v2.3.0"
_DEEP_CACHE = 115
"""Characters that leave docling's layout model just inside of 260; Wine 8 resolves no longer paths (WinError 234)."""
_SMALL_BYTES = 20_000
"""What the Hub's listings and the small files of both models come to; the weights are 27 MB."""


@dataclass(frozen=True)
class FirstRun:
    """A whole `runbook run` on a fresh machine, denied the symlink privilege."""

    user: WindowsUser
    hub: PracticeHub
    exit_code: int
    stdout: str
    stderr: str

    @property
    def folder(self) -> Path:
        return self.user.runs()[0]

    @property
    def cache(self) -> Path:
        return self.user.home / "practice" / "hub"

    @property
    def artifacts(self) -> Path:
        return self.user.home / "practice" / "artifacts"

    def record(self, name: str) -> dict[str, Any]:
        return record_of(self.folder, name)

    def weights(self) -> tuple[Path, ...]:
        return tuple(sorted(self.artifacts.rglob("*.safetensors")))


def parameters(user: WindowsUser, hub: PracticeHub) -> tuple[str, ...]:
    """Name what docling cannot be asked for where torch does not start, and the folders of this user."""
    home = user.home / "practice"  # Windows, not USERPROFILE, says where the folder for caches is
    places = {"cache_dir": home / "hub", "artifacts_dir": home / "artifacts"}
    named = {"hub": hub.url, "models": _MODELS, "pipeline": "ocr=off"}
    named |= {name: to_windows_path(path) for name, path in places.items()}
    return tuple(word for name, value in named.items() for word in ("-p", name, value))


@pytest.fixture(scope="module")
def first_run(windows_python: WindowsPython, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstRun]:
    user = WindowsUser.made(windows_python, tmp_path_factory.mktemp("users"))
    with PracticeHub(head="first") as hub:
        done = user.runbook("run", *parameters(user, hub))
        yield FirstRun(user, hub, done.returncode, done.stdout, done.stderr)


@pytest.fixture
def user(windows_python: WindowsPython, tmp_path: Path) -> WindowsUser:
    return WindowsUser.made(windows_python, tmp_path)


def statuses(run: Path) -> list[str]:
    return [record_of(run, stage)["status"] for stage in _STAGES]


def test_a_whole_run_ends_well_without_the_privilege(first_run: FirstRun) -> None:
    assert first_run.exit_code == 0, first_run.stdout + first_run.stderr
    assert statuses(first_run.folder) == _GOOD
    executed = {path.stem for path in first_run.folder.glob("*.ipynb")}
    assert executed == set(_STAGES)
    assert (first_run.folder / "report.html").stat().st_size > 10_000


def test_the_summary_is_ascii_but_for_the_name_of_the_user(first_run: FirstRun) -> None:
    assert "The stages that ran ended well; nothing was converted in this run." in first_run.stdout
    assert "J\u00fcrgen \\u0416 {x}\\runs\\" in first_run.stdout
    assert first_run.stdout.replace("J\u00fcrgen", "").isascii()
    assert "Traceback" not in first_run.stderr


def test_convert_is_skipped_under_wine_and_says_why(first_run: FirstRun) -> None:
    record = first_run.record("05_convert")
    (check,) = record["checks"]
    assert (check["id"], check["status"]) == ("converted", "skip")
    assert "torch does not start" in check["evidence"]
    assert record["facts"]["documents"] == []


def test_detect_sees_windows_as_it_is(first_run: FirstRun) -> None:
    facts = first_run.record("01_detect")["facts"]
    assert (facts["machine"]["system"], facts["machine"]["wine"]) == ("Windows", True)
    for folder in facts["folders"]:
        assert folder["symlink"] == {
            "works": False,
            "evidence": "WinError 1314: A required privilege is not held by the client",
            "deceives": False,
        }
        assert folder["hardlink"]["works"]
    evidence = {check["id"]: check["evidence"] for check in first_run.record("01_detect")["checks"]}
    assert "practice mode" in evidence["text-encoding"]
    assert "Developer Mode is off" in evidence["symlink-privilege"]
    assert [model["repo_id"] for model in facts["wanted"]["repositories"]] == [
        _LAYOUT,
        "docling-project/docling-models",
    ]


def test_auto_becomes_hard_links(first_run: FirstRun) -> None:
    facts = first_run.record("02_configure_env")["facts"]
    assert facts["links"] == "hardlink"
    assert "WinError 1314" in facts["links_reason"]


def test_the_environment_files_keep_windows_paths(first_run: FirstRun) -> None:
    cache = to_windows_path(first_run.cache)
    powershell = (first_run.folder / "env.ps1").read_bytes()
    assert powershell.startswith(b"\xef\xbb\xbf")  # without which Windows PowerShell 5.1 reads ANSI
    assert b"\r" not in powershell
    assert f"$env:HF_HUB_CACHE = '{cache}'" in powershell.decode("utf-8-sig").splitlines()
    assert "$env:PYTHONUTF8 = '1'" in powershell.decode("utf-8-sig").splitlines()
    assert f"export HF_HUB_CACHE='{cache}'" in (first_run.folder / "env.sh").read_text(encoding="utf-8").splitlines()
    assert f"HF_HUB_CACHE={cache}" in (first_run.folder / ".env").read_text(encoding="utf-8").splitlines()


def test_cache_and_artifacts_folder_share_the_weights(first_run: FirstRun) -> None:
    weights = first_run.weights()
    assert len(weights) == 2
    for path in weights:
        twins = [twin for twin in first_run.cache.rglob(path.name) if twin.samefile(path)]
        assert path.stat().st_nlink == 1 + len(twins) >= 2
    code = """
import json, os, pathlib, sys
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
facts = [path.stat() for path in folder.rglob(name)]
print(json.dumps([[fact.st_nlink, fact.st_ino, fact.st_dev] for fact in facts]))
"""
    seen = first_run.user.told(code, to_windows_path(first_run.user.home / "practice"), weights[0].name)
    assert len(seen) == weights[0].stat().st_nlink
    assert seen == [seen[0]] * len(seen)
    assert seen[0][0] == weights[0].stat().st_nlink


def test_measure_disk_counts_shared_weights_once(first_run: FirstRun) -> None:
    facts = first_run.record("06_measure_disk")["facts"]
    weight_bytes = sum(path.stat().st_size for path in first_run.weights())
    on_disk = facts["cache_bytes"] + facts["artifacts_bytes"] - facts["shared_bytes"]
    assert facts["shared_bytes"] >= weight_bytes
    assert weight_bytes <= on_disk < weight_bytes * 1.05


_DOWNLOAD = """
import json, sys
from runbook_lib import download, open_run
print(json.dumps(download(open_run(new=True, hub=sys.argv[1])).status))
"""


def test_a_second_revision_costs_its_small_files(first_run: FirstRun) -> None:
    first_run.hub.move_head("second")
    first_run.hub.reset_counters()
    own = {"RUNBOOK_MODELS": _MODELS, "RUNBOOK_PIPELINE": "ocr=off"}
    own |= {"RUNBOOK_CACHE_DIR": to_windows_path(first_run.cache)}
    own |= {"RUNBOOK_ARTIFACTS_DIR": to_windows_path(first_run.artifacts)}
    status = first_run.user.told(_DOWNLOAD, first_run.hub.url, env=own)
    assert status == "ok"
    assert first_run.hub.counters.weight_bytes == 0
    assert first_run.hub.counters.body_bytes < _SMALL_BYTES
    for path in first_run.weights():
        names = list(first_run.user.home.joinpath("practice").rglob(path.name))
        assert len(names) >= 3  # two snapshots and the artifacts folder
        assert {name.stat().st_ino for name in names} == {path.stat().st_ino}
    readmes = {path.read_text(encoding="utf-8") for path in first_run.artifacts.glob("*/README.md")}
    assert all("Practice revision 2." in text for text in readmes)


_PAPERMILL = """
import json, sys, papermill
notebook, executed, parameters = sys.argv[1:]
papermill.execute_notebook(notebook, executed, json.loads(parameters), progress_bar=False)
print(json.dumps("done"))
"""
"""One notebook a process: under Wine 8 a second kernel of the same process hangs at times."""


def test_wines_silent_stub_is_seen_through(user: WindowsUser) -> None:
    run = user.home.parent / "run with a space"
    run.mkdir()
    cache = user.home / "c".ljust(_DEEP_CACHE - len(to_windows_path(user.home)) - 1, "d")
    with PracticeHub() as hub:
        parameters = {
            "run_dir": to_windows_path(run),
            "hub": hub.url,
            "models": _LAYOUT,
            "cache_dir": to_windows_path(cache),
            "artifacts_dir": to_windows_path(user.home / "models"),
        }
        for stage in _FETCHING:
            paths = [to_windows_path(folder / f"{stage}.ipynb") for folder in (REPOSITORY / "notebooks", run)]
            user.told(_PAPERMILL, *paths, json.dumps(parameters), symlinks="stub")
    assert [record_of(run, stage)["status"] for stage in _FETCHING] == ["warn", "ok", "ok", "ok", "ok"]
    symlink = record_of(run, "01_detect")["facts"]["folders"][0]["symlink"]
    assert symlink == {"works": False, "evidence": "the call reported success but made no link", "deceives": True}
    # Wine makes longer paths than Windows does, so that only the warning can be seen here, not the failure.
    (budget,) = (check for check in record_of(run, "01_detect")["checks"] if check["id"] == "path-budget")
    assert budget["status"] == "warn"
    assert f"cache: {len(to_windows_path(cache))} of 98 characters" in budget["evidence"]
    assert record_of(run, "02_configure_env")["facts"]["links"] == "hardlink"
    (weights,) = (user.home / "models").rglob("*.safetensors")
    (cached,) = cache.glob("models--*/snapshots/*/model.safetensors")
    assert weights.samefile(cached)


def test_a_model_that_is_not_there_is_a_readable_failure(user: WindowsUser) -> None:
    with PracticeHub() as hub:
        done = user.runbook("run", "--only", "download", "-p", "hub", hub.url, "-p", "models", "nobody/nothing")
    assert done.returncode == 1
    assert re.search(r"^Practice\. Stage download failed: .*nobody/nothing", done.stdout, re.MULTILINE), done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.replace("J\u00fcrgen", "").isascii()

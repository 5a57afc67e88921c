"""Bundles between systems: made on Linux and taken on Windows, made there and taken here."""

import json
from pathlib import Path

import pytest

from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.read import open_bundle
from runbook_lib.bundle.sources import opened_source
from runbook_lib.bundle.take import import_bundle
from runbook_lib.cache.layout import CachedRepo
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.opening import open_run
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import resolve_target
from runbook_lib.stages.download.stage import download
from tests.windows.windows_python import WindowsPython, to_windows_path
from tests.windows.windows_user import RUN_LIMIT_S, WindowsUser

pytestmark = pytest.mark.timeout(RUN_LIMIT_S + 60)
REPO_ID = "docling-project/docling-layout-heron"


def test_a_bundle_goes_from_linux_to_windows_and_back(windows_python: WindowsPython, tmp_path: Path) -> None:
    user = WindowsUser.made(windows_python, tmp_path)
    here, there = tmp_path / "here", user.home / "practice"
    with PracticeHub() as hub:
        run = open_run(
            run_dir=str(here / "run"),
            hub=hub.url,
            models=REPO_ID,
            cache_dir=str(here / "hub"),
            artifacts_dir=str(here / "artifacts"),
        )
        download(run).require()
        made = export_bundle(run, user.home / "out.tar", split_bytes=400_000)
    assert len(made.paths) > 1
    places = ("--cache", to_windows_path(there / "hub"), "--artifacts", to_windows_path(there / "artifacts"))
    for placed in (6, 0):
        done = user.runbook("bundle", "import", "out.tar", "--practice", *places, "--papers", "papers", "--json")
        assert done.returncode == 0, done.stderr
        (model,) = json.loads(done.stdout)["models"]
        assert (model["placed"], model["kept"]) == (placed, 6 - placed)
    was, is_now = CachedRepo(here / "hub", REPO_ID), CachedRepo(there / "hub", REPO_ID)
    commit = was.commit_of("main")
    assert commit == is_now.commit_of("main")
    assert is_now.listing(str(commit)) == was.listing(str(commit))
    weights = is_now.snapshot(str(commit)) / "model.safetensors"
    assert not weights.is_symlink()
    assert weights.read_bytes() == (was.snapshot(str(commit)) / "model.safetensors").read_bytes()
    there_words = ("-p", "cache_dir", places[1], "-p", "artifacts_dir", places[3], "-p", "models", REPO_ID)
    done = user.runbook("verify", "--practice", *there_words, "--lock", "papers\\runbook.lock.json")
    assert done.returncode == 0, done.stdout + done.stderr
    done = user.runbook("bundle", "export", "back", "--practice", *there_words)
    assert done.returncode == 0, done.stderr
    base = tmp_path / "again"
    settings = {"hub": "practice", "cache_dir": str(base / "hub"), "artifacts_dir": str(base / "artifacts")}
    target = resolve_target(resolve_settings(settings, explicit=True).values)
    with opened_source(user.home / "back") as source:
        assert import_bundle(target, open_bundle(source)).models[0].placed == 6

"""Practice models never pass for real ones: they are refused, told and found by content, whatever led to them."""

import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import platformdirs
import pytest

from runbook_lib import DoclingModelManager
from runbook_lib.cache.practice_models import practice_models, practice_sign
from runbook_lib.checks.doctor import examine
from runbook_lib.checks.fixes import apply_fixes
from runbook_lib.core.practice_mark import FILE_NAME, FILE_TEXT, HEADER, README_SIGN
from runbook_lib.errors import PracticeError, RecordError, SettingsError
from runbook_lib.practice.catalogue import practice_repositories
from runbook_lib.practice.content import Content
from runbook_lib.practice.layout_model import layout_files
from runbook_lib.practice.layout_onnx import onnx_files
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.practice.table_model import table_files
from runbook_lib.run.check import Status
from runbook_lib.run.lock_file import read_lock, require_same_kind
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import resolve_places, resolve_target
from runbook_lib.stages.download.plan import plan_download
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.stage import verify
from runbook_lib.upkeep.lock import write_lock

REPO = "practice/tiny"
FOLDER = "practice--tiny"
WEIGHTS = b"weights that recognise nothing"

pytestmark = [pytest.mark.usefixtures("in_tmp_path"), pytest.mark.xdist_group("practice")]


def tiny(*, marked: bool) -> tuple[RepositoryFile, ...]:
    mark = (RepositoryFile(FILE_NAME, Content.of_bytes(FILE_TEXT.encode())),) if marked else ()
    return (*mark, RepositoryFile("model.safetensors", Content.of_bytes(WEIGHTS), lfs=True))


@pytest.fixture(scope="module")
def hub() -> Iterator[PracticeHub]:
    with PracticeHub(repositories=[linear_history(REPO, tiny(marked=True))]) as running:
        yield running


class _Mirror(BaseHTTPRequestHandler):
    """A caching mirror as they are: hands on what it is told, under headers of its own."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _MirrorServer)
        asked = urllib.request.Request(f"{server.source}{self.path}", method=self.command)
        with urllib.request.urlopen(asked) as answer:
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name not in (HEADER, "Content-Length", "Connection"):
                    self.send_header(name, value.replace(server.source, server.url))
        self.send_header(
            "Content-Length", str(len(body)) if self.command == "GET" else answer.headers["Content-Length"]
        )
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name http.server asks for

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


class _MirrorServer(ThreadingHTTPServer):
    def __init__(self, source: str) -> None:
        super().__init__(("127.0.0.1", 0), _Mirror)
        self.source, self.url = source, f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def mirror(hub: PracticeHub) -> Iterator[str]:
    with _MirrorServer(hub.url) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.url
        server.shutdown()


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the places of real models, and those of practice, be folders of the test."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "real" / "hub"))
    monkeypatch.setenv("DOCLING_ARTIFACTS_PATH", str(tmp_path / "real" / "artifacts"))
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _name: tmp_path / "own")


def fill_real_places(hub: PracticeHub, tmp_path: Path) -> None:
    """Do what somebody does who follows the address alone: the bare client, the real places."""
    for place in ({}, {"local_dir": str(tmp_path / "real" / "artifacts" / FOLDER)}):
        code = f"from huggingface_hub import snapshot_download; snapshot_download({REPO!r}, **{place!r})"
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "HF_ENDPOINT": hub.url}, check=True)


def real_run(**parameters: object) -> OpenRun:
    return open_run(new=True, models=REPO, hub="https://hub.example", **parameters)


@pytest.mark.parametrize("way", ["parameter", "variable", "file"])
def test_an_address_that_leads_to_a_practice_hub_leads_to_practice_folders(
    hub: PracticeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "variable":
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
    if way == "file":
        Path("runbook.toml").write_text(f'hub = "{hub.url}"\n', encoding="utf-8")
    run = open_run(new=True, models=REPO, **({"hub": hub.url} if way == "parameter" else {}))
    record = download(run)
    assert (record.status, record.practice, run.practice, run.header().practice) == (Status.OK, True, True, True)
    assert str(record).startswith("Practice. Stage download: ok")
    assert "Practice: random weights" in str(run)
    assert not (tmp_path / "real").exists()
    assert practice_sign(tmp_path / "own" / "practice" / "artifacts" / FOLDER) == FILE_NAME


def test_a_run_stays_practice_when_its_hub_is_gone(tmp_path: Path) -> None:
    with PracticeHub(repositories=[linear_history(REPO, tiny(marked=True))]) as gone:
        folder = open_run(new=True, models=REPO, hub=gone.url).folder
    again = open_run(run_dir=str(folder))
    assert again.practice
    assert again.cache_dir == tmp_path / "own" / "practice" / "hub"


def test_a_mirror_in_front_of_a_practice_hub_is_refused_before_anything_is_fetched(mirror: str, tmp_path: Path) -> None:
    run = open_run(new=True, models=REPO, hub=mirror)
    assert not run.practice, "its answers do not say so"
    with pytest.raises(PracticeError, match="gives practice models") as caught:
        download(run)
    assert "--practice" in caught.value.remedy
    assert not (tmp_path / "real").exists()


@pytest.mark.parametrize("name", ["cache_dir", "artifacts_dir"])
def test_practice_in_the_place_of_real_models_is_refused_though_it_is_named(tmp_path: Path, name: str) -> None:
    place = {"cache_dir": "hub", "artifacts_dir": "artifacts"}[name]
    with pytest.raises(SettingsError, match="may not go to"):
        resolve_places(Settings.model_validate({"hub": "practice", name: str(tmp_path / "real" / place)}))


def test_a_named_folder_that_holds_a_real_model_takes_no_practice_model(hub: PracticeHub, tmp_path: Path) -> None:
    snapshot = tmp_path / "named" / f"models--{FOLDER}" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"real")
    run = open_run(new=True, models=REPO, hub=hub.url, cache_dir=str(tmp_path / "named"))
    with pytest.raises(PracticeError, match="may not go to"):
        plan_download(run)


def test_practice_models_in_real_folders_are_found_refused_and_moved_aside(hub: PracticeHub, tmp_path: Path) -> None:
    fill_real_places(hub, tmp_path)
    settings = Settings(models=REPO, hub="https://hub.example", offline=True)
    report = examine(settings, ["practice-models"])
    assert [(check.id, check.status) for check in report.checks] == [("practice-models", Status.FAIL)]
    assert "2 folders hold practice models" in report.checks[0].evidence

    verified = verify(real_run())
    assert verified.failed()[0].id == "practice-models"
    with pytest.raises(PracticeError, match="is a practice model"):
        plan_download(real_run(offline=True))
    with pytest.raises(PracticeError, match="holds a practice model"):
        write_lock(real_run(), tmp_path / "runbook.lock.json")

    mended = apply_fixes(report, settings, dry_run=False, runs=tmp_path / "runs")
    assert mended.checks[0].status is Status.OK
    assert practice_models(tmp_path / "real" / "hub", tmp_path / "real" / "artifacts") == ()
    repo = tmp_path / "real" / "hub" / f"models--{FOLDER}"
    assert [list(repo.glob(f"{part}/*")) for part in ("refs", "snapshots", "trees")] == [[], [], []]
    aside = sorted(tmp_path.glob("real/*/.runbook-quarantine/*/**/model.safetensors"))
    assert [path.read_bytes() for path in aside if path.is_file()] == [WEIGHTS], "moved, and not deleted"


def test_a_real_revision_beside_a_practice_one_stays(hub: PracticeHub, tmp_path: Path) -> None:
    fill_real_places(hub, tmp_path)
    repo = tmp_path / "real" / "hub" / f"models--{FOLDER}"
    real = repo / "snapshots" / ("b" * 40)
    real.mkdir()
    (real / "model.safetensors").write_bytes(b"real")
    (repo / "refs" / "v1").write_text("b" * 40, encoding="utf-8")
    settings = Settings(models=REPO, hub="https://hub.example", offline=True)
    apply_fixes(examine(settings, ["practice-models"]), settings, dry_run=False, runs=tmp_path / "runs")
    assert [path.name for path in (repo / "snapshots").iterdir()] == ["b" * 40]
    assert [path.name for path in (repo / "refs").iterdir()] == ["v1"]


def test_a_service_does_not_start_on_practice_models(hub: PracticeHub, tmp_path: Path) -> None:
    practising = DoclingModelManager(models=REPO, hub=hub.url, links="copy").ensure_models_downloaded()
    assert practising.practice
    assert str(practising).startswith("Practice. Models ready")
    shutil.copytree(practising.artifacts_dir, tmp_path / "real" / "artifacts")
    with pytest.raises(PracticeError, match="holds a practice model"):
        DoclingModelManager(models=REPO, hub="https://hub.example").ensure_models_downloaded()


def test_a_lock_file_says_practice_and_holds_nothing_else(hub: PracticeHub, tmp_path: Path) -> None:
    run = open_run(new=True, models=REPO, hub=hub.url)
    download(run)
    path = tmp_path / "runbook.lock.json"
    assert write_lock(run, path).practice
    assert '"practice": true' in path.read_text(encoding="utf-8")
    require_same_kind(run, read_lock(path), path)
    edited = path.read_text(encoding="utf-8").replace('"practice": true', '"practice": false')
    path.write_text(edited, encoding="utf-8")
    with pytest.raises(RecordError, match="locks practice models"):
        require_same_kind(resolve_target(Settings(offline=True)), read_lock(path), path)


@pytest.mark.parametrize("path", sorted({*layout_files(), *table_files(), *onnx_files()}))
def test_each_file_of_a_practice_model_says_so_by_itself(tmp_path: Path, path: str) -> None:
    content = {**layout_files(), **table_files(), **onnx_files()}[path]
    (tmp_path / Path(path).name).write_bytes(b"".join(content.read()))
    assert practice_sign(tmp_path) == f"{Path(path).name} says so"


def test_every_revision_of_every_practice_repository_holds_the_mark() -> None:
    for repository in practice_repositories():
        for commit in repository.commits:
            assert FILE_NAME in commit.by_path
            assert README_SIGN.encode() in b"".join(commit.by_path["README.md"].content.read())


def test_real_models_bear_no_sign_of_practice(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "rt_detr_v2"}', encoding="utf-8")
    (tmp_path / "README.md").write_text("# docling-layout-heron\n", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"\x10" + bytes(7) + b'{"__metadata__":{}}')
    (tmp_path / "model.onnx").write_bytes(b"")
    assert practice_sign(tmp_path) == ""

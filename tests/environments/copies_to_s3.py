"""Runs in an environment with s3fs and moto, by pytest: run folders go to a real S3 server, whole or not at all."""

import json
import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import fsspec
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from runbook_lib.history.copies import copy_runs
from runbook_lib.history.index import read_history, record_runs
from runbook_lib.history.listing import ShownRun
from runbook_lib.render.text import to_text
from runbook_lib.run.folder import RunState
from runbook_lib.run.run_lock import LOCK_NAME, OWNER_NAME, hold_run
from tests.unit.history.run_folders import MakeRun

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
NO_ACCESS = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
TOP = "results/site/runs"
PLACE = f"s3://{TOP}"


@dataclass
class Store:
    """An S3 server of moto behind a door that keeps count of what is written, and may refuse it or stall."""

    app: Any
    client: Any = None
    written: list[str] = field(default_factory=list)
    takes: int | None = None
    stalls: bool = False
    going_on: threading.Event = field(default_factory=threading.Event)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PUT":
            if self.stalls:
                self.going_on.wait(60)
            if self.takes is not None and len(self.written) >= self.takes:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response("403 Forbidden", [("Content-Type", "application/xml")])
                return [NO_ACCESS]
            self.written.append(environ["PATH_INFO"].partition("/site/runs/")[2])
        return self.app(environ, start_response)  # type: ignore[no-any-return]

    def there(self) -> dict[str, bytes]:
        """Return what stands at the address, by name."""
        return {name.removeprefix(f"{TOP}/"): self.client.cat_file(name) for name in self.client.find(TOP)}

    def empty(self) -> None:
        """Make the bucket anew, and forget what was written."""
        self.takes, self.stalls = None, False
        self.going_on.clear()
        with suppress(FileNotFoundError):
            self.client.rm("results", recursive=True)
        self.client.mkdir("results")
        self.written.clear()


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Store, int]]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store = Store(DomainDispatcherApplication(create_backend_app))
    serving = make_server("127.0.0.1", 0, store, threaded=True)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    store.client = fsspec.filesystem(
        "s3",
        key=KEY,
        secret=SECRET,
        endpoint_url=f"http://127.0.0.1:{serving.server_port}",
        use_listings_cache=False,
    )
    yield store, serving.server_port
    store.going_on.set()
    serving.shutdown()
    serving.server_close()
    thread.join()


@pytest.fixture
def s3(server: tuple[Store, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The server with an empty bucket `results`, and the environment in which its client finds it."""
    store, port = server
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    store.empty()
    yield store
    store.going_on.set()


def test_a_whole_run_arrives_and_its_header_is_the_last(s3: Store, home: Path, make_run: MakeRun) -> None:
    run = make_run()
    run.add_artifact("documents/001-a b.md", b"text", "a document")
    with hold_run(run.folder):
        record_runs(home)
        assert copy_runs(home, PLACE, held=run.folder) == ""
        assert (run.folder / OWNER_NAME).exists()
    name = run.folder.name
    assert s3.written[-1] == f"{name}/run.json"
    found = s3.there()
    assert not {f"{name}/{LOCK_NAME}", f"{name}/{OWNER_NAME}"} & set(found)
    assert found[f"{name}/documents/001-a b.md"] == b"text"
    assert {path.removeprefix(f"{name}/") for path in found} == {
        path.relative_to(run.folder).as_posix()
        for path in run.folder.rglob("*")
        if path.is_file() and path.name != LOCK_NAME
    }
    (entry,) = read_history(home).entries
    assert entry.copied_to == (PLACE,)
    assert f"copied to: {PLACE}/{name}" in to_text(ShownRun(entry).sections())
    assert SECRET not in (home / "history.jsonl").read_text(encoding="utf-8")


def test_what_is_there_is_not_copied_again_until_the_run_goes_on(s3: Store, home: Path, make_run: MakeRun) -> None:
    run = make_run(state=RunState.FAILED)
    record_runs(home)
    assert copy_runs(home, PLACE, held=run.folder) == ""
    s3.written.clear()
    assert copy_runs(home, PLACE, held=run.folder) == ""
    assert s3.written == []

    run.record_path("verify").unlink(missing_ok=True)
    run.record_path("measure_disk").unlink()
    run.update(state=RunState.FINISHED)
    record_runs(home)
    assert copy_runs(home, PLACE, held=run.folder) == ""
    found = s3.there()
    assert f"{run.folder.name}/06_measure_disk.json" not in found, "the copy must not tell of what is gone"
    assert json.loads(found[f"{run.folder.name}/run.json"])["state"] == "finished"


def test_a_copy_that_breaks_off_passes_for_none_and_the_next_run_makes_up_for_it(
    s3: Store, home: Path, make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    first = make_run(2, state=RunState.FAILED)
    record_runs(home)
    assert copy_runs(home, PLACE, held=first.folder) == ""
    first.update(state=RunState.FINISHED)
    second = make_run(1)
    record_runs(home)
    s3.written.clear()
    s3.takes = 2
    said = copy_runs(home, PLACE, held=second.folder)
    assert said.startswith(f"Not everything was copied to {PLACE}: {second.folder.name}: PermissionError: ")
    assert said.endswith(" The next run makes up for it.")
    assert SECRET not in said + caplog.text
    assert len(s3.written) == 2
    assert [name for name in s3.there() if name.endswith("run.json")] == [], "the old header went first"
    assert [entry.copied_to for entry in read_history(home).entries] == [(), ()]

    s3.takes = None
    third = make_run(0)
    record_runs(home)
    assert copy_runs(home, PLACE, held=third.folder) == ""
    headers = {name for name in s3.there() if name.endswith("run.json")}
    assert headers == {f"{run.folder.name}/run.json" for run in (first, second, third)}


def test_a_bucket_that_is_not_there_is_not_made(s3: Store, home: Path, make_run: MakeRun) -> None:
    run = make_run()
    record_runs(home)
    assert "FileNotFoundError" in copy_runs(home, "s3://no-such-bucket/runs", held=run.folder)
    assert not s3.client.exists("no-such-bucket")
    assert s3.written == [""] * len(s3.written)


def test_a_store_that_stalls_costs_its_limit_and_an_interrupted_run_less(
    s3: Store, home: Path, make_run: MakeRun
) -> None:
    run = make_run()
    record_runs(home)
    s3.stalls = True
    assert "no end within 0.5 s" in copy_runs(home, PLACE, held=run.folder, limit_s=0.5)
    assert "interrupted" in copy_runs(home, PLACE, held=run.folder, is_over=lambda: True)
    assert read_history(home).entries[0].copied_to == ()

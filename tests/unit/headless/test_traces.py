"""Traces go to a real OTLP/HTTP receiver on loopback and are decoded by OpenTelemetry's own messages."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus

from runbook_lib.errors import UsageError
from runbook_lib.headless.summary import summary_of
from runbook_lib.headless.traces import Ended, require_traces, send_trace
from runbook_lib.run.folder import STAGES, Run, RunState
from tests.unit.headless.server import Posts, listening
from tests.unit.history.run_folders import MakeRun

TOKEN = f"hf_{'a' * 34}"
NAME = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Posts]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    with listening() as posts:
        monkeypatch.setenv(NAME, posts.url.removesuffix("/hook"))
        yield posts


@pytest.fixture
def failed(make_run: MakeRun) -> Run:
    """A run whose convert stage failed, with a secret and the user's folder in what it said."""
    problem = f"ValueError: token={TOKEN} in {Path('~').expanduser() / 'models'}"
    run = make_run(state=RunState.FAILED, problem=problem, convert="fail", download="warn")
    run.record_path("configure_env").unlink()
    run.update(stages=STAGES)
    return run


def attributes(of: Any) -> dict[str, object]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


def decoded(posts: Posts) -> tuple[dict[str, object], dict[str, Any]]:
    """Return the attributes of the resource, and the spans by name."""
    path, given, body = posts.received[-1]
    headers = {name.lower(): value for name, value in given.items()}
    assert (path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
    (told,) = ExportTraceServiceRequest.FromString(body).resource_spans
    return attributes(told.resource), {span.name: span for scope in told.scope_spans for span in scope.spans}


def test_a_run_is_a_root_with_a_span_for_each_stage_and_the_records_say_how_they_ended(
    receiver: Posts, failed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=night")
    began_at = datetime.now(UTC)
    assert send_trace(Ended(began_at, 1, summary_of(failed))) == ""
    resource, spans = decoded(receiver)
    assert resource.keys() == {"service.name", "service.version", "deployment.environment"}
    root = spans["runbook run"]
    assert (root.parent_span_id, root.status.code) == (b"", SpanStatus.STATUS_CODE_ERROR)
    assert abs(root.start_time_unix_nano / 1e9 - began_at.timestamp()) < 0.001
    assert attributes(root)["docling_runbook.run"] == failed.folder.name
    assert attributes(root)["docling_runbook.exit_code"] == 1
    stages = {name.removeprefix("stage "): span for name, span in spans.items() if span is not root}
    assert {span.parent_span_id for span in stages.values()} == {root.span_id}
    assert {span.trace_id for span in stages.values()} == {root.trace_id}
    assert stages["detect"].status.code == SpanStatus.STATUS_CODE_OK
    assert stages["detect"].end_time_unix_nano - stages["detect"].start_time_unix_nano == 2_000_000_000
    assert stages["convert"].status.code == SpanStatus.STATUS_CODE_ERROR
    (event,) = stages["download"].events
    assert attributes(event)["check.title"] == "download holds"
    (problem,) = stages["configure_env"].events
    assert attributes(problem)["problem.text"] == f"ValueError: token=hf_{'*' * 34} in ~{os.sep}models"
    assert TOKEN.encode() not in receiver.received[-1][2]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"status": 401}, "code: 401"), ({"status": 503}, "Service Unavailable"), ({"stalls": True}, "within")],
)
def test_a_receiver_that_refuses_or_stalls_costs_its_limit_and_a_line(
    failed: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], options: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2" if "status" in options else "30")
    with listening(**options) as posts:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{posts.url}?token={TOKEN}")
        began = time.monotonic()
        problem = send_trace(Ended(datetime.now(UTC), 1, summary_of(failed)), limit_s=3.0)
        assert time.monotonic() - began < 10
    assert said in problem
    assert TOKEN not in problem
    assert capfd.readouterr() == ("", "")


def test_what_is_switched_off_sends_nothing(receiver: Posts, failed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert send_trace(Ended(datetime.now(UTC), 0, summary_of(failed))) == ""
    assert receiver.received == []


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "nowhere to send to"),
        ({NAME: "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "cannot speak 'grpc'"),
    ],
)
def test_what_cannot_be_sent_is_wrong_usage_before_anything_begins(environ: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        require_traces(environ)


def test_without_the_extra_one_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook_lib.core.extras.find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="--traces needs the extra 'otel'"):
        require_traces({NAME: "http://127.0.0.1:4318"})


def test_a_headless_run_sends_its_trace_and_a_warning_is_all_that_a_failure_makes(
    receiver: Posts, in_tmp_path: Path
) -> None:
    own = ["-p", "cache_dir", str(in_tmp_path / "cache"), "-p", "artifacts_dir", str(in_tmp_path / "artifacts")]
    command = [sys.executable, "-m", "runbook_lib", "run", "--practice", "--only", "configure_env", "--traces", *own]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "trace" not in done.stderr
    assert decoded(receiver)[1].keys() == {"runbook run", "stage configure_env"}
    receiver.status = 403
    again = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 0
    assert "warning: the trace was not sent: Failed to export spans batch code: 403" in again.stderr

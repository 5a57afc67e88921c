"""docling-serve before its start, and services that run, over real HTTP."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.service import BOOT, LIBRARY, PROBES, SERVE
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.pipeline.wanted import Wanted, WantedOcr
from runbook_lib.run.check import Check, Status
from runbook_lib.system.packages import SitePackages

MakeContext = Callable[..., ProbeContext]
MakeSite = Callable[..., SitePackages]
Answers = Mapping[str, tuple[int, object]]
BY_ID = {probe.id: probe for probe in PROBES}
MODEL = ModelRef("docling-project/docling-models", "v2.3.0")
VERSION = {"docling-serve": "1.38.2", "docling": "2.143.0"}
SERVE_ANSWERS: Answers = {
    "/livez": (200, {"status": "ok"}),
    "/readyz": (200, {"status": "ok"}),
    "/version": (200, VERSION),
}


def check(name: str, context: ProbeContext) -> Check:
    return BY_ID[name].check(context)


@pytest.fixture
def serve(context: MakeContext, site: MakeSite) -> Callable[..., ProbeContext]:
    """Make a context whose interpreter is docling-serve's; its variables by name."""
    packages = site({"docling-serve": "1.38.2", "docling-jobkit": "3.9.1", "docling-slim": "2.143.0"})

    def make(**given: object) -> ProbeContext:
        environ = {name: str(given.pop(name)) for name in list(given) if name.isupper()}
        return context(packages=packages, environ=environ, **given)

    return make


@contextmanager
def running(answers: Answers, stalled: str = "") -> Iterator[str]:
    """Serve JSON, or text as a web page, by path; everything else is 404."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == stalled:
                released.wait(20)
            status, content = answers.get(self.path, (404, {"detail": "Not Found"}))
            body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header(
                "Content-Type", "text/html; charset=utf-8" if isinstance(content, str) else "application/json"
            )
            if status == 302:
                self.send_header("Location", "https://login.example/?token=abcdef0123456789")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            released.set()
            server.shutdown()
            thread.join()


def asked(context: MakeContext, url: str, **given: object) -> Check:
    return check("service-answers", context(service_url=url, **given))


def test_nobody_is_asked_who_is_not_named(context: MakeContext) -> None:
    assert asked(context, "").status is Status.SKIP


def test_a_ready_docling_serve_is_told_with_what_that_leaves_open(context: MakeContext) -> None:
    with running(SERVE_ANSWERS) as url:
        found = asked(context, url)
    assert found.status is Status.OK
    assert "docling-serve 1.38.2 is ready" in found.evidence
    assert "OCR's files were looked for and not loaded" in found.evidence
    assert BOOT in found.evidence


def test_ready_proves_nothing_where_loading_at_boot_is_off(context: MakeContext) -> None:
    with running(SERVE_ANSWERS) as url:
        found = asked(context, url, environ={BOOT: "0"})
    assert (found.status, found.quirk) == (Status.WARN, "serve-ready-without-models")
    assert "Convert a document" in found.remedy


def test_any_service_with_healthz_is_alive_and_no_more(context: MakeContext) -> None:
    with running({"/healthz": (200, {"status": "UP"})}) as url:
        found = asked(context, url)
    assert found.status is Status.OK
    assert "/healthz 200: UP" in found.evidence
    assert "nothing is known of its models" in found.evidence


def test_a_ready_service_of_another_make_decides_itself_what_ready_means(context: MakeContext) -> None:
    with running({"/healthz": (200, {}), "/readyz": (200, {})}) as url:
        assert "its own code decides" in asked(context, url).evidence


@pytest.mark.parametrize(
    ("answers", "status", "says"),
    [
        ({"/livez": (200, {}), "/readyz": (503, {"detail": "Models not yet loaded"})}, Status.FAIL, "not yet loaded"),
        ({"/livez": (500, {"detail": "broken"})}, Status.FAIL, "/livez 500: broken"),
        ({"/health": (401, {"detail": "key"})}, Status.WARN, "/health 401: key"),
        ({"/livez": (200, "<html>Sign in</html>")}, Status.WARN, "with a web page"),
        ({"/livez": (302, "")}, Status.WARN, "https://login.example"),
        ({}, Status.WARN, "answers 404 at"),
    ],
)
def test_a_service_that_is_not_well(context: MakeContext, answers: Answers, status: Status, says: str) -> None:
    with running(answers) as url:
        found = asked(context, url)
    assert found.status is status
    assert says in found.evidence
    assert found.remedy
    assert "abcdef0123456789" not in found.evidence


def test_a_service_that_does_not_answer_costs_the_limit_and_no_more(context: MakeContext) -> None:
    with running(SERVE_ANSWERS, stalled="/livez") as url:
        found = asked(context, url, probe_limit_s=0.3)
    assert found.status is Status.FAIL
    assert "no answer within" in found.evidence


def test_a_port_that_is_closed_is_a_failure_that_says_where_to_look(context: MakeContext) -> None:
    with running({}) as url:
        pass
    found = asked(context, url)
    assert found.status is Status.FAIL
    assert "ConnectError" in found.evidence
    assert "opens its port after its models are loaded" in found.remedy


def test_a_service_on_this_machine_is_asked_past_proxies_and_offline(
    context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY")
    with running(SERVE_ANSWERS) as url:
        assert asked(context, url, offline=True).status is Status.OK


def test_offline_no_other_machine_is_asked(context: MakeContext) -> None:
    assert asked(context, "https://serve.example", offline=True).status is Status.SKIP


def test_a_folder_that_is_missing_fails_before_the_start(serve: MakeContext, tmp_path: Path) -> None:
    found = check("serve-artifacts", serve(**{SERVE: tmp_path / "none"}))
    assert (found.status, found.quirk) == (Status.FAIL, "jobkit-artifacts-invalid")
    assert f"{SERVE}={tmp_path / 'artifacts'}" in found.remedy


def test_a_folder_that_is_there_is_what_docling_serve_reads(serve: MakeContext, tmp_path: Path) -> None:
    assert check("serve-artifacts", serve(**{SERVE: tmp_path})).status is Status.OK
    assert check("serve-artifacts", serve(**{LIBRARY: tmp_path})).status is Status.OK
    assert check("serve-artifacts", serve()).status is Status.WARN, "it would download at run time"


def test_a_relative_folder_is_another_one_elsewhere(
    serve: MakeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    assert check("serve-artifacts", serve(**{SERVE: "models"})).status is Status.WARN


def test_a_model_that_the_folder_lacks_fails_before_the_start(serve: MakeContext, tmp_path: Path) -> None:
    file = ModelFile(name="det.onnx", url="https://models.example/det.onnx")
    ocr = WantedOcr(engine="rapidocr", backend="onnxruntime", languages=(), reason="", folder="RapidOcr", files=(file,))
    wanted = Wanted.named((MODEL,)).model_copy(update={"ocr": ocr})
    (tmp_path / MODEL.folder_name).mkdir()
    found = check("serve-models", serve(**{SERVE: tmp_path}, wanted=wanted))
    assert (found.status, found.quirk) == (Status.FAIL, "model-not-in-artifacts")
    assert f"{MODEL}, RapidOcr/det.onnx" in found.evidence, "docling takes an empty folder for a model"
    for path in (tmp_path / MODEL.folder_name / "config.json", tmp_path / "RapidOcr" / "det.onnx"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert check("serve-models", serve(**{SERVE: tmp_path}, wanted=wanted)).status is Status.OK


@pytest.mark.parametrize(("given", "status"), [("0", Status.WARN), ("False", Status.WARN), ("1", Status.OK)])
def test_loading_at_boot_that_is_off_is_told_before_the_start(serve: MakeContext, given: str, status: Status) -> None:
    assert check("serve-boot", serve(**{BOOT: given})).status is status
    assert check("serve-boot", serve()).status is Status.OK


def test_without_docling_serve_nothing_of_it_is_asked(context: MakeContext, site: MakeSite) -> None:
    other = context(packages=site({"docling": "2.143.0"}))
    for name in ("serve-artifacts", "serve-models", "serve-boot"):
        assert check(name, other).status is Status.SKIP

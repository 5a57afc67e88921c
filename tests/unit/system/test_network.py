"""The way to the Hub, walked against real loopback servers; only name resolution that fails is made up."""

import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

import pytest

from runbook_lib.system.network import NetworkFacts, examine_network

REPO = "org/name"
LIMIT_S = 20.0
"""Nothing that answers takes this long, on a busy machine either."""


class Hub(BaseHTTPRequestHandler):
    """Answers what the test wants: status, content type, body."""

    answer = (200, "application/json", b"{}")
    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        status, kind, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 404:
            self.send_header("X-Error-Message", "Repository not found")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the parameter's name in the standard library
        """Log nothing."""


Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve one answer on loopback and return the address."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int = 200, kind: str = "application/json", body: bytes = b"{}", tls: Path | None = None) -> str:
        handler = type("Handler", (Hub,), {"answer": (status, kind, body), "asked": []})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake is no news
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A peer that accepts every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


LOADED_WITHIN_STEPS = """
import sys
from runbook_lib.system import network

def note(limit_s, step, call):
    before = set(sys.modules)
    answer = call()
    print(step, *sorted({"httpx", "httpcore", "h11"} & (sys.modules.keys() - before)))
    return answer

network.within = note
network.examine_network(sys.argv[1], "org/name", 1.0)
"""


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    if which("openssl") is None:
        pytest.skip("the openssl command is not here")
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/O=Example Corp Proxy", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "certificate").read_text() + (folder / "key").read_text(), encoding="utf-8")
    return both


def names(facts: NetworkFacts) -> list[str]:
    return [step.name for step in facts.steps]


def failure(facts: NetworkFacts) -> tuple[str, str]:
    assert facts.failed is not None
    assert facts.failed is facts.steps[-1], "nothing is tried after the first failure"
    return facts.failed.name, facts.failed.evidence


def test_loading_the_client_takes_none_of_the_time_the_hub_has(serve: Serve) -> None:
    command = [sys.executable, "-c", LOADED_WITHIN_STEPS, serve()]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert told.splitlines() == ["name", "tcp", "api"], "a step imports nothing of the client"


def test_a_hub_that_answers_json_is_reached_in_three_steps(serve: Serve) -> None:
    endpoint = serve()
    facts = examine_network(endpoint, REPO, LIMIT_S)
    assert (facts.failed, facts.proxy, facts.endpoint) == (None, "", endpoint)
    assert names(facts) == ["name", "tcp", "api"]
    assert [step.evidence for step in facts.steps[::2]] == ["127.0.0.1 is 127.0.0.1", "HTTP 200, JSON"]


def test_a_json_answer_with_a_charset_counts(serve: Serve) -> None:
    assert examine_network(serve(kind="application/json; charset=utf-8"), REPO, LIMIT_S).failed is None


def test_a_refused_port_fails_at_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    name, evidence = failure(examine_network(f"http://127.0.0.1:{port}", REPO, LIMIT_S))
    assert name == "tcp"
    assert "refused" in evidence.lower()


@pytest.mark.parametrize(("scheme", "step"), [("http", "api"), ("https", "tls")])
def test_a_peer_that_never_answers_ends_at_the_limit(silent_port: int, scheme: str, step: str) -> None:
    started = time.monotonic()
    name, evidence = failure(examine_network(f"{scheme}://127.0.0.1:{silent_port}", REPO, 0.5))
    assert name == step
    assert "within 0.5 s" in evidence or "timed out" in evidence
    assert time.monotonic() - started < 3


def test_a_block_page_is_not_taken_for_the_hub(serve: Serve) -> None:
    facts = examine_network(serve(kind="text/html", body=b"<h1>Blocked</h1>"), REPO, LIMIT_S)
    assert failure(facts) == ("api", "HTTP 200 with text/html where the Hub answers JSON")


def test_the_reason_the_hub_gives_is_passed_on(serve: Serve) -> None:
    assert failure(examine_network(serve(status=404), REPO, LIMIT_S))[1].endswith("HTTP 404: Repository not found")


def test_a_certificate_nobody_trusts_fails_at_tls(serve: Serve, certificate: Path) -> None:
    name, evidence = failure(examine_network(serve(tls=certificate), REPO, LIMIT_S))
    assert name == "tls"
    assert "CERTIFICATE_VERIFY_FAILED" in evidence


def test_a_certificate_named_in_ssl_cert_file_is_trusted(
    serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    facts = examine_network(serve(tls=certificate), REPO, LIMIT_S)
    assert facts.failed is None
    assert names(facts) == ["name", "tcp", "tls", "api"]
    assert facts.steps[2].evidence.endswith("certificate issued by Example Corp Proxy")


def test_a_name_that_cannot_be_resolved_fails_at_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    facts = examine_network("https://huggingface.co", REPO, LIMIT_S)
    assert failure(facts) == ("name", "gaierror: [Errno -3] Temporary failure in name resolution")


def test_a_resolver_that_hangs_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: release.wait(20))
    facts = examine_network("https://huggingface.co", REPO, 0.2)
    release.set()
    assert failure(facts) == ("name", "no answer within 0.2 s")


@pytest.mark.parametrize("spelling", ["http://user:hunter2@127.0.0.1:{port}", "127.0.0.1:{port}"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_way_leads_through_the_proxy(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, spelling: str, variable: str
) -> None:
    port = serve().rpartition(":")[2]
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv(variable, spelling.format(port=port))
    facts = examine_network("http://hub.example", REPO, LIMIT_S)
    assert facts.failed is None, facts.failed
    assert facts.proxy == f"127.0.0.1:{port}"
    assert names(facts) == ["name", "tcp", "api"]
    assert "hunter2" not in facts.model_dump_json()


def test_no_proxy_is_respected(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    facts = examine_network(serve(), REPO, LIMIT_S)
    assert (facts.failed, facts.proxy) == (None, "")


def test_a_proxy_that_needs_a_library_that_is_not_installed_is_a_failed_step(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{silent_port}")
    name, evidence = failure(examine_network("http://hub.example", REPO, LIMIT_S))
    assert name == "api"
    assert "socks" in evidence.lower()


def test_a_port_that_is_no_number_is_a_failed_step_and_no_crash() -> None:
    facts = examine_network("http://127.0.0.1:port", REPO, 0.5)
    assert facts.failed is not None

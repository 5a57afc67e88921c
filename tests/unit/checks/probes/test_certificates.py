"""Certificates: real files, and a real TLS server whose certificate nobody has heard of."""

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
from packaging.version import Version

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.certificates import (
    PROBES,
    XET_HOSTS,
    judge_bundles,
    judge_greetings,
    judge_xet,
    reach_with_tls,
)
from runbook_lib.run.check import Check, Status
from runbook_lib.system.tunnel import Greeting, greet, issuer_of
from tests.unit.loopback_server import listening

MakeContext = Callable[..., ProbeContext]
BY_ID = {probe.id: probe for probe in PROBES}
OPENSSL = shutil.which("openssl") or ""

needs_openssl = pytest.mark.skipif(not OPENSSL, reason="makes a certificate with the openssl command")


def check(name: str, context: ProbeContext) -> Check:
    return BY_ID[name].check(context)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a self-signed certificate of a company, for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("certificate")
    subject = ["-subj", "/O=Example Corp Inspection/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    """Serve TLS handshakes on the loopback with that certificate."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with listening(lambda connection: trust.wrap_socket(connection, server_side=True).close()) as port:
        yield port


def test_a_certificate_file_that_is_not_there_fails_with_its_name(context: MakeContext) -> None:
    found = check("ca-bundle", context(environ={"SSL_CERT_FILE": "/nowhere/cacert.pem"}))
    assert (found.status, found.quirk) == (Status.FAIL, "ssl-cert-file-bad")
    assert "SSL_CERT_FILE=/nowhere/cacert.pem: errno 2" in found.evidence


def test_a_certificate_file_without_a_certificate_fails(context: MakeContext, tmp_path: Path) -> None:
    page = tmp_path / "cacert.pem"
    page.write_text("<html>blocked</html>", encoding="utf-8")
    found = check("ca-bundle", context(environ={"SSL_CERT_FILE": str(page)}))
    assert found.status is Status.FAIL
    assert "holds no certificate" in found.evidence


def test_a_bundle_that_only_requests_reads_is_a_warning(context: MakeContext) -> None:
    found = check("ca-bundle", context(environ={"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"}))
    assert found.status is Status.WARN


def test_a_folder_that_is_not_there_is_named(context: MakeContext) -> None:
    assert "SSL_CERT_DIR" in check("ca-bundle", context(environ={"SSL_CERT_DIR": "/nowhere"})).evidence


def test_certificates_that_can_be_loaded_are_fine(context: MakeContext) -> None:
    both = {"SSL_CERT_FILE": certifi.where(), "REQUESTS_CA_BUNDLE": certifi.where()}
    assert check("ca-bundle", context(environ=both)).status is Status.OK
    assert check("ca-bundle", context()).status is Status.OK


@pytest.mark.parametrize(("hub", "status"), [("0.36.0", Status.OK), ("1.0.0", Status.WARN), ("1.33.0", Status.WARN)])
def test_a_bundle_for_requests_alone_does_not_reach_httpx(hub: str, status: Status) -> None:
    verdict = judge_bundles({"REQUESTS_CA_BUNDLE": "/ca.pem"}, {}, Version(hub))
    assert verdict.status is status
    assert verdict.quirk == ("tls-interception" if status is Status.WARN else "")


@needs_openssl
def test_an_issuer_nobody_trusts_is_named_all_the_same(tls_port: int) -> None:
    greeting = greet("127.0.0.1", tls_port, ssl.create_default_context, proxy="", limit_s=5)
    assert not greeting.trusted
    assert "self" in greeting.seen
    assert issuer_of("127.0.0.1", tls_port, proxy="", limit_s=5) == "Example Corp Inspection"


@needs_openssl
def test_a_certificate_of_nobody_is_a_warning_that_names_its_issuer(context: MakeContext, tls_port: int) -> None:
    found = check("tls-interception", context(endpoint=f"https://127.0.0.1:{tls_port}"))
    assert (found.status, found.quirk) == (Status.WARN, "tls-interception")
    assert "Example Corp Inspection" in found.evidence
    assert "neither store trusts it" in found.evidence
    assert "SSL_CERT_FILE" in found.remedy


@needs_openssl
def test_with_the_company_certificate_named_all_is_well(
    context: MakeContext, tls_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    made = context(endpoint=f"https://127.0.0.1:{tls_port}", environ=dict(os.environ))
    found = check("tls-interception", made)
    assert found.status is Status.OK
    assert "Example Corp Inspection" in found.evidence


def test_a_hub_that_is_not_reached_leaves_the_question_open(context: MakeContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert check("tls-interception", context(endpoint=f"https://127.0.0.1:{port}")).status is Status.SKIP


def test_without_tls_there_is_nothing_to_sign(context: MakeContext) -> None:
    assert check("tls-interception", context(endpoint="http://127.0.0.1:1")).status is Status.SKIP


@pytest.mark.parametrize(
    ("hub", "system", "status", "said"),
    [
        (True, True, Status.OK, ""),
        (False, True, Status.WARN, "the system trusts it, huggingface_hub does not"),
        (True, False, Status.WARN, "Xet uses that store"),
        (False, False, Status.WARN, "neither"),
    ],
)
def test_two_stores_that_disagree_are_a_warning(hub: bool, system: bool, status: Status, said: str) -> None:
    of_hub, of_system = (
        Greeting(trusted, "DigiCert" if trusted else "unable to get local issuer") for trusted in (hub, system)
    )
    verdict = judge_greetings("huggingface.co", of_hub, of_system, "DigiCert")
    assert verdict.status is status
    assert said in verdict.evidence


@needs_openssl
def test_a_host_of_xet_counts_only_with_a_trusted_handshake(tls_port: int, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=certificate)
    assert reach_with_tls(lambda: trusting, 5, tls_port)("127.0.0.1")
    assert not reach_with_tls(ssl.create_default_context, 5, tls_port)("127.0.0.1")


def test_missing_hosts_of_xet_are_named() -> None:
    assert judge_xet(XET_HOSTS).status is Status.OK
    verdict = judge_xet(XET_HOSTS[:1])
    assert verdict.status is Status.WARN
    assert XET_HOSTS[1] in verdict.evidence
    assert XET_HOSTS[0] not in verdict.evidence


@pytest.mark.parametrize(
    ("endpoint", "environ", "status"),
    [
        ("http://127.0.0.1:1", {}, Status.SKIP),
        ("https://mirror.example", {}, Status.SKIP),
        ("https://evil-huggingface.co", {}, Status.SKIP),
        ("https://huggingface.co", {"HF_HUB_DISABLE_XET": "1"}, Status.OK),
    ],
)
def test_xet_is_asked_only_for_the_real_hub(
    context: MakeContext, endpoint: str, environ: dict[str, str], status: Status
) -> None:
    assert check("xet-hosts", context(endpoint=endpoint, environ=environ)).status is status

"""A bundle comes out of a real registry: over TLS with a password, over a line that breaks; nothing secret is shown."""

import base64
import json
import logging
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runbook_lib.bundle import registry as registry_module
from runbook_lib.bundle import registry_login
from runbook_lib.bundle.compare import show_bundle
from runbook_lib.bundle.docker_config import credentials_for
from runbook_lib.bundle.read import open_bundle
from runbook_lib.bundle.registry import Address
from runbook_lib.bundle.sources import opened_source
from runbook_lib.bundle.take import import_bundle
from runbook_lib.cache.layout import CachedRepo
from runbook_lib.errors import BundleError, ExitCode, RegistryUnavailable, UsageError
from tests.unit.bundle.bundles import MakeTarget
from tests.unit.bundle.registries import PASSWORD, USER, BreakingLine, needs_registry, push, serving
from tests.unit.stages.verify.real_caches import REPO_ID, Installed

pytestmark = needs_registry
NAME = "docling/models"


@pytest.fixture
def registry(folder: Path, tmp_path: Path) -> Iterator[str]:
    """A registry that holds the bundle."""
    with serving(tmp_path / "registry") as host:
        push(f"oci:{folder}:bundle", f"{host}/{NAME}:1")
        yield host


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "certificate.pem"
    names = ["-subj", "/O=Registry/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, "-out", str(path)]
    subprocess.run([*made, "-keyout", str(path.with_suffix(".key"))], check=True, capture_output=True)
    return path


@pytest.fixture
def locked(folder: Path, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A registry with TLS and a password that holds the bundle; its certificate is named as that of the client's CA."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    with serving(tmp_path / "registry", certificate=certificate) as host:
        push(f"oci:{folder}:bundle", f"{host}/{NAME}:1", password=True)
        yield host


def log_in(folder: Path, host: str, password: str = PASSWORD) -> None:
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}), encoding="utf-8")


def test_it_is_taken_from_a_registry_as_from_a_folder(
    installed: Installed, registry: str, make_target: MakeTarget
) -> None:
    target = make_target()
    with opened_source(f"oci://{registry}/{NAME}:1") as source:
        bundle = open_bundle(source)
        assert show_bundle(bundle, verify=True).is_verified
        taken = import_bundle(target, bundle)
    assert taken.read_bytes == installed.listing.size_bytes
    repo = CachedRepo(target.cache_dir, REPO_ID)
    listing = repo.listing("main")
    assert listing is not None
    assert repo.missing(listing) == ()
    assert not (target.cache_dir / ".locks" / "runbook-import").exists()
    with opened_source(f"oci://{registry}/{NAME}:1") as source:
        assert import_bundle(target, open_bundle(source)).read_bytes == 0


def test_over_tls_with_the_client_s_own_ca_and_docker_s_credentials_none_of_which_is_shown(
    locked: str, make_target: MakeTarget, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log_in(tmp_path / "docker", locked)
    caplog.set_level(logging.DEBUG)
    with opened_source(f"oci+https://{locked}/{NAME}:1") as source:
        taken = import_bundle(make_target(), open_bundle(source))
        shown = f"{source!r} {source.words} {taken}"
    assert taken.changed
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for told in (shown, caplog.text):
        assert PASSWORD not in told
        assert secret not in told


@pytest.mark.parametrize("password", [None, "wrong words"])
def test_without_the_right_password_the_error_says_how_to_log_in(
    locked: str, tmp_path: Path, password: str | None
) -> None:
    if password:
        log_in(tmp_path / "docker", locked, password)
    with opened_source(f"oci+https://{locked}/{NAME}:1") as source, pytest.raises(BundleError) as caught:
        open_bundle(source)
    assert "may not be read" in caught.value.what
    assert ("no credentials" in caught.value.why) is (password is None)
    assert "skopeo login" in caught.value.remedy
    assert "wrong words" not in str(caught.value)


def test_a_certificate_of_nobody_is_refused(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with opened_source(f"oci+https://{locked}/{NAME}:1") as source, pytest.raises(RegistryUnavailable) as caught:
        open_bundle(source)
    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.why
    assert "SSL_CERT_FILE" in caught.value.remedy


def test_a_tag_or_registry_that_is_not_there_says_so(registry: str) -> None:
    with opened_source(f"oci://{registry}/{NAME}:2") as source, pytest.raises(BundleError, match="There is no"):
        open_bundle(source)
    with opened_source(f"oci://127.0.0.1:1/{NAME}:1") as source, pytest.raises(RegistryUnavailable) as caught:
        open_bundle(source)
    assert caught.value.exit_code == ExitCode.TRY_LATER


# ------------------------------------------------------------------------------------------ lines that break


def test_a_line_that_breaks_is_gone_on_with_from_the_byte_it_broke_at(
    installed: Installed, registry: str, make_target: MakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "_PAUSE_S", 0.001)
    with BreakingLine(int(registry.split(":")[1]), budget_bytes=300_000) as line:
        with opened_source(f"oci://127.0.0.1:{line.port}/{NAME}:1") as source:
            taken = import_bundle(make_target(), open_bundle(source))
        assert line.broken >= 3
    assert taken.models[0].placed == len(installed.listing.files)


def test_what_came_before_the_registry_went_away_is_not_fetched_again(
    registry: str, make_target: MakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = make_target()
    with opened_source(f"oci://{registry}/{NAME}:1") as source:
        bundle = open_bundle(source)
        fetched = source.fetch_into  # type: ignore[attr-defined] # a registry's source has it

        def gone_half_way(sha256: str, size_bytes: int, path: Path, passed: object) -> None:
            fetched(sha256, size_bytes // 2, path, passed)
            if size_bytes > 500_000:
                raise RegistryUnavailable("gone")
            fetched(sha256, size_bytes, path, passed)

        monkeypatch.setattr(source, "fetch_into", gone_half_way)
        with pytest.raises(RegistryUnavailable):
            import_bundle(target, bundle)
    kept = {path.name: path.stat().st_size for path in (target.cache_dir / ".locks" / "runbook-import").iterdir()}
    assert max(kept.values()) > 400_000
    assert not (target.cache_dir / f"models--{REPO_ID.replace('/', '--')}").exists()
    with opened_source(f"oci://{registry}/{NAME}:1") as source:
        bundle = open_bundle(source)
        asked: list[tuple[str, int]] = []
        pieces = source._pieces  # type: ignore[attr-defined]

        def noted(sha256: str, start: int) -> Iterator[tuple[int, bytes]]:
            asked.append((sha256, start))
            return iter(pieces(sha256, start))

        monkeypatch.setattr(source, "_pieces", noted)
        assert import_bundle(target, bundle).changed
    assert {sha256: start for sha256, start in asked if start} == {
        sha256: size for sha256, size in kept.items() if size > 400_000
    }


def test_what_an_earlier_import_left_is_not_believed(
    installed: Installed, registry: str, make_target: MakeTarget
) -> None:
    target = make_target()
    left = target.cache_dir / ".locks" / "runbook-import"
    left.mkdir(parents=True)
    for file in installed.listing.files:
        if file.sha256:
            (left / file.sha256).write_bytes(b"x" * 1000)
    (left / ("0" * 64)).write_bytes(b"of another bundle")
    with opened_source(f"oci://{registry}/{NAME}:1") as source:
        assert import_bundle(target, open_bundle(source)).changed
    assert not left.exists()


def test_a_registry_that_sends_something_else_is_refused_and_leaves_nothing(
    registry: str, make_target: MakeTarget, tmp_path: Path
) -> None:
    blobs = [path for path in (tmp_path / "registry").rglob("data") if path.stat().st_size > 500_000]
    content = bytearray(blobs[0].read_bytes())
    content[1000] ^= 1
    blobs[0].write_bytes(content)
    target = make_target()
    with opened_source(f"oci://{registry}/{NAME}:1") as source, pytest.raises(BundleError, match="damaged"):
        import_bundle(target, open_bundle(source))
    assert not target.cache_dir.exists()


# ---------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "base", "reference"),
    [
        ("oci://registry.example.org/a/b:1.0", "https://registry.example.org/v2/a/b", "1.0"),
        ("oci://127.0.0.1:5000/a:x", "http://127.0.0.1:5000/v2/a", "x"),
        ("oci://[::1]:5000/a:x", "http://[::1]:5000/v2/a", "x"),
        ("oci+http://registry.lan/a:x", "http://registry.lan/v2/a", "x"),
        ("oci://r.lan/a@sha256:" + "0" * 64, "https://r.lan/v2/a", "sha256:" + "0" * 64),
    ],
)
def test_addresses_are_read(text: str, base: str, reference: str) -> None:
    address = Address.parse(text)
    assert (address.base, address.reference) == (base, reference)


@pytest.mark.parametrize(
    "text",
    [
        "oci://",
        "oci://r.lan",
        "oci://r.lan/a",
        "oci://r.lan/A:1",
        "oci:folder",
        "oci://r.lan/a:1?x=y",
        "oci://r.lan/../a:1",
    ],
)
def test_addresses_that_are_none_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError):
        Address.parse(text)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught, opened_source("oci://me:hunter2secret@r.lan/a:1"):
        pass
    assert "hunter2secret" not in str(caught.value)


# -------------------------------------------------------------------------------------------- credentials


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    return tmp_path / "docker" / "config.json"


def test_a_helper_is_asked_where_docker_would_ask_it(
    docker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "bin" / "docker-credential-vault"
    helper.parent.mkdir()
    helper.write_text('#!/bin/sh\nread host\necho "{\\"Username\\": \\"$host\\", \\"Secret\\": \\"s3cret\\"}"\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}{os.pathsep}{os.environ['PATH']}")
    docker.write_text('{"credHelpers": {"r.lan": "vault"}}', encoding="utf-8")
    found = credentials_for("r.lan")
    assert found is not None
    assert (found.user, found.secret) == ("r.lan", "s3cret")
    assert "s3cret" not in repr(found)
    assert credentials_for("other.lan") is None
    docker.write_text('{"credsStore": "vault"}', encoding="utf-8")
    assert credentials_for("other.lan") is not None
    docker.write_text('{"credsStore": "missing"}', encoding="utf-8")
    with pytest.raises(BundleError, match="cannot be obtained"):
        credentials_for("other.lan")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"auths": {"r.lan": {"auth": "!!!"}}}', '{"auths": {"r.lan": {"identitytoken": "s3cret"}}}'],
)
def test_a_file_that_cannot_be_used_is_named_without_its_content(docker: Path, content: str) -> None:
    docker.write_text(content, encoding="utf-8")
    with pytest.raises(BundleError) as caught:
        credentials_for("r.lan")
    assert "s3cret" not in str(caught.value)


def test_a_password_is_not_sent_over_an_open_line(docker: Path, monkeypatch: pytest.MonkeyPatch, registry: str) -> None:
    log_in(docker.parent, registry)
    monkeypatch.setattr(registry_login, "is_loopback", lambda _url: False)
    with asking('Basic realm="x"', []) as host:
        log_in(docker.parent, host)
        with opened_source(f"oci://{host}/{NAME}:1") as source, pytest.raises(BundleError, match="No password is sent"):
            open_bundle(source)


def test_a_token_is_fetched_from_where_the_registry_says_and_sent_to_the_registry(docker: Path) -> None:
    seen: list[str] = []
    with asking("", seen) as host:
        log_in(docker.parent, host)
        with opened_source(f"oci://{host}/{NAME}:1") as source, pytest.raises(BundleError, match="There is no"):
            open_bundle(source)
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert seen == [
        "/v2/docling/models/manifests/1 ",
        f"/token?service=models&scope=repository%3Adocling%2Fmodels%3Apull Basic {secret}",
        "/v2/docling/models/manifests/1 Bearer given",
    ]


@contextmanager
def asking(challenge: str, seen: list[str]) -> Iterator[str]:
    """Serve a registry that has nothing and asks for a login: in the words given, else for a token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.headers.get("Authorization", "")
            seen.append(f"{self.path} {sent}")
            body = b'{"token": "given"}' if self.path.startswith("/token") else b""
            self.send_response(200 if body else 404 if sent.startswith("Bearer") else 401)
            realm = f"http://{self.headers['Host']}/token"
            scope = "repository:docling/models:pull"
            self.send_header(
                "WWW-Authenticate", challenge or f'Bearer realm="{realm}",service="models",scope="{scope}"'
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the standard library's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()

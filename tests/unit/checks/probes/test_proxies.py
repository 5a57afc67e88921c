"""Proxy settings against the real httpx, and a real proxy on the loopback."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.proxies import PROBES, judge_proxy_variables
from runbook_lib.run.check import Status

MakeContext = Callable[..., ProbeContext]
BY_ID = {probe.id: probe for probe in PROBES}


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTPS_PROXY": "http://proxy:3128"},
        {"HTTPS_PROXY": "proxy:3128"},
        {"HTTPS_PROXY": "http://me:p%40ss@proxy:3128", "NO_PROXY": "localhost,.corp.example,::1"},
    ],
)
def test_settings_that_httpx_takes_are_fine(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge_proxy_variables(environ, has_socks=False, script="").status is Status.OK
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    httpx.Client().close()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"HTTPS_PROXY": "socks://proxy:1080"}, "the scheme socks"),
        ({"ALL_PROXY": "ftp://proxy:21"}, "the scheme ftp"),
        ({"NO_PROXY": "localhost,[::1]"}, "in brackets"),
        ({"https_proxy": "http://proxy:port"}, "does not name a host"),
        ({"HTTPS_PROXY": "http://me:p#word@proxy:3128"}, "unescaped"),
    ],
)
def test_settings_that_httpx_refuses_are_named(
    environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = judge_proxy_variables(environ, has_socks=False, script="")
    assert verdict.status is Status.WARN
    assert said in verdict.evidence
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises((httpx.InvalidURL, ValueError)):
        httpx.Client()


def test_an_unescaped_at_sign_is_named_though_httpx_takes_it() -> None:
    verdict = judge_proxy_variables({"HTTPS_PROXY": "http://me:se@cret@proxy:3128"}, has_socks=False, script="")
    assert verdict.status is Status.WARN
    assert "cret" not in verdict.evidence


def test_socks_needs_its_package() -> None:
    environ = {"ALL_PROXY": "socks5://proxy:1080"}
    assert "socksio" in judge_proxy_variables(environ, has_socks=False, script="").evidence
    assert judge_proxy_variables(environ, has_socks=True, script="").status is Status.OK


def test_a_script_that_only_browsers_run_is_a_warning_without_a_variable() -> None:
    script = "http://wpad/wpad.dat"
    assert judge_proxy_variables({}, has_socks=False, script=script).status is Status.WARN
    assert judge_proxy_variables({"HTTPS_PROXY": "http://p:1"}, has_socks=False, script=script).status is Status.OK


@contextmanager
def proxy_that_answers(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Serve one CONNECT on the loopback and give this answer; yield its address and what was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://me:p%40ss@127.0.0.1:{server.getsockname()[1]}", asked
        thread.join(5)


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (b"HTTP/1.1 200 Connection established\r\n\r\n", Status.OK, "opens a tunnel"),
        (b"HTTP/1.1 407 Denied\r\nProxy-Authenticate: NTLM abc\r\n\r\n", Status.FAIL, "asks for NTLM"),
        (b"HTTP/1.1 403 Blocked by policy\r\nContent-Length: 0\r\n\r\n", Status.WARN, "403 Blocked by policy"),
        (b"SSH-2.0-OpenSSH\r\n", Status.SKIP, "does not speak HTTP"),
    ],
)
def test_the_proxy_is_asked_for_a_tunnel(
    context: MakeContext, monkeypatch: pytest.MonkeyPatch, answer: bytes, status: Status, said: str
) -> None:
    with proxy_that_answers(answer) as (address, asked):
        monkeypatch.setitem(os.environ, "HTTPS_PROXY", address)
        check = BY_ID["proxy"].check(context())
    assert check.status is status
    assert said in check.evidence
    assert "p@ss" not in check.evidence
    assert asked[0].startswith(b"CONNECT huggingface.co:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in asked[0]


def test_without_a_proxy_nothing_is_asked(context: MakeContext) -> None:
    assert BY_ID["proxy"].check(context()).status is Status.OK

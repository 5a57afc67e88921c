"""A proxy that refuses everything stands before nothing that we start on this machine."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runbook_lib.system.loopback import (
    as_before_reaching,
    bypasses_loopback,
    is_loopback,
    reach_loopback_directly,
)
from tests.unit.refusing_proxy import RefusingProxy, environment_without_proxies, refusing_proxy

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
CHILD = """
import subprocess, sys
from runbook_lib.practice.server import PracticeHub

command = [sys.executable, "-c", {ask!r}]
with PracticeHub() as hub:
    sys.exit(subprocess.run([*command, hub.url]).returncode)
"""
ASK = """
import sys
from huggingface_hub import HfApi

assert HfApi(endpoint=sys.argv[1]).model_info("docling-project/docling-models").sha
"""


@pytest.fixture
def proxy() -> Iterator[RefusingProxy]:
    with refusing_proxy() as server:
        yield server


def both_cases(proxy: RefusingProxy) -> dict[str, str]:
    return {name: proxy.url for upper in PROXIES for name in (upper, upper.lower())}


@pytest.mark.parametrize("no_proxy", ["", "intranet.example.com"])
def test_a_client_that_a_child_starts_reaches_the_practice_hub_past_all_proxies(
    no_proxy: str, proxy: RefusingProxy
) -> None:
    extra = {"no_proxy": no_proxy} if no_proxy else {}
    child = CHILD.format(ask=ASK)
    done = subprocess.run(
        [sys.executable, "-c", child],
        env=environment_without_proxies(**both_cases(proxy), **extra),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert proxy.asked == []


def test_the_same_client_without_that_asks_the_proxy(proxy: RefusingProxy) -> None:
    hub = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-c", ASK, hub],
        env=environment_without_proxies(**both_cases(proxy)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert proxy.asked
    assert proxy.asked[0].startswith(f"GET {hub}/")


@pytest.mark.parametrize("cases", [str.upper, str.lower])
def test_the_doctor_reaches_the_practice_hub_past_a_proxy(cases: type[str], proxy: RefusingProxy) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runbook_lib", "doctor", "--practice", "--only", "hub-reachable"],
        env=environment_without_proxies(RUNBOOK_PROBE_LIMIT_S="60", **{cases(name): proxy.url for name in PROXIES}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "a.example.com"}, "a.example.com,localhost,127.0.0.1,::1"),
        ({"no_proxy": "127.0.0.1, b"}, "127.0.0.1,b,localhost,::1"),
        ({"NO_PROXY": "upper", "no_proxy": "lower"}, "lower,localhost,127.0.0.1,::1"),
    ],
)
def test_what_is_exempt_already_stays_exempt(
    given: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    environ = dict(given)
    reach_loopback_directly(environ)
    assert (environ["NO_PROXY"], environ["no_proxy"]) == (expected, expected)


@pytest.mark.parametrize("given", [None, "intranet.example.com"])
def test_what_was_added_can_be_told_from_what_the_user_set(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, given or "")
        if given is None:
            monkeypatch.delenv(name)
    reach_loopback_directly()
    assert bypasses_loopback(os.environ)
    assert as_before_reaching().get("NO_PROXY") == given
    monkeypatch.setenv("NO_PROXY", "set.since")
    assert as_before_reaching()["NO_PROXY"] == "set.since"


def test_nothing_is_set_without_a_proxy_or_where_it_is_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().endswith("_PROXY")]:
        monkeypatch.delenv(name)
    environ: dict[str, str] = {}
    reach_loopback_directly(environ)
    assert environ == {}
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    for given in ({"NO_PROXY": "*"}, {"no_proxy": "localhost,127.0.0.1"}):
        environ = dict(given)
        reach_loopback_directly(environ)
        assert environ == given
        assert bypasses_loopback(environ)


def test_addresses_of_this_machine() -> None:
    for url in ("http://127.0.0.1:80", "http://localhost/x", "http://[::1]:1", "https://127.9.9.9"):
        assert is_loopback(url)
    for url in ("https://huggingface.co", "127.0.0.1:80", "http://127.example.com", ""):
        assert not is_loopback(url)

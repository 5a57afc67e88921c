"""Addresses in variables."""

import json
import subprocess
import sys

import pytest

from runbook_lib.checks.probes.addresses import judge_endpoint, judge_loopback, judge_proxy_scheme
from runbook_lib.run.check import Status
from tests.unit.refusing_proxy import environment_without_proxies, refusing_proxy


@pytest.mark.parametrize("endpoint", ["127.0.0.1:45388", "hub.example.com", "huggingface.co/", "ftp://hub.example.com"])
def test_an_endpoint_without_the_scheme_is_named(endpoint: str) -> None:
    verdict = judge_endpoint(endpoint)
    assert verdict.status is Status.FAIL
    assert "https://" in verdict.evidence


@pytest.mark.parametrize(
    ("endpoint", "written", "not_written"),
    [
        ("127.0.0.1:45388", "http://127.0.0.1:45388.", "https://"),
        ("localhost:8090", "http://localhost:8090.", "https://"),
        ("[::1]:8090", "http://[::1]:8090.", "https://"),
        ("hub.example.com", "https://hub.example.com.", "http://"),
        ("hub.example.com:443", "https://hub.example.com:443.", "http://"),
        ("hub.example.com:8081", "http://hub.example.com:8081 where", "no such words"),
        ("ftp://hub.example.com", "https://hub.example.com.", "ftp"),
    ],
)
def test_the_scheme_that_is_advised_is_the_one_that_the_hub_speaks(
    endpoint: str, written: str, not_written: str
) -> None:
    remedy = judge_endpoint(endpoint).remedy
    assert written in remedy
    assert not_written not in remedy


@pytest.mark.parametrize("endpoint", ["https://huggingface.co", "http://127.0.0.1:8080", "HTTPS://hub.example.com"])
def test_an_endpoint_with_a_scheme_is_fine(endpoint: str) -> None:
    assert judge_endpoint(endpoint).status is Status.OK


def test_a_proxy_named_with_https_is_doubted_and_its_password_not_shown() -> None:
    verdict = judge_proxy_scheme({"HTTPS_PROXY": "https://user:s3cret@proxy.example.com:3128"})
    assert verdict.status is Status.WARN
    assert "WRONG_VERSION_NUMBER" in verdict.evidence
    assert "s3cret" not in f"{verdict.evidence}{verdict.remedy}"
    for fine in ({}, {"HTTPS_PROXY": "http://p:1"}, {"HTTPS_PROXY": "https://p:1", "https_proxy": "http://p:1"}):
        assert judge_proxy_scheme(fine).status is Status.OK


@pytest.mark.parametrize(
    ("environ", "endpoint", "status"),
    [
        ({}, "https://huggingface.co", Status.OK),
        ({"HTTP_PROXY": "http://p:1"}, "https://huggingface.co", Status.WARN),
        ({"HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:80", Status.FAIL),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "localhost,127.0.0.1"}, "http://127.0.0.1:80", Status.OK),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "localhost,127.0.0.1", "no_proxy": "x"}, "https://h", Status.WARN),
        ({"all_proxy": "p:1", "no_proxy": "*"}, "http://127.0.0.1:80", Status.OK),
    ],
)
def test_whether_this_machine_is_asked_through_the_proxy(
    environ: dict[str, str], endpoint: str, status: Status
) -> None:
    assert judge_loopback(environ, endpoint).status is status


def test_what_the_runbook_itself_goes_past_still_stands_before_the_user_s_programs() -> None:
    verdict = judge_loopback({"HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:80", is_passed=True)
    assert verdict.status is Status.WARN
    assert "NO_PROXY=localhost,127.0.0.1" in verdict.remedy


@pytest.mark.parametrize("no_proxy", ["", "intranet.example.com"])
def test_the_doctor_of_a_practice_hub_sees_the_proxy_as_the_user_has_it(no_proxy: str) -> None:
    given = {"HTTP_PROXY": "http://127.0.0.1:9", **({"NO_PROXY": no_proxy} if no_proxy else {})}
    only = ("--only", "loopback-direct", "--only", "proxy-variables")
    done = subprocess.run(
        [sys.executable, "-m", "runbook_lib", "doctor", "--practice", "--json", *only],
        env=environment_without_proxies(**given),
        capture_output=True,
        text=True,
        check=False,
    )
    checks = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["loopback-direct"]["status"] == "warn"
    assert "localhost,127.0.0.1" not in checks["proxy-variables"]["evidence"]


def hub_check(**variables: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "runbook_lib", "doctor", "--json", "--only", "hub-reachable"],
        env=environment_without_proxies(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    [check] = json.loads(done.stdout)["checks"]
    assert check["status"] == "fail"
    return {name: str(value) for name, value in check.items()}


def test_a_plain_proxy_that_is_greeted_by_tls_is_no_interception() -> None:
    with refusing_proxy() as proxy:
        check = hub_check(HTTPS_PROXY=proxy.url.replace("http://", "https://"))
    assert check["quirk"] == "https-proxy-scheme"
    assert "HTTPS_PROXY=http://host:port" in check["remedy"]


def test_a_hub_without_scheme_is_no_failure_of_the_name_service() -> None:
    check = hub_check(HF_ENDPOINT="127.0.0.1:9")
    assert check["quirk"] == "endpoint-without-scheme"
    assert "http://127.0.0.1:9." in check["remedy"]
    assert "https://" not in check["remedy"]
    assert "no scheme" in check["remedy"]
    assert "resolved" not in check["remedy"]

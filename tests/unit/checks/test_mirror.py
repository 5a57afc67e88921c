"""A mirror is looked at as huggingface_hub would use it: the practice hub, and mirrors of it that change answers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runbook_lib.checks.mirror.judge import MirrorReport, judge_mirror_facts
from runbook_lib.checks.mirror.look import Answer, look_at_mirror
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import HubUnavailable
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from tests.unit.passing_mirror import Passing, listing_xet, mirror

MODEL = ModelRef("docling-project/docling-layout-heron")


@pytest.fixture(scope="module")
def hub() -> Iterator[PracticeHub]:
    with PracticeHub() as served:
        yield served


def looked(url: str, upstream: str = "") -> MirrorReport:
    return judge_mirror_facts(look_at_mirror(url, MODEL, 10.0, upstream))


def bad(report: MirrorReport) -> dict[str, Status]:
    for check in report.checks:
        assert not check.needs_hand or (check.evidence and check.remedy)
    return {check.id: check.status for check in report.checks if check.needs_hand}


def test_the_practice_hub_answers_as_the_client_needs(hub: PracticeHub) -> None:
    report = looked(hub.url, upstream=hub.url)
    assert bad(report) == {}
    assert {check.status for check in report.checks} == {Status.OK}


def test_a_mirror_that_passes_everything_on_is_fine(hub: PracticeHub) -> None:
    with mirror(hub.url, Passing()) as url:
        assert bad(looked(url)) == {}


@pytest.mark.parametrize(
    ("passing", "expected"),
    [
        (
            Passing(drops=("x-repo-commit",)),
            {"mirror-metadata": Status.FAIL, "mirror-pinned": Status.FAIL, "mirror-lfs": Status.FAIL},
        ),
        (
            Passing(drops=("etag", "x-linked-etag")),
            {"mirror-metadata": Status.FAIL, "mirror-pinned": Status.FAIL, "mirror-lfs": Status.FAIL},
        ),
        (Passing(drops=("x-linked-etag",), sets={"ETag": '"5f3a-made-up"'}), None),
        (Passing(drops=("x-error-code",)), {"mirror-errors": Status.WARN}),
        (Passing(drops_range=True), {"mirror-ranges": Status.WARN}),
        (
            Passing(changes=lambda path, body: body[:-1] + b"!" if "/resolve/" in path else body),
            {"mirror-content": Status.FAIL},
        ),
        (
            Passing(changes=lambda path, body: b"[]" if "/tree/" in path else body),
            {"mirror-listing": Status.FAIL},
        ),
        (Passing(changes=listing_xet), {"mirror-xet": Status.FAIL}),
        (Passing(sets={"X-Xet-Hash": "0" * 64}), {"mirror-xet": Status.FAIL}),
    ],
    ids=[
        *("no commit", "no etags", "etags of its own", "no codes", "no ranges", "other bytes", "no listing"),
        *("xet listed and no token", "xet in headers and no token"),
    ],
)
def test_what_a_mirror_loses_is_named(hub: PracticeHub, passing: Passing, expected: dict[str, Status] | None) -> None:
    with mirror(hub.url, passing) as url:
        found = bad(looked(url))
    if expected is None:
        assert found["mirror-lfs"] is Status.FAIL
    else:
        assert found == expected


def test_weights_that_come_from_another_host_are_told_with_its_name(hub: PracticeHub) -> None:
    with mirror(hub.url, Passing(inline=False)) as url:
        (check,) = [check for check in looked(url).checks if check.id == "mirror-redirects"]
    assert check.status is Status.WARN
    assert hub.url.removeprefix("http://") in check.evidence


def test_a_branch_that_is_older_than_upstream_is_said(hub: PracticeHub) -> None:
    with PracticeHub(head="first") as older:
        found = bad(looked(older.url, upstream=hub.url))
    assert found == {"mirror-age": Status.WARN}


def test_a_branch_that_the_mirror_answers_in_two_ages_is_said_with_both(hub: PracticeHub) -> None:
    with PracticeHub(head="first") as before:
        other = look_at_mirror(before.url, MODEL, 10.0).commit

    def older(path: str, body: bytes) -> bytes:
        return body.replace(commit.encode(), other.encode()) if path.endswith("/revision/main") else body

    commit = look_at_mirror(hub.url, MODEL, 10.0).commit
    with mirror(hub.url, Passing(changes=older)) as url:
        facts = look_at_mirror(url, MODEL, 10.0)
        (check,) = [check for check in judge_mirror_facts(facts).checks if check.id == "mirror-metadata"]
    assert check.status is Status.WARN
    assert f"is {other[:8]}, a file of it comes from {commit[:8]}" in check.evidence


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        (Answer(200, {"x-xet-cas-url": "https://cas.example.org"}), {"x-xet-hash": "0" * 64}, Status.WARN),
        (Answer(200, body=b'{"casUrl": "https://cas.example.org"}'), {"x-xet-hash": "0" * 64}, Status.WARN),
        (Answer(200, body=b"{}"), {"x-xet-hash": "0" * 64}, Status.OK),
        (Answer(200, body=b"{}"), {}, Status.WARN),
        (Answer(502), {"x-xet-hash": "0" * 64}, Status.FAIL),
        (None, {}, Status.OK),
    ],
    ids=["another host", "another host in JSON", "itself", "past the mirror", "no token", "no xet"],
)
def test_where_weights_in_xet_come_from_is_said(
    hub: PracticeHub, token: Answer | None, headers: dict[str, str], status: Status
) -> None:
    facts = look_at_mirror(hub.url, MODEL, 10.0)
    assert facts.weights is not None
    assert facts.weights_head is not None
    facts = replace(
        facts,
        weights=replace(facts.weights, xet="0" * 64 if token else ""),
        weights_head=replace(facts.weights_head, headers={**facts.weights_head.headers, **headers}),
        xet_token=token,
    )
    (check,) = [check for check in judge_mirror_facts(facts).checks if check.id == "mirror-xet"]
    assert check.status is status
    assert ("cas.example.org" in check.evidence) is bool(token and (token.headers or b"cas" in token.body))


@pytest.mark.client
def test_the_client_fails_at_a_mirror_without_xet_as_the_check_says_and_not_with_its_remedy(
    hub: PracticeHub, tmp_path: Path
) -> None:
    """Repository managers pass the Hub's listing on, serve files themselves, and know nothing of tokens for Xet."""

    def download(url: str, **more: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(tmp_path / more.get("HF_HUB_DISABLE_XET", "0"))}
        # Two workers race for the answer whether hf_xet is there, and the loser goes by plain HTTP (hub 1.33.0).
        chosen = ["model.safetensors", "config.json", "--max-workers", "1"]
        command = [sys.executable, "-m", "huggingface_hub.cli.hf", "download", MODEL.repo_id, *chosen]
        return subprocess.run(command, env=environ | more, capture_output=True, text=True, check=False, timeout=120)

    with mirror(hub.url, Passing(changes=listing_xet)) as url:
        (check,) = [check for check in looked(url).checks if check.id == "mirror-xet"]
        assert (check.status, check.quirk, check.fixed_by) == (
            Status.FAIL, "mirror-without-xet", FixedBy.CONFIGURE_ENV,
        )  # fmt: skip
        bare = download(url)
        assert bare.returncode != 0
        assert "xet-read-token" in bare.stderr
        assert "HF_HUB_DISABLE_XET=1" in check.remedy
        assert download(url, HF_HUB_DISABLE_XET="1").returncode == 0


def test_a_portal_s_page_is_not_taken_for_a_hub(hub: PracticeHub) -> None:
    def page(_path: str, _body: bytes) -> bytes:
        return b"<html>Log in</html>"

    with mirror(hub.url, Passing(changes=page, drops=("content-type",), sets={"Content-Type": "text/html"})) as url:
        report = looked(url)
    assert bad(report) == {"mirror-api": Status.FAIL}
    assert {check.status for check in report.checks[1:]} == {Status.SKIP}


def test_nobody_at_the_address_is_said_as_that() -> None:
    with pytest.raises(HubUnavailable, match="does not answer"):
        looked("http://127.0.0.1:1")

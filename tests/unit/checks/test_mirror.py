"""A mirror is looked at as huggingface_hub would use it: the practice hub, and mirrors of it that change answers."""

from collections.abc import Iterator

import pytest

from runbook_lib.checks.mirror.judge import MirrorReport, judge_mirror_facts
from runbook_lib.checks.mirror.look import look_at_mirror
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import HubUnavailable
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from tests.unit.passing_mirror import Passing, mirror

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
        (
            Passing(
                changes=lambda path, body: (
                    body.replace(b'"lfs":', b'"xetHash": "' + b"0" * 64 + b'", "lfs":') if "/tree/" in path else body
                )
            ),
            {"mirror-xet": Status.WARN},
        ),
    ],
    ids=["no commit", "no etags", "etags of its own", "no codes", "no ranges", "other bytes", "no listing", "xet"],
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

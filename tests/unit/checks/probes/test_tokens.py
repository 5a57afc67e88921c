"""Tokens, models and limits, asked of a small hub on the loopback; a token never shows."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.tokens import PROBES, FoundToken, find_token, judge_rate_limit
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.check import Check, Status

MakeContext = Callable[..., ProbeContext]
BY_ID = {probe.id: probe for probe in PROBES}
GOOD, STALE = "hf_goodtoken", "hf_staletoken"
MODEL = ModelRef("docling-project/docling-models", "v2.3.0")


class Hub(BaseHTTPRequestHandler):
    """Refuses any token but the good one, public model or not, as the Hub does; knows one revision."""

    def do_GET(self) -> None:
        token = self.headers.get("Authorization", "")
        known = "whoami" in self.path or self.path.endswith(f"{MODEL.repo_id}/revision/{MODEL.revision}")
        status = 401 if token and token != f"Bearer {GOOD}" else 200 if known else 404
        body = json.dumps({"seen": status}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ratelimit", '"api";r=12;t=200')
        if status == 404:
            self.send_header("X-Error-Code", "RevisionNotFound")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        """Keep quiet."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def check(name: str, context: ProbeContext) -> Check:
    return BY_ID[name].check(context)


def test_the_variable_wins_over_the_file(tmp_path: Path) -> None:
    environ = {"HF_HOME": str(tmp_path)}
    assert find_token(environ) is None
    (tmp_path / "token").write_text("hf_of_the_file\n", encoding="utf-8")
    assert find_token(environ) == FoundToken(str(tmp_path / "token"), "hf_of_the_file")
    assert find_token({**environ, "HF_TOKEN": " hf_of_the_variable\n"}) == FoundToken("HF_TOKEN", "hf_of_the_variable")


def test_a_token_does_not_show_in_its_own_words() -> None:
    assert GOOD not in repr(FoundToken("HF_TOKEN", GOOD))


def test_a_stale_token_that_hides_a_public_model_is_named_and_not_shown(context: MakeContext, endpoint: str) -> None:
    found = check("token", context(endpoint=endpoint, models=(MODEL,), environ={"HF_TOKEN": STALE}))
    assert (found.status, found.quirk) == (Status.WARN, "stale-token-401")
    assert "the same address answers without it" in found.evidence
    assert STALE not in found.model_dump_json()


def test_a_good_token_is_accepted(context: MakeContext, endpoint: str) -> None:
    found = check("token", context(endpoint=endpoint, environ={"HF_TOKEN": GOOD}))
    assert (found.status, found.evidence) == (Status.OK, "the token in HF_TOKEN is accepted")


@pytest.mark.parametrize("value", ["hf_with a blank", "hf_umlaut\u00e4"])
def test_a_token_that_cannot_be_sent_is_named_and_not_sent(context: MakeContext, value: str) -> None:
    found = check("token", context(endpoint="http://127.0.0.1:1", environ={"HF_TOKEN": value}))
    assert found.status is Status.WARN
    assert value not in found.model_dump_json()


def test_a_token_goes_over_plain_http_to_nobody_else(context: MakeContext) -> None:
    found = check("token", context(endpoint="http://mirror.example", environ={"HF_TOKEN": GOOD}))
    assert found.status is Status.SKIP


def test_a_token_that_is_kept_back_is_fine(context: MakeContext) -> None:
    environ = {"HF_TOKEN": STALE, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    assert check("token", context(endpoint="http://127.0.0.1:1", environ=environ)).status is Status.OK


def test_a_revision_the_hub_does_not_have_is_named(context: MakeContext, endpoint: str) -> None:
    assert check("hub-models", context(endpoint=endpoint, models=(MODEL,))).status is Status.OK
    missing = ModelRef(MODEL.repo_id, "v9")
    found = check("hub-models", context(endpoint=endpoint, models=(MODEL, missing)))
    assert (found.status, found.quirk) == (Status.WARN, "repo-missing-or-gated")
    assert "docling-project/docling-models@v9: HTTP 404 RevisionNotFound" in found.evidence
    assert "v2.3.0" not in found.evidence


def test_without_known_models_the_hub_is_not_asked_for_them(context: MakeContext) -> None:
    assert check("hub-models", context()).status is Status.SKIP


def test_a_hub_that_is_gone_leaves_the_questions_open(context: MakeContext) -> None:
    made = context(endpoint="http://127.0.0.1:9", models=(MODEL,), environ={"HF_TOKEN": GOOD})
    assert {check(name, made).status for name in ("token", "hub-models", "rate-limit")} == {Status.SKIP}


def test_a_limit_that_is_nearly_used_up_is_a_warning(context: MakeContext, endpoint: str) -> None:
    found = check("rate-limit", context(endpoint=endpoint, models=(MODEL,)))
    assert (found.status, found.quirk) == (Status.WARN, "rate-limit-429")
    assert "12 of about 500" in found.evidence


@pytest.mark.parametrize(
    ("status", "header", "verdict"),
    [
        (200, "", Status.OK),
        (200, '"api";r=489;t=211', Status.OK),
        (200, '"api";r=99;q=1000', Status.WARN),
        (200, '"api";r=100;q=1000', Status.OK),
        (429, "", Status.WARN),
    ],
)
def test_the_rate_limit_header_is_read(status: int, header: str, verdict: Status) -> None:
    assert judge_rate_limit(status, header).status is verdict

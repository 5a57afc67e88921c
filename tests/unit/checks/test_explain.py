"""What a worker's failure means: real exceptions, raised in real workers, as huggingface_hub and Python word them."""

import os
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent

import pytest

from runbook_lib.checks.explain import Explanation, explain_deadline, explain_failure
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.workers.failure import WorkerFailed
from runbook_lib.workers.host import Interpreter

Explain = Callable[[str], Explanation]

URL = "https://huggingface.co/docling-project/docling-models/resolve/v2.3.0/config.json"
HUB_ERROR = """
    import httpx
    from huggingface_hub import errors
    request = httpx.Request("HEAD", {url!r})
    response = httpx.Response({status}, request=request)
    raise errors.{name}({message!r}, response=response)
"""


def hub_error(name: str, status: int, message: str) -> str:
    return HUB_ERROR.format(url=URL, status=status, name=name, message=message)


def hidden(code: str) -> str:
    """Hide an exception behind the sentence that huggingface_hub puts before every other one."""
    return f"""
        from huggingface_hub.errors import LocalEntryNotFoundError
        try:
{indent(dedent(code), " " * 12)}
        except Exception as error:
            raise LocalEntryNotFoundError(
                "An error happened while trying to locate the file on the Hub and we cannot find the requested files in"
                " the local cache. Please check your connection and try again."
            ) from error
    """


FAILURES: dict[str, tuple[str, str, str]] = {
    "the refused privilege": (
        "raise OSError('[WinError 1314] A required privilege is not held by the client: a -> b')",
        "quirk-001",
        "WinError 1314",
    ),
    "a full disk": (
        "raise OSError(28, 'No space left on device', '/data/hub/blobs/x.incomplete')",
        "disk-full-cross-volume",
        "No space left",
    ),
    "a read-only volume": ("raise OSError(30, 'Read-only file system', '/models')", "cache-not-writable", "/models"),
    "no access": (
        "raise PermissionError(13, 'Permission denied', '/data/hub/models--org--name')",
        "cache-not-writable",
        "models--org--name",
    ),
    "no such repository": (
        hub_error("RepositoryNotFoundError", 404, f"404 Client Error. Repository Not Found for url: {URL}."),
        "repo-missing-or-gated",
        "Repository Not Found",
    ),
    "too many requests": (
        hidden(hub_error("HfHubHTTPError", 429, f"Client error '429 Too Many Requests' for url '{URL}'")),
        "rate-limit-429",
        "429",
    ),
    "a certificate nobody trusts": (
        hidden(
            "import httpx; raise httpx.ConnectError('[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed:"
            " self-signed certificate in certificate chain (_ssl.c:1006)')"
        ),
        "tls-interception",
        "CERTIFICATE_VERIFY_FAILED",
    ),
    "what arrived is too short": (
        "raise OSError('Consistency check failed: file should be of size 1000 but has size 10 (model.safetensors).')",
        "consistency-check",
        "should be of size 1000",
    ),
}


@pytest.fixture
def explain(own_workers: Path) -> Explain:
    """Let a real worker run code that fails, and explain the failure."""

    def call(code: str) -> Explanation:
        verb = f"def run(request, emit):\n{indent(dedent(code), '    ')}\n"
        (own_workers / "fail.py").write_text(verb, encoding="utf-8")
        with pytest.raises(WorkerFailed) as caught:
            Interpreter().run("fail", limit_s=60)
        return explain_failure(caught.value)

    return call


@pytest.mark.parametrize(("code", "quirk", "evidence"), FAILURES.values(), ids=list(FAILURES))
def test_a_failure_is_explained_by_the_cause_that_counts(
    explain: Explain, code: str, quirk: str, evidence: str
) -> None:
    explanation = explain(code)
    assert explanation.quirk == quirk
    assert evidence in explanation.evidence
    assert explanation.remedy
    assert "check your connection" not in explanation.evidence


def test_an_unknown_failure_shows_its_sentence_and_where_to_go_on(explain: Explain) -> None:
    explanation = explain("raise ValueError('odd\\n  and   long ' + 'x' * 900)")
    assert explanation.evidence.startswith("ValueError: odd and long xxx")
    assert len(explanation.evidence) < 450
    assert explanation.quirk == ""
    assert "runbook diagnose" in explanation.remedy


@pytest.mark.parametrize(
    ("code", "remedy", "temporary"),
    [
        (
            f"import httpx; raise RuntimeError(\"Client error '405 Method Not Allowed' for url '{URL}'\")",
            "refuses HEAD",
            False,
        ),
        (
            "from huggingface_hub.errors import FileMetadataError as E; raise E('It does not have an ETag')",
            "ETag and X-Repo-Commit left in",
            False,
        ),
        (
            hidden("import httpx; raise httpx.RemoteProtocolError('Server disconnected without sending a response.')"),
            "cut on the way",
            True,
        ),
        (
            "raise ImportError('LaTeX needs pylatexenc. Please install it via `pip install pylatexenc` to use it.')",
            "interpreter under examination: pip install pylatexenc",
            False,
        ),
    ],
    ids=["HEAD refused", "no ETag", "disconnected", "package missing"],
)
def test_what_is_no_quirk_of_a_version_has_a_remedy_of_its_own(
    explain: Explain, code: str, remedy: str, temporary: bool
) -> None:
    explanation = explain(code)
    assert remedy in explanation.remedy
    assert explanation.temporary is temporary
    assert "prune" not in explanation.remedy


@pytest.mark.parametrize(("token", "remedy"), [("", "No token was sent"), ("hf_" + "x" * 34, "Unset HF_TOKEN")])
def test_a_login_asked_of_somebody_without_a_token_is_no_old_token(
    explain: Explain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str, remedy: str
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", token)
    explanation = explain(hub_error("HfHubHTTPError", 401, f"Client error '401 Unauthorized' for url '{URL}'"))
    assert remedy in explanation.remedy
    assert explanation.quirk == ("stale-token-401" if token else "repo-missing-or-gated")


def test_a_limit_is_written_as_a_person_would_have_set_it() -> None:
    late = DeadlineExceeded("The download", 39.9541, why="Fetching 5 files:   0%|          | 0/5 [00:00<?, ?it/s]")
    assert explain_deadline(late).evidence == "The download was stopped after 40 s."


@pytest.mark.skipif(os.name == "nt", reason="a process ends otherwise there")
def test_a_death_without_a_word_shows_its_last_lines(explain: Explain) -> None:
    explanation = explain("import os, sys; print('a native crash', file=sys.stderr, flush=True); os._exit(139)")
    assert "exit code 139" in explanation.evidence
    assert "a native crash" in explanation.evidence
    assert explanation.remedy

"""Telling others: real commands, a real server; none of them makes a run fail or hang."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from runbook_lib.errors import UsageError
from runbook_lib.headless.notice import TOKEN_VARIABLE, Notice, When, parse_notice, send
from runbook_lib.headless.notice_shapes import SHAPES, Message
from tests.unit.headless.server import listening

MESSAGE = Message(
    run="r",
    host="here",
    folder="/runs/r",
    status="fail",
    exit_code=75,
    verdict="Stage download failed: <no network> & so on.",
    text="Verdict\n-------\nä",
    changed=("version docling: 1 -> 2",),
)


def command(tmp_path: Path, code: str) -> Notice:
    script = tmp_path / "tell.py"
    script.write_text(code, encoding="utf-8")
    return Notice(When.ALWAYS, command=(sys.executable, str(script)))


def test_a_command_gets_the_summary_on_stdin_and_the_rest_as_variables(tmp_path: Path) -> None:
    written = "sys.stdin.buffer.read() + os.environ['NOTICE_EXIT_CODE'].encode()"
    code = f"import os, sys; open({str(tmp_path / 'told')!r}, 'wb').write({written})"
    assert send(command(tmp_path, code), MESSAGE) == ""
    assert (tmp_path / "told").read_text(encoding="utf-8") == MESSAGE.text + "75"


def test_a_command_that_fails_or_hangs_or_reads_nothing_is_said_and_leaves_no_process(tmp_path: Path) -> None:
    assert send(command(tmp_path, "raise SystemExit(3)"), MESSAGE) == "exit code 3"
    long = Message("r", "h", "f", "ok", 0, "v", "x" * 1_000_000)
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    started = time.monotonic()
    assert send(command(tmp_path, f"{child}; time.sleep(60)"), long, limit_s=2.0) == "no end within 2 s"
    assert time.monotonic() - started < 20
    assert [
        one for one in psutil.Process().children(recursive=True) if "time.sleep(60)" in " ".join(one.cmdline())
    ] == []
    assert send(Notice(When.ALWAYS, command=("/gone",)), MESSAGE) == "FileNotFoundError"


def test_a_post_carries_the_message_and_a_token_from_the_environment() -> None:
    os.environ[TOKEN_VARIABLE] = "secret-token"
    with listening() as posts:
        assert send(Notice(When.ALWAYS, address=posts.url), MESSAGE) == ""
    assert posts.json() == MESSAGE.document()
    assert posts.received[0][1]["Authorization"] == "Bearer secret-token"


def test_each_service_gets_its_shape() -> None:
    os.environ[TOKEN_VARIABLE] = "secret-token"
    with listening() as posts:
        for shape in ("slack", "teams", "healthchecks"):
            assert send(Notice(When.ALWAYS, address=posts.url, shape=shape), MESSAGE) == ""
            assert "Authorization" not in posts.received[-1][1]
    slack, teams, ping = posts.received
    assert b"&lt;no network&gt; &amp; so on" in slack[2]
    assert b'"type":"AdaptiveCard"' in teams[2]
    assert b"version docling: 1 -> 2" in teams[2]
    assert (ping[0], ping[2].decode()) == ("/hook/75", MESSAGE.text)


def test_a_server_that_refuses_redirects_stalls_or_is_gone_is_said() -> None:
    with listening(status=500) as posts:
        assert send(Notice(When.ALWAYS, address=posts.url), MESSAGE) == "status 500"
    with listening(status=302) as posts:
        assert send(Notice(When.ALWAYS, address=posts.url), MESSAGE) == "status 302"
    assert send(Notice(When.ALWAYS, address=posts.url), MESSAGE) == "ConnectError"
    started = time.monotonic()
    with listening(stalls=True) as posts:
        assert send(Notice(When.ALWAYS, address=posts.url), MESSAGE, limit_s=2.0) == "ReadTimeout"
        assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("https://hooks.slack.com/services/T0/B0/x", "slack"),
        ("https://acme.webhook.office.com/x", "teams"),
        ("https://hc-ping.com/some-uuid", "healthchecks"),
        ("https://example.org/hook", "json"),
    ],
)
def test_the_shape_follows_the_host_and_can_be_said(text: str, shape: str) -> None:
    environ = {"HOOK": text}
    assert parse_notice(When.FAILURE, "env:HOOK", environ) == Notice(When.FAILURE, address=text, shape=shape)
    for said in SHAPES:
        assert parse_notice(When.FAILURE, f"{said}:env:HOOK", environ).shape == said
    assert "services" not in parse_notice(When.FAILURE, "env:HOOK", environ).name


@pytest.mark.parametrize(
    "text",
    [
        "https://hooks.slack.com/services/T0/B0/x",
        "https://acme.webhook.office.com/x",
        "https://me:secret1@example.org/",
        "https://example.org/?key=secret1",
        "healthchecks:https://hc-ping.com/uuid",
    ],
)
def test_an_address_that_is_a_secret_is_no_option_and_is_not_repeated(text: str) -> None:
    with pytest.raises(UsageError, match="may carry a secret") as caught:
        parse_notice(When.FAILURE, text, {})
    assert "secret1" not in str(caught.value)
    assert "/x" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("env:NOT_SET", "holds no address"),
        ("env:WRONG", "holds no address"),
        ("no-such-program --now", "There is no command 'no-such-program'"),
        ("'unbalanced", "cannot be read"),
        ("", "There is no command"),
        ("slack:somewhere", "names no address"),
    ],
)
def test_whom_nobody_can_reach_is_found_before_the_run(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_notice(When.ALWAYS, text, {"WRONG": "ftp://x"})


def test_a_command_is_read_as_a_shell_would() -> None:
    words = f'"{sys.executable}" -c "print(1)" a\\ b' if os.name != "nt" else f"{sys.executable} -c 1"
    assert parse_notice(When.CHANGE, words, {}).command[0] == sys.executable

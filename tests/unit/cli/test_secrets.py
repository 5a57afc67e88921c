"""Secrets planted in every place an address can come from, and looked for in all that is printed and left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.core.practice_mark import FILE_NAME, FILE_TEXT
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from tests.command_line import Ended

SECRET = "pl4nted5ecret"
TOKEN = f"hf_{SECRET}{'x' * 24}"
REPO = "practice/tiny"
LOG = f"""\
httpx.ProxyError: 407 from http://user:{SECRET}@proxy.example:3128
requests.exceptions.HTTPError: 401 Client Error for url: https://user:{SECRET}@mirror.example/api/models/a/b?token={SECRET}
"""

pytestmark = [pytest.mark.usefixtures("in_tmp_path"), pytest.mark.xdist_group("secrets")]


@pytest.fixture(scope="module")
def hub() -> Iterator[PracticeHub]:
    files = (
        RepositoryFile(FILE_NAME, Content.of_bytes(FILE_TEXT.encode())),
        RepositoryFile("model.safetensors", Content.of_bytes(b"weights"), lfs=True),
    )
    with PracticeHub(repositories=[linear_history(REPO, files)]) as running:
        yield running


def planted(endpoint: str) -> dict[str, str]:
    """Return an environment with a secret wherever somebody may have left one."""
    proxy = f"http://user:{SECRET}@127.0.0.1:9"
    index = f"https://user:{SECRET}@pypi.example/simple?token={SECRET}"
    return {
        "HF_ENDPOINT": endpoint.replace("://", f"://user:{SECRET}@"),
        "HF_TOKEN": TOKEN,
        "HF_HUB_USER_AGENT_ORIGIN": f"https://{SECRET}@agent.example",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), proxy),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        **dict.fromkeys(("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"), index),
        "SSL_CERT_FILE": f"https://user:{SECRET}@certificates.example/ca.pem",
    }


def run(*words: str, **variables: str) -> str:
    """Run the command line and return all it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "runbook_lib", *words],
        input=LOG,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **variables},
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def found(printed: str, *folders: Path) -> list[str]:
    """Return where the secret stands: in what was printed, and in every file and every name below the folders."""
    places = [printed[max(0, at - 60) : at + 30] for at in [printed.find(SECRET)] if at >= 0]
    for path in (path for folder in folders for path in folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if SECRET in path.name or SECRET.encode() in content:
            at = content.find(SECRET.encode())
            places.append(f"{path}: {content[max(0, at - 120) : at + 20]!r}")
    return places


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_leaves_and_prints_no_secret(hub: PracticeHub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    machine = {"HOME": str(home), "USERPROFILE": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    variables = {**planted(hub.url), **machine, "SSL_CERT_FILE": ""}  # a wrong one ends every download
    named = ("-p", "models", REPO, "-p", "probe_limit_s", "3")
    printed = "".join(run("run", "--run-dir", "r", *named, "--only", stage, **variables) for stage in _STAGES)
    assert (tmp_path / "r" / "03_download.json").is_file()
    assert f"hub http://***@127.0.0.1:{hub.url.rpartition(':')[2]}" in printed
    assert found(printed, tmp_path) == []


_STAGES = ("detect", "configure_env", "download")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "words",
    [
        ("doctor",),
        ("doctor", "--json"),
        ("doctor", "--checklist"),
        ("doctor", "--fix"),
        ("lock",),
        ("repair",),
        ("dedupe",),
        ("diagnose",),
        ("diagnose", "--json"),
        ("run", "--only", "download"),
    ],
    ids=" ".join,
)
def test_a_command_leaves_and_prints_no_secret(tmp_path: Path, words: tuple[str, ...]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    machine = {"HOME": str(home), "USERPROFILE": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    variables = {**planted("https://hub.invalid:9"), **machine}
    named = () if words[0] == "diagnose" else ("-p", "models", REPO, "-p", "probe_limit_s", "3")
    assert found(run(*words, *named, **variables), tmp_path) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hub", f"https://user:{SECRET}@h.example"),
        ("hub", f"https://{SECRET}@h.example"),
        ("hub", f"https://h.example/?token={SECRET}"),
        ("hub", f"https://h.example/hf#{SECRET}"),
        ("hub", f"user:{SECRET}@h.example"),
        ("models", f"https://user:{SECRET}@h.example/org/name"),
        ("models", f"org/name@https://user:{SECRET}@h.example"),
        ("document", f"https://user:{SECRET}@h.example/x.pdf"),
        ("document", f"https:/user:{SECRET}@h.example/x.pdf?token={SECRET}"),
        ("target_python", f"ssh://user:{SECRET}@h.example/python"),
        ("cache_dir", f"s3://user:{SECRET}@bucket/hub"),
        ("artifacts_dir", f"https://user:{SECRET}@h.example/models"),
        ("run_dir", f"https://user:{SECRET}@h.example/runs"),
        ("drill", f"https://user:{SECRET}@h.example"),
        ("links", f"https://user:{SECRET}@h.example"),
        ("offline", f"https://user:{SECRET}@h.example"),
        (f"https://user:{SECRET}@h.example", "x"),
    ],
)
@pytest.mark.parametrize("way", ["parameter", "variable", "file"])
def test_a_parameter_with_a_secret_is_refused_and_the_refusal_does_not_repeat_it(
    ended: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, name: str, value: str
) -> None:
    words: tuple[str, ...] = ("run",)
    if way == "parameter":
        words = ("run", "-p", name, value)
    elif way == "variable":
        monkeypatch.setenv(f"RUNBOOK_{name.upper()}", value)
    else:
        Path("runbook.toml").write_text(f'"{name}" = "{value}"\n', encoding="utf-8")
    code, out, err = ended(*words)
    assert code == 2
    assert SECRET.lower() not in (out + err).lower()
    assert not (tmp_path / "runs").exists()

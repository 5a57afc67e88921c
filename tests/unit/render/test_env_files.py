"""Hostile values survive the files: proved with the real readers where there are any."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from runbook_lib.render.env_files import to_dotenv, to_powershell, to_shell

HOSTILE = {
    "plain": "/data/hub",
    "space": "/data/my hub",
    "spaces around": "  x  ",
    "empty": "",
    "apostrophe": "C:\\Users\\O'Neil\\hub",
    "only quotes": "'''\"",
    "double quotes": 'say "no"',
    "typographic": "Max\u2019s \u2018hub\u2019",
    "dollar": "a$HOME and $(touch pwned) and `touch pwned`",
    "hash": "a#b #c",
    "backslash": "C:\\new\\table\\",
    "semicolon": "x; touch pwned; #",
    "newline": "one\ntwo",
    "equals": "a=b=c",
    "percent": "%PATH%",
    "foreign": "/дані/モデル",
    "braces": "{x}",
}

SH = shutil.which("sh")


@pytest.mark.skipif(SH is None or os.name == "nt", reason="no POSIX shell")
@pytest.mark.parametrize("value", HOSTILE.values(), ids=list(HOSTILE))
def test_a_shell_reads_back_every_value(tmp_path: Path, value: str) -> None:
    (tmp_path / "env.sh").write_text(to_shell({"X": value}), encoding="utf-8")
    command = [str(SH), "-c", '. ./env.sh; printf %s "$X"']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode("utf-8") == value
    assert done.stderr == b""
    assert [path.name for path in tmp_path.iterdir()] == ["env.sh"]


@pytest.mark.skipif(SH is None or os.name == "nt", reason="no POSIX shell")
def test_the_shell_exports_to_its_children(tmp_path: Path) -> None:
    (tmp_path / "env.sh").write_text(to_shell({"HF_HUB_CACHE": "/a b", "X": "1"}), encoding="utf-8")
    done = subprocess.run([str(SH), "-c", ". ./env.sh; env"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {"HF_HUB_CACHE=/a b", "X=1"} <= set(done.stdout.splitlines())


@pytest.mark.parametrize("value", HOSTILE.values(), ids=list(HOSTILE))
def test_python_dotenv_reads_back_every_value(value: str) -> None:
    dotenv = pytest.importorskip("dotenv")
    assert dotenv.dotenv_values(stream=io.StringIO(to_dotenv({"X": value, "Y": "after"}))) == {"X": value, "Y": "after"}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("/data/hub", "X=/data/hub"),
        ("/data/my hub", "X=/data/my hub"),
        ("C:\\Users\\O'Neil\\hub", "X=C:\\Users\\O'Neil\\hub"),
        ("1", "X=1"),
    ],
)
def test_docker_gets_no_quotes_it_would_keep(value: str, written: str) -> None:
    assert to_dotenv({"X": value}).splitlines()[1:] == [written]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("C:\\my hub", "$env:X = 'C:\\my hub'"),
        ("O'Neil", "$env:X = 'O''Neil'"),
        ("Max\u2019s; calc", "$env:X = 'Max\u2019\u2019s; calc'"),
        ("\u2018\u201a\u201b", "$env:X = '\u2018\u2018\u201a\u201a\u201b\u201b'"),
        ("$(calc) `n $env:PATH", "$env:X = '$(calc) `n $env:PATH'"),
        ("", "$env:X = ''"),
    ],
)
def test_powershell_gets_single_quotes_doubled(value: str, written: str) -> None:
    assert to_powershell({"X": value}).splitlines()[1:] == [written]


def test_windows_powershell_is_told_that_the_file_is_utf8() -> None:
    assert to_powershell({"X": "ü"}).encode("utf-8").startswith(b"\xef\xbb\xbf# Written by")


@pytest.mark.parametrize("write", [to_shell, to_dotenv])
def test_the_other_files_begin_with_a_comment(write: object) -> None:
    assert callable(write)
    assert write({}).startswith("# Written by the Docling model runbook")

"""Commands as they are pasted: every shell hands the words on as they are."""

import os
import shutil
import subprocess
import sys

import pytest

from runbook_lib.render.shells import Command, Shell, quoted, shells_here

WORDS = ("plain", "with space", "it's", 'say "so"', "$HOME", "`id`", "a;b", "C:\\dir\\", "", "*", "ä", "\u2019")


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_a_posix_shell_hands_on_words_and_variables_as_they_are() -> None:
    show = "import os, sys; print(os.environ['SEEN'], sys.argv[1:])"
    line = Command((sys.executable, "-c", show, *WORDS), (("SEEN", "it's $HOME"),)).text(Shell.SH)
    done = subprocess.run([shutil.which("sh") or "sh", "-c", line], capture_output=True, check=True)
    assert done.stdout.decode().strip() == f"it's $HOME {list(WORDS)}"


def test_powershell_gets_single_quotes_with_its_own_quotes_doubled() -> None:
    assert quoted("it's $HOME \u2019", Shell.POWERSHELL) == "'it''s $HOME \u2019\u2019'"
    assert quoted("C:\\hf\\a.b", Shell.POWERSHELL) == "C:\\hf\\a.b"
    assert quoted("org/a,b", Shell.POWERSHELL) == "'org/a,b'"
    command = Command(("runbook", "run"), (("NAME", "it's"),))
    assert command.text(Shell.POWERSHELL) == "$env:NAME = 'it''s'; runbook run"


def test_cmd_gets_double_quotes_where_it_would_read_something_else() -> None:
    words = {"plain": "plain", "C:\\hf": "C:\\hf", "a b": '"a b"', "a&b": '"a&b"', "a=b": '"a=b"', "": '""'}
    assert {word: quoted(word, Shell.CMD) for word in words} == words
    assert Command(("runbook",), (("A", "b c"),)).text(Shell.CMD) == 'set "A=b c" && runbook'


def test_cmd_keeps_a_backslash_and_a_quote_at_the_end() -> None:
    assert quoted("a b\\", Shell.CMD) == '"a b\\\\"'
    assert quoted('a "b"', Shell.CMD) == '"a \\"b\\""'


def test_one_line_serves_the_shells_that_read_it_alike() -> None:
    assert Command(("runbook", "run")).texts(tuple(Shell)) == (("", "runbook run"),)
    both = Command(("runbook", "a b")).texts((Shell.POWERSHELL, Shell.CMD))
    assert both == (("PowerShell", "runbook 'a b'"), ("cmd", 'runbook "a b"'))


def test_this_machine_has_a_shell() -> None:
    assert shells_here()

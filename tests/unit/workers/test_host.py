"""What goes to a worker and what comes back; real processes all of them."""

import os
from typing import Any

import pytest

from runbook_lib.workers.failure import WorkerFailed
from runbook_lib.workers.host import Interpreter
from tests.unit.workers.worker_verbs import listen, run

pytestmark = pytest.mark.usefixtures("own_verbs")


def test_the_request_comes_back_with_every_letter() -> None:
    request = {"text": "zwölf 模型 \U0001f600 \n \x00", "number": 1.5, "list": [None, True]}
    assert run("echo", request) == request


def test_events_arrive_with_every_letter() -> None:
    events: list[Any] = []
    listen("echo", events.append)
    assert [event["step"] for event in events] == ["one", "zwölf 模型"]


def test_a_request_longer_than_a_command_line_arrives() -> None:
    assert run("echo", {"text": "x" * 1_000_000}) == {"text": "x" * 1_000_000}


def test_stdin_is_empty_so_that_nothing_waits_for_a_person() -> None:
    assert run("stdin") == ["", 0], "neither for a library nor for what it starts"


def test_what_libraries_print_is_kept_apart_from_events() -> None:
    answer = Interpreter().run("noise", limit_s=30)
    assert answer.value == "the real value"


def test_a_chain_of_exceptions_arrives_whole() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run("fail")
    outer, inner = caught.value.chain
    assert (outer.type, outer.message, outer.errno) == ("RuntimeError", "outer", None)
    assert (inner.type, inner.errno) == ("PermissionError", 13)
    assert "/data" in inner.message
    assert caught.value.innermost == inner


def test_causes_that_lead_in_a_circle_end() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run("loop_of_causes")
    assert len(caught.value.chain) == 12


def test_a_value_that_json_cannot_hold_is_an_error_and_no_silence() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run("unspeakable")
    assert caught.value.chain[0].type == "TypeError"


def test_an_unknown_verb_is_an_error() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run("no_such_verb")
    assert caught.value.chain[0].type == "ModuleNotFoundError"


def test_an_empty_value_removes_a_variable_and_others_are_laid_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_GONE", "here")
    monkeypatch.setenv("HF_CHANGED", "old")
    monkeypatch.setenv("HF_KEPT", "kept")
    interpreter = Interpreter(variables={"HF_GONE": "", "HF_CHANGED": "new", "HF_ADDED": "ü"})
    names = ["HF_GONE", "HF_CHANGED", "HF_KEPT", "HF_ADDED"]
    seen = interpreter.run("environment", {"names": names}, limit_s=30).value
    assert seen == {"HF_GONE": None, "HF_CHANGED": "new", "HF_KEPT": "kept", "HF_ADDED": "ü"}
    assert os.environ["HF_GONE"] == "here"


@pytest.mark.skipif(os.name == "nt", reason="an empty variable is an unset one there")
def test_a_variable_that_is_empty_here_is_empty_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", "")
    assert run("environment", {"names": ["HF_HOME"]}) == {"HF_HOME": ""}

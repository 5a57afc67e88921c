"""Documents on their way through a worker that dies, hangs or cannot start; the verb is the test's own."""

import os
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from runbook_lib.stages.convert.conversions import Conversions
from runbook_lib.workers.host import Interpreter

Convert = Callable[..., Conversions]

VERB = """
    import os, sys, time
    def run(request, emit):
        if request["unable"]:
            raise OSError("model.safetensors is damaged")
        for number, asked in enumerate(request["documents"]):
            emit("progress", begun=number)
            if asked["path"].startswith("die"):
                print("a native crash", file=sys.stderr, flush=True)
                os._exit(139)
            if asked["path"].startswith("hang"):
                time.sleep(600)
            done = {"status": "success", "elapsed_s": 0.1, "peak_memory_bytes": 5, "errors": [], "warnings": [],
                    "said": "", "fault": "", "traceback": "", "text_characters": 4, "characters": 4, "pictures": []}
            emit("progress", number=number, document=done, refused=["hub:443"])
        return {"timings_s": {"import_s": 1.0}, "refused_connections": ["hub:443"]}
"""

ASKING = """
    import sys
    def run(request, emit):
        if request["pipeline"].get("dies"):
            raise ValueError("it cannot be asked")
        imported = "convert_document" in sys.modules
        return {"repositories": [{"repo_id": "org/layout", "revision": "main"}] if imported else []}
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a process ends otherwise there")


@pytest.fixture
def convert(own_workers: Path) -> Convert:
    """Convert documents by name; what a name begins with is what happens to it."""
    (own_workers / "convert_document.py").write_text(dedent(VERB), encoding="utf-8")
    (own_workers / "list_pipeline_models.py").write_text(dedent(ASKING), encoding="utf-8")

    def call(*names: str, limit_s: float = 60, ask_models: bool = False, **request: Any) -> Conversions:
        asked = {"unable": False, "pipeline": {}, **request, "documents": [{"path": name} for name in names]}
        conversions = Conversions(Interpreter(), asked, names, ask_models=ask_models)
        conversions.run(limit_s)
        return conversions

    return call


def faults(conversions: Conversions) -> dict[str, str]:
    return {document.name: document.fault for document in conversions.documents}


def test_each_document_is_converted(convert: Convert) -> None:
    done = convert("a.pdf", "b.pdf")
    assert all(document.succeeded for document in done.documents)
    assert (done.refused, done.timings_s, done.failure, done.late) == (["hub:443"], {"import_s": 1.0}, None, None)


def test_a_document_that_takes_the_process_down_is_named_and_the_rest_are_converted(convert: Convert) -> None:
    done = convert("a.pdf", "die.pdf", "b.pdf")
    assert faults(done) == {"a.pdf": "", "die.pdf": "crash", "b.pdf": ""}
    assert "a native crash" in done.documents[1].said
    assert "exit code 139" in done.documents[1].said


def test_a_pipeline_that_dies_again_and_again_is_given_up(convert: Convert) -> None:
    done = convert("die1", "die2", "die3", "die4", "a.pdf")
    assert list(faults(done).values()) == ["crash", "crash", "crash", "not-tried", "not-tried"]


def test_the_limit_names_the_document_it_was_reached_on(convert: Convert) -> None:
    done = convert("a.pdf", "hang.pdf", "b.pdf", limit_s=3)
    assert faults(done) == {"a.pdf": "", "hang.pdf": "limit", "b.pdf": "not-tried"}
    assert done.late is not None
    assert done.late.what == "The conversion was stopped after 3 s."


def test_a_pipeline_that_does_not_start_is_told_apart_from_documents(convert: Convert) -> None:
    done = convert("a.pdf", unable=True)
    assert not done.was_begun
    assert done.failure is not None
    assert "model.safetensors is damaged" in done.failure.why


def test_the_process_that_converted_is_asked_for_the_models_last(convert: Convert) -> None:
    done = convert("a.pdf", "die.pdf", "b.pdf", ask_models=True)
    assert faults(done) == {"a.pdf": "", "die.pdf": "crash", "b.pdf": ""}
    assert done.wanted is not None
    assert [str(model) for model in done.wanted.models] == ["org/layout@main"], "docling was imported there already"
    assert convert("a.pdf").wanted is None, "nobody wanted to know"


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        (("a.pdf",), {"pipeline": {"dies": True}}),
        (("a.pdf",), {"unable": True}),
        (("a.pdf", "hang.pdf"), {"limit_s": 2}),
        (("die.pdf",), {}),
    ],
    ids=["it cannot be asked", "it could not start", "no time is left", "it died"],
)
def test_that_it_cannot_be_asked_changes_nothing_of_what_was_converted(
    convert: Convert, names: tuple[str, ...], changes: dict[str, Any]
) -> None:
    asked, unasked = convert(*names, ask_models=True, **changes), convert(*names, **changes)
    assert asked.wanted is None
    assert faults(asked) == faults(unasked)
    assert (asked.failure is None, asked.late is None) == (unasked.failure is None, unasked.late is None)

"""Exercises: neutral without an answer, a hint for a wrong one, ok for a right one."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.cache.link_mode import LinkMode
from runbook_lib.course.cache_tree import CacheTree
from runbook_lib.course.exercises import EXERCISES, check_answer
from runbook_lib.course.link_costs import LinkCost, LinkCosts
from runbook_lib.run.record import Facts, StageRecord
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.stages.measure_disk.facts import DiskFacts, RepositoryUsage, RevisionUsage
from runbook_lib.system.filesystem import FolderFacts, LinkProbe

WORKS, REFUSED = LinkProbe(works=True, evidence="made"), LinkProbe(works=False, evidence="errno 22")
COSTS = LinkCosts((LinkCost(LinkMode.COPY, 9_000_000, 8_954_321, 18_000_000, CacheTree(Path(), ())),))


def recorded(facts: Facts) -> StageRecord[Any]:
    when = datetime(2025, 1, 2, tzinfo=UTC)
    return StageRecord[Any].model_construct(stage="x", started_at=when, elapsed_s=1.0, facts=facts)


def detected(symlink: LinkProbe, hardlink: LinkProbe) -> StageRecord[Any]:
    fields: dict[str, Any] = {"role": "cache", "path": Path("/c"), "symlink": symlink, "hardlink": hardlink}
    facts: dict[str, Any] = {"folders": (FolderFacts.model_construct(**fields),)}
    return recorded(DetectFacts.model_construct(**facts))


def measured() -> StageRecord[Any]:
    revision = RevisionUsage(commit="1", names=(), file_count=1, logical_bytes=108_200_000)
    usage = RepositoryUsage(
        repo_id="a/b", revisions=(revision,), logical_bytes=0, distinct_bytes=0, allocated_bytes=0, incomplete_bytes=0
    )
    facts: dict[str, Any] = {"repositories": (usage,)}
    return recorded(DiskFacts.model_construct(**facts))


RIGHT: tuple[tuple[str, object, Callable[[], Any]], ...] = (
    ("00-1", "It read the note that links work", lambda: None),
    ("00-2", "9.0 MB", lambda: COSTS),
    ("00-2", "8,9 mb", lambda: LinkCosts((LinkCost(LinkMode.COPY, 0, 8_900_000, 0, CacheTree(Path(), ())),))),
    ("00-2", 9, lambda: COSTS),
    ("00-2", "8954321", lambda: COSTS),
    ("01-1", "symlink", lambda: detected(WORKS, WORKS)),
    ("01-1", "hard links", lambda: detected(REFUSED, WORKS)),
    ("01-1", "Copy", lambda: detected(REFUSED, REFUSED)),
    ("02-1", "hf_hub_disable_symlinks_warning", lambda: None),
    ("03-1", 0, lambda: None),
    ("03-1", "nothing", lambda: None),
    ("04-1", "its SHA-256", lambda: None),
    ("04-1", "not the length but the hash", lambda: None),
    ("04-1", "hashes", lambda: None),
    ("05-1", "HF_HUB_OFFLINE=1", lambda: None),
    ("05-1", "hf hub offline", lambda: None),
    ("06-1", "108 MB", measured),
)
WRONG: tuple[tuple[str, object, Callable[[], Any]], ...] = (
    ("00-1", "the moon", lambda: None),
    ("00-2", "222 bytes", lambda: COSTS),
    ("00-2", "9.0 MB", lambda: None),
    ("01-1", "symlink", lambda: detected(REFUSED, WORKS)),
    ("01-1", "symlink", lambda: None),
    ("02-1", "HF_HUB_DISABLE_SYMLINKS", lambda: None),
    ("03-1", "10", lambda: None),
    ("04-1", "the length", lambda: None),
    ("05-1", "HF_HOME", lambda: None),
    ("06-1", "0", measured),
    ("06-1", "a lot", measured),
    ("00-1", "not even once", lambda: None),
    ("01-1", "symlink, hardlink or copy", lambda: detected(WORKS, WORKS)),
    ("04-1", "not the hash", lambda: None),
    ("04-1", "it is no checksum", lambda: None),
    ("04-1", "rehashed", lambda: None),
)


@pytest.mark.parametrize("exercise", EXERCISES)
@pytest.mark.parametrize(
    "answer", ["", "   ", "?", "I do not even know", "I don't know", "no idea", "not sure, perhaps the note"]
)
def test_without_an_answer_it_is_neutral(exercise: str, answer: str) -> None:
    assert str(check_answer(exercise, answer)).startswith(f"Exercise {exercise}: not answered yet")


@pytest.mark.parametrize(("exercise", "answer", "source"), RIGHT)
def test_a_right_answer_is_ok_and_says_what_it_is_worth(
    exercise: str, answer: object, source: Callable[[], Any]
) -> None:
    told = str(check_answer(exercise, answer, source()))
    assert told.startswith(f"Exercise {exercise}: ok")
    assert EXERCISES[exercise].lesson in told


@pytest.mark.parametrize(("exercise", "answer", "source"), WRONG)
def test_a_wrong_answer_gets_a_hint(exercise: str, answer: object, source: Callable[[], Any]) -> None:
    told = str(check_answer(exercise, answer, source()))
    assert told.startswith(f"Exercise {exercise}: not quite")
    assert f"Hint: {EXERCISES[exercise].hint}" in told


@pytest.mark.parametrize("answer", [None, 3.5, ["a"], "<script>alert(1)</script>", "x" * 10_000, b"\xff"])
@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_answer_makes_it_fail(exercise: str, answer: object) -> None:
    assert str(check_answer(exercise, answer)).startswith(f"Exercise {exercise}: ")


def test_every_exercise_has_been_answered_here_both_ways() -> None:
    assert {number for number, _, _ in RIGHT} == {number for number, _, _ in WRONG} == set(EXERCISES)

"""Exercises of the course: the reader writes an answer into a cell, and the notebook itself says how right it is."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Final

from runbook_lib.cache.link_mode import LinkMode, choose_links
from runbook_lib.course.link_costs import LinkCosts
from runbook_lib.render.rendered import Shown, show
from runbook_lib.render.sections import Note
from runbook_lib.render.values import format_bytes
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.stages.measure_disk.facts import DiskFacts

_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)\s*([KMGT]?B|bytes?)?", re.IGNORECASE)
_UNIT_BYTES: Final = {"": 1, "BYTE": 1, "BYTES": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_DENIED: Final = frozenset({"not", "no", "never", "isnt", "without"})
_NO_ANSWER: Final = re.compile(
    r"\b(?:(?:not|dont|cannot|cant)(?: even| really)? (?:know|sure|tell)|no (?:idea|clue)|dunno)\b"
)
_TOLERANCE = 0.02
"""Sizes are shown with one decimal, so that an answer read off a table is a little off."""


@dataclass(frozen=True)
class Exercise:
    """A question of the course; `is_right` may look at what the notebook has measured."""

    number: str
    hint: str
    lesson: str
    """What a right answer is worth, in one sentence."""
    is_right: Callable[[str, object], bool]


def check_answer(exercise: str, answer: object, measured: object = None) -> Shown:
    """Say whether an answer is right, wrong with a hint, or not given yet; never fails, so that headless runs go on.

    Args:
        exercise: Number of the exercise, as the notebook gives it.
        answer: What the reader wrote; empty means not yet.
        measured: What the right answer is looked up in, for the exercises about this very machine.
    """
    asked = EXERCISES[exercise]
    given = str(answer).strip()
    if not _is_given(given):
        said = "not answered yet", "Write your answer between the quotes and run the cell again."
    elif asked.is_right(given.lower(), measured):
        said = "ok", asked.lesson
    else:
        said = "not quite", f"Hint: {asked.hint}"
    return show(Note(f"Exercise {asked.number}: {said[0]}", said[1:]))


def _says(*words: str) -> Callable[[str, object], bool]:
    """Accept an answer that says one of the words as whole words, however they are spaced, and does not deny it."""
    wanted = tuple(_folded(word) + ending for word in words for ending in ("", "s", "es"))
    return lambda given, _measured: any(_is_said(_words(given), word) for word in wanted)


def _is_said(words: Sequence[str], wanted: str) -> bool:
    for first in range(len(words)):
        if _DENIED.isdisjoint(words[max(first - 2, 0) : first]) and wanted in _joined_from(words[first:]):
            return True
    return False


def _joined_from(words: Sequence[str]) -> Iterator[str]:
    """Yield the first word, the first two as one, and so on: HF_HUB_OFFLINE may be written with spaces."""
    return accumulate(words)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower().replace("n't", " not"))


def _is_given(answer: str) -> bool:
    """Whether somebody answers at all: that one does not know is no answer, nor is a question mark."""
    return bool(_words(answer)) and not _NO_ANSWER.search(" ".join(_words(answer)))


def _folded(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _names_link_mode(given: str, measured: object) -> bool:
    """Whether the answer is what `links = auto` comes to in the cache folder of a detect record."""
    facts = getattr(measured, "facts", None)
    if not isinstance(facts, DetectFacts):
        return False
    mode = choose_links("auto", facts.folder("cache")).mode
    return mode is _link_mode(given)


def _link_mode(given: str) -> LinkMode | None:
    named = [mode for mode in LinkMode if mode.value in _folded(given)]
    return named[0] if len(named) == 1 else None


def _second_revision_of_copies(given: str, measured: object) -> bool:
    return isinstance(measured, LinkCosts) and _is_size(given, measured.of(LinkMode.COPY).second_fetched_bytes)


def _growth_of_copies(given: str, measured: object) -> bool:
    facts = getattr(measured, "facts", None)
    return isinstance(facts, DiskFacts) and _is_size(given, facts.next_revision_bytes)


def _is_size(given: str, size_bytes: int) -> bool:
    """Whether a size in words is this one; a bare number counts in the unit the notebook shows."""
    found = _NUMBER.search(given)
    if found is None:
        return False
    number, unit = float(found[1].replace(",", ".")), (found[2] or "").upper()
    units = [_UNIT_BYTES[unit]] if unit else [1, _UNIT_BYTES[format_bytes(size_bytes).split()[1].upper()]]
    return any(abs(number * factor - size_bytes) <= max(size_bytes * _TOLERANCE, 0.05 * factor) for factor in units)


_ALL: Final = (
    Exercise(
        "00-1",
        "Look at the thread that dies: what had it read just before?",
        "The note said that links work, and the trial had not ended: the answer was published too early.",
        _says("note", "links work", "too early", "before the trial", "published"),
    ),
    Exercise(
        "00-2",
        "Look at the row for copies, third column of numbers first: what did the second revision fetch?",
        "All of it, for one changed README. With links of either kind it is the README alone.",
        _second_revision_of_copies,
    ),
    Exercise(
        "01-1",
        "It is the first of symlink, hardlink and copy that the table of folders says works for the cache.",
        "The folder was tried. On another volume of the same machine the answer may be another one.",
        _names_link_mode,
    ),
    Exercise(
        "02-1",
        "Its name ends in what it hides.",
        "It hides the message about symlinks; the refusal, and the race, stay as they are.",
        _says("HF_HUB_DISABLE_SYMLINKS_WARNING"),
    ),
    Exercise(
        "03-1",
        "Run the notebook from the top once more and read the note under Fetch and place.",
        "What is complete in the cache is never fetched again, which is why running it again is always safe.",
        lambda given, _measured: _folded(given) in {"0", "0bytes", "nothing", "none", "zero", "no"},
    ),
    Exercise(
        "04-1",
        "The length is the same. What changes when a single bit does?",
        "The hash, and nothing else: length and date say nothing about content.",
        _says("hash", "sha256", "sha-256", "sha1", "checksum", "digest"),
    ),
    Exercise(
        "05-1",
        "It is set before huggingface_hub is imported, and the text above the conversion names it.",
        "With it the client asks nobody, and a missing file is an immediate error instead of a hang.",
        _says("HF_HUB_OFFLINE"),
    ),
    Exercise(
        "06-1",
        "In the table of further revisions, take the row for copies: what is +1 less now?",
        "A whole revision more each time, although only a small file changed.",
        _growth_of_copies,
    ),
)

EXERCISES: Final[Mapping[str, Exercise]] = MappingProxyType({exercise.number: exercise for exercise in _ALL})
"""Every exercise by its number; the notebooks hold the questions."""

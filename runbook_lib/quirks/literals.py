"""Finding many fixed strings in one pass over a text: the Aho-Corasick algorithm."""

from collections.abc import Sequence
from functools import cache, cached_property

from ahocorasick_rs import AhoCorasick, BytesAhoCorasick, Implementation

Found = Sequence[tuple[int, int, int]]
"""Index of the literal, where it begins and where it ends; ordered by the end."""


class Literals:
    """Fixed strings to look for; their order gives the indexes.

    `quick` takes ten times the memory and half the time: for what is read whole.
    """

    def __init__(self, literals: tuple[str, ...], *, quick: bool = False) -> None:
        self._literals = literals
        self._kind = Implementation.DFA if quick else Implementation.ContiguousNFA

    def find(self, text: str) -> Found:
        """Return every occurrence, those within others included."""
        if text.isascii():  # then bytes are characters, and nothing has to be counted
            return self._of_bytes.find_matches_as_indexes(text.encode(), overlapping=True)
        return self._of_text.find_matches_as_indexes(text, overlapping=True)

    @cached_property
    def _of_bytes(self) -> BytesAhoCorasick:
        return BytesAhoCorasick([literal.encode() for literal in self._literals], implementation=self._kind)

    @cached_property
    def _of_text(self) -> AhoCorasick:
        return AhoCorasick(self._literals, implementation=self._kind)


@cache
def literals_of(literals: tuple[str, ...], *, quick: bool = False) -> Literals:
    """Return the literals, made ready once in a process."""
    return Literals(literals, quick=quick)

"""A document whose pages docling lost is converted once more."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from runbook_lib.workers.host import WORKERS

sys.path.insert(0, str(WORKERS))
from convert_document import result_of  # type: ignore[import-not-found]

sys.path.remove(str(WORKERS))

LOST, DAMAGED = "pipeline terminated early", "Input document a.pdf is not valid."


class Converter:
    """Ends with these errors, one result after the other; empty: with none."""

    def __init__(self, *errors: str) -> None:
        self._errors, self.calls = list(errors), 0

    def convert(self, _: Path, *, raises_on_error: bool) -> SimpleNamespace:
        assert not raises_on_error
        self.calls += 1
        said = self._errors.pop(0)
        return SimpleNamespace(errors=[SimpleNamespace(error_message=said)] if said else [])


@pytest.mark.parametrize(
    ("errors", "calls", "last"),
    [(("",), 1, []), ((LOST, ""), 2, []), ((LOST, LOST), 2, [LOST]), ((DAMAGED,), 1, [DAMAGED])],
)
def test_lost_pages_are_asked_for_once_more_and_a_damaged_document_is_not(
    errors: tuple[str, ...], calls: int, last: list[str]
) -> None:
    converter = Converter(*errors)
    result = result_of(converter, Path("a.pdf"))
    assert (converter.calls, [error.error_message for error in result.errors]) == (calls, last)

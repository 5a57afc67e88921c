"""docs/records.md describes the JSON as it is."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from runbook_lib.run.check import Artifact, Change, Check, Status
from runbook_lib.run.folder import STAGES, RunHeader, RunState
from runbook_lib.run.record import Facts, StageRecord

PAGE = Path(__file__).parents[3] / "docs" / "records.md"
MODELS = (RunHeader, StageRecord[Facts], Check, Change, Artifact)
"""In the order of the page."""


@pytest.fixture(scope="module")
def tables() -> list[list[str]]:
    """The first column of every table of the page that describes fields."""
    tables = re.findall(r"^\| field \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE) for rows in tables]


@pytest.mark.parametrize(("place", "model"), list(enumerate(MODELS)))
def test_each_table_names_exactly_the_fields(tables: list[list[str]], place: int, model: type[BaseModel]) -> None:
    assert tables[place] == [*model.model_fields, *model.model_computed_fields]


def test_the_page_names_every_word_a_script_may_meet() -> None:
    page = PAGE.read_text(encoding="utf-8")
    words = (*STAGES, *(status.value for status in Status), *(state.value for state in RunState))
    assert [word for word in words if f"`{word}`" not in page] == []

"""What fixes a check has one spelling, and exists."""

from pathlib import Path

import click
import pytest

from runbook_lib.cli import runbook
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.render.sections import Link
from runbook_lib.render.values import fix_cell

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


@pytest.mark.parametrize("fixed_by", [entry for entry in FixedBy if entry.notebook])
def test_a_notebook_is_there_and_is_linked(fixed_by: FixedBy) -> None:
    assert (NOTEBOOKS / fixed_by.notebook).is_file()
    assert fix_cell(fixed_by) == Link(f"notebooks/{fixed_by}.ipynb", f"{fixed_by}.ipynb")


@pytest.mark.parametrize("fixed_by", [entry for entry in FixedBy if entry and not entry.notebook])
def test_a_command_is_one_of_this_program_with_that_option(fixed_by: FixedBy) -> None:
    program, name, *options = fixed_by.words.split()
    command = runbook.get_command(click.Context(runbook), name)
    assert program == "runbook"
    assert command is not None
    assert set(options) <= {option for parameter in command.params for option in parameter.opts}
    assert fix_cell(fixed_by) == fixed_by.words


def test_nothing_has_no_words() -> None:
    assert (FixedBy.NOTHING.words, fix_cell(FixedBy.NOTHING), bool(FixedBy.NOTHING)) == ("", "", False)

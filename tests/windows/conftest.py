"""The Windows lane: every test of this folder runs the real Windows CPython under Wine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.windows.toolchain import HOW_TO_GET, missing_tools, prepare
from tests.windows.windows_python import WindowsPython

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.windows)
            item.add_marker(pytest.mark.xdist_group("windows"))  # one Wine for all of them


@pytest.fixture(scope="session")
def windows_python() -> Iterator[WindowsPython]:
    """The interpreter with Wine's services running; skips without Wine, but never where CI=true."""
    if missing := missing_tools():
        reason = f"The Windows lane needs: {HOW_TO_GET.format(' '.join(missing))}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    python = prepare()
    with python.awake():
        yield python

"""A line that drops connections: ours ends well at least as often as the bare client; all pairs are in benchmarks/."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.flaky_lines import paired, serve
from runbook_lib.practice.faults import FaultKind
from runbook_lib.practice.server import PracticeHub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def hub() -> Iterator[PracticeHub]:
    with serve() as running:
        yield running


@pytest.mark.parametrize(("kind", "percent", "seed"), [("reset", 15, 5), ("hang_up", 15, 6), ("reset", 30, 3)])
def test_a_download_over_a_bad_line_ends_well_at_least_where_the_bare_client_does(
    hub: PracticeHub,
    tmp_path: Path,
    kind: FaultKind,
    percent: int,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    pair = paired(hub, tmp_path / "pair", kind, percent, seed)
    record_property("pair", str(pair))
    assert pair.holds, pair

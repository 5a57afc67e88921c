"""Two revisions with each kind of link, by the real client."""

import pytest

from runbook_lib.course.link_costs import PAD_MB, LinkCosts, compare_links
from runbook_lib.errors import PracticeError
from runbook_lib.run.opening import open_run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("link-costs")]
PAD_BYTES = PAD_MB * 1_000_000


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> LinkCosts:
    home = tmp_path_factory.mktemp("costs")
    run = open_run(run_dir=str(home / "run"), hub="practice", cache_dir=str(home / "hub"))
    measured = compare_links(run)
    assert not (home / "hub").exists(), "the run's own cache is left alone"
    return measured


def test_hard_links_cost_what_changed_and_copies_cost_everything(costs: LinkCosts) -> None:
    copy, hard = costs.of("copy"), costs.of("hardlink")
    assert copy.first_fetched_bytes == hard.first_fetched_bytes > PAD_BYTES
    assert copy.second_fetched_bytes == copy.first_fetched_bytes
    assert hard.second_fetched_bytes < 1000
    assert copy.stored_bytes > 2 * PAD_BYTES
    assert hard.stored_bytes < 1.5 * PAD_BYTES


def test_symlinks_cost_the_same_where_they_work(costs: LinkCosts) -> None:
    if costs.left_out:
        pytest.skip(costs.left_out[0])
    symlink, hard = costs.of("symlink"), costs.of("hardlink")
    assert symlink.second_fetched_bytes == hard.second_fetched_bytes
    assert symlink.stored_bytes < 1.5 * PAD_BYTES


def test_the_trees_show_the_three_layouts(costs: LinkCosts) -> None:
    told = str(costs.trees())
    assert "(empty)" in told
    assert "one file with snapshots/" in told
    assert told.count("After the second revision, with links = ") == len(costs.costs)


def test_a_kind_that_was_refused_is_named(costs: LinkCosts) -> None:
    refused = LinkCosts(costs.costs[1:], ("symlink: errno 22",))
    assert "errno 22" in str(refused)
    with pytest.raises(PracticeError, match="errno 22"):
        refused.of("symlink")

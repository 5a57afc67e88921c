"""`runbook delete`: lists, asks, and deletes nothing but what was named."""

import json

import pytest
from click.testing import CliRunner, Result

from runbook_lib.cli.delete import delete
from runbook_lib.errors import UsageError
from tests.unit.cache_layouts import CacheLayout

FILES = {"config.json": b"{}", "model.safetensors": b"w" * 9000}


def called(layout: CacheLayout, *words: str) -> Result:
    places = ("-p", "cache_dir", str(layout.cache_dir), "-p", "artifacts_dir", str(layout.cache_dir / "artifacts"))
    return CliRunner().invoke(delete, [*places, *words], standalone_mode=False)


def test_without_a_model_the_revisions_are_listed(unshared: CacheLayout) -> None:
    listing = unshared.add("org/name", FILES)
    assert f"org/name@{listing.commit[:8]}" in called(unshared).stdout
    document = json.loads(called(unshared, "--json").stdout)
    assert [entry["commit"] for entry in document["revisions"]] == [listing.commit]


@pytest.mark.slow  # asks hub's client
def test_a_dry_run_says_what_goes_and_changes_nothing(unshared: CacheLayout) -> None:
    unshared.add("org/name", FILES)
    done = called(unshared, "org/name", "--dry-run")
    assert done.return_value == 0
    assert str(unshared.repo("org/name").folder) in done.stdout
    assert unshared.repo("org/name").folder.exists()


@pytest.mark.slow  # asks hub's client
def test_where_nobody_can_be_asked_nothing_is_deleted(unshared: CacheLayout) -> None:
    unshared.add("org/name", FILES)
    done = called(unshared, "org/name")
    assert isinstance(done.exception, UsageError)
    assert "--yes" in done.exception.remedy
    assert "Revisions that go" in done.stderr
    assert unshared.repo("org/name").folder.exists()


@pytest.mark.slow  # asks hub's client
def test_the_named_model_goes_and_its_twin_at_the_same_commit_stays(unshared: CacheLayout) -> None:
    for repo_id in ("old/name", "new/name"):
        unshared.add(repo_id, FILES)
    done = called(unshared, "old/name", "--yes", "--json")
    assert done.return_value == 0
    assert json.loads(done.stdout)["freed_bytes"] >= 9000
    assert not unshared.repo("old/name").folder.exists()
    assert unshared.repo("new/name").folder.exists()


@pytest.mark.parametrize("name", ["org/other", "org/name@v7"])
def test_a_name_that_fits_nothing_is_wrong_usage(unshared: CacheLayout, name: str) -> None:
    unshared.add("org/name", FILES)
    assert isinstance(called(unshared, name, "--yes").exception, UsageError)

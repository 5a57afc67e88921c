"""Projections and judgements of stage measure disk."""

import re
from typing import Any

import pytest

from runbook_lib.run.check import Status
from runbook_lib.stages.measure_disk.checks import judge_disk
from runbook_lib.stages.measure_disk.collect import project
from runbook_lib.stages.measure_disk.facts import DiskFacts, Projection, RepositoryUsage, RevisionUsage

MB = 1_000_000


def repository(logical_mb: int, distinct_mb: int, incomplete_mb: int = 0, largest_mb: int = 64) -> RepositoryUsage:
    revision = RevisionUsage(commit="1" * 40, names=("main",), file_count=9, logical_bytes=largest_mb * MB)
    return RepositoryUsage(
        repo_id="org/name",
        revisions=(revision,),
        logical_bytes=logical_mb * MB,
        distinct_bytes=distinct_mb * MB,
        allocated_bytes=distinct_mb * MB,
        incomplete_bytes=incomplete_mb * MB,
    )


def facts(**changes: Any) -> DiskFacts:
    good: dict[str, Any] = {
        "cache_dir": "/hub",
        "artifacts_dir": "/artifacts",
        "repositories": (repository(128, 64),),
        "cache_bytes": 64 * MB,
        "artifacts_bytes": 65 * MB,
        "shared_bytes": 64 * MB,
        "projections": (Projection(name="hard links", cache_bytes=64 * MB, artifacts_bytes=MB),),
        "free_bytes": 1000 * MB,
    }
    return DiskFacts(**good | changes)


def test_what_the_same_content_takes_with_each_kind_of_link() -> None:
    links = project((repository(128, 64), repository(20, 10)), artifacts_bytes=75 * MB, small_bytes=MB)
    assert {entry.name: entry.total_bytes // MB for entry in links} == {
        "symlinks": 64 + 10 + 75,
        "copies": 128 + 20 + 75,
        "hard links": 64 + 10 + 1,
    }


def test_what_both_folders_hold_is_counted_once() -> None:
    assert facts().allocated_bytes == 65 * MB


@pytest.mark.parametrize(
    ("changes", "identifier"),
    [
        ({"shared_bytes": 0}, "stored-once"),
        ({"repositories": (repository(64, 64, incomplete_mb=3),)}, "incomplete-files"),
        ({"repositories": (repository(64, 64, largest_mb=1001),)}, "next-revision-fits"),
    ],
)
def test_each_check_can_warn_alone(changes: dict[str, Any], identifier: str) -> None:
    seen = {check.id: check.status for check in judge_disk(facts(**changes))}
    assert seen.pop(identifier) is Status.WARN
    assert set(seen.values()) == {Status.OK}


def test_an_empty_cache_is_in_order() -> None:
    empty = facts(repositories=(), cache_bytes=0, artifacts_bytes=0, shared_bytes=0, projections=())
    assert {check.status for check in judge_disk(empty)} == {Status.OK}


def test_tables_name_the_revision_and_what_refers_to_it() -> None:
    assert "11111111 (main)" in str(facts())


def test_further_revisions_cost_links_nothing_and_copies_a_whole_revision_each() -> None:
    repositories = (repository(128, 64, largest_mb=64), repository(20, 10, largest_mb=10))
    links = project(repositories, artifacts_bytes=75 * MB, small_bytes=MB)
    growth = facts(repositories=repositories, projections=links).growth(further=2)
    assert {name: [size // MB for size in sizes] for name, sizes in growth.items()} == {
        "symlinks": [149, 149, 149],
        "copies": [223, 297, 371],
        "hard links": [75, 75, 75],
    }


def test_the_growth_is_told_in_words() -> None:
    told = str(facts(projections=(Projection(name="copies", cache_bytes=64 * MB, artifacts_bytes=0),)))
    assert re.search(r"copies +64\.0 MB +128 MB +192 MB +256 MB +320 MB", told)

"""Run folders go to another folder, whole or not at all; what concerns S3 is in tests/environments/copies_to_s3.py."""

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.cache.locks import hold
from runbook_lib.errors import SettingsError, UsageError
from runbook_lib.history.copies import copy_runs, require_copies
from runbook_lib.history.digest import digest
from runbook_lib.history.index import record_runs
from runbook_lib.run.folder import RunState
from runbook_lib.run.run_lock import LOCK_NAME
from runbook_lib.run.setting_sources import resolve_settings
from tests.unit.history.run_folders import MakeRun


def test_a_folder_gets_copies_and_none_is_made_in_its_place(home: Path, make_run: MakeRun, tmp_path: Path) -> None:
    run, living = make_run(1), make_run(2)
    living.update(state=RunState.RUNNING)
    record_runs(home)
    share = tmp_path / "share of results"
    address = share.as_uri().replace("%20", " ")
    assert f"There is no folder {share}" in copy_runs(home, address, held=run.folder)
    assert not share.exists()
    share.mkdir()
    assert copy_runs(home, address, held=run.folder) == ""
    assert [path.name for path in share.iterdir()] == [run.folder.name]
    copied, original = digest(share / run.folder.name), digest(run.folder)
    assert copied is not None
    assert original is not None
    here = {"folder": original.folder, "seen_ns": original.seen_ns}
    assert {**dict(copied), **here} == dict(original)


def test_a_run_that_somebody_works_in_waits_and_one_that_fails_keeps_no_other_back(
    home: Path, make_run: MakeRun, tmp_path: Path
) -> None:
    oldest, worked_in, damaged, newest = make_run(4), make_run(3), make_run(2), make_run(1)
    record_runs(home)
    share = tmp_path / "share"
    (share / damaged.folder.name).parent.mkdir()
    (share / damaged.folder.name).write_text("a file where a folder has to be", encoding="utf-8")
    with hold(worked_in.folder / LOCK_NAME, "a test", limit_s=0):
        said = copy_runs(home, share.as_uri(), held=newest.folder)
    assert damaged.folder.name in said
    assert {path.name for path in share.iterdir() if path.is_dir()} == {oldest.folder.name, newest.folder.name}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("s3://AKIAIOSFODNN7EXAMPLE:hunter2hunter2@bucket/runs", "they come from the environment"),
        ("abfs://container/runs?sig=hunter2hunter2", "a query may carry a secret"),
        ("ftp://host/runs", "an address such as s3://BUCKET/runs"),
        ("s3:///runs", "an address such as"),
        ("file:///", "an address such as"),
        ("/share/runs", "an address such as"),
    ],
)
def test_an_address_with_a_secret_or_without_a_place_is_refused_and_not_repeated(address: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        resolve_settings({"copy_to": address}, environ={}, explicit=True)
    assert "hunter2" not in str(caught.value)


def test_a_kind_of_store_whose_package_is_missing_is_said_before_anything_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find: Callable[[str], object] = lambda name: None if name == "gcsfs" else object()  # noqa: E731
    monkeypatch.setattr("runbook_lib.system.addresses.find_spec", find)
    require_copies("s3://bucket/runs")
    with pytest.raises(UsageError, match="Nothing here can read or write gs://") as caught:
        require_copies("gs://bucket/runs")
    assert "gcsfs" in caught.value.why

"""How a machine stands to its lock file: what is in state, drifted, broken, and what only a content can tell."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.cache.refs import write_ref
from runbook_lib.desired.look import machine_state
from runbook_lib.desired.state import MachineState, State
from runbook_lib.errors import ExitCode, RecordError
from runbook_lib.run.lock_file import LOCK_NAME
from runbook_lib.upkeep.lock import write_lock
from tests.inputs.locked_models import places_below, write_locked_models
from tests.unit.stages.verify.real_caches import MODES, WEIGHTS, Install, Installed, flip_bit


@pytest.fixture
def installed(install: Install) -> Installed:
    return install("hardlink")


@pytest.fixture
def lock(installed: Installed, tmp_path: Path) -> Path:
    write_lock(installed.run, tmp_path / LOCK_NAME)
    return tmp_path / LOCK_NAME


def other_commit(installed: Installed) -> None:
    write_ref(installed.repo, "main", "1" * 40)


def older_artifacts(installed: Installed) -> None:
    shutil.rmtree(installed.artifacts)


def no_snapshot(installed: Installed) -> None:
    shutil.rmtree(installed.snapshot)


def short_file(installed: Installed) -> None:
    (installed.snapshot / WEIGHTS).unlink()
    (installed.snapshot / WEIGHTS).write_bytes(b"short")


def lacking_file(installed: Installed) -> None:
    (installed.snapshot / "config.json").unlink()


def touched_file(installed: Installed) -> None:
    os.utime(installed.artifacts / "config.json", (1.0, 1.0))


@pytest.mark.parametrize("mode", MODES)
def test_a_machine_that_verifies_is_in_state(install: Install, mode: str, tmp_path: Path) -> None:
    installed = install(mode)
    write_lock(installed.run, tmp_path / LOCK_NAME)
    for by_hash in (False, True):
        found = machine_state(installed.run, tmp_path / LOCK_NAME, by_hash=by_hash)
        assert (found.state, found.exit_code, found.not_in_state()) == (State.IN_STATE, ExitCode.OK, ())


@pytest.mark.parametrize(
    ("harm", "state", "where"),
    [
        (other_commit, State.DRIFTED, "ref"),
        (older_artifacts, State.DRIFTED, "artifacts"),
        (no_snapshot, State.DRIFTED, "snapshot"),
        (short_file, State.BROKEN, "snapshot"),
        (lacking_file, State.BROKEN, "snapshot"),
        (touched_file, State.UNKNOWN, "artifacts"),
    ],
)
def test_what_is_not_as_locked_has_a_state_and_a_place(
    installed: Installed, lock: Path, harm: Callable[[Installed], None], state: State, where: str
) -> None:
    harm(installed)
    found = machine_state(installed.run, lock)
    assert found.state is state
    assert [finding.where for model in found.models for finding in model.findings] == [where]
    assert found.exit_code == {State.DRIFTED: 10, State.BROKEN: 11, State.UNKNOWN: 12}[state]


def test_a_time_that_changed_is_settled_by_the_content(installed: Installed, lock: Path) -> None:
    touched_file(installed)
    assert machine_state(installed.run, lock, by_hash=True).state is State.IN_STATE
    flip_bit(installed.artifacts / "config.json", 8)
    assert machine_state(installed.run, lock).state is State.UNKNOWN
    assert machine_state(installed.run, lock, by_hash=True).state is State.BROKEN


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nobody refuses root a folder")
def test_a_folder_that_may_not_be_read_is_unknown(installed: Installed, lock: Path) -> None:
    installed.repo.folder.chmod(0)
    try:
        assert machine_state(installed.run, lock).state is State.UNKNOWN
    finally:
        installed.repo.folder.chmod(0o755)


def test_a_machine_that_has_nothing_is_drifted_and_not_broken(lock: Path, tmp_path: Path) -> None:
    found = machine_state(places_below(tmp_path / "fresh", practice=True), lock)
    assert found.state is State.DRIFTED
    assert {finding.evidence for finding in found.models[0].findings if finding.where != "ref"} == {"not here"}


def test_the_lock_file_of_practice_says_nothing_about_real_models(lock: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="practice models"):
        machine_state(places_below(tmp_path / "fresh", practice=False), lock)


def test_a_hundred_models_are_looked_at_without_reading_a_content(tmp_path: Path) -> None:
    write_locked_models(tmp_path, 100)
    for path in (tmp_path / "hub").rglob("part-*.json"):
        facts = path.stat()
        path.write_bytes(b"[]")
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    found = machine_state(places_below(tmp_path, practice=False), tmp_path / LOCK_NAME)
    assert (found.state, len(found.models)) == (State.IN_STATE, 100)


def test_the_json_says_state_and_findings_in_words_that_stay(installed: Installed, lock: Path) -> None:
    lacking_file(installed)
    told = json.loads(machine_state(installed.run, lock).model_dump_json())
    assert (told["schema_version"], told["state"], told["read"]) == (1, "broken", "sizes")
    assert told["models"][0]["findings"] == [
        {
            "where": "snapshot",
            "state": "broken",
            "what": "config.json",
            "evidence": "missing (listed, not here)",
        }
    ]
    assert set(told) == {*MachineState.model_fields, "state"}

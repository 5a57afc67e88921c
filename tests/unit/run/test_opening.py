"""Which run a notebook continues, and when it starts a new one."""

import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runbook_lib.errors import LateConfigurationError, RecordError, SettingsError, UsageError
from runbook_lib.render.sections import Note, Table
from runbook_lib.run.environment_plan import EnvironmentPlan, PlannedVariable
from runbook_lib.run.folder import Run
from runbook_lib.run.opening import BINDING, OpenRun, open_run, open_target, prepare_run
from runbook_lib.run.record import StageRecord
from runbook_lib.run.settings import Settings

pytestmark = pytest.mark.usefixtures("in_tmp_path")

MIRROR = "https://mirror.example"


def test_without_run_dir_a_new_folder_is_made_below_runs() -> None:
    run = open_run(hub=MIRROR)
    assert run.folder.parent == Path.cwd() / "runs"
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[A-Za-z0-9-]+", run.folder.name)
    assert run.header().settings["hub"] == MIRROR
    assert run.header().origins["hub"] == "parameter"


def test_a_run_says_in_one_line_what_is_no_default_and_folds_the_rest_away() -> None:
    note, table = open_run(hub=MIRROR, links="copy", offline=True).sections()
    assert isinstance(note, Note)
    assert isinstance(table, Table)
    assert note.lines[-1] == "Settings that are not defaults: links = copy (parameter), offline = True (parameter)."
    assert (table.title, table.folded, len(table.rows)) == ("All settings", True, len(Settings.model_fields))
    assert open_run(hub=MIRROR, new=True).words()[-1] != note.lines[-1]
    plain = open_run(new=True, run_dir=str(Path.cwd() / "plain")).sections()[0]
    assert isinstance(plain, Note)
    assert plain.lines[-1] == "All other settings are defaults."


def test_the_newest_run_is_continued_with_its_settings() -> None:
    open_run(hub="https://older.example", new=True)
    newest = open_run(hub=MIRROR, new=True)
    again = open_run()
    assert again.folder == newest.folder
    assert (again.settings.hub, again.resolved.origins["hub"]) == (MIRROR, "run")


def test_new_never_continues() -> None:
    assert open_run(new=True).folder != open_run(new=True).folder


@pytest.mark.parametrize("name", BINDING)
def test_another_value_of_a_binding_setting_means_another_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))  # for the folder of the drill
    values: dict[str, Any] = {
        "hub": "https://other.example",
        "models": "a/b",
        "pipeline": "ocr=off",
        "cache_dir": str(tmp_path / "other"),
        "artifacts_dir": str(tmp_path / "other"),
        "links": "copy",
        "target_python": os.path.realpath(__file__),
        "practice_pad_mb": 3,
        "drill": "full-disk",
    }
    given: dict[str, Any] = {"hub": "http://127.0.0.1:9"}  # a drill takes no mirror elsewhere
    first = open_run(**given)
    assert open_run(**{**given, name: values[name]}).folder != first.folder


def test_binding_settings_are_settings() -> None:
    assert set(BINDING) <= set(Settings.model_fields)


def test_the_run_in_run_dir_cannot_be_turned_into_another(tmp_path: Path) -> None:
    open_run(run_dir=str(tmp_path / "run"), hub=MIRROR)
    with pytest.raises(SettingsError) as caught:
        open_run(run_dir=str(tmp_path / "run"), hub="https://other.example")
    assert "hub = 'https://mirror.example', not 'https://other.example'" in caught.value.what
    assert Run(tmp_path / "run").header().settings["hub"] == MIRROR


def test_a_setting_of_one_stage_may_change_in_a_run(tmp_path: Path) -> None:
    first = open_run(run_dir=str(tmp_path / "run"))
    again = open_run(run_dir=str(tmp_path / "run"), offline=True, probe_limit_s=1.0)
    assert again.folder == first.folder
    assert (again.settings.offline, again.settings.probe_limit_s) == (True, 1.0)
    assert again.header().settings["offline"] is False


def test_a_damaged_header_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(RecordError, match="is not a record"):
        open_run(run_dir=str(tmp_path / "run"))


def test_wrong_settings_leave_no_folder() -> None:
    with pytest.raises(SettingsError):
        open_run(cachedir="/x")
    assert not Path("runs").exists()


def test_preparing_sets_no_variable_and_starts_no_hub() -> None:
    before = dict(os.environ)
    prepare_run({"hub": "practice"})
    assert dict(os.environ) == before


def test_the_places_default_to_those_of_hub_and_docling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("DOCLING_ARTIFACTS_PATH", str(tmp_path / "artifacts"))
    monkeypatch.setenv("HF_ENDPOINT", f"{MIRROR}/")
    run = open_run()
    assert (run.cache_dir, run.artifacts_dir, run.endpoint) == (tmp_path / "hub", tmp_path / "artifacts", MIRROR)


def test_practice_stays_away_from_the_places_of_real_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("DOCLING_ARTIFACTS_PATH", str(tmp_path / "artifacts"))
    run = open_run(hub="practice")
    assert tmp_path not in run.cache_dir.parents
    assert tmp_path not in run.artifacts_dir.parents
    assert run.endpoint.startswith("http://127.0.0.1:")


def test_opening_shows_the_folder_and_where_each_value_came_from() -> None:
    run = open_run(hub=MIRROR)
    text = str(run)
    assert f"Records are kept in {run.folder}." in text
    assert re.search(rf"hub +{MIRROR} +parameter", text)


def test_the_planned_environment_is_applied_or_refused(tmp_path: Path) -> None:
    run = open_run(run_dir=str(tmp_path / "run"), hub=MIRROR)
    variable = PlannedVariable(name="HF_HUB_OFFLINE", before="", value="1", reason="a test")
    plan = EnvironmentPlan(links="copy", links_reason="", hub_version="", remedy="", variables=(variable,))
    run.save(
        StageRecord[EnvironmentPlan](stage="configure_env", started_at=datetime.now(UTC), elapsed_s=0.0, facts=plan)
    )
    open_run(run_dir=str(tmp_path / "run"))
    assert "HF_HUB_OFFLINE" not in os.environ, "the run goes on with another setting"
    open_run(run_dir=str(tmp_path / "run"), offline=True)
    assert (os.environ["HF_HUB_OFFLINE"], os.environ["HF_ENDPOINT"]) == ("1", MIRROR)
    constants = ModuleType("huggingface_hub.constants")
    vars(constants).update(HF_HUB_OFFLINE=False, ENDPOINT=MIRROR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "huggingface_hub.constants", constants)
        with pytest.raises(LateConfigurationError, match="HF_HUB_OFFLINE cannot be set"):
            open_run(run_dir=str(tmp_path / "run"), offline=True)


def planned(folder: Path, **variables: str) -> OpenRun:
    """Open a run in the folder as it is after its stage configure_env."""
    run = open_run(run_dir=str(folder), hub=variables.get("HF_ENDPOINT", MIRROR))
    named = tuple(
        PlannedVariable(name=name, before="", value=value, reason="a test") for name, value in variables.items()
    )
    plan = EnvironmentPlan(links="copy", links_reason="", hub_version="", remedy="", variables=named)
    run.save(
        StageRecord[EnvironmentPlan](stage="configure_env", started_at=datetime.now(UTC), elapsed_s=0.0, facts=plan)
    )
    return open_run(run_dir=str(folder))


def test_another_run_in_the_same_kernel_inherits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCLING_ARTIFACTS_PATH", str(tmp_path / "own"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "own"))
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    other = str(tmp_path / "other")
    planned(
        tmp_path / "a", HF_ENDPOINT=MIRROR, HF_HUB_CACHE=other, DOCLING_ARTIFACTS_PATH=other, HF_HUB_DISABLE_XET="1"
    )
    assert (os.environ["HF_ENDPOINT"], os.environ["HF_HUB_CACHE"]) == (MIRROR, other)
    run = open_run(new=True)
    assert (run.endpoint, run.cache_dir, run.artifacts_dir) == (
        "https://huggingface.co",
        tmp_path / "own",
        tmp_path / "own",
    )
    assert "HF_ENDPOINT" not in os.environ
    assert "HF_HUB_DISABLE_XET" not in os.environ
    assert os.environ["HF_HUB_CACHE"] == os.environ["DOCLING_ARTIFACTS_PATH"] == str(tmp_path / "own")


def test_a_variable_that_somebody_changed_since_then_is_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "own"))
    planned(tmp_path / "a", HF_HUB_CACHE=str(tmp_path / "other"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "theirs"))
    assert open_run(new=True).cache_dir == tmp_path / "theirs"


def test_a_kernel_that_imported_hub_under_one_run_opens_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    planned(tmp_path / "a", HF_ENDPOINT=MIRROR)
    constants = ModuleType("huggingface_hub.constants")
    vars(constants).update(ENDPOINT=MIRROR)
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", constants)
    open_run(run_dir=str(tmp_path / "a"))
    with pytest.raises(LateConfigurationError, match="HF_ENDPOINT cannot be set") as caught:
        open_run(new=True)
    assert "Restart the kernel" in caught.value.remedy


def test_a_run_keeps_its_places_though_the_variables_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "first"))
    folder = open_run(new=True, hub=MIRROR).folder
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "second"))
    assert open_run(run_dir=str(folder)).cache_dir == tmp_path / "first"


def test_a_run_is_not_continued_under_another_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", MIRROR)
    folder = open_run(new=True).folder
    monkeypatch.delenv("HF_ENDPOINT")
    with pytest.raises(SettingsError, match=r"was made with the Hub at https://mirror\.example"):
        open_run(run_dir=str(folder))


def test_leaving_practice_is_told() -> None:
    practice = open_run(hub="practice", new=True)
    run = open_run(links="copy")
    assert not run.practice
    assert f"This is a new run, not {practice.folder.name}" in str(run)
    assert "hub was 'practice' and is '' now" in str(run)


_NO_PROC = pytest.mark.skipif(os.name == "nt", reason="an ordinary folder there")


@pytest.mark.parametrize("name", ["a" * 300, pytest.param("/proc/x", marks=_NO_PROC), "file/run", "sub/" + "b" * 300])
def test_a_run_folder_that_cannot_be_made_is_one_error_and_leaves_nothing(name: str) -> None:
    Path("file").write_bytes(b"in the way")
    with pytest.raises(UsageError, match="cannot be a run folder"):
        open_run(run_dir=name, hub=MIRROR)
    assert [path.name for path in Path().iterdir()] == ["file"]


def test_what_a_command_opens_comes_from_settings_or_a_named_run_and_never_from_the_newest() -> None:
    practice = open_run(hub="practice", new=True)
    assert not open_target({}).practice
    assert open_target({"run_dir": str(practice.folder)}).practice
    assert [path.parent for path in Path("runs").glob("*/run.json")] == [Path("runs", practice.folder.name)]
    with pytest.raises(RecordError, match="There is no run in"):
        open_target({"run_dir": "typo"})
    assert not Path("typo").exists()


def test_a_command_that_changes_things_begins_a_run_of_its_own() -> None:
    open_run(hub="practice", new=True)
    run = open_target({"hub": MIRROR}, recorded=True)
    assert (run.practice, run.header().settings["hub"]) == (False, MIRROR)

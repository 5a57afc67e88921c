"""The plan of variables, for each kind of link and version, and what is written."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from runbook_lib.run.check import Status
from runbook_lib.run.environment_plan import env_files, plan_variables
from runbook_lib.run.interpreter import InterpreterFacts
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.run.settings import Settings
from runbook_lib.stages.configure_env import apply_environment, judge_environment
from runbook_lib.system.filesystem import FolderFacts, LinkProbe

MakeFolder = Callable[..., FolderFacts]
MakeInterpreter = Callable[..., InterpreterFacts]

PATIENT = ["HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"]
WINDOWS = ["PYTHONUTF8"] if os.name == "nt" else []


@dataclass(frozen=True)
class Place:
    """A target without a run."""

    settings: Settings
    endpoint: str = "https://huggingface.co"
    cache_dir: Path = Path("/data/hub")
    artifacts_dir: Path = Path("/data/artifacts")

    @property
    def practice(self) -> bool:
        return self.settings.is_practice


def target(**settings: Any) -> Place:
    return Place(Settings(**settings))


def names(place: Place, cache: FolderFacts, interpreter: InterpreterFacts, **environ: str) -> list[str]:
    return list(plan_variables(place, cache, interpreter.hub_version, environ).values())


@pytest.mark.parametrize(
    ("links", "symlinks", "version", "mode", "switched"),
    [
        ("auto", True, "1.32.0", "symlink", False),
        ("auto", True, "0.25.2", "symlink", False),
        ("auto", False, "0.25.2", "hardlink", False),
        ("auto", False, "1.8.0", "hardlink", False),
        ("auto", False, "1.9.0", "hardlink", True),
        ("auto", False, "1.32.0", "hardlink", True),
        ("auto", False, "1.33.0", "hardlink", False),
        ("auto", False, "2.0.0", "hardlink", False),
        ("auto", False, None, "hardlink", False),
        ("symlink", True, "1.32.0", "symlink", False),
        ("hardlink", True, "1.33.0", "hardlink", True),
        ("hardlink", True, "1.8.0", "hardlink", False),
        ("copy", True, "1.33.0", "copy", True),
        ("copy", False, "1.33.0", "copy", False),
    ],
)
def test_symlinks_are_switched_off_only_where_it_helps_and_works(
    folder: MakeFolder,
    interpreter: MakeInterpreter,
    refused_link: LinkProbe,
    links: str,
    symlinks: bool,
    version: str | None,
    mode: str,
    switched: bool,
) -> None:
    cache = folder() if symlinks else folder(symlink=refused_link)
    plan = plan_variables(target(links=links), cache, interpreter(version).hub_version, {})
    assert plan.links == mode
    assert ("HF_HUB_DISABLE_SYMLINKS" in plan.values()) is switched
    assert "HF_HUB_DISABLE_SYMLINKS_WARNING" not in plan.values()
    assert plan.remedy
    assert plan.hub_version == f"huggingface_hub {version or 'missing'}"


@pytest.mark.parametrize(("version", "switched"), [("1.8.0", False), ("1.33.0", True)])
def test_links_that_only_seem_to_be_made_are_switched_off_where_hub_obeys(
    folder: MakeFolder, interpreter: MakeInterpreter, version: str, switched: bool
) -> None:
    probe = LinkProbe(works=False, evidence="the call reported success but made no link", deceives=True)
    plan = plan_variables(target(), folder(symlink=probe), interpreter(version).hub_version, {})
    assert plan.links == "hardlink"
    assert (plan.values().get("HF_HUB_DISABLE_SYMLINKS") == "1") is switched


def test_places_and_patience_are_always_said(folder: MakeFolder, interpreter: MakeInterpreter) -> None:
    plan = plan_variables(target(), folder(), interpreter().hub_version, {})
    assert list(plan.values()) == ["HF_HUB_CACHE", "DOCLING_ARTIFACTS_PATH", *PATIENT, *WINDOWS]
    assert plan.values()["HF_HUB_CACHE"] == str(Path("/data/hub"))
    assert all(variable.reason for variable in plan.variables)


def test_a_cache_of_ones_own_takes_xet_with_it(folder: MakeFolder, interpreter: MakeInterpreter) -> None:
    plan = plan_variables(target(cache_dir="/data/hub"), folder(), interpreter().hub_version, {})
    assert plan.values()["HF_XET_CACHE"] == str(Path("/data/xet"))


def test_a_mirror_is_named_and_xet_kept_from_other_hosts(folder: MakeFolder, interpreter: MakeInterpreter) -> None:
    plan = plan_variables(target(hub="https://mirror.example"), folder(), interpreter().hub_version, {})
    assert plan.values()["HF_ENDPOINT"] == "https://mirror.example"
    assert plan.values()["HF_HUB_DISABLE_XET"] == "1"


def test_the_address_of_the_practice_hub_is_not_for_the_files(folder: MakeFolder, interpreter: MakeInterpreter) -> None:
    place = Place(Settings(hub="practice"), endpoint="http://127.0.0.1:1234")
    (endpoint,) = (
        variable
        for variable in plan_variables(place, folder(), interpreter().hub_version, {}).variables
        if variable.name == "HF_ENDPOINT"
    )
    assert (endpoint.value, endpoint.in_files) == ("http://127.0.0.1:1234", False)


@pytest.mark.parametrize(
    ("given", "planned"),
    [({}, PATIENT), ({"HF_HUB_ETAG_TIMEOUT": "60"}, PATIENT[1:]), (dict.fromkeys(PATIENT, "5"), [])],
)
def test_a_timeout_someone_chose_is_respected(
    folder: MakeFolder, interpreter: MakeInterpreter, given: dict[str, str], planned: list[str]
) -> None:
    assert [name for name in names(target(), folder(), interpreter(), **given) if "TIMEOUT" in name] == planned


def test_a_timeout_that_breaks_the_import_is_replaced(folder: MakeFolder, interpreter: MakeInterpreter) -> None:
    plan = plan_variables(target(), folder(), interpreter().hub_version, {"HF_HUB_ETAG_TIMEOUT": "10s"})
    (variable,) = (variable for variable in plan.variables if variable.name == "HF_HUB_ETAG_TIMEOUT")
    assert (variable.before, variable.value) == ("10s", "30")
    assert "breaks the import" in variable.reason


def test_offline_is_said_aloud(folder: MakeFolder, interpreter: MakeInterpreter) -> None:
    assert "HF_HUB_OFFLINE" in names(target(offline=True), folder(), interpreter())
    assert "HF_HUB_OFFLINE" not in names(target(), folder(), interpreter())


def test_what_was_set_before_is_shown_without_credentials(folder: MakeFolder, interpreter: MakeInterpreter) -> None:
    environ = {"HF_ENDPOINT": "https://me:hunter2@old.example"}
    plan = plan_variables(target(hub="https://mirror.example"), folder(), interpreter().hub_version, environ)
    assert "hunter2" not in plan.model_dump_json()
    assert "https://***@old.example" in str(plan)


@pytest.fixture
def run(in_tmp_path: Path) -> OpenRun:
    return open_run(
        run_dir=str(in_tmp_path / "run"),
        hub="https://mirror.example",
        cache_dir=str(in_tmp_path / "hub"),
        artifacts_dir=str(in_tmp_path / "artifacts"),
    )


def test_applying_sets_the_process_and_writes_three_files(
    run: OpenRun, folder: MakeFolder, interpreter: MakeInterpreter
) -> None:
    plan = plan_variables(run, folder(), interpreter().hub_version, {})
    changes = apply_environment(run, plan)
    assert os.environ["HF_HUB_CACHE"] == str(run.cache_dir)
    assert "export HF_ENDPOINT=https://mirror.example" in run.text("env.sh")
    assert "$env:HF_ENDPOINT = 'https://mirror.example'" in run.text("env.ps1")
    assert "HF_ENDPOINT=https://mirror.example" in run.text(".env")
    assert {change.what for change in changes} >= {"env.sh", "env.ps1", ".env", "HF_ENDPOINT in this process"}


def test_what_stops_the_telemetry_of_hf_xet_is_offered_and_not_imposed(
    in_tmp_path: Path, folder: MakeFolder, interpreter: MakeInterpreter
) -> None:
    plan = plan_variables(target(), folder(), interpreter().hub_version, {}, xet_version=Version("1.8.0"))
    assert "HF_XET_TELEMETRY_ENABLED" not in plan.values()
    assert "HF_XET_TELEMETRY_ENABLED" in str(plan)
    files = env_files(plan)
    assert "\n# export HF_XET_TELEMETRY_ENABLED=0\n" in files["env.sh"]
    assert "\n# $env:HF_XET_TELEMETRY_ENABLED = '0'\n" in files["env.ps1"]
    assert "\n# HF_XET_TELEMETRY_ENABLED=0\n" in files[".env"]
    assert all("\n# hf-xet 1.8.0 sends byte counts" in text for text in files.values())


@pytest.mark.parametrize(
    ("settings", "xet", "environ"),
    [
        ({}, "1.6.0", {}),
        ({}, None, {}),
        ({}, "1.8.0", {"HF_HUB_DISABLE_TELEMETRY": "1"}),
        ({}, "1.8.0", {"HF_HUB_DISABLE_XET": "1"}),
        ({"offline": True}, "1.8.0", {}),
        ({"hub": "https://mirror.example"}, "1.8.0", {}),
        ({"hub": "practice"}, "1.8.0", {}),
    ],
)
def test_where_no_telemetry_is_sent_nothing_is_offered(
    folder: MakeFolder,
    interpreter: MakeInterpreter,
    settings: dict[str, Any],
    xet: str | None,
    environ: dict[str, str],
) -> None:
    installed = Version(xet) if xet else None
    plan = plan_variables(target(**settings), folder(), interpreter().hub_version, environ, xet_version=installed)
    assert plan.offered == ()


def test_applying_twice_gives_the_same_bytes(run: OpenRun, folder: MakeFolder, interpreter: MakeInterpreter) -> None:
    plan = plan_variables(run, folder(), interpreter().hub_version, {})
    apply_environment(run, plan)
    files = ("env.sh", "env.ps1", ".env")
    before = {name: (run.folder / name).read_bytes() for name in files}
    apply_environment(run, plan)
    assert {name: (run.folder / name).read_bytes() for name in files} == before


def test_the_plan_is_compared_with_what_hub_makes_of_it(
    run: OpenRun, folder: MakeFolder, interpreter: MakeInterpreter, refused_link: LinkProbe
) -> None:
    plan = plan_variables(run, folder(symlink=refused_link), interpreter("1.32.0").hub_version, {})

    def judged(**constants: Any) -> dict[str, Status]:
        effective = interpreter("1.32.0", hub_constants=constants)
        return {check.id: check.status for check in judge_environment(run, plan, effective)}

    good = {"HF_HUB_CACHE": str(run.cache_dir), "ENDPOINT": run.endpoint, "HF_HUB_DISABLE_SYMLINKS": True}
    assert set(judged(**good).values()) == {Status.OK}
    assert judged(**good | {"HF_HUB_CACHE": "/elsewhere"})["cache-in-effect"] is Status.FAIL
    assert judged(**good | {"ENDPOINT": "https://huggingface.co"})["endpoint-in-effect"] is Status.FAIL
    assert judged(**good | {"HF_HUB_DISABLE_SYMLINKS": False})["symlink-race-closed"] is Status.FAIL


def test_a_hub_that_ignores_the_variable_is_a_warning_for_the_service(
    run: OpenRun, folder: MakeFolder, interpreter: MakeInterpreter, refused_link: LinkProbe
) -> None:
    plan = plan_variables(run, folder(symlink=refused_link), interpreter("1.8.0").hub_version, {})
    constants = {"HF_HUB_CACHE": str(run.cache_dir), "ENDPOINT": run.endpoint}
    checks = judge_environment(run, plan, interpreter("1.8.0", hub_constants=constants))
    race = next(check for check in checks if check.id == "symlink-race-closed")
    assert race.status is Status.WARN
    assert "upgrade to 1.33.0" in race.remedy

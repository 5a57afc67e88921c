"""Every drill from its failure to a run that ends well, by what the output says and nothing else."""

import html
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from click.testing import CliRunner

from runbook_lib.cli import runbook
from runbook_lib.errors import ExitCode, SettingsError
from runbook_lib.practice.drills.catalogue import DRILLS, drill_named
from runbook_lib.practice.drills.machines import MIRROR_PORT
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.folder import STAGES
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.settings import DRILL_NAMES
from runbook_lib.run.target import resolve_target

Engineer = Callable[..., Any]


def test_settings_and_catalogue_name_the_same_drills() -> None:
    assert tuple(drill.name for drill in DRILLS) == DRILL_NAMES
    assert {drill.stage for drill in DRILLS} <= set(STAGES)


def test_the_page_names_every_drill_with_its_stage() -> None:
    page = (Path(__file__).parents[2] / "docs" / "drills.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| (\w+) \|", page, re.MULTILINE)
    assert rows == [(drill.name, drill.stage) for drill in DRILLS]


def test_the_list_names_every_drill() -> None:
    listed = CliRunner().invoke(runbook, ["drills"]).output
    assert all(drill.name in listed and drill.stage in listed for drill in DRILLS)
    (shown,) = json.loads(CliRunner().invoke(runbook, ["drills", "full-disk", "--json"]).output)
    assert shown["played"].startswith("A simulation")


def test_an_unknown_drill_names_the_nearest() -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_settings({"hub": "practice", "drill": "corupt"}, environ={})
    assert "the nearest drill is 'corrupt'" in caught.value.why


@pytest.mark.parametrize("hub", ["", "https://hub.example.org"])
def test_a_drill_is_never_played_on_a_real_hub(hub: str) -> None:
    with pytest.raises(SettingsError, match="cannot be used: 'corrupt'"):
        resolve_settings({"hub": hub, "drill": "corrupt"}, environ={})


def test_a_drill_that_damages_takes_no_cache_of_others(tmp_path: Path) -> None:
    settings = resolve_settings({"hub": "practice", "drill": "corrupt", "cache_dir": str(tmp_path)}, environ={}).values
    with pytest.raises(SettingsError, match="works only in its own folders"):
        resolve_target(settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can take the privilege from a process")
def test_refused_symlinks_are_fixed_by_other_links(do: Engineer, drill: Engineer) -> None:
    failed = drill("no-symlinks", only="configure_env")
    assert failed.failed_in("configure_env", ExitCode.USAGE)
    assert "errno 22" in failed.text
    fixed = do(failed.go_on(), only="configure_env")
    assert fixed.exit_code == 0
    (record, *_) = sorted(Path("runs").glob("*/02_configure_env.json"))
    assert json.loads(record.read_text(encoding="utf-8"))["facts"]["links"] == "hardlink"


def test_corrupted_weights_are_fixed_by_repair(do: Engineer, drill: Engineer) -> None:
    assert drill("corrupt", only="download").exit_code == 0
    run_dir = next(Path("runs").glob("*/run.json")).parent
    failed = do(f"runbook run --run-dir {run_dir}", only="verify")
    assert failed.failed_in("verify")
    assert "wrong hash" in failed.text
    assert "runbook repair" in failed.remedy
    assert do(failed.fix()).exit_code == 0
    assert do(failed.go_on(), only="verify").exit_code == 0


def test_a_short_body_is_fixed_by_running_again(do: Engineer, drill: Engineer) -> None:
    failed = drill("truncated", only="download")
    assert failed.failed_in("download")
    assert "should be of size" in failed.text
    assert failed.remedy.startswith("Run again")
    assert do(failed.go_on(), only="download").exit_code == 0


def test_a_stalled_hub_is_fixed_by_the_filled_cache(do: Engineer, drill: Engineer) -> None:
    failed = drill("stalled-hub", only="download")
    assert failed.failed_in("download", ExitCode.TRY_LATER)
    assert "timed out" in failed.text
    assert "-p offline true" in failed.remedy
    assert do(failed.go_on(), only="download").exit_code == 0


def test_a_full_disk_is_fixed_by_another_volume(do: Engineer, drill: Engineer) -> None:
    failed = drill("full-disk", only="download")
    assert failed.failed_in("download")
    assert "there is room" in failed.text
    assert not list(drill_named("full-disk").home.rglob("blobs"))
    assert do(failed.go_on(), only="download").exit_code == 0
    assert list(drill_named("full-disk").home.with_name("full-disk-other-volume").glob("models--*"))


@pytest.mark.xdist_group("mirror port")
def test_a_block_page_is_fixed_by_a_mirror(do: Engineer, drill: Engineer) -> None:
    failed = drill("block-page", only="detect")
    assert failed.failed_in("detect")
    assert "text/html" in failed.text
    assert "runbook hub" in failed.remedy
    assert failed.beside() == f"runbook hub --port {MIRROR_PORT}"
    with PracticeHub(port=MIRROR_PORT):  # what that command serves
        assert do(failed.go_on(), only="detect").exit_code == 0


def test_old_artifacts_are_fixed_by_downloading_once(do: Engineer, drill: Engineer) -> None:
    failed = drill("old-artifacts", only="detect")
    assert failed.failed_in("detect")
    assert do(failed.go_on(), only="download").exit_code == 0
    artifacts = drill_named("old-artifacts").home / "artifacts"
    assert {path.name for path in artifacts.iterdir()} >= {"docling-project--docling-layout-heron"}


def test_lost_listings_are_fixed_by_the_lock_file(do: Engineer, drill: Engineer) -> None:
    failed = drill("lost-listings", only="download")
    assert failed.failed_in("download")
    assert "the list of its files is missing: trees/" in failed.text
    assert do(failed.go_on(), only="download").exit_code == 0
    assert list((drill_named("lost-listings").home / "hub").glob("models--*/trees/*.json"))


def test_a_stale_token_is_fixed_by_removing_its_file(do: Engineer, drill: Engineer) -> None:
    failed = drill("stale-token", only="download")
    assert failed.failed_in("download")
    assert "401" in failed.text
    named = re.search(r"Remove the file (\S+)", failed.remedy)
    assert named is not None, failed.remedy
    Path(named[1]).unlink()
    assert do(failed.go_on().partition(" ")[2], only="download").exit_code == 0


def test_a_stale_token_is_fixed_by_sending_none(do: Engineer, drill: Engineer, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = drill("stale-token", only="download")
    variable, command = failed.go_on().split(" ", 1)  # as a POSIX shell reads it
    monkeypatch.setenv(*variable.split("="))
    assert do(command, only="download").exit_code == 0


def test_the_report_says_what_the_terminal_says(drill: Engineer) -> None:
    failed = drill("full-disk", only="download")
    page = failed.report
    assert "Free space, or name other volumes" in failed.remedy
    assert "Free space, or name other volumes" in page
    commands = re.findall(r'<code class="command">(.*?)</code>', page)
    assert failed.go_on() in [html.unescape(re.sub(r"<[^>]+>", "", command)) for command in commands]


@pytest.mark.slow
def test_a_whole_run_is_fixed_and_converts(do: Engineer, drill: Engineer) -> None:
    failed = drill("corrupt", "-p", "models", "docling")
    assert failed.failed_in("verify")
    assert do(failed.fix()).exit_code == 0
    fixed = do(failed.go_on())
    assert fixed.exit_code == 0
    assert "A document converts on this machine, now, with the network cut off: " in fixed.text


def test_a_drill_begins_afresh(home: Path) -> None:
    drill = drill_named("stale-token")
    drill.begin()
    token = drill.home / "token"
    token.unlink()
    (drill.home / "rubbish").write_text("left by an earlier run", encoding="utf-8")
    drill.begin()
    assert {path.name for path in drill.home.iterdir()} == {"token"}
    assert drill.home.is_relative_to(platformdirs.user_cache_path("docling-runbook"))


def test_the_engineers_token_stays_out_of_a_drill(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "a token of their own")
    drill_named("stale-token").enter()
    assert "HF_TOKEN" not in os.environ

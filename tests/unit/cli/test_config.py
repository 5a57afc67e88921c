"""`runbook config` and `runbook init`, called as commands."""

import json
import os
import tomllib
from pathlib import Path

import pytest

from runbook_lib.run.opening import prepare_run
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.settings import Settings
from runbook_lib.run.settings_file import settings_file
from tests.command_line import Ended

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def settings_of(out: str) -> dict[str, dict[str, object]]:
    return {setting["name"]: setting for setting in json.loads(out)["settings"]}


def test_each_setting_says_its_value_and_where_it_comes_from(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path("runbook.toml").write_text('links = "copy"\nkeep = "runs=3"\n', encoding="utf-8")
    monkeypatch.setenv("RUNBOOK_LINKS", "hardlink")
    code, out, _err = ended("config", "--json", "-p", "offline", "true")
    shown = settings_of(out)
    assert (code, list(shown)) == (0, list(Settings.model_fields))
    assert (shown["links"]["value"], shown["links"]["given_by"]) == ("hardlink", "environment: RUNBOOK_LINKS")
    assert (shown["keep"]["value"], shown["keep"]["given_by"]) == ("runs=3", f"file: {tmp_path / 'runbook.toml'}")
    assert (shown["offline"]["value"], shown["offline"]["given_by"]) == (True, "parameter: -p offline")
    assert (shown["models"]["value"], shown["models"]["from"]) == ("docling", "default")
    text = ended("config")[1]
    assert "environment: RUNBOOK_LINKS" in text
    assert "(empty)" in text


def test_the_settings_of_a_run_are_those_it_was_made_with(ended: Ended) -> None:
    prepare_run({"run_dir": "r", "models": "org/name"}, explicit=True)
    shown = settings_of(ended("config", "--run-dir", "r", "--json")[1])
    assert (shown["models"]["value"], shown["models"]["from"]) == ("org/name", "run")
    assert ended("config", "--run-dir", "typo")[0] == 2


def test_a_secret_in_a_setting_is_starred_out(ended: Ended) -> None:
    token = "hf_" + "a" * 34
    out = ended("config", "-p", "cache_dir", f"/data/{token}", "--json")[1]
    assert "aaaa" not in out
    assert "hf_***" in out


def test_a_setting_that_cannot_be_used_is_one_error(ended: Ended) -> None:
    code, out, err = ended("config", "-p", "linkz", "copy")
    assert (code, out) == (2, "")
    assert "'links'" in err


def test_init_writes_a_file_that_changes_nothing_until_it_is_edited(ended: Ended) -> None:
    code, out, _err = ended("init")
    assert (code, out) == (0, "runbook.toml\n")
    text = Path("runbook.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {}
    assert resolve_settings().values == Settings()
    uncommented = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines())
    for line in uncommented.splitlines():
        if " = " in line and not line.startswith("#"):
            name, value = next(iter(tomllib.loads(line).items())) if not line.startswith("What") else ("", None)
            assert name == "" or value == Settings.model_fields[name].default


def test_init_never_overwrites_without_being_told(ended: Ended) -> None:
    Path("runbook.toml").write_text('links = "copy"\n', encoding="utf-8")
    code, out, err = ended("init")
    assert (code, out) == (2, "")
    assert "--force" in err
    assert Path("runbook.toml").read_text(encoding="utf-8") == 'links = "copy"\n'
    assert ended("init", "--force", "-p", "keep", "runs=3")[0] == 0
    assert tomllib.loads(Path("runbook.toml").read_text(encoding="utf-8")) == {"keep": "runs=3"}


@pytest.mark.skipif(os.name == "nt", reason="links take a privilege there")
def test_init_keeps_a_link_that_leads_nowhere(ended: Ended) -> None:
    Path("runbook.toml").symlink_to("unmounted/runbook.toml")
    assert ended("init")[0] == 2
    assert Path("runbook.toml").is_symlink()


def test_init_refuses_what_no_file_may_hold_and_writes_nothing(ended: Ended) -> None:
    assert ended("init", "-p", "hub", "https://user:secret@hub.example.org")[0] == 2
    assert ended("init", "-p", "nope", "1")[0] == 2
    assert not Path("runbook.toml").exists()


@pytest.mark.parametrize("path", ["C:\\srv\\new\\table", "it's", 'say "so"', "dir\\it's", "caf\u00e9", "tab\there"])
def test_every_value_is_read_back_as_it_was_given(path: str) -> None:
    assert tomllib.loads(settings_file({"cache_dir": path})) == {"cache_dir": path}

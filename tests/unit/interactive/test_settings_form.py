from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import SettingsError
from runbook_lib.interactive.settings_form import SettingsForm
from runbook_lib.run.opening import OpenRun, open_run, prepare_run
from runbook_lib.run.settings import Settings


def opened_with(form: SettingsForm) -> OpenRun:
    return form.open_run()


@pytest.fixture
def form(practice_run: OpenRun) -> SettingsForm:
    return SettingsForm(practice_run)


def test_every_setting_has_a_field_with_its_value_and_origin(form: SettingsForm, hands: Callable[[Any], Any]) -> None:
    person = hands(form)
    assert [person.field(name).description for name in Settings.model_fields] == list(Settings.model_fields)
    assert person.field("hub").value == "practice"
    assert person.field("links").options == ("auto", "symlink", "hardlink", "copy")
    assert person.field("offline").value is False
    assert person.words().count("from parameter") == 5
    assert "Nothing is changed." in person.words()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("hub", "ftp://mirror", "must be empty, 'practice' or a URL"),
        ("models", "heron", "is not of the form org/name"),
        ("probe_limit_s", "soon", "valid number"),
        ("practice_pad_mb", "-1", "greater than or equal to 0"),
        ("document", "/no/such.pdf", "there is no '/no/such.pdf'"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_while_one_types(
    form: SettingsForm, hands: Callable[[Any], Any], name: str, value: str, reason: str
) -> None:
    person = hands(form)
    person.field(name).value = value
    assert "Cannot be used:" in person.words()
    assert reason in person.words()
    assert f"Not usable yet: {name}." in person.words()
    with pytest.raises(SettingsError, match=name):
        form.parameters()


def test_a_refused_value_is_escaped(form: SettingsForm, hands: Callable[[Any], Any]) -> None:
    person = hands(form)
    person.field("models").value = "<img src=x onerror=alert(1)>"
    assert "<img" not in person.html()
    assert "&lt;img src=x" in person.html()


def test_a_fixed_value_is_taken_with_its_type(form: SettingsForm, hands: Callable[[Any], Any]) -> None:
    person = hands(form)
    person.field("probe_limit_s").value = "soon"
    person.field("probe_limit_s").value = "2.5"
    assert "Cannot be used" not in person.words()
    assert "Changed here: probe_limit_s." in person.words()
    assert form.parameters()["probe_limit_s"] == 2.5


def test_untouched_parameters_continue_the_same_run(form: SettingsForm, practice_run: OpenRun) -> None:
    assert opened_with(form).folder == practice_run.folder


def test_a_change_that_binds_the_run_opens_another_one(
    form: SettingsForm, practice_run: OpenRun, hands: Callable[[Any], Any], tmp_path: Path
) -> None:
    hands(form).field("cache_dir").value = str(tmp_path / "elsewhere")
    opened = opened_with(form)
    assert opened.folder != practice_run.folder
    assert opened.cache_dir == tmp_path / "elsewhere"
    assert opened.settings.hub == "practice"


def test_the_way_back_from_practice_is_a_choice_like_any_other(
    form: SettingsForm, hands: Callable[[Any], Any], tmp_path: Path
) -> None:
    hands(form).field("hub").value = ""
    run = form.open_run()
    assert (run.settings.hub, run.practice, run.resolved.origins["hub"]) == ("", False, "form")


def test_what_was_chosen_is_taken_over_by_the_next_notebook_and_said(
    in_tmp_path: Path, hands: Callable[[Any], Any]
) -> None:
    form = SettingsForm(open_run(new=True, hub="https://mirror.example"))
    person = hands(form)
    person.field("hub").value = "practice"
    person.field("practice_pad_mb").value = "3"
    person.press("Use these settings")
    person.await_words("The next notebooks take these settings over.")
    assert "Practice: random weights" in person.words()
    chosen = form.open_run()
    assert form.open_run().folder == chosen.folder, "using them again opens no other run"

    first = open_run(new=True, hub="", models="docling")
    assert (first.settings.hub, first.settings.practice_pad_mb, first.practice) == ("practice", 3, True)
    assert "Chosen in the form of 00_start_here: hub = 'practice', practice_pad_mb = 3." in str(first)
    assert open_run(hub="").folder == first.folder
    assert open_run(new=True).practice, "and by the one after it"
    assert open_run(new=True, hub="https://mirror.example").settings.hub == "https://mirror.example"


def test_a_command_takes_nothing_over_from_the_form(in_tmp_path: Path, hands: Callable[[Any], Any]) -> None:
    form = SettingsForm(open_run(new=True, hub="https://mirror.example"))
    hands(form).field("hub").value = "practice"
    assert form.open_run().practice
    assert not prepare_run({}, new=True, explicit=True).header().practice

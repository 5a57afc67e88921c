"""What each version of huggingface_hub does about missing symlinks and interrupted downloads."""

import pytest
from packaging.version import Version

from runbook_lib.quirks.hub_versions import has_race, obeys_variable, remedy_for, resumes_downloads


@pytest.mark.parametrize(
    ("version", "race", "obeys", "remedy"),
    [
        ("0.25.2", True, False, "settle the probe"),
        ("1.8.0", True, False, "settle the probe"),
        ("1.9.0", True, True, "HF_HUB_DISABLE_SYMLINKS=1"),
        ("1.32.0", True, True, "HF_HUB_DISABLE_SYMLINKS=1"),
        ("1.33.0rc1", True, True, "HF_HUB_DISABLE_SYMLINKS=1"),
        ("1.33.0", False, True, "nothing is needed"),
        ("2.0.0", False, True, "nothing is needed"),
        (None, True, False, "settle the probe"),
    ],
)
def test_what_a_version_does(version: str | None, race: bool, obeys: bool, remedy: str) -> None:
    parsed = Version(version) if version else None
    assert (has_race(parsed), obeys_variable(parsed)) == (race, obeys)
    assert remedy_for(parsed).startswith(remedy)


@pytest.mark.parametrize(("version", "resumes"), [("0.36.2", True), ("1.17.0", True), ("1.18.0", False), (None, False)])
def test_only_versions_before_1_18_go_on_with_an_incomplete_file(version: str | None, resumes: bool) -> None:
    assert resumes_downloads(Version(version) if version else None) is resumes

"""The remedy for the installed versions."""

import pytest

from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.quirks.remedies import affected_by, installed_versions, remedy_for, versions_sentence

SYMLINK = load_catalogue().quirk("quirk-001")


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("0.25.2", "does nothing before 1.9.0"),
        ("1.8.0", "are_symlinks_supported"),
        ("1.9.0", "set HF_HUB_DISABLE_SYMLINKS=1"),
        ("1.32.0", "set HF_HUB_DISABLE_SYMLINKS=1"),
        ("1.33.0", "has the fix"),
        ("2.0.0rc1", "has the fix"),
    ],
)
def test_the_remedy_for_the_symlink_race_depends_on_the_version_of_the_hub_client(version: str, words: str) -> None:
    assert words in remedy_for(SYMLINK, {"huggingface-hub": version})


def test_without_the_version_every_remedy_is_given_with_its_condition() -> None:
    remedy = remedy_for(SYMLINK, {})
    assert "With huggingface_hub <1.9.0: " in remedy
    assert "With huggingface_hub >=1.33.0: " in remedy


def test_without_the_version_the_unconditional_remedy_comes_last() -> None:
    remedy = remedy_for(load_catalogue().quirk("xet-blocked-or-stalled"), {})
    assert remedy.index("With hf_xet >=1.4.3") < remedy.index("Else: ")


def test_a_version_that_is_no_version_counts_as_unknown() -> None:
    assert remedy_for(SYMLINK, {"huggingface_hub": "main"}) == remedy_for(SYMLINK, {})


def test_the_remedy_depends_on_the_platform_the_log_comes_from() -> None:
    quirk = load_catalogue().quirk("jupyter-secure-write")
    assert "%LOCALAPPDATA%" in remedy_for(quirk, {}, "windows")
    assert "mktemp" in remedy_for(quirk, {}, "linux")


def test_every_quirk_has_a_remedy_for_any_versions_on_any_platform() -> None:
    for quirk in load_catalogue():
        for platform in ("windows", "linux", "macos", None):
            assert remedy_for(quirk, {}, platform)
            assert remedy_for(quirk, installed_versions(entry.package for entry in quirk.packages), platform)


@pytest.mark.parametrize(("version", "affected"), [("1.32.0", True), ("1.33.0", False), ("1.34.0.dev0", False)])
def test_whether_the_installed_version_is_affected(version: str, affected: bool) -> None:
    assert affected_by(SYMLINK, {"huggingface_hub": version}) is affected


def test_nothing_is_said_about_versions_that_are_not_known() -> None:
    assert affected_by(SYMLINK, {}) is None
    assert versions_sentence(SYMLINK, {}) == ""


def test_a_fixed_version_is_said_to_point_at_another_environment() -> None:
    assert "another environment" in versions_sentence(SYMLINK, {"huggingface_hub": "1.33.0"})


def test_the_installed_versions_come_from_metadata() -> None:
    assert installed_versions(["pydantic", "no-such-package"]).keys() == {"pydantic"}

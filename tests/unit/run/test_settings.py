"""Where each setting comes from, and which are refused."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import SettingsError
from runbook_lib.run.setting_sources import ResolvedSettings, resolve_settings
from runbook_lib.run.settings import Settings

Resolve = Callable[..., ResolvedSettings]


@pytest.fixture
def resolve(tmp_path: Path) -> Resolve:
    """Resolve with nothing but what the test gives."""
    path = tmp_path / "runbook.toml"

    def call(
        parameters: Mapping[str, object] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        toml: str | None = None,
        run: Mapping[str, object] | None = None,
    ) -> ResolvedSettings:
        if toml is not None:
            path.write_text(toml, encoding="utf-8")
        return resolve_settings(parameters, run=run, environ=environ or {}, file=path)

    return call


def test_without_sources_everything_is_default(resolve: Resolve) -> None:
    resolved = resolve()
    assert resolved.values == Settings()
    assert set(resolved.origins.values()) == {"default"}
    assert set(resolved.origins) == set(Settings.model_fields)


def test_each_source_beats_the_ones_below_it(resolve: Resolve) -> None:
    resolved = resolve(
        {"probe_limit_s": 1},
        environ={"RUNBOOK_PROBE_LIMIT_S": "2", "RUNBOOK_LINKS": "copy"},
        toml="probe_limit_s = 3\nlinks = 'hardlink'\noffline = true",
    )
    values, origins = resolved.values, resolved.origins
    assert (values.probe_limit_s, values.links, values.offline, values.pipeline) == (1.0, "copy", True, "")
    names = ("probe_limit_s", "links", "offline", "pipeline")
    assert [origins[name] for name in names] == ["parameter", "environment", "runbook.toml", "default"]


def test_a_parameter_equal_to_its_default_does_not_hide_the_environment(resolve: Resolve) -> None:
    resolved = resolve({"models": "docling", "hub": ""}, environ={"RUNBOOK_MODELS": "a/b", "RUNBOOK_HUB": "practice"})
    assert (resolved.values.models, resolved.values.hub) == ("a/b", "practice")
    assert resolved.origins["models"] == "environment"


def test_the_environment_may_set_a_default_against_the_file(resolve: Resolve) -> None:
    resolved = resolve(
        environ={"RUNBOOK_MODELS": "docling", "RUNBOOK_LINKS": "auto"}, toml="models='a/b'\nlinks='copy'"
    )
    assert (resolved.values.models, resolved.values.links) == ("docling", "auto")
    assert resolved.origins["models"] == "environment"


def test_a_continued_run_stands_in_for_environment_and_file(resolve: Resolve) -> None:
    resolved = resolve(
        {"pipeline": "ocr=auto"},
        run={"links": "copy", "offline": False},
        environ={"RUNBOOK_LINKS": "symlink", "RUNBOOK_NONSENSE": "x"},
        toml="offline = true",
    )
    assert (resolved.values.links, resolved.values.offline, resolved.values.pipeline) == ("copy", False, "ocr=auto")
    assert (resolved.origins["links"], resolved.origins["pipeline"]) == ("run", "parameter")


@pytest.mark.parametrize("name", ["RUNBOOK_DEBUG", "RUNBOOK_HEADLESS"])
def test_switches_of_the_program_are_no_settings(resolve: Resolve, name: str) -> None:
    assert resolve(environ={name: "1"}).values == Settings()


def test_an_empty_variable_counts_as_not_set(resolve: Resolve) -> None:
    assert resolve(environ={"RUNBOOK_OFFLINE": "", "RUNBOOK_HUB": ""}).origins["offline"] == "default"


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("cachedir", "cache_dir"), ("model", "models"), ("off_line", "offline"), ("documents", "document")],
)
def test_an_unknown_parameter_names_the_nearest(resolve: Resolve, given: str, nearest: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve({given: "x"})
    assert caught.value.what == f"'{given}' is not a parameter of the runbook."
    assert caught.value.remedy.startswith(f"The nearest known parameter is {nearest!r}. Known: ")
    assert set(Settings.model_fields) <= {word.strip("',.") for word in caught.value.remedy.split()}


def test_a_name_like_no_other_still_gets_a_nearest_one(resolve: Resolve) -> None:
    with pytest.raises(SettingsError, match=r"The nearest known parameter is '\w+'"):
        resolve({"0": "x"})


def test_an_unknown_variable_is_refused(resolve: Resolve) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve(environ={"RUNBOOK_CACHEDIR": "/x"})
    assert "'cachedir'" in caught.value.what
    assert "environment" in caught.value.why
    assert "'cache_dir'" in caught.value.remedy


def test_an_unknown_entry_of_the_file_is_refused(resolve: Resolve) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve(toml="[download]\nlimit = 3")
    assert "runbook.toml" in caught.value.why


def test_a_broken_file_is_named_with_the_place(resolve: Resolve, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve(toml="links = \n")
    assert str(tmp_path / "runbook.toml") in caught.value.what
    assert "line 1" in caught.value.why


def test_a_file_that_is_not_utf8_is_refused(resolve: Resolve, tmp_path: Path) -> None:
    (tmp_path / "runbook.toml").write_bytes(b"hub = '\xff'")
    with pytest.raises(SettingsError, match="cannot be read"):
        resolve()


WRONG_VALUES = {
    "run_dir": 3,
    "hub": "ftp://example.org",
    "models": "just-a-name",
    "cache_dir": ["x"],
    "artifacts_dir": 1.5,
    "links": "junction",
    "offline": "perhaps",
    "document": "there-is-no-such-file.pdf",
    "target_python": "there-is-no-such-python",
    "pipeline": "ocr=perhaps",
    "ocr_mirror": "modelscope.cn",
    "service_url": "127.0.0.1:5001",
    "lock_file": "there-is-no-such-lock.json",
    "probe_limit_s": "soon",
    "download_limit_s": 0,
    "convert_limit_s": "inf",
    "practice_pad_mb": 1.5,
    "practice_head": "third",
    "keep": "runs=0",
    "copy_to": "ftp://host/runs",
    "drill": "corupt",
}


def test_every_setting_has_a_wrong_value_to_test() -> None:
    assert set(WRONG_VALUES) == set(Settings.model_fields)


@pytest.mark.parametrize(("name", "value"), WRONG_VALUES.items(), ids=list(WRONG_VALUES))
def test_a_wrong_value_is_refused_by_name_and_origin(resolve: Resolve, name: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve({name: value})
    assert caught.value.what.startswith(f"Parameter {name!r} has a value that cannot be used: {value!r}")
    assert caught.value.why.endswith("(given as parameter).")
    assert caught.value.remedy == f"{name}: {Settings.model_fields[name].description}."


@pytest.mark.parametrize(
    "models", ["", " ", "a/b,", "a/b/c", "a b/c", "../b", "a/..", "/b", "a/", "a/b;c/d", "docling,a/b"]
)
def test_models_that_are_no_repositories_are_refused(resolve: Resolve, models: str) -> None:
    with pytest.raises(SettingsError):
        resolve({"models": models})


def test_models_may_name_revisions(resolve: Resolve) -> None:
    refs = resolve({"models": "a/b@refs/pr/1, c.d/e_f, g/h@"}).values.model_refs()
    assert refs == (ModelRef("a/b", "refs/pr/1"), ModelRef("c.d/e_f", "main"), ModelRef("g/h", "main"))
    assert resolve().values.model_refs() is None


@pytest.mark.parametrize("url", ["https://user:hunter2@mirror.example", "http://hunter2@mirror.example/hf"])
def test_credentials_in_the_hub_are_refused_and_not_repeated(resolve: Resolve, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve({"hub": url})
    assert "must not carry" in caught.value.why
    assert "hunter2" not in str(caught.value)
    assert "***@mirror.example" in caught.value.what


@pytest.mark.parametrize("name", ["ocr_mirror", "service_url"])
@pytest.mark.parametrize("url", ["http://user:hunter2@127.0.0.1:5001", "http://127.0.0.1:5001/?key=hunter2"])
def test_credentials_in_other_addresses_are_refused_and_not_repeated(resolve: Resolve, name: str, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve({name: url})
    assert "hunter2" not in str(caught.value)
    assert name in caught.value.what


def test_a_service_is_named_by_its_address(resolve: Resolve) -> None:
    assert resolve({"service_url": "http://127.0.0.1:5001/"}).values.service_url == "http://127.0.0.1:5001"
    with pytest.raises(SettingsError, match="service_url"):
        resolve({"service_url": "127.0.0.1:5001"})


def test_a_hub_url_loses_its_trailing_slash(resolve: Resolve) -> None:
    assert resolve({"hub": "https://mirror.example/hf/"}).values.hub == "https://mirror.example/hf"


def test_folders_become_absolute(resolve: Resolve, in_tmp_path: Path) -> None:
    values = resolve({"run_dir": "my run", "cache_dir": "~/cache"}).values
    assert values.run_dir == str(Path.cwd() / "my run")
    assert values.cache_dir == str(Path("~/cache").expanduser())


def test_files_become_absolute_and_may_start_at_home(
    resolve: Resolve, in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(in_tmp_path))
    monkeypatch.setenv("USERPROFILE", str(in_tmp_path))
    (in_tmp_path / "a.pdf").write_bytes(b"")
    assert resolve({"document": "a.pdf"}).values.document == str(Path.cwd() / "a.pdf")
    assert resolve(toml="document = '~/a.pdf'").values.document == str(in_tmp_path / "a.pdf")


@pytest.mark.skipif(os.name == "nt", reason="every user has a home there")
def test_an_unknown_home_is_a_settings_error(resolve: Resolve) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve({"cache_dir": "~no-such-user-here/cache"})
    assert "home" in caught.value.why


def test_the_table_shows_value_and_origin(resolve: Resolve) -> None:
    text = str(resolve({"links": "copy"}))
    line = next(line for line in text.splitlines() if line.startswith("links "))
    assert line.split() == ["links", "copy", "parameter"]

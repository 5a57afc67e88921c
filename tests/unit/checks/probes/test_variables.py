"""Variables that mean something else than they seem to."""

from pathlib import Path

import pytest

from runbook_lib.checks.probes.variables import hub_home, judge_late, judge_obsolete, judge_variables
from runbook_lib.run.check import Status


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"HF_HOME": ""}, "HF_HOME is empty"),
        ({"HF_XET_CACHE": " "}, "HF_XET_CACHE is empty"),
        ({"HF_ENDPOINT": ""}, "no host would be asked"),
        ({"HF_HOME": "models/hf"}, "HF_HOME is a relative path"),
        ({"HF_HUB_CACHE": "/a", "HUGGINGFACE_HUB_CACHE": "/b"}, "differ"),
        ({"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"}, "the first wins"),
        ({"HF_HUB_DOWNLOAD_TIMEOUT": "30s"}, "importing huggingface_hub fails"),
        ({"TRANSFORMERS_CACHE": "/models"}, "TRANSFORMERS_CACHE has no effect"),
        ({"DOCLING_SERVE_ARTIFACTS_PATH": "/models"}, "the library reads DOCLING_ARTIFACTS_PATH"),
        ({"DOCLING_ARTIFACTS_PATH": ""}, "docling would look for its models in the working folder"),
    ],
)
def test_a_variable_that_misleads_about_places_is_named(environ: dict[str, str], said: str) -> None:
    verdict = judge_variables(environ)
    assert verdict.status is Status.WARN
    assert said in verdict.evidence
    assert verdict.quirk == ""


def test_a_file_of_certificates_that_is_not_there_misleads(tmp_path: Path) -> None:
    verdict = judge_variables({"SSL_CERT_FILE": str(tmp_path / "none.pem")})
    assert (verdict.status, verdict.quirk) == (Status.WARN, "ssl-cert-file-bad")
    assert "does not exist" in verdict.evidence
    assert judge_variables({"SSL_CERT_FILE": str(tmp_path)}).status is Status.OK


@pytest.mark.parametrize("value", ["y", "t", "enabled", "2"])
def test_a_flag_that_only_looks_true_is_a_matter_of_spelling(value: str) -> None:
    verdict = judge_variables({"HF_HUB_OFFLINE": value})
    assert "HF_HUB_OFFLINE counts as false" in verdict.evidence
    assert verdict.quirk == "env-read-at-import"


@pytest.mark.parametrize("value", ["1", "on", "Yes", "TRUE", "0", "off", "no", "False", ""])
def test_a_flag_in_the_spelling_that_is_read_is_fine(value: str) -> None:
    assert judge_variables({"HF_HUB_OFFLINE": value}).status is Status.OK


def test_docling_serve_with_both_variables_is_fine() -> None:
    environ = {"DOCLING_SERVE_ARTIFACTS_PATH": "/models", "DOCLING_ARTIFACTS_PATH": "/models"}
    assert judge_variables(environ).status is Status.OK


def test_late_variables_are_a_warning_only_after_the_import() -> None:
    assert judge_late((), imported=False).status is Status.OK
    assert judge_late((), imported=True).status is Status.OK
    late = judge_late(("HF_HUB_OFFLINE",), imported=True)
    assert late.status is Status.WARN
    assert "Restart the kernel" in late.remedy


def test_an_obsolete_variable_is_named_with_its_reason() -> None:
    assert judge_obsolete({}).status is Status.OK
    assert "HF_HUB_ENABLE_HF_TRANSFER" in judge_obsolete({"HF_HUB_ENABLE_HF_TRANSFER": "1"}).evidence


def test_the_home_follows_the_order_of_the_variables() -> None:
    assert hub_home({"HF_HOME": "/hf", "XDG_CACHE_HOME": "/xdg", "HF_HUB_CACHE": "/elsewhere"}) == Path("/hf")
    assert hub_home({"XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/huggingface")


def test_a_variable_of_docling_serve_is_idle_only_without_docling_serve() -> None:
    environ = {"DOCLING_SERVE_ARTIFACTS_PATH": "/models"}
    assert "has no effect" in judge_variables(environ).evidence
    assert judge_variables(environ, serve=True).status is Status.OK

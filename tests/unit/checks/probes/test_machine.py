"""What stages stand on: each check failing alone, and the looks that several share."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import run_probes
from runbook_lib.checks.probes.machine import (
    PROBES,
    judge_hub,
    judge_imports,
    judge_installed,
    judge_links,
    judge_models,
    judge_pipeline,
    judge_race,
    judge_space,
    judge_writable,
)
from runbook_lib.checks.probes.variables import judge_variables
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.pipeline.wanted import MissingPart, Wanted, WantedOcr, WantedRepository
from runbook_lib.run.check import Check, Status, Verdict
from runbook_lib.run.interpreter import InterpreterFacts
from runbook_lib.system.filesystem import FolderFacts, LinkProbe
from runbook_lib.system.network import NetworkFacts

MakeContext = Callable[..., ProbeContext]
MakeFolder = Callable[..., FolderFacts]
MakeInterpreter = Callable[..., InterpreterFacts]
MakeNetwork = Callable[..., NetworkFacts]
MODEL = ModelRef("docling-project/docling-models", "v2.3.0")
WANTED = Wanted(
    repositories=(WantedRepository(repo_id=MODEL.repo_id, revision=MODEL.revision, stage="TableStructureModel"),)
)


def checks(context: ProbeContext) -> dict[str, Check]:
    return {check.id: check for check in run_probes(context, PROBES)}


def in_trouble(verdict: Verdict) -> Verdict:
    assert verdict.needs_hand
    assert verdict.evidence
    assert verdict.remedy
    return verdict


def test_a_machine_in_order_passes_every_check_that_is_asked(
    context: MakeContext, interpreter: MakeInterpreter, tmp_path: Path
) -> None:
    known = {"models": (MODEL,), "wanted": WANTED}
    made = context(offline=True, **known, run_folder=tmp_path / "run", interpreter=interpreter())
    found = checks(made)
    assert list(found) == [probe.id for probe in PROBES]
    others = {check_id: check.status for check_id, check in found.items() if check.status is not Status.OK}
    assert others in ({"hub-reachable": Status.SKIP}, {"hub-reachable": Status.SKIP, "free-space": Status.WARN})


def test_nobody_is_told_of_what_was_not_asked(context: MakeContext) -> None:
    found = checks(context(offline=True))
    for check_id in ("huggingface-hub-imports", "run-writable", "models-known", "pipeline-complete"):
        assert found[check_id].status is Status.SKIP


def test_a_missing_package_names_the_interpreter_it_is_missing_from() -> None:
    verdict = in_trouble(judge_installed(None, "/venv/bin/python"))
    assert verdict.status is Status.FAIL
    assert verdict.remedy == "Install it there: /venv/bin/python -m pip install docling"


def test_a_hub_that_cannot_be_imported_is_a_warning_with_its_reason(interpreter: MakeInterpreter) -> None:
    problem = "ValueError: invalid literal for int() with base 10: '10s'"
    verdict = in_trouble(judge_imports(interpreter(hub_problem=problem)))
    assert (verdict.status, verdict.evidence) == (Status.WARN, problem)


@pytest.mark.parametrize("role", ["cache", "artifacts", "run"])
def test_a_folder_that_cannot_be_written(context: MakeContext, folder: MakeFolder, role: str, tmp_path: Path) -> None:
    made = context(offline=True, run_folder=tmp_path)
    made._looks.take(
        f"{role} folder", lambda: folder(role, writable=False, write_evidence="errno 30: Read-only file system")
    )
    check = checks(made)[f"{role}-writable"]
    assert (check.status, check.quirk) == (Status.FAIL, "cache-not-writable")
    assert check.evidence.endswith(f"{role}: errno 30: Read-only file system")
    assert judge_writable(folder(role)).status is Status.OK


def test_little_room_is_a_warning() -> None:
    verdict = in_trouble(judge_space(1_999_999_999))
    assert verdict.evidence.startswith("2.0 GB free")
    assert judge_space(2_000_000_000).status is Status.OK


def test_no_links_at_all_is_a_warning_and_hard_links_alone_are_good_enough(
    folder: MakeFolder, refused_link: LinkProbe
) -> None:
    verdict = in_trouble(judge_links(folder(symlink=refused_link, hardlink=refused_link)))
    assert verdict.evidence.count("WinError 1314") == 2
    alone = judge_links(folder(symlink=refused_link))
    assert alone.status is Status.OK
    assert "hard links work" in alone.evidence


@pytest.mark.parametrize(
    ("version", "switched_off", "threatened"),
    [
        ("0.25.2", False, True),
        ("0.25.2", True, True),
        ("1.32.0", False, True),
        ("1.32.0", True, False),
        ("1.33.0", False, False),
        ("2.0.0", False, False),
    ],
)
def test_the_race_threatens_by_version_and_probe(
    folder: MakeFolder, refused_link: LinkProbe, version: str, switched_off: bool, threatened: bool
) -> None:
    refused = judge_race(folder(symlink=refused_link), Version(version), switched_off=switched_off)
    assert refused.status is (Status.WARN if threatened else Status.OK)
    assert version in refused.evidence
    assert judge_race(folder(), Version(version), switched_off=switched_off).status is Status.OK


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HF_HOME": ""}, "HF_HOME is empty"),
        ({"HF_HUB_CACHE": " "}, "HF_HUB_CACHE is empty"),
        ({"HUGGINGFACE_HUB_CACHE": ""}, "HUGGINGFACE_HUB_CACHE is empty"),
        ({"HF_ENDPOINT": ""}, "HF_ENDPOINT is empty"),
        ({"HF_HUB_OFFLINE": "y"}, "HF_HUB_OFFLINE counts as false"),
        ({"TRANSFORMERS_OFFLINE": "enabled"}, "TRANSFORMERS_OFFLINE counts as false"),
        ({"HF_HUB_ETAG_TIMEOUT": "10s"}, "HF_HUB_ETAG_TIMEOUT is not a whole number"),
        ({"HF_HUB_DOWNLOAD_TIMEOUT": ""}, "HF_HUB_DOWNLOAD_TIMEOUT is not a whole number"),
        ({"HF_HUB_DISABLE_SYMLINKS_WARNING": "1"}, "only hides the warning"),
    ],
)
def test_a_misleading_variable_is_a_warning(context: MakeContext, variables: dict[str, str], said: str) -> None:
    check = checks(context(offline=True, environ=variables))["variables"]
    assert check.status is Status.WARN
    assert said in check.evidence


def test_variables_that_mean_what_they_say_pass() -> None:
    good = {
        "HF_HOME": "/hf",
        "HF_HUB_OFFLINE": "on",
        "HF_HUB_DISABLE_XET": "0",
        "HF_HUB_ETAG_TIMEOUT": "30",
        "HF_HUB_DISABLE_SYMLINKS_WARNING": "1",
        "HF_HUB_DISABLE_SYMLINKS": "1",
    }
    assert judge_variables(good).status is Status.OK


def test_models_that_are_not_known_fail_with_the_reason() -> None:
    verdict = in_trouble(judge_models((), "Worker list_pipeline_models failed: ImportError."))
    assert verdict.status is Status.FAIL
    assert "ImportError" in verdict.evidence


TORCH = MissingPart(
    stage="docling",
    type="ModuleNotFoundError",
    message="No module named 'torch'",
    module="torch",
    install="docling-slim[models-local]",
)


def test_a_missing_extra_is_named_with_what_to_install(context: MakeContext) -> None:
    verdict = in_trouble(judge_pipeline(WANTED.model_copy(update={"missing": (TORCH,)}), "/venv/bin/python"))
    assert verdict.status is Status.FAIL
    assert "No module named 'torch'" in verdict.evidence
    assert '/venv/bin/python -m pip install "docling-slim[models-local]"' in verdict.remedy
    assert verdict.quirk == "docling-slim-without-torch"
    whisper = TORCH.model_copy(update={"module": "whisper", "install": "docling-slim[feat-asr]"})
    assert not judge_pipeline(Wanted(missing=(whisper,)), "python").quirk, "an extra of its own is no broken converter"
    found = checks(context(offline=True, wanted=Wanted(missing=(TORCH,))))
    assert found["models-known"].status is Status.FAIL, "docling could not be asked at all"


def test_ocr_without_an_engine_is_told_in_doclings_words() -> None:
    nothing = WantedOcr(engine="", backend="", languages=(), reason="No OCR engine found.", folder="", files=())
    verdict = in_trouble(judge_pipeline(WANTED.model_copy(update={"ocr": nothing}), "python"))
    assert (verdict.status, verdict.evidence) == (Status.FAIL, "No OCR engine found.")
    assert verdict.quirk == "no-ocr-engine"
    assert "docling[rapidocr]" in verdict.remedy


def test_models_that_are_named_leave_the_pipeline_open() -> None:
    assert judge_pipeline(Wanted.named((MODEL,)), "python").status is Status.SKIP


@pytest.mark.parametrize(
    ("step", "cause", "quirk"),
    [
        ("name", "cannot be resolved", ""),
        ("tcp", "does not answer", ""),
        ("tls", "TLS handshake", "tls-interception"),
        ("api", "before the API answered", ""),
    ],
)
def test_a_hub_out_of_reach_names_the_step_and_three_ways_on(
    network: MakeNetwork, step: str, cause: str, quirk: str
) -> None:
    verdict = in_trouble(judge_hub(network(step), models_cached=False))
    assert (verdict.status, verdict.quirk) == (Status.FAIL, quirk)
    assert verdict.evidence == f"https://huggingface.co: step {step} failed: no answer within 5 s"
    assert cause in verdict.remedy
    assert all(way in verdict.remedy for way in ("-p hub URL", "-p offline true", "--practice"))


@pytest.mark.parametrize(
    ("evidence", "cause", "quirk"),
    [
        ("HTTP 200 with text/html where the Hub answers JSON", "in place of the Hub", "proxy-blockpage"),
        ("HTTP 403 with text/html where the Hub answers JSON", "in place of the Hub", "proxy-blockpage"),
        ("HTTP 401 with no content type where the Hub answers JSON", "asks for a login", ""),
        ("HTTP 403: Forbidden", "does not let this user in", ""),
        ("HTTP 503: Service Unavailable", "trouble of its own", "hub-server-error"),
        ("FileNotFoundError: [Errno 2] No such file or directory", "SSL_CERT_FILE", "ssl-cert-file-bad"),
        ("ReadError: the connection broke", "the evidence says on what", ""),
    ],
)
def test_what_answers_in_place_of_the_api_is_told_from_what_never_answers(
    network: MakeNetwork, evidence: str, cause: str, quirk: str
) -> None:
    verdict = in_trouble(judge_hub(network("api", evidence), models_cached=False))
    assert cause in verdict.remedy
    assert verdict.quirk == quirk


@pytest.mark.parametrize(("step", "cause"), [("name", "cannot be resolved"), ("tcp", "does not answer")])
def test_a_dead_proxy_is_named_and_not_asked_for(network: MakeNetwork, step: str, cause: str) -> None:
    facts = network(step).model_copy(update={"proxy": "proxy.example:3128"})
    remedy = in_trouble(judge_hub(facts, models_cached=False)).remedy
    assert f"proxy.example:3128 {cause}" in remedy
    assert "has to be named" not in remedy


@pytest.mark.parametrize(
    ("endpoint", "step", "evidence", "advice", "quirk"),
    [
        ("127.0.0.1:45388", "name", "gaierror: unknown", "http://127.0.0.1:45388.", "endpoint-without-scheme"),
        (
            "https://127.0.0.1:1",
            "tls",
            "SSLError: WRONG_VERSION_NUMBER",
            "write http://127.0.0.1:1",
            "tls-to-plain-port",
        ),
        ("http://127.0.0.1:1", "tcp", "ConnectionRefusedError", "is not running", "loopback-refused"),
    ],
)
def test_a_hub_on_this_machine_is_asked_for_in_plain_http_and_to_be_started(
    network: MakeNetwork, endpoint: str, step: str, evidence: str, advice: str, quirk: str
) -> None:
    facts = network(step, evidence).model_copy(update={"endpoint": endpoint})
    verdict = in_trouble(judge_hub(facts, models_cached=False))
    assert advice in verdict.remedy
    assert "https://" not in verdict.remedy
    assert "what runbook hub serves" in verdict.remedy
    assert verdict.quirk == quirk


@pytest.mark.parametrize(
    ("proxy", "quirk"), [("127.0.0.1:3128", "loopback-refused"), ("proxy.example:3128", "proxy-unreachable")]
)
def test_a_dead_proxy_is_known_as_the_quirk_that_explains_it(network: MakeNetwork, proxy: str, quirk: str) -> None:
    facts = network("tcp").model_copy(update={"proxy": proxy})
    assert in_trouble(judge_hub(facts, models_cached=False)).quirk == quirk


def test_a_hub_out_of_reach_is_a_warning_when_everything_is_cached(network: MakeNetwork) -> None:
    verdict = judge_hub(network("name"), models_cached=True)
    assert verdict.status is Status.WARN
    assert "needs no Hub" in verdict.remedy


def test_offline_the_hub_is_not_asked(context: MakeContext) -> None:
    assert checks(context(offline=True))["hub-reachable"].status is Status.SKIP


def test_a_look_that_several_checks_judge_is_taken_once(
    context: MakeContext, folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def look(role: str, _path: Path) -> FolderFacts:
        looks.append(role)
        return folder(role)

    monkeypatch.setattr("runbook_lib.checks.context.examine_folder", look)
    checks(context(offline=True))
    assert sorted(looks) == ["artifacts", "cache"]


def test_a_look_that_fails_is_told_by_every_check_that_needs_it(
    context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(_role: str, _path: Path) -> FolderFacts:
        raise OSError(112, "Host is down")

    monkeypatch.setattr("runbook_lib.checks.context.examine_folder", look)
    found = checks(context(offline=True))
    for check_id in ("cache-writable", "artifacts-writable", "free-space", "links", "symlink-race"):
        assert found[check_id].status is Status.WARN
        assert "errno 112" in found[check_id].evidence


def test_models_count_as_cached_by_their_length(context: MakeContext, unshared: Any) -> None:
    listing = unshared.add("org/name", {"config.json": b"{}", "model.safetensors": b"w" * 100})
    made = context(cache_dir=unshared.cache_dir, models=(ModelRef("org/name"),))
    assert made.models_are_cached()
    assert not replace(made, models=(ModelRef("org/name"), ModelRef("org/other"))).models_are_cached()
    (unshared.repo("org/name").snapshot(listing.commit) / "config.json").write_bytes(b"")
    assert not made.models_are_cached()

"""Each check of stage detect, failing alone."""

from collections.abc import Callable
from typing import Any

import pytest

from runbook_lib.run.check import Check, Status
from runbook_lib.run.interpreter import InterpreterFacts
from runbook_lib.stages.detect.checks import judge_machine
from runbook_lib.stages.detect.facts import DetectFacts
from runbook_lib.system.filesystem import FolderFacts, LinkProbe
from runbook_lib.system.network import NetworkFacts

MakeFacts = Callable[..., DetectFacts]
MakeFolder = Callable[..., FolderFacts]
MakeInterpreter = Callable[..., InterpreterFacts]
MakeNetwork = Callable[..., NetworkFacts]

IDS = [
    "docling-installed",
    "huggingface-hub-installed",
    "huggingface-hub-imports",
    "cache-writable",
    "artifacts-writable",
    "run-writable",
    "free-space",
    "links",
    "symlink-race",
    "variables",
    "models-known",
    "hub-reachable",
]


def the_one_in_trouble(facts: DetectFacts) -> Check:
    """Return the only check that is not ok."""
    (check,) = (check for check in judge_machine(facts) if check.status is not Status.OK)
    assert check.evidence
    assert check.status is Status.SKIP or check.remedy
    return check


@pytest.fixture
def trouble_in_cache(detect_facts: MakeFacts, folder: MakeFolder) -> Callable[..., Check]:
    def make(**changes: Any) -> Check:
        return the_one_in_trouble(detect_facts(folders=(folder(**changes), folder("artifacts"), folder("run"))))

    return make


def test_a_machine_in_order_passes_every_check(detect_facts: MakeFacts) -> None:
    checks = judge_machine(detect_facts())
    assert [check.id for check in checks] == IDS
    assert {check.status for check in checks} == {Status.OK}


@pytest.mark.parametrize(("name", "identifier"), [("docling", IDS[0]), ("huggingface_hub", IDS[1])])
def test_a_missing_package_names_the_interpreter_it_is_missing_from(
    detect_facts: MakeFacts, interpreter: MakeInterpreter, name: str, identifier: str
) -> None:
    seen = interpreter()
    check = the_one_in_trouble(
        detect_facts(interpreter=seen.model_copy(update={"packages": {**seen.packages, name: None}}))
    )
    assert (check.id, check.status) == (identifier, Status.FAIL)
    assert check.remedy == "Install it there: /venv/bin/python -m pip install docling"


def test_a_hub_that_cannot_be_imported_is_a_warning_with_its_reason(
    detect_facts: MakeFacts, interpreter: MakeInterpreter
) -> None:
    problem = "ValueError: invalid literal for int() with base 10: '10s'"
    check = the_one_in_trouble(detect_facts(interpreter=interpreter(hub_problem=problem)))
    assert (check.id, check.status, check.evidence) == ("huggingface-hub-imports", Status.WARN, problem)


@pytest.mark.parametrize("role", ["cache", "artifacts", "run"])
def test_a_folder_that_cannot_be_written(detect_facts: MakeFacts, folder: MakeFolder, role: str) -> None:
    folders = tuple(
        folder(name, writable=name != role, write_evidence="errno 30: Read-only file system")
        for name in ("cache", "artifacts", "run")
    )
    check = the_one_in_trouble(detect_facts(folders=folders))
    assert (check.id, check.status, check.quirk) == (f"{role}-writable", Status.FAIL, "cache-not-writable")
    assert check.evidence.endswith(f"{role}: errno 30: Read-only file system")


def test_little_room_is_a_warning(trouble_in_cache: Callable[..., Check]) -> None:
    check = trouble_in_cache(free_bytes=1_999_999_999)
    assert (check.id, check.status) == ("free-space", Status.WARN)
    assert check.evidence.startswith("2.0 GB free")


def test_no_links_at_all_is_a_warning(trouble_in_cache: Callable[..., Check], refused_link: LinkProbe) -> None:
    check = trouble_in_cache(symlink=refused_link, hardlink=refused_link)
    assert (check.id, check.status, check.quirk) == ("links", Status.WARN, "fs-without-symlinks")
    assert check.evidence.count("WinError 1314") == 2


def test_hard_links_alone_are_good_enough(detect_facts: MakeFacts, folder: MakeFolder, refused_link: LinkProbe) -> None:
    facts = detect_facts(folders=(folder(symlink=refused_link), folder("artifacts"), folder("run")))
    (links,) = (check for check in judge_machine(facts) if check.id == "links")
    assert links.status is Status.OK
    assert "hard links work" in links.title


@pytest.mark.parametrize(
    ("version", "variables", "threatened"),
    [
        ("0.25.2", {}, True),
        ("0.25.2", {"HF_HUB_DISABLE_SYMLINKS": "1"}, True),
        ("1.32.0", {}, True),
        ("1.32.0", {"HF_HUB_DISABLE_SYMLINKS": "1"}, False),
        ("1.32.0", {"HF_HUB_DISABLE_SYMLINKS": "0"}, True),
        ("1.33.0", {}, False),
        ("2.0.0", {}, False),
    ],
)
def test_the_race_threatens_by_version_and_probe(
    detect_facts: MakeFacts,
    folder: MakeFolder,
    interpreter: MakeInterpreter,
    refused_link: LinkProbe,
    version: str,
    variables: dict[str, str],
    threatened: bool,
) -> None:
    def race(symlink: LinkProbe) -> Check:
        folders = (folder(symlink=symlink), folder("artifacts"), folder("run"))
        facts = detect_facts(folders=folders, interpreter=interpreter(version), variables=variables)
        return next(check for check in judge_machine(facts) if check.id == "symlink-race")

    refused = race(refused_link)
    assert refused.status is (Status.WARN if threatened else Status.OK)
    assert refused.quirk == ("quirk-001" if threatened else "")
    assert version in refused.evidence
    assert race(LinkProbe(works=True, evidence="made")).status is Status.OK


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HF_HOME": ""}, "HF_HOME is empty"),
        ({"HF_HUB_CACHE": " "}, "HF_HUB_CACHE is empty"),
        ({"HUGGINGFACE_HUB_CACHE": ""}, "HUGGINGFACE_HUB_CACHE is empty"),
        ({"HF_ENDPOINT": ""}, "HF_ENDPOINT is empty"),
        ({"HF_HUB_OFFLINE": "y"}, "HF_HUB_OFFLINE counts as false"),
        ({"TRANSFORMERS_OFFLINE": "enabled"}, "TRANSFORMERS_OFFLINE counts as false"),
        ({"HF_HUB_ETAG_TIMEOUT": "10s"}, "HF_HUB_ETAG_TIMEOUT is no whole number"),
        ({"HF_HUB_DOWNLOAD_TIMEOUT": ""}, "HF_HUB_DOWNLOAD_TIMEOUT is no whole number"),
        ({"HF_HUB_DISABLE_SYMLINKS_WARNING": "1"}, "only hides the warning"),
    ],
)
def test_a_misleading_variable_is_a_warning(detect_facts: MakeFacts, variables: dict[str, str], said: str) -> None:
    check = the_one_in_trouble(detect_facts(variables=variables))
    assert (check.id, check.status) == ("variables", Status.WARN)
    assert said in check.evidence


def test_variables_that_mean_what_they_say_pass(detect_facts: MakeFacts) -> None:
    good = {
        "HF_HOME": "/hf",
        "HF_HUB_OFFLINE": "on",
        "HF_HUB_DISABLE_XET": "0",
        "HF_HUB_ETAG_TIMEOUT": "30",
        "HF_HUB_DISABLE_SYMLINKS_WARNING": "1",
        "HF_HUB_DISABLE_SYMLINKS": "1",
    }
    assert {check.status for check in judge_machine(detect_facts(variables=good))} == {Status.OK}


def test_models_that_are_not_known_fail_with_the_reason(detect_facts: MakeFacts) -> None:
    check = the_one_in_trouble(
        detect_facts(models=(), models_problem="Worker list_pipeline_models failed: ImportError.")
    )
    assert (check.id, check.status) == ("models-known", Status.FAIL)
    assert "ImportError" in check.evidence


@pytest.mark.parametrize(
    ("step", "cause", "quirk"),
    [
        ("name", "cannot be resolved", ""),
        ("tcp", "does not answer", ""),
        ("tls", "TLS handshake", "tls-interception"),
        ("api", "in place of the Hub", "proxy-blockpage"),
    ],
)
def test_a_hub_out_of_reach_names_the_step_and_three_ways_on(
    detect_facts: MakeFacts, network: MakeNetwork, step: str, cause: str, quirk: str
) -> None:
    check = the_one_in_trouble(detect_facts(network=network(step)))
    assert (check.id, check.status, check.quirk) == ("hub-reachable", Status.FAIL, quirk)
    assert check.evidence == f"https://huggingface.co: step {step} failed: no answer within 5 s"
    assert cause in check.remedy
    assert all(way in check.remedy for way in ("-p hub URL", "-p offline true", "--practice"))


def test_a_hub_out_of_reach_is_a_warning_when_everything_is_cached(
    detect_facts: MakeFacts, network: MakeNetwork
) -> None:
    check = the_one_in_trouble(detect_facts(network=network("name"), models_cached=True))
    assert check.status is Status.WARN
    assert "needs no Hub" in check.remedy


def test_offline_the_hub_is_not_asked(detect_facts: MakeFacts) -> None:
    check = the_one_in_trouble(detect_facts(network=None))
    assert (check.id, check.status) == ("hub-reachable", Status.SKIP)


def test_the_facts_can_be_shown_whole_and_in_parts(detect_facts: MakeFacts, network: MakeNetwork) -> None:
    shown = str(detect_facts(variables={"HF_HOME": "/hf"}))
    for words in ("Machine", "3.11.9 at /venv/bin/python", "HF_HOME", "docling-project/docling-models@v2.3.0"):
        assert words in shown
    assert "not walked: offline mode" in str(detect_facts(network=None))

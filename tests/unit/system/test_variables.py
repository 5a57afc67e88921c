"""What variables mean, held against the real huggingface_hub, and when it is too late for them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from runbook_lib.errors import LateConfigurationError
from runbook_lib.system import variables as environment
from runbook_lib.system.variables import (
    apply,
    docling_artifacts_dir,
    hub_cache_dir,
    hub_endpoint,
    is_true,
    late_variables,
    masked,
    variables_of_interest,
)

CHAINS: dict[str, dict[str, str]] = {
    "nothing set": {},
    "home": {"HF_HOME": "/data/hf"},
    "cache": {"HF_HUB_CACHE": "/data/hub"},
    "old name": {"HUGGINGFACE_HUB_CACHE": "/data/old"},
    "xdg": {"XDG_CACHE_HOME": "/data/xdg"},
    "new name beats the old": {"HF_HUB_CACHE": "/data/new", "HUGGINGFACE_HUB_CACHE": "/data/old"},
    "cache beats home": {"HF_HUB_CACHE": "/data/hub", "HF_HOME": "/data/hf"},
    "old name beats home": {"HUGGINGFACE_HUB_CACHE": "/data/old", "HF_HOME": "/data/hf", "XDG_CACHE_HOME": "/x"},
    "home beats xdg": {"HF_HOME": "/data/hf", "XDG_CACHE_HOME": "/data/xdg"},
    "tilde": {"HF_HOME": "~/models"},
    "tilde in cache": {"HF_HUB_CACHE": "~/hub"},
    "tilde in xdg": {"XDG_CACHE_HOME": "~/xdg"},
    "variable": {"HF_HUB_CACHE": "$BASE/hub", "BASE": "/base"},
    "variable in home": {"HF_HOME": "${BASE}/hf", "BASE": "/base"},
    "tilde inside a variable": {"HF_HUB_CACHE": "$BASE/hub", "BASE": "~/base"},
    "tilde inside a variable, home": {"HF_HOME": "$BASE/hf", "BASE": "~/base"},
    "unknown variable": {"HF_HUB_CACHE": "$NOT_SET_ANYWHERE/hub"},
    "unknown user": {"HF_HUB_CACHE": "~no-such-user-here/hub"},
    "empty home": {"HF_HOME": ""},
    "empty cache": {"HF_HUB_CACHE": ""},
    "empty old name": {"HUGGINGFACE_HUB_CACHE": "", "HF_HOME": "/data/hf"},
    "empty xdg": {"XDG_CACHE_HOME": ""},
    "relative": {"HF_HOME": "models/hf"},
    "space and foreign": {"HF_HOME": "/data/my modèles"},
}

ASK_HUB = """
import importlib, json, os, sys
before = dict(os.environ)
answers = []
for variables in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(before, **variables)
    sys.modules.pop("huggingface_hub.constants", None)
    constants = importlib.import_module("huggingface_hub.constants")
    answers.append([constants.HF_HUB_CACHE, constants.ENDPOINT, constants.HF_HUB_DISABLE_XET])
print(json.dumps(answers))
"""


def ask_hub(environments: list[dict[str, str]]) -> list[tuple[str, str, bool]]:
    """Let huggingface_hub.constants be imported anew under each environment, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", ASK_HUB],
        input=json.dumps(environments),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return [tuple(answer) for answer in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def hub_caches() -> dict[str, str]:
    return dict(zip(CHAINS, (answer[0] for answer in ask_hub(list(CHAINS.values()))), strict=True))


@pytest.mark.parametrize("case", CHAINS)
def test_the_cache_folder_is_the_one_hub_takes(
    hub_caches: dict[str, str], case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CHAINS[case].items():
        monkeypatch.setenv(name, value)
    assert hub_cache_dir() == Path(hub_caches[case])


def test_flags_are_read_as_hub_reads_them() -> None:
    words = ["1", "ON", "on", "Yes", "true", "TRUE", "0", "off", "no", "false", "2", "y", "enabled", " 1"]
    answers = ask_hub([{"HF_HUB_DISABLE_XET": word} for word in words])
    assert [is_true(word) for word in words] == [answer[2] for answer in answers]


@pytest.mark.parametrize("given", [None, "https://mirror.example", "https://mirror.example/hf/"])
def test_the_endpoint_is_the_one_hub_asks(given: str | None) -> None:
    variables = {} if given is None else {"HF_ENDPOINT": given}
    assert hub_endpoint(variables) == ask_hub([variables])[0][1]


def test_the_artifacts_folder_is_what_docling_would_use() -> None:
    assert docling_artifacts_dir({"DOCLING_ARTIFACTS_PATH": "/a"}) == Path("/a")
    assert docling_artifacts_dir({"DOCLING_CACHE_DIR": "/c"}) == Path("/c/models")
    assert docling_artifacts_dir({"DOCLING_ARTIFACTS_PATH": "", "DOCLING_CACHE_DIR": ""}) == docling_artifacts_dir({})
    assert docling_artifacts_dir({}) == Path("~/.cache/docling/models").expanduser()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("HF_TOKEN", "hf_abcdefgh", "(set, 11 characters)"),
        ("HUGGING_FACE_HUB_TOKEN", "hf_x", "(set, 4 characters)"),
        ("DOCLING_API_KEY", "k", "(set, 1 characters)"),
        ("HTTPS_PROXY", "http://user:hunter2@proxy.corp:8080", "http://***@proxy.corp:8080"),
        ("https_proxy", "user:hunter2@proxy.corp:8080", "***@proxy.corp:8080"),
        ("HTTPS_PROXY", "http://user:hun@ter/2@proxy.corp", "http://***@proxy.corp"),
        ("HF_ENDPOINT", "https://hunter2@mirror.example/hf", "https://***@mirror.example/hf"),
        ("HF_ENDPOINT", "http://[broken", "http://[broken"),
        ("HF_HOME", "/data/me@corp/hf", "/data/me@corp/hf"),
        ("HF_HOME", "C:\\models", "C:\\models"),
        ("HF_HUB_OFFLINE", "", ""),
    ],
)
def test_secrets_are_hidden_and_nothing_else(name: str, value: str, shown: str) -> None:
    assert masked(name, value) == shown


def test_only_what_steers_hub_and_docling_is_of_interest() -> None:
    environ = {
        "PATH": "/bin",
        "HF_TOKEN": "hf_secret",
        "HF_HOME": "/hf",
        "DOCLING_ARTIFACTS_PATH": "/a",
        "https_proxy": "http://p",
        "NO_PROXY": "x",
        "SSL_CERT_FILE": "/c",
        "TRANSFORMERS_OFFLINE": "1",
        "MY_HF_HOME": "/no",
        "AWS_SECRET_ACCESS_KEY": "no",
    }
    seen = variables_of_interest(environ)
    assert set(seen) == set(environ) - {"PATH", "MY_HF_HOME", "AWS_SECRET_ACCESS_KEY"}
    assert list(seen) == sorted(seen)
    assert "secret" not in str(seen)


@pytest.fixture
def imported_hub(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Stand-in for constants as hub froze them at import."""
    constants = ModuleType("huggingface_hub.constants")
    vars(constants).update(
        ENDPOINT="https://huggingface.co",
        HF_HUB_CACHE="/data/hub",
        HF_HUB_DISABLE_SYMLINKS=False,
        HF_HUB_DISABLE_XET=True,
        HF_HUB_DOWNLOAD_TIMEOUT=10,
        HF_HUB_OFFLINE=False,
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", constants)
    return constants


def test_before_the_import_nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "huggingface_hub.constants", raising=False)
    apply({"HF_HUB_CACHE": "/x", "HF_HUB_OFFLINE": "1"})
    assert (os.environ["HF_HUB_CACHE"], os.environ["HF_HUB_OFFLINE"]) == ("/x", "1")


@pytest.mark.usefixtures("imported_hub")
def test_values_hub_holds_already_are_not_late() -> None:
    same = {
        "HF_ENDPOINT": "https://huggingface.co/",
        "HF_HUB_CACHE": "/data/hub",
        "HF_HUB_DISABLE_XET": "yes",
        "HF_HUB_DISABLE_SYMLINKS": "0",
        "HF_HUB_DOWNLOAD_TIMEOUT": "10",
        "DOCLING_ARTIFACTS_PATH": "/anything",
    }
    assert late_variables(same) == ()
    apply(same)
    assert os.environ["DOCLING_ARTIFACTS_PATH"] == "/anything"


@pytest.mark.usefixtures("imported_hub")
def test_too_late_names_the_variables_and_sets_nothing() -> None:
    wanted = {
        "HF_HUB_CACHE": "/other",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_XET": "1",
        "DOCLING_ARTIFACTS_PATH": "/a",
    }
    with pytest.raises(LateConfigurationError) as caught:
        apply(wanted)
    assert caught.value.what == "HF_HUB_CACHE, HF_HUB_OFFLINE cannot be set any more in this process."
    assert "Restart the kernel" in caught.value.remedy
    assert set(wanted).isdisjoint(os.environ)


def test_too_late_against_the_real_hub() -> None:
    code = (
        "import os, huggingface_hub.constants\n"
        "from runbook_lib.system.variables import apply\n"
        "apply({'HF_HUB_CACHE': huggingface_hub.constants.HF_HUB_CACHE, 'HF_HUB_OFFLINE': '0'})\n"
        "apply({'HF_HUB_CACHE': 'elsewhere'})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "LateConfigurationError: HF_HUB_CACHE cannot be set any more" in done.stderr


def test_every_frozen_variable_is_a_constant_of_the_installed_hub() -> None:
    code = "import json; from huggingface_hub import constants; print(json.dumps(sorted(vars(constants), key=str)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(environment._FROZEN_AT_IMPORT.values()) <= set(json.loads(done.stdout))

"""The quirk note's own promise on Windows without the privilege, and the crash that it describes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from tests.windows.toolchain import install
from tests.windows.windows_python import REPOSITORY, WindowsPython, to_windows_path
from tests.windows.windows_user import WindowsUser

_REPO = "practice/service"
_LAST_WITH_THE_RACE = "huggingface_hub==1.32.0"
_DOWNLOADS = 20
_REPEATED_DOWNLOADS = REPOSITORY / "tests" / "faults" / "repeated_downloads.py"


@pytest.fixture
def hub() -> Iterator[PracticeHub]:
    files = (
        RepositoryFile("model.safetensors", Content.of_padding(200_000), lfs=True),
        *(RepositoryFile(f"part-{number}.json", Content.of_bytes(b'{"part": %d}' % number)) for number in range(8)),
    )
    with PracticeHub(repositories=[linear_history(_REPO, files)]) as running:
        yield running


@pytest.fixture
def user(windows_python: WindowsPython, tmp_path: Path) -> WindowsUser:
    return WindowsUser.made(windows_python, tmp_path)


@pytest.fixture(scope="module")
def racing_hub(windows_python: WindowsPython, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a huggingface_hub to be found before the installed one; it needs what that one needs."""
    packages = tmp_path_factory.mktemp("racing-hub")
    install(packages, ["--no-deps", _LAST_WITH_THE_RACE], pinned=False)
    return packages


_START_UP = """
import json, logging
from runbook_lib import DoclingModelManager
ready = [DoclingModelManager(logging.getLogger("service")).ensure_models_downloaded() for _ in range(2)]
print(json.dumps([[str(each.artifacts_dir), each.fetched_bytes] for each in ready]))
"""


def test_the_quirk_notes_own_test_passes(user: WindowsUser, hub: PracticeHub) -> None:
    home = user.home / "practice"  # what comes from a practice hub never goes where real models are kept
    places = {"RUNBOOK_CACHE_DIR": home / "hub", "RUNBOOK_ARTIFACTS_DIR": home / "artifacts"}
    own = {name: to_windows_path(path) for name, path in places.items()}
    own |= {"RUNBOOK_HUB": hub.url, "RUNBOOK_MODELS": _REPO}
    first, second = user.told(_START_UP, env=own)
    artifacts = user.home / "practice" / "artifacts"
    assert first[0] == to_windows_path(artifacts)
    assert first[1] > 200_000
    assert second == [first[0], 0]
    weights = artifacts / "practice--service" / "model.safetensors"
    assert weights.stat().st_nlink == 2


_WITH_OTHER_HUB = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _failures(user: WindowsUser, hub: PracticeHub, packages: Path, how: str) -> list[Any]:
    script, folder = to_windows_path(_REPEATED_DOWNLOADS), to_windows_path(user.home / how)
    counted = (how, _REPO, str(_DOWNLOADS), folder)
    told = user.told(_WITH_OTHER_HUB, to_windows_path(packages), script, *counted, env={"HF_ENDPOINT": hub.url})
    failures: list[Any] = told["failures"]
    return failures


def test_the_bare_client_dies_of_the_race_and_our_worker_never(
    user: WindowsUser, hub: PracticeHub, racing_hub: Path
) -> None:
    bare = _failures(user, hub, racing_hub, "bare")
    assert bare
    assert {(kind, number) for kind, number, _ in bare} == {("OSError", 22)}
    assert all(message.startswith("[WinError 1314]") for *_, message in bare)
    assert _failures(user, hub, racing_hub, "ours") == []

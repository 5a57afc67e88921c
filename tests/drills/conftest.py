"""An engineer who knows nothing of the drills: runs commands, reads the output, does what it says."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest
from click.testing import CliRunner

from runbook_lib.cli import runbook

_HERE = Path(__file__).parent
_MODELS = ("-p", "models", "docling-project/docling-layout-heron")
_GO_ON = re.compile(r"^go on (?:after fixing|with another setting|with this variable): (.+)$", re.MULTILINE)
_FIX = "fix it: "
_BESIDE = "in a second terminal: "


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.faults)


@dataclass(frozen=True)
class Output:
    """What a command printed, and how it ended."""

    exit_code: int
    text: str

    @property
    def remedy(self) -> str:
        """What the output says has to be done."""
        return self._after("what to do: ")

    @property
    def report(self) -> str:
        """The page of the run."""
        return Path(self._after("report: ")).read_text(encoding="utf-8")

    def failed_in(self, stage: str, exit_code: int = 1) -> bool:
        """Whether the run ended with a failure of this very stage, and with this exit code."""
        return self.exit_code == exit_code and f"Stage {stage} failed: " in self.text

    def fix(self) -> str:
        """Return the command that fixes."""
        return self._after(_FIX)

    def go_on(self) -> str:
        """Return the command that goes on, whole as it is printed."""
        found = _GO_ON.search(self.text)
        assert found is not None, f"nothing leads on:\n{self.text}"
        return found[1]

    def commands(self) -> list[str]:
        """Return what is to be typed in this terminal, in order; what another terminal does is not among it."""
        after = self.text.partition("\nNext\n----\n")[2].partition("\n\n")[0].splitlines()
        here = [line for line in after if not line.startswith(("or ", "or, ", _BESIDE))]
        return [line.partition(": ")[2] for line in here]

    def beside(self) -> str:
        """Return the command for a second terminal; empty when none is needed."""
        line = next((line for line in self.text.splitlines() if line.startswith(_BESIDE)), _BESIDE)
        return line.removeprefix(_BESIDE)

    def _after(self, label: str) -> str:
        line = next((line for line in self.text.splitlines() if line.startswith(label)), None)
        assert line is not None, f"no line begins with {label!r}:\n{self.text}"
        return line.removeprefix(label)


Engineer = Callable[..., Output]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose caches are all below the test's folder, so that nothing of a drill is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "caches"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "caches" / "huggingface"))
    monkeypatch.chdir(tmp_path)
    if not platformdirs.user_cache_path("docling-runbook").is_relative_to(tmp_path):
        pytest.skip("the user's cache cannot be put elsewhere on this system")
    return tmp_path


@pytest.fixture
def do(home: Path) -> Engineer:
    """Return `do(command, only="")`: runs `runbook ...`, to save time only one stage of it."""

    def run(command: str, only: str = "") -> Output:
        program, *words = shlex.split(command)
        assert program == "runbook"
        if only:
            words = [*(word for word in words if word != "--resume"), "--only", only]
        done = CliRunner().invoke(runbook, words, standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return Output(int(done.return_value or 0), done.output)

    return run


@pytest.fixture
def drill(do: Engineer, home: Path) -> Iterator[Engineer]:
    """Return `drill(name, *words, only=...)`: plays a drill; afterwards the user has no cache but the drills."""

    def play(name: str, *words: str, only: str = "") -> Output:
        return do(shlex.join(["runbook", "run", "--practice", "--drill", name, *_MODELS, *words]), only)

    yield play
    assert not (home / "caches" / "huggingface").exists()
    below = platformdirs.user_cache_path("docling-runbook")
    assert {path.name for path in below.iterdir()} == {"drills"}

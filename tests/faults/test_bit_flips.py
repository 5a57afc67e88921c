"""A thousand random bit flips in real caches: a thousand found."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.run.check import Status
from runbook_lib.run.lock_file import read_lock
from runbook_lib.stages.verify.compare import verify_folder
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile
from runbook_lib.stages.verify.locked import expectations_of
from runbook_lib.stages.verify.problems import FileProblem
from runbook_lib.stages.verify.stage import verify
from runbook_lib.upkeep.lock import write_lock
from tests.unit.stages.verify.real_caches import MODES, Install, Installed, flip_bit

pytestmark = pytest.mark.faults

FLIPS = 334
"""In each of the three link modes: a thousand together."""
WHOLE_FLIPS = 5
Pick = Callable[[], tuple[ExpectedFile, int]]


def picker(installed: Installed, seed: int) -> Pick:
    """Return what picks a random bit of the snapshot, every bit as likely, and every other time a small file's."""
    chance = random.Random(seed)
    files = [file for file in map(ExpectedFile.of, installed.listing.files) if file.size_bytes]
    small = [file for file in files if file.algorithm == "git-sha1"]
    turn = iter(range(1_000_000))

    def pick() -> tuple[ExpectedFile, int]:
        among = small if next(turn) % 2 else files
        file = chance.choices(among, weights=[entry.size_bytes or 0 for entry in among])[0]
        return file, chance.randrange(8 * (file.size_bytes or 0))

    return pick


def problem_of(folder: Path, file: ExpectedFile) -> FileProblem | None:
    """Compare one file of a folder; what else stands there is not listed, and does not matter."""
    problems = verify_folder(folder, Expectation("", (file,), "the test"))
    return next((problem for problem in problems if problem.path == file.path), None)


@pytest.mark.parametrize("mode", MODES)
def test_of_a_thousand_random_bit_flips_none_goes_unnoticed(install: Install, mode: str) -> None:
    installed = install(mode)
    pick = picker(installed, seed=MODES.index(mode))
    found: list[FileProblem] = []
    for _ in range(FLIPS):
        file, bit = pick()
        path = installed.snapshot / file.path
        flip_bit(path, bit)
        problem = problem_of(installed.snapshot, file)
        flip_bit(path, bit)
        assert problem is not None, f"bit {bit} of {file.path} was not noticed"
        found.append(problem)
    assert len(found) == FLIPS
    assert {problem.path for problem in found} == {file.path for file in installed.listing.files}
    assert verify(installed.run).status is Status.OK, "every flip was taken back"


@pytest.mark.parametrize("mode", MODES)
def test_the_whole_stage_finds_flips_in_the_snapshot_and_in_the_artifacts(install: Install, mode: str) -> None:
    installed = install(mode)
    pick = picker(installed, seed=100 + MODES.index(mode))
    for number in range(WHOLE_FLIPS):
        file, bit = pick()
        home, role = (installed.artifacts, "artifacts") if number % 2 else (installed.snapshot, "snapshot")
        flip_bit(home / file.path, bit)
        record = verify(installed.run)
        flip_bit(home / file.path, bit)
        folder = next(folder for folder in record.facts.folders if folder.role == role)
        assert [problem.path for problem in folder.serious] == [file.path]
        assert record.status is Status.FAIL


def test_flips_are_found_against_a_lock_file_too(install: Install, tmp_path: Path) -> None:
    installed = install()
    lock = write_lock(installed.run, tmp_path / "runbook.lock.json")
    assert lock == read_lock(tmp_path / "runbook.lock.json")
    (expectation,) = expectations_of(lock).values()
    chance = random.Random(7)
    for file in expectation.files:
        path = installed.snapshot / file.path
        bit = chance.randrange(8 * path.stat().st_size)
        flip_bit(path, bit)
        assert problem_of(installed.snapshot, file) is not None
        flip_bit(path, bit)
        assert problem_of(installed.snapshot, file) is None

"""A machine is brought to its lock file: by bundle, registry, mirror or peer, again and again, and after a kill."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runbook_lib.bundle.export import export_bundle
from runbook_lib.desired.converge import Converging
from runbook_lib.desired.look import machine_state
from runbook_lib.desired.origins import Kind, Origin, origin_of
from runbook_lib.desired.plan import Converged, plan_converge
from runbook_lib.desired.state import State
from runbook_lib.errors import BundleError, HubError, UsageError
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.folder import RunState
from runbook_lib.run.lock_file import LOCK_NAME, read_lock
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.upkeep.lock import write_lock
from tests.unit.cache_layouts import state_on_disk
from tests.unit.stages.verify.real_caches import REPO_ID, WEIGHTS, Install, Installed, flip_bit


class Machine:
    """A machine with its places, and what converges it as the command line does."""

    def __init__(self, run: OpenRun, lock: Path) -> None:
        self.run, self.lock = run, lock
        self.said: list[str] = []
        self.recorded: list[OpenRun] = []

    def converge(self, *origins: str | Path, by_hash: bool = False) -> Converged:
        before = machine_state(self.run, self.lock, by_hash=by_hash)
        sources = [origin_of(str(origin)) for origin in origins]
        converging = Converging(self.run, read_lock(self.lock), self.lock, self._opened, self.said.append)
        return converging.converge(before, sources)

    def _opened(self, origin: Origin | None) -> OpenRun:
        hub = origin.text if origin else self.run.endpoint
        self.recorded.append(opened(self.run.cache_dir.parent, hub, offline=origin is None))
        return self.recorded[-1]


def opened(base: Path, hub: str, *, offline: bool = False) -> OpenRun:
    return open_run(
        run_dir=str(base / ("mending" if offline else f"run-{urlsplit(hub).port}")),
        hub=hub,
        models=f"{REPO_ID}@main",
        cache_dir=str(base / "hub"),
        artifacts_dir=str(base / "artifacts"),
        links="hardlink",
        offline=offline,
    )


@pytest.fixture
def other(install: Install) -> Installed:
    """A machine that is as it should be."""
    return install("hardlink")


@pytest.fixture
def lock(other: Installed, tmp_path: Path) -> Path:
    write_lock(other.run, tmp_path / LOCK_NAME)
    return tmp_path / LOCK_NAME


@pytest.fixture
def fresh(lock: Path, practice_hub: PracticeHub, tmp_path: Path) -> Machine:
    return Machine(opened(tmp_path / "fresh", practice_hub.url), lock)


@pytest.fixture(params=["bundle", "peer", "mirror"])
def origin(request: pytest.FixtureRequest, other: Installed, practice_hub: PracticeHub, tmp_path: Path) -> str:
    if request.param == "bundle":
        export_bundle(other.run, tmp_path / "carried.tar")
        return str(tmp_path / "carried.tar")
    return str(other.run.cache_dir) if request.param == "peer" else practice_hub.url


def test_a_fresh_machine_comes_to_its_state_and_then_nothing_is_done(fresh: Machine, origin: str) -> None:
    done = fresh.converge(origin)
    assert (done.before.state, done.after.state, done.exit_code) == (State.DRIFTED, State.IN_STATE, 0)
    assert done.after.read == "hash"
    before = state_on_disk(fresh.run.cache_dir)
    again = fresh.converge(origin)
    assert (again.did, again.after.state) == ((), State.IN_STATE)
    assert state_on_disk(fresh.run.cache_dir) == before


def test_the_run_of_a_download_says_that_it_ended(fresh: Machine, practice_hub: PracticeHub) -> None:
    with pytest.raises(HubError):
        fresh.converge("http://127.0.0.1:9")
    fresh.converge(practice_hub.url)
    failed, finished = (run.header() for run in fresh.recorded)
    assert (failed.state, finished.state) == (RunState.FAILED, RunState.FINISHED)
    assert failed.problem.startswith("HubUnavailable")


def test_a_damaged_file_is_replaced_from_any_origin(install: Install, lock: Path, origin: str) -> None:
    damaged = install("hardlink")
    flip_bit(damaged.snapshot / WEIGHTS, 4_000)
    done = Machine(opened(damaged.run.cache_dir.parent, damaged.hub.url), lock).converge(origin, by_hash=True)
    assert (done.before.state, done.after.state) == (State.BROKEN, State.IN_STATE)


def test_what_the_machine_holds_itself_is_placed_without_any_origin(other: Installed, lock: Path) -> None:
    shutil.rmtree(other.artifacts)
    (other.repo.folder / "refs" / "main").unlink()
    machine = Machine(other.run, lock)
    plan = plan_converge(machine_state(other.run, lock), ["the Hub"])
    assert [step.does for step in plan.steps] == ["place"]
    done = machine.converge()
    assert done.after.state is State.IN_STATE
    assert [did.origin for did in done.did] == ["this machine"]


def test_an_origin_that_fails_gives_way_to_the_next(fresh: Machine, other: Installed, tmp_path: Path) -> None:
    done = fresh.converge(tmp_path / "gone.tar", other.run.cache_dir)
    assert done.after.state is State.IN_STATE
    assert [bool(did.problem) for did in done.did] == [True, False]


def test_a_peer_whose_files_are_damaged_brings_nothing_in(fresh: Machine, other: Installed) -> None:
    flip_bit(other.snapshot / WEIGHTS, 4_000)
    with pytest.raises(BundleError, match="damaged"):
        fresh.converge(other.run.cache_dir)
    assert not fresh.run.cache_dir.exists() or not list(fresh.run.cache_dir.glob("models--*"))


def test_an_origin_that_has_nothing_of_it_says_so(fresh: Machine, tmp_path: Path) -> None:
    (tmp_path / "poor" / "models--org--name" / "blobs").mkdir(parents=True)
    done = fresh.converge(tmp_path / "poor")
    assert done.after.state is State.DRIFTED
    assert "nothing of what is lacking" in done.did[0].problem


def test_a_mirror_that_does_not_answer_is_an_error_to_be_tried_later(fresh: Machine) -> None:
    with pytest.raises(HubError):
        fresh.converge("http://127.0.0.1:9")


def test_a_folder_that_is_neither_bundle_nor_cache_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to take"):
        origin_of(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hub", Kind.HUB),
        ("https://hub.example.org", Kind.HUB),
        ("oci://registry.example.org/models:1", Kind.BUNDLE),
        ("models.tar", Kind.BUNDLE),
    ],
)
def test_an_origin_is_told_by_its_form(text: str, kind: Kind) -> None:
    assert origin_of(text).kind is kind


def test_a_password_in_an_address_is_not_shown() -> None:
    assert "secret" not in origin_of("https://user:secret@hub.example.org").words

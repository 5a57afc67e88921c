"""What the real client believes of files that stand already, and that our checks and repair know better."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.cache.layout import CachedRepo
from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.integrity import PROBES
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.problems import ProblemKind
from runbook_lib.stages.verify.stage import verify
from runbook_lib.system.packages import own_packages
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair
from tests.faults.conftest import Settings, holds

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from integrity.clients import client_python

ACTS = Path(__file__).with_name("client_beliefs.py")
GARBAGE = b"garbage"
WEIGHTS = "w0.bin"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
needs_modes = pytest.mark.skipif(os.name == "nt", reason="file modes")

Client = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=["1.33.0", "2.4.0"])
def client(request: pytest.FixtureRequest, hub: PracticeHub, settings: Settings) -> Client:
    """Return `client(act, place="", symlinks=True)`: the bare client on the run's cache, which has to end well."""
    python = client_python(request.param)

    def act(act: str, place: Path | str = "", *, symlinks: bool = True) -> "subprocess.CompletedProcess[str]":
        variables = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        variables["HF_HUB_DISABLE_SYMLINKS"] = "0" if symlinks else "1"
        command = [str(python), str(ACTS), act, settings["cache_dir"], str(place)]
        environ = {**os.environ, **variables}
        for _ in range(3):
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environ)
            if (
                "[Errno 9] Bad file descriptor" not in done.stderr
            ):  # its threads do that to each other, very rarely (Q176)
                break
        return done

    return act


def verdict(name: str, run: OpenRun) -> Status:
    """Ask one check of the doctor."""
    context = ProbeContext(run.settings, run.endpoint, run.cache_dir, run.artifacts_dir, own_packages())
    return next(probe for probe in PROBES if probe.id == name).check(context).status


def kinds(run: OpenRun, role: str) -> set[ProblemKind]:
    folder = next(folder for folder in collect_verification(run).folders if folder.role == role)
    return {problem.kind for problem in folder.problems}


def mend(run: OpenRun) -> None:
    result = apply_repair(run, plan_repair(run))
    assert result.status is not Status.FAIL, str(result)


def test_force_download_without_symlinks_mends_nothing_and_repair_does(
    client: Client, hub: PracticeHub, settings: Settings
) -> None:
    assert client("fill", symlinks=False).returncode == 0
    run = open_run(**{**settings, "links": "copy"})
    snapshot = CachedRepo(run.cache_dir, "acme/model").snapshot(hub.repositories[0].head.id)
    (snapshot / WEIGHTS).write_bytes(bytes(50_000))
    assert client("force", symlinks=False).returncode == 0
    assert (snapshot / WEIGHTS).read_bytes() == bytes(50_000), "the client mends it by now: say so in the catalogue"
    assert verdict("one-copy-each", run) is Status.WARN
    mend(run)
    assert holds(run, hub.repositories[0].head)


def test_a_local_folder_is_believed_by_its_times_and_verify_reads_it(
    client: Client, hub: PracticeHub, settings: Settings
) -> None:
    run = open_run(**settings)
    folder = run.artifacts_dir / "acme--model"
    assert client("folder", folder).returncode == 0
    (folder / WEIGHTS).write_bytes(GARBAGE)
    os.utime(folder / WEIGHTS, (1_600_000_000, 1_600_000_000))
    assert client("folder", folder).returncode == 0
    assert (folder / WEIGHTS).read_bytes() == GARBAGE, "the client looks at the file by now: say so in the catalogue"
    assert verdict("local-notes", run) is Status.FAIL
    assert kinds(run, "artifacts") & {ProblemKind.WRONG_SIZE, ProblemKind.WRONG_HASH}
    mend(run)
    assert client("folder", folder).returncode == 0
    assert all(
        (folder / file.path).read_bytes() == b"".join(file.content.read()) for file in hub.repositories[0].head.files
    )


@needs_modes
def test_the_listing_is_private_to_one_user_until_the_runbook_downloads(
    client: Client, hub: PracticeHub, settings: Settings
) -> None:
    assert client("fill").returncode == 0
    run = open_run(**settings)
    tree = CachedRepo(run.cache_dir, "acme/model").folder / "trees" / f"{hub.repositories[0].head.id}.json"
    assert tree.stat().st_mode & 0o777 == 0o600, "the client follows the umask by now: say so in the catalogue"
    assert verdict("listing-readable", run) is Status.WARN
    assert download(run).status is Status.OK
    assert tree.stat().st_mode & 0o777 == 0o644
    assert verdict("listing-readable", run) is Status.OK


def test_a_line_feed_behind_the_commit_hides_the_model_and_repair_brings_it_back(
    client: Client, settings: Settings
) -> None:
    run = open_run(**settings)
    assert download(run).status is Status.OK
    reference = CachedRepo(run.cache_dir, "acme/model").folder / "refs" / "main"
    commit = reference.read_text(encoding="utf-8")
    reference.write_text(f"{commit}\n", encoding="utf-8", newline="\n")
    assert client("offline").returncode != 0
    assert verdict("refs", run) is Status.FAIL
    assert kinds(run, "snapshot") == {ProblemKind.BAD_REF}
    mend(run)
    assert client("offline").returncode == 0
    assert verify(run).status is Status.OK


def test_hf_cache_verify_is_content_with_nothing_and_verify_is_not(
    client: Client, hub: PracticeHub, settings: Settings
) -> None:
    run = open_run(**settings)
    assert download(run).status is Status.OK
    snapshot = CachedRepo(run.cache_dir, "acme/model").snapshot(hub.repositories[0].head.id)
    for path in snapshot.iterdir():
        path.unlink()
    hf = client_python("1.33.0").with_name("hf")
    command = [str(hf), "cache", "verify", "acme/model", "--cache-dir", settings["cache_dir"]]
    environment = {**os.environ, "HF_ENDPOINT": hub.url}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0
    assert "Verified 0 file(s)" in done.stdout + done.stderr
    assert kinds(run, "snapshot") == {ProblemKind.MISSING}
    mend(run)
    assert holds(run, hub.repositories[0].head)

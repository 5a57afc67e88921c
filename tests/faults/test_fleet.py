"""Eight hosts, real processes over TLS, and all that befalls hosts at once: the table is right, and it ends."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.cache.hashing import sha256_of
from runbook_lib.cache.layout import repo_of
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.fleet.campaign import Limits
from runbook_lib.fleet.pieces import PIECE_BYTES
from runbook_lib.fleet.swarm import AT_ONCE
from runbook_lib.interactive.fleet_panel import FleetPanel
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from tests.faults.live_fleet import LiveFleet
from tests.inputs.locked_models import lock_of
from tests.unit.interactive.conftest import Hands

pytestmark = [pytest.mark.client, pytest.mark.timeout(900), pytest.mark.xdist_group("fleet")]

STAGE = "configure_env"
WORDS = ("--inventory", "hosts.toml", "--records", "records", "--only", STAGE, "--wait", "30", "--json")
LIMIT_S = 480
HERE = ("alpha", "beta", "killed", "lost", "sleeper")
KEPT = ("alpha", "beta", "killed", "sleeper")
MODEL_BYTES = 40_000_000


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFleet]:
    """A scheduler and five hosts."""
    live = LiveFleet(tmp_path_factory.mktemp("fleet"))
    live.start_scheduler()
    for host in HERE:
        live.start_worker(host)
    for host in HERE:
        live.wait_for(host, "is at tls")
    yield live
    live.close()


def another_version(folder: Path) -> dict[str, str]:
    """Return the variables under which a process has this runbook with another version."""
    package = folder / "older" / "runbook_lib"
    package.mkdir(parents=True)
    real = Path(runbook_lib.__file__).parent
    for entry in real.iterdir():
        if entry.name not in ("__init__.py", "__pycache__"):
            (package / entry.name).symlink_to(entry)
    text = (real / "__init__.py").read_text(encoding="utf-8")
    ours = f'__version__ = "{runbook_lib.__version__}"'
    assert ours in text
    (package / "__init__.py").write_text(text.replace(ours, '__version__ = "0.0.1"'), encoding="utf-8")
    return {"PYTHONPATH": str(package.parent)}


def write_inventory(folder: Path) -> None:
    lines = [
        "[defaults.parameters]",
        'hub = "http://127.0.0.1:9"',
        "offline = true",
        'models = "org/name"',
        f'cache_dir = "{folder}/cache"',
        f'artifacts_dir = "{folder}/artifacts"',
        *(f"[hosts.{host}]" for host in ("alpha", "beta", "killed", "lost", "never", "sleeper", "older", "full")),
    ]
    (folder / "hosts.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows(document: str) -> dict[str, dict[str, object]]:
    return {row["host"]: row for row in json.loads(document)["hosts"]}


def runs(fleet: LiveFleet) -> set[tuple[str, float]]:
    """Return every run folder and when its header was written last."""
    return {(path.parent.name, path.stat().st_mtime) for path in fleet.folder.glob("*/runs/*/run.json")}


@pytest.fixture
def hub() -> Iterator[PracticeHub]:
    """Serves one large file and one that the Hub would keep in git; slow enough for something to happen meanwhile."""
    files = (
        RepositoryFile("model.safetensors", Content.of_padding(MODEL_BYTES), lfs=True),
        RepositoryFile("config.json", Content.of_bytes(b"{}")),
    )
    with PracticeHub(repositories=[linear_history("org/name", files)], bytes_per_s=4_000_000) as running:
        yield running


def test_models_come_from_the_hub_once_for_all_hosts_and_a_rerun_brings_the_rest(
    fleet: LiveFleet, hub: PracticeHub
) -> None:
    hosts = ("alpha", "beta", "lost")
    lines = []
    for host in hosts:
        places = f'cache_dir = "{fleet.folder}/{host}/cache", artifacts_dir = "{fleet.folder}/{host}/models"'
        lines += [f"[hosts.{host}]", f'parameters = {{ hub = "{hub.url}", {places} }}']
    (fleet.folder / "site.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lock = lock_of(hub.repositories[0], practice=True)
    (fleet.folder / "site.lock.json").write_text(lock.text(), encoding="utf-8")
    words = fleet.words(
        "models", "--inventory", "site.toml", "--lock", "site.lock.json", "--json", "--wait", "30", "--limit", "400"
    )
    fleet.client("models", *words)
    fleet.wait_for("models", r"^running  lost  [1-9]\d* %")
    fleet.kill("lost")
    code, document = fleet.ended("models", LIMIT_S)
    assert code == 3, fleet.said("models")
    assert {host: row["why"] for host, row in rows(document).items()} == {"alpha": "run", "beta": "run", "lost": "died"}
    assert (
        MODEL_BYTES <= hub.counters.weight_bytes <= MODEL_BYTES + AT_ONCE * PIECE_BYTES
    )  # what the lost one had fetched and not sent

    hub.reset_counters()
    fleet.start_plain_worker("lost")
    fleet.client("rest", *words)
    code, document = fleet.ended("rest", LIMIT_S)
    assert code == 0, fleet.said("rest")
    assert hub.counters.weight_bytes == 0
    for host in hosts:
        snapshot = repo_of(fleet.folder / host / "cache", ModelRef("org/name")).snapshot(lock.repositories[0].commit)
        for file in lock.repositories[0].files:
            assert sha256_of(snapshot / file.path) == file.sha256
        assert list((fleet.folder / host / "cache").rglob("*.part")) == []


def test_of_eight_hosts_each_is_a_row_with_its_reason_and_a_rerun_does_what_is_missing(
    fleet: LiveFleet, volume: Path
) -> None:
    write_inventory(fleet.folder)
    fleet.start_worker("older", environ=another_version(fleet.folder))
    fleet.start_worker("full", home=volume)
    began = time.monotonic()
    fleet.client("client", *fleet.words("run", *WORDS, "--limit", str(LIMIT_S)))

    for host in ("killed", "lost", "sleeper"):
        fleet.wait_for("client", rf"^running  {host}  {STAGE}")
    fleet.signal("sleeper", signal.SIGSTOP)
    fleet.kill("killed")
    fleet.kill("lost")
    fleet.wait_for("client", "^waiting  lost  its worker left the cluster in stage configure_env")
    fleet.kill("scheduler")
    fleet.start_worker("killed")
    fleet.start_scheduler()
    fleet.signal("sleeper", signal.SIGCONT)

    code, document = fleet.ended("client", LIMIT_S)
    told = rows(document)
    assert time.monotonic() - began < LIMIT_S
    assert code == 3, fleet.said("client")
    assert {host: (row["status"], row["why"]) for host, row in told.items()} == {
        "alpha": ("ok", "run"),
        "beta": ("ok", "run"),
        "killed": ("ok", "run"),
        "sleeper": ("ok", "run"),
        "lost": ("fail", "died"),
        "never": ("fail", "missing"),
        "older": ("fail", "version"),
        "full": ("fail", "disk"),
    }
    assert "its worker left the cluster in stage configure_env" in str(told["lost"]["reason"])
    assert "runbook 0.0.1" in str(told["older"]["reason"])
    assert "Traceback" not in fleet.said("client")
    for host in KEPT:
        record = json.loads((fleet.folder / "records" / host / "host.json").read_text(encoding="utf-8"))
        assert record["exit_code"] == 0
        stage = json.loads((fleet.folder / "records" / host / "02_configure_env.json").read_text(encoding="utf-8"))
        assert stage["status"] == "ok"

    before = runs(fleet)
    fleet.start_plain_worker("lost")
    person = Hands(panel(fleet))
    person.press("Run on every host")
    person.await_words("The records are in", LIMIT_S)
    hosts = {row.host: row for row in person.view.table.hosts}
    assert {host for host, row in hosts.items() if row.kept} == set(KEPT)
    assert (hosts["lost"].status, hosts["never"].why, hosts["full"].why) == ("ok", "missing", "disk"), hosts
    assert "fail never missing: No worker of this host was there in" in person.words()
    assert {name.rpartition("-")[2] for name, _ in runs(fleet) - before} == {"lost"}


def panel(fleet: LiveFleet) -> FleetPanel:
    """Return the campaign of WORDS as a notebook has it."""
    return FleetPanel(
        fleet.url,
        fleet.folder / "hosts.toml",
        certs=fleet.certs,
        records=fleet.folder / "records",
        only=STAGE,
        limits=Limits(appear_s=15),
    )

"""A transfer without Dask: its tasks run here, one after the other, with a real hub, real caches and real hashes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.cache.hashing import sha256_of
from runbook_lib.cache.layout import repo_of
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.fleet import models_on_host, share
from runbook_lib.fleet.cluster import Cluster, Sent, Task, ToldT
from runbook_lib.fleet.dask_workers import DaskWorker
from runbook_lib.fleet.inventory import Host
from runbook_lib.fleet.tls import Address
from runbook_lib.practice.content import Content
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from tests.inputs.locked_models import lock_of

FILES = 20
SIZE_BYTES = 1000
"""Of each, which is one piece."""


class Future:
    """What Dask would have of a task."""

    def __init__(self, result: object) -> None:
        self.status, self.result = "finished", result

    def release(self) -> None:
        """Be let go."""


class HereAndNow(Cluster):
    """Workers that are this process: a task has ended when it was sent. `leaves` says before which task one leaves."""

    def __init__(self, hosts: tuple[str, ...], leaves: Callable[[str, str], str] = lambda _host, _task: "") -> None:
        self.lost = False
        self.sent: list[tuple[str, str]] = []
        self.keys: set[tuple[str, str]] = set()
        self.told: list[dict[str, Any]] = []
        self._workers = {host: DaskWorker(f"tls://{host}:1", host, host, frozenset(), 0.0) for host in hosts}
        self._leaves = leaves

    def workers(self) -> tuple[DaskWorker, ...]:
        return tuple(self._workers.values())

    def heard(self, kind: type[ToldT]) -> Iterator[ToldT]:
        while self.told:
            yield kind.model_validate(self.told.pop(0))

    def send(self, task: Task, worker: DaskWorker) -> Sent:
        assert (task.key, task.resource) not in self.keys, "Dask would take it for the task of before"
        self.keys.add((task.key, task.resource))
        name = task.function.__name__
        self.sent.append((worker.name, name))
        self._workers.pop(self._leaves(worker.name, name), None)
        return Sent(Future(task.function(dict(task.given), *((task.needs.future.result,) if task.needs else ()))))


class Site:
    """Hosts with a cache each, and the hub."""

    def __init__(self, folder: Path, hub: PracticeHub, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.hub, self._monkeypatch = folder, hub, monkeypatch
        self.lock = lock_of(hub.repositories[0], practice=True)

    def share(self, cluster: HereAndNow, *hosts: str, wait_s: float = 5.0, limit_s: float = 20.0) -> share.Shared:
        """Bring the models to some hosts."""

        @contextmanager
        def connected(_: Address) -> Iterator[Cluster]:
            yield cluster

        self._monkeypatch.setattr(share, "connected", connected)
        self._monkeypatch.setattr(
            models_on_host, "_tell", lambda told: cluster.told.append(told.model_dump(mode="json"))
        )
        listed = [Host(name=host, home="", parameters=self._parameters(host)) for host in hosts]
        return share.share_models(Address("tls://nobody:1", None), listed, self.lock, wait_s=wait_s, limit_s=limit_s)

    def is_in_place(self, host: str) -> bool:
        """Whether a host has all contents at their places, and nothing on its way."""
        (repository,) = self.lock.repositories
        cache = self.folder / host / "cache"
        snapshot = repo_of(cache, ModelRef(repository.repo_id)).snapshot(repository.commit)
        whole = all(sha256_of(snapshot / file.path) == file.sha256 for file in repository.files)
        return whole and not list(cache.rglob("*.part"))

    def _parameters(self, host: str) -> dict[str, str]:
        places = {"cache_dir": f"{self.folder}/{host}/cache", "artifacts_dir": f"{self.folder}/{host}/models"}
        return {"hub": self.hub.url, **places}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    files = (
        RepositoryFile(f"{number}.bin", Content.of_padding(SIZE_BYTES, str(number)), lfs=True)
        for number in range(FILES)
    )
    monkeypatch.setattr(
        models_on_host, "_parts", {}
    )  # a host that left a test before forgets nothing: it is this process
    with PracticeHub(repositories=[linear_history("org/name", tuple(files))]) as hub:
        yield Site(tmp_path, hub, monkeypatch)


def statuses(shared: share.Shared) -> dict[str, str]:
    return {row.host: row.status for row in shared.table.hosts}


def test_each_content_comes_from_the_hub_once_for_all_hosts(site: Site) -> None:
    hosts = ("alpha", "beta", "gamma")
    shared = site.share(HereAndNow(hosts), *hosts)
    assert statuses(shared) == dict.fromkeys(hosts, "ok")
    assert all(map(site.is_in_place, hosts))
    assert shared.hub_bytes == site.hub.counters.weight_bytes == FILES * SIZE_BYTES


def test_a_host_that_is_in_place_before_the_others_goes_on_giving_until_the_transfer_ends(site: Site) -> None:
    site.share(HereAndNow(("alpha",)), "alpha")
    site.hub.reset_counters()
    cluster = HereAndNow(("alpha", "beta"))
    shared = site.share(cluster, "alpha", "beta")
    assert statuses(shared) == {"alpha": "ok", "beta": "ok"}
    assert site.is_in_place("beta")
    assert site.hub.counters.weight_bytes == 0
    told = cluster.sent
    last_read = len(told) - 1 - told[::-1].index(("alpha", "read_piece"))
    assert told.index(("alpha", "place_here")) < last_read, "what this test is about: it was placed and gave then"


def test_at_the_end_every_host_forgets_the_transfer(site: Site) -> None:
    cluster = HereAndNow(("alpha", "beta"))
    site.share(cluster, "alpha", "beta")
    assert cluster.sent[-2:] == [("alpha", "leave_here"), ("beta", "leave_here")]
    assert models_on_host._parts == {}


def test_a_host_that_leaves_after_it_was_placed_stays_well_and_the_rest_comes_from_the_hub(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share, "_LOOK_EVERY_S", 0.0)
    site.share(HereAndNow(("alpha",)), "alpha")
    site.hub.reset_counters()
    cluster = HereAndNow(
        ("alpha", "beta"), lambda host, task: "alpha" if (host, task) == ("alpha", "place_here") else ""
    )
    shared = site.share(cluster, "alpha", "beta")
    assert statuses(shared) == {"alpha": "ok", "beta": "ok"}
    assert site.is_in_place("beta")
    assert 0 < site.hub.counters.weight_bytes < FILES * SIZE_BYTES


def test_what_a_placed_host_does_not_have_any_more_comes_from_the_hub(site: Site) -> None:
    site.share(HereAndNow(("alpha",)), "alpha")
    site.hub.reset_counters()
    (repository,) = site.lock.repositories
    snapshot = repo_of(site.folder / "alpha" / "cache", ModelRef("org/name")).snapshot(repository.commit)

    def removes(host: str, task: str) -> str:
        if (host, task) == ("alpha", "read_piece") and ("alpha", "place_here") in cluster.sent:
            for file in repository.files:
                (snapshot / file.path).resolve().unlink(missing_ok=True)
        return ""

    cluster = HereAndNow(("alpha", "beta"), removes)
    shared = site.share(cluster, "alpha", "beta")
    assert statuses(shared) == {"alpha": "ok", "beta": "ok"}
    assert site.is_in_place("beta")
    assert 0 < site.hub.counters.weight_bytes < FILES * SIZE_BYTES


def test_a_file_that_the_hub_refuses_one_host_comes_through_another(site: Site) -> None:
    site.hub.play(Fault("403", "*/resolve/*/7.bin", times=1))
    shared = site.share(HereAndNow(("alpha", "beta")), "alpha", "beta")
    assert statuses(shared) == {"alpha": "ok", "beta": "ok"}
    assert site.hub.counters.weight_bytes == FILES * SIZE_BYTES, "no piece came twice"


def test_a_host_that_never_told_forgets_the_transfer_too(site: Site) -> None:
    class Deaf(HereAndNow):
        def heard(self, kind: type[ToldT]) -> Iterator[ToldT]:
            self.told = [told for told in self.told if told["host"] != "beta"]
            yield from super().heard(kind)

    shared = site.share(Deaf(("alpha", "beta")), "alpha", "beta", wait_s=0.05, limit_s=6)
    assert statuses(shared) == {"alpha": "ok", "beta": "fail"}
    assert models_on_host._parts == {}


def test_a_host_that_tells_late_gets_what_the_others_have_got(site: Site) -> None:
    class Late(HereAndNow):
        def heard(self, kind: type[ToldT]) -> Iterator[ToldT]:
            is_time = ("alpha", "place_here") in self.sent
            held = [] if is_time else [told for told in self.told if told["host"] == "beta"]
            self.told = [told for told in self.told if told not in held]
            yield from super().heard(kind)
            self.told += held

    shared = site.share(Late(("alpha", "beta")), "alpha", "beta", wait_s=0.05)
    assert statuses(shared) == {"alpha": "ok", "beta": "ok"}
    assert site.is_in_place("beta")
    assert site.hub.counters.weight_bytes == FILES * SIZE_BYTES

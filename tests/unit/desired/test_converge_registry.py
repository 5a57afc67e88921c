"""A machine is brought to a lock file with OCR models: from a real registry, and by a bundle that has to be signed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.signature import SigningFiles
from runbook_lib.desired.converge import Converging
from runbook_lib.desired.look import machine_state
from runbook_lib.desired.origins import Origin, origin_of
from runbook_lib.desired.plan import Converged
from runbook_lib.desired.state import State
from runbook_lib.errors import BundleError
from runbook_lib.run.lock_file import LOCK_NAME, read_lock
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.download.stage import download
from runbook_lib.upkeep.lock import write_lock
from tests.unit.bundle.registries import needs_registry, push, serving
from tests.unit.bundle.test_signature import pair
from tests.unit.desired.test_converge import opened
from tests.unit.stages.verify.real_caches import Install, Installed
from tests.unit.upkeep.test_ocr_upkeep import MODELS, damage, want, wanted_ocr

pytestmark = needs_registry


@dataclass(frozen=True)
class Published:
    """A lock file, where its contents are, and by whose key they are signed."""

    lock: Path
    registry: str
    folder: Path
    key: Path

    def brings(self, machine: OpenRun, origin: str | Path, trusted: Path | None = None) -> Converged:
        before = machine_state(machine, self.lock, by_hash=True)
        lock = read_lock(self.lock)
        converging = Converging(machine, lock, self.lock, lambda one: offline(machine, one), print, trusted)
        return converging.converge(before, [origin_of(str(origin))])


def offline(machine: OpenRun, origin: Origin | None) -> OpenRun:
    """Begin what repairs from the machine's own copies; a registry is no Hub."""
    assert origin is None
    return opened(machine.cache_dir.parent, machine.endpoint, offline=True)


@pytest.fixture
def other(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A machine with a model of the Hub and those of an OCR engine."""
    made = install("hardlink")
    want(monkeypatch, made.run, wanted_ocr(tmp_path / "package"))
    assert download(made.run).failed() == ()
    return made


@pytest.fixture
def published(other: Installed, tmp_path: Path) -> Iterator[Published]:
    write_lock(other.run, tmp_path / LOCK_NAME)
    private, public = pair(tmp_path, "ours")
    export_bundle(other.run, tmp_path / "bundle", signing=SigningFiles(private))
    with serving(tmp_path / "registry") as host:
        push(f"oci:{tmp_path / 'bundle'}:bundle", f"{host}/docling/models:1")
        yield Published(tmp_path / LOCK_NAME, f"oci://{host}/docling/models:1", tmp_path / "bundle", public)


def test_the_registry_brings_a_machine_to_its_state_again_and_again(
    published: Published, other: Installed, tmp_path: Path
) -> None:
    fresh = opened(tmp_path / "fresh", other.hub.url)
    done = published.brings(fresh, published.registry)
    assert (done.before.state, done.after.state) == (State.DRIFTED, State.IN_STATE)
    assert {path.name: path.read_bytes() for path in (fresh.artifacts_dir / "RapidOcr").glob("*.onnx")} == MODELS
    assert published.brings(fresh, published.registry).did == ()

    damage(fresh.artifacts_dir / "RapidOcr" / "rec.onnx")
    done = published.brings(fresh, published.registry)
    assert (done.before.state, done.after.state) == (State.BROKEN, State.IN_STATE)
    assert (fresh.artifacts_dir / "RapidOcr" / "rec.onnx").read_bytes() == MODELS["rec.onnx"]


def test_where_a_signature_is_asked_for_only_what_that_key_signed_is_taken(
    published: Published, other: Installed, tmp_path: Path
) -> None:
    fresh = opened(tmp_path / "fresh", other.hub.url)
    for origin, key, why in (
        (published.folder, pair(tmp_path, "theirs")[1], "not signed by this key"),
        (published.registry, published.key, "is not signed"),
        (other.run.cache_dir, published.key, "is not signed"),
    ):
        with pytest.raises(BundleError, match=why):
            published.brings(fresh, origin, key)
        assert not list(fresh.cache_dir.glob("models--*"))
        assert not (fresh.artifacts_dir / "RapidOcr").exists()
    assert published.brings(fresh, published.folder, published.key).after.state is State.IN_STATE

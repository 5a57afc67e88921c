from collections.abc import Callable
from typing import Any

from runbook_lib.interactive.cache_browser import CacheBrowser
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.measure_disk.collect import collect_disk
from tests.unit.interactive.conftest import LAYOUT


def browser_of(run: OpenRun) -> CacheBrowser:
    download(run).require()
    return CacheBrowser(run, collect_disk(run))


def test_every_revision_can_be_ticked_and_says_what_it_shares(
    practice_run: OpenRun, hands: Callable[[Any], Any]
) -> None:
    (tick,) = hands(browser_of(practice_run)).controls("Checkbox")
    assert tick.description.startswith(f"{LAYOUT} at ")
    assert "(main): 6 files on disk" in tick.description
    assert tick.description.endswith("1.0 MB shared"), "weights are hard links into the artifacts folder"


def test_deleting_asks_first_and_then_deletes(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    person = hands(browser_of(practice_run))
    folder = practice_run.cache_dir / f"models--{LAYOUT.replace('/', '--')}"
    person.controls("Checkbox")[0].value = True
    person.press("Delete ticked ...")
    person.await_words("1 file or folder to delete")
    assert folder.exists()
    person.press("Do this")
    person.await_words("1 file or folder deleted")
    assert not folder.exists()
    person.wait(lambda: not person.controls("Checkbox"), "no revision is left")
    assert (practice_run.artifacts_dir / LAYOUT.replace("/", "--") / "model.safetensors").exists()


def test_deleting_nothing_says_how(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    person = hands(browser_of(practice_run))
    person.press("Delete ticked ...")
    assert "Tick a revision first." in person.words()


def test_deduping_joins_a_copy_after_its_plan(practice_run: OpenRun, hands: Callable[[Any], Any]) -> None:
    view = browser_of(practice_run)
    weights = practice_run.artifacts_dir / LAYOUT.replace("/", "--") / "model.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    weights.write_bytes(content)
    person = hands(view)
    person.press("Dedupe ...")
    person.await_words("1 copies become hard links")
    assert weights.stat().st_nlink == 1
    person.press("Do this")
    person.await_words("Deduped")
    assert weights.stat().st_nlink == 2

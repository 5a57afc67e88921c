"""What a second revision costs with each kind of link, measured with the real client on the practice hub."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from runbook_lib.cache.inventory import inventory
from runbook_lib.cache.link_mode import LinkMode
from runbook_lib.course.cache_tree import CacheTree, cache_tree
from runbook_lib.errors import PracticeError
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.stages.download.stage import download
from runbook_lib.system.filesystem import examine_folder
from runbook_lib.system.progress import progress_shown_elsewhere

MODEL: Final = "docling-project/docling-layout-heron@main"
PAD_MB: Final = 8
"""Weights of a size that shows."""
_WHO: Final = {
    LinkMode.SYMLINK: "huggingface_hub where symlinks work",
    LinkMode.COPY: "huggingface_hub where they are refused",
    LinkMode.HARDLINK: "this runbook where they are refused",
}


@dataclass(frozen=True)
class LinkCost:
    """Two revisions of one model in a cache of their own, with one kind of link."""

    links: LinkMode
    first_fetched_bytes: int
    second_fetched_bytes: int
    stored_bytes: int
    """Both revisions on disk, each inode once."""
    tree: CacheTree
    """The cache as it was after the second revision."""


@dataclass(frozen=True)
class LinkCosts(Rendered):
    """The same two revisions with every kind of link that works here."""

    costs: tuple[LinkCost, ...]
    left_out: tuple[str, ...] = ()

    def of(self, links: str) -> LinkCost:
        """Return the cost with one kind of link; `PracticeError` when it does not work here."""
        found = next((cost for cost in self.costs if cost.links == links), None)
        if found is None:
            raise PracticeError(f"Nothing was measured with links = {links!r}.", why="; ".join(self.left_out))
        return found

    def trees(self) -> CacheTree:
        """Return the cache of every kind of link after the second revision, to be compared."""
        trees = tuple(tree for cost in self.costs for tree in cost.tree.repositories)
        return CacheTree(Path(), trees)

    def sections(self) -> Sequence[Section]:
        """Return one row a kind of link, and what was left out."""
        rows = tuple(
            (
                cost.links.value,
                _WHO[cost.links],
                format_bytes(cost.first_fetched_bytes),
                format_bytes(cost.second_fetched_bytes),
                format_bytes(cost.stored_bytes),
            )
            for cost in self.costs
        )
        columns = ("links", "who does it so", "first revision fetched", "second fetched", "both on disk")
        table = Table("Two revisions that differ in one small file", columns, rows)
        return (table, Note("Left out", self.left_out)) if self.left_out else (table,)


def compare_links(run: OpenRun) -> LinkCosts:
    """Download two revisions of a practice model once with each kind of link, in temporary folders.

    Takes seconds, needs no network, and touches neither the cache nor the artifacts folder of the run.
    """
    with tempfile.TemporaryDirectory(prefix="runbook-links-") as name, ThreadPoolExecutor() as pool:
        home = Path(name)
        facts = examine_folder("cache", home)
        works = {LinkMode.SYMLINK: facts.symlink, LinkMode.COPY: None, LinkMode.HARDLINK: facts.hardlink}
        refused = {links: probe for links, probe in works.items() if probe and not probe.works}
        measured = (pool.submit(_measure, run, home / links, links) for links in works if links not in refused)
        costs = tuple(future.result() for future in tuple(measured))
    return LinkCosts(costs, tuple(f"{links}: {probe.evidence}" for links, probe in refused.items()))


def _measure(run: OpenRun, home: Path, links: LinkMode) -> LinkCost:
    with progress_shown_elsewhere():
        first, second = (_fetched_bytes(run, home, links, head) for head in ("first", "second"))
    cache = home / "hub"
    tree = cache_tree(cache, title=f"After the second revision, with links = {links.value}")
    return LinkCost(links, first, second, _stored_bytes(cache), tree)


def _fetched_bytes(run: OpenRun, home: Path, links: LinkMode, head: Literal["first", "second"]) -> int:
    lesson = open_run(
        run_dir=str(home / head),
        hub="practice",
        practice_head=head,
        practice_pad_mb=PAD_MB,
        models=MODEL,
        cache_dir=str(home / "hub"),
        artifacts_dir=str(home / head / "artifacts"),
        links=links.value,
        offline=False,
        drill="",
        target_python=run.settings.target_python,
    )
    record = download(lesson)
    record.require()
    return sum(model.fetched_bytes for model in record.facts.models)


def _stored_bytes(cache: Path) -> int:
    """Sum the lengths of the files, each inode once; the lengths are the same on every file system."""
    return sum({entry.file_id: entry.st.st_size for entry in inventory(cache) if entry.is_file}.values())

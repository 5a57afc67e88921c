"""The cache to look through: repositories, revisions, what is shared; delete and dedupe after a plan."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from runbook_lib.interactive.controls import button, fill, in_background, page, row
from runbook_lib.interactive.view import View
from runbook_lib.interactive.work_area import Action, WorkArea
from runbook_lib.render.sections import Note, Section
from runbook_lib.render.values import format_bytes
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.measure_disk.collect import collect_disk
from runbook_lib.stages.measure_disk.facts import DiskFacts
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe
from runbook_lib.upkeep.deletion.apply import apply_deletion
from runbook_lib.upkeep.deletion.facts import CachedRevision
from runbook_lib.upkeep.deletion.plan import collect_revisions, plan_deletion

if TYPE_CHECKING:
    from ipywidgets import Box


class CacheBrowser(View):
    """What cache and artifacts folder hold, revision by revision, counted by inode."""

    def __init__(self, run: OpenRun, facts: DiskFacts) -> None:
        self._run = run
        self.facts = facts

    def sections(self) -> Sequence[Section]:
        """Return the places and the revisions."""
        return (self.facts.place_table(), self.facts.repository_table())

    def build(self) -> "Box":
        """Make a box to tick a revision, the buttons and the work area."""
        from ipywidgets import VBox

        self._places, self._revisions = page(), VBox()
        self._area = WorkArea(after=self._look)
        self._fill()
        buttons = row(
            button("Delete ticked ...", "Show what would go with the ticked revisions", self._delete),
            button("Dedupe ...", "Show which copies could become hard links", self._dedupe),
            button("Look again", "Read the cache again", self._again),
        )
        return VBox((self._places, self._revisions, buttons, self._area.widget))

    def _fill(self) -> None:
        from ipywidgets import Checkbox, Layout

        fill(self._places, self.facts.place_table())
        found = collect_revisions(self._run.cache_dir, self._run.artifacts_dir)
        wide = Layout(width="auto")
        self._ticks = {
            revision.model: Checkbox(False, description=_words(revision), indent=False, layout=wide)
            for revision in found
        }
        self._revisions.children = tuple(self._ticks.values())

    def _look(self) -> None:
        self.facts = collect_disk(self._run)
        self._fill()

    def _again(self) -> None:
        in_background(self._look, self._area.say)

    def _delete(self) -> None:
        chosen = tuple(model for model, tick in self._ticks.items() if tick.value)
        if not chosen:
            self._area.say(Note("Delete", ("Tick a revision first.",)))
            return
        plan, apply = partial(plan_deletion, self._run, chosen), partial(apply_deletion, self._run)
        self._area.propose(Action("Delete", plan, apply))

    def _dedupe(self) -> None:
        self._area.propose(
            Action("Dedupe", partial(plan_dedupe, self._run.cache_dir, self._run.artifacts_dir), apply_dedupe)
        )


def _words(revision: CachedRevision) -> str:
    names = f" ({', '.join(revision.names)})" if revision.names else ""
    own = f"{format_bytes(revision.own_bytes)} its own, {format_bytes(revision.shared_bytes)} shared"
    return f"{revision.repo_id} at {revision.commit[:8]}{names}: {revision.file_count} files on disk, {own}"

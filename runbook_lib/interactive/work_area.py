"""Plan first, then confirm: the one way in which a view changes the machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from runbook_lib.interactive.controls import button, fill, in_background, page, row
from runbook_lib.render import Note, Rendered, Section

if TYPE_CHECKING:
    from ipywidgets import Box


class Plan(Protocol):
    """What a change would do."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""

    def sections(self) -> Sequence[Section]:
        """Return what would change."""


PlanT = TypeVar("PlanT", bound=Plan)


@dataclass(frozen=True)
class Change(Generic[PlanT]):
    """A change of the machine that can be shown before it is made."""

    title: str
    plan: Callable[[], PlanT]
    apply: Callable[[PlanT], Rendered]


class WorkArea:
    """Where one change at a time is planned, shown, confirmed and made.

    Args:
        after: Called when a change was made, so that what is shown elsewhere can be looked at again.
    """

    def __init__(self, after: Callable[[], None]) -> None:
        self._after = after
        self._busy = Lock()
        self._page = page()
        self._choice = row()
        self.widget = self._joined()

    def propose(self, change: Change[PlanT]) -> None:
        """Plan the change and ask; does nothing while another one is being planned or made."""
        self._in_background(f"{change.title}: looking ...", lambda: self._plan(change))

    def say(self, *sections: Section) -> None:
        """Show sections in place of a plan."""
        self._choice.children = ()
        fill(self._page, *sections)

    def _joined(self) -> "Box":
        from ipywidgets import VBox

        return VBox((self._page, self._choice))

    def _plan(self, change: Change[PlanT]) -> None:
        plan = change.plan()
        self.say(*plan.sections())
        if plan.is_empty:
            return
        confirm = button(
            "Do this",
            f"{change.title}: make the changes shown above",
            lambda: self._confirmed(change, plan),
            primary=True,
        )
        self._choice.children = (confirm, button("Leave it", "Change nothing", self.say))

    def _confirmed(self, change: Change[PlanT], plan: PlanT) -> None:
        self._in_background(f"{change.title}: working ...", lambda: self._apply(change, plan))

    def _apply(self, change: Change[PlanT], plan: PlanT) -> None:
        result = change.apply(plan)
        self.say(*result.sections())
        self._after()

    def _in_background(self, doing: str, work: Callable[[], None]) -> None:
        if not self._busy.acquire(blocking=False):
            return
        self.say(Note(doing, ()))

        def freed() -> None:
            try:
                work()
            finally:
                self._busy.release()

        in_background(freed, self.say)

"""Plan first, then confirm: the one way in which a view changes the machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from runbook_lib.interactive.controls import button, fill, in_background, page, row
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section

if TYPE_CHECKING:
    from ipywidgets import Box


class Plan(Protocol):
    """What an action would do."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""

    def sections(self) -> Sequence[Section]:
        """Return what would change."""


PlanT = TypeVar("PlanT", bound=Plan)


@dataclass(frozen=True)
class Action(Generic[PlanT]):
    """Something done to the machine that can be shown before it is done."""

    title: str
    plan: Callable[[], PlanT]
    apply: Callable[[PlanT], Rendered]


class WorkArea:
    """Where one action at a time is planned, shown, confirmed and done.

    Args:
        after: Called when something was done, so that what is shown elsewhere can be looked at again.
    """

    def __init__(self, after: Callable[[], None]) -> None:
        self._after = after
        self._busy = Lock()
        self._page = page()
        self._choice = row()
        self.widget = self._joined()

    def propose(self, action: Action[PlanT]) -> None:
        """Plan the action and ask; does nothing while another one is being planned or done."""
        self._in_background(f"{action.title}: looking ...", lambda: self._plan(action))

    def say(self, *sections: Section) -> None:
        """Show sections in place of a plan."""
        self._choice.children = ()
        fill(self._page, *sections)

    def _joined(self) -> "Box":
        from ipywidgets import VBox

        return VBox((self._page, self._choice))

    def _plan(self, action: Action[PlanT]) -> None:
        plan = action.plan()
        self.say(*plan.sections())
        if plan.is_empty:
            return
        confirm = button(
            "Do this",
            f"{action.title}: make the changes shown above",
            lambda: self._confirmed(action, plan),
            primary=True,
        )
        self._choice.children = (confirm, button("Leave it", "Change nothing", self.say))

    def _confirmed(self, action: Action[PlanT], plan: PlanT) -> None:
        self._in_background(f"{action.title}: working ...", lambda: self._apply(action, plan))

    def _apply(self, action: Action[PlanT], plan: PlanT) -> None:
        result = action.apply(plan)
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

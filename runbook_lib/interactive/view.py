"""The base of every view: controls where a front end draws them, the plain report elsewhere."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from runbook_lib.render.rendered import Rendered
from runbook_lib.system.progress import has_front_end

if TYPE_CHECKING:
    from ipywidgets import Box


class View(Rendered):
    """A value with controls; implements `sections()`, the plain report, and `build()`, the controls."""

    @cached_property
    def widget(self) -> "Box":
        """The controls, made when they are first shown."""
        return self.build()

    def build(self) -> "Box":
        """Make the controls."""
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ANN401 - IPython's
        """Return the controls with the plain report beside them, for readers of the saved notebook without a kernel."""
        plain = super()._repr_mimebundle_(include, exclude)
        return {**self.widget._repr_mimebundle_(), **plain} if has_front_end() else plain

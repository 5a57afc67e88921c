"""Pictures for records: equal numbers give equal bytes, readable on light and dark pages, with words beside them."""

import io
from collections.abc import Mapping

from runbook_lib.render.sections import Figure
from runbook_lib.render.values import format_bytes

_INK = "#7a7a7a"
_BAR = "#3b7dd8"
_WIDTH_INCHES = 7.0
_ROW_INCHES = 0.45


def byte_bars(title: str, bars: Mapping[str, int]) -> Figure:
    """Draw one horizontal bar a name; grey text on a transparent ground stands on light and dark."""
    from matplotlib.figure import Figure as Canvas  # without pyplot: no global state, no display, and only when needed

    canvas = Canvas(figsize=(_WIDTH_INCHES, 0.9 + _ROW_INCHES * len(bars)), dpi=110, layout="constrained")
    axes = canvas.add_subplot()
    drawn = axes.barh(list(bars), list(bars.values()), color=_BAR, height=0.6)
    axes.bar_label(drawn, labels=[format_bytes(value) for value in bars.values()], padding=4, color=_INK)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.set_title(title, color=_INK, loc="left")
    axes.tick_params(axis="y", colors=_INK, length=0)
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", transparent=True, metadata={"Software": None})
    words = ", ".join(f"{name} {format_bytes(value)}" for name, value in bars.items())
    return Figure(title, buffer.getvalue(), f"Bar chart: {words}")

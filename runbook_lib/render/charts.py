"""Pictures for records: equal numbers give equal bytes, readable on light and dark pages, with words beside them."""

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from runbook_lib.render.sections import Figure
from runbook_lib.render.values import format_bytes, format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_INK = "#7a7a7a"
"""Grey on a transparent ground stands on light and dark."""
_BAR = "#3b7dd8"
_LINES = (("#3b7dd8", "s", "-"), ("#d1495b", "o", "-"), ("#2a9d5c", "^", "--"))
"""Colour, marker and stroke of each line: colour is never the only difference."""
_WIDTH_INCHES = 7.0
_ROW_INCHES = 0.45
_GROWTH_INCHES = 3.2


def can_draw() -> bool:
    """Whether pictures can be had here: they come with the extra `notebooks`, which a service does not install."""
    return find_spec("matplotlib") is not None


def load_ahead() -> None:
    """Begin to import what draws, in a thread, for whoever draws later."""
    threading.Thread(target=_load, daemon=True, name="charts").start()


def _load() -> None:
    with suppress(Exception):  # whoever draws meets it again, and tells it
        import_module("matplotlib.backends.backend_agg")


def byte_bars(title: str, bars: Mapping[str, int]) -> Figure:
    """Draw one horizontal bar a name, in bytes."""
    return _bars(title, bars, format_bytes)


def second_bars(title: str, bars: Mapping[str, float]) -> Figure:
    """Draw one horizontal bar a name, in seconds."""
    return _bars(title, bars, format_seconds)


def rate_bars(title: str, bars: Mapping[str, float]) -> Figure:
    """Draw one horizontal bar a name, in bytes per second."""
    return _bars(title, bars, lambda rate: f"{format_bytes(round(rate))}/s")


def byte_growth(title: str, steps: Sequence[str], lines: Mapping[str, Sequence[int]]) -> Figure:
    """Draw how sizes grow over the steps, one line a name, each with its last value at its end."""
    canvas, axes = _canvas(title, _GROWTH_INCHES)
    for (name, values), (colour, marker, stroke) in zip(lines.items(), _LINES, strict=False):
        axes.plot(range(len(steps)), values, color=colour, marker=marker, linestyle=stroke, label=name, linewidth=2)
        end = (len(steps) - 1, values[-1])
        axes.annotate(format_bytes(values[-1]), end, (8, 6), textcoords="offset points", color=colour)
    axes.set_xticks(range(len(steps)), steps)
    axes.tick_params(axis="x", colors=_INK, length=0)
    axes.yaxis.set_visible(False)
    axes.set_ylim(bottom=0)
    axes.margins(x=0.12, y=0.15)
    axes.legend(frameon=False, labelcolor=_INK, loc="upper left")
    words = "; ".join(f"{name} {', '.join(map(format_bytes, values))}" for name, values in lines.items())
    return Figure(title, _png(canvas), f"Line chart over {', '.join(steps)}: {words}")


def _bars(title: str, bars: Mapping[str, float], written: Callable[[int], str] | Callable[[float], str]) -> Figure:
    canvas, axes = _canvas(title, 0.9 + _ROW_INCHES * len(bars))
    labels = [written(value) for value in bars.values()]  # type: ignore[arg-type]  # bars of bytes are whole numbers
    drawn = axes.barh(list(bars), list(bars.values()), color=_BAR, height=0.6)
    axes.bar_label(drawn, labels=labels, padding=4, color=_INK)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.tick_params(axis="y", colors=_INK, length=0)
    axes.xaxis.set_visible(False)
    words = ", ".join(f"{name} {label}" for name, label in zip(bars, labels, strict=True))
    return Figure(title, _png(canvas), f"Bar chart: {words}")


def _canvas(title: str, height_inches: float) -> "tuple[Canvas, Axes]":
    from matplotlib.figure import Figure as Canvas  # without pyplot: no global state, no display, and only when needed

    canvas = Canvas(figsize=(_WIDTH_INCHES, height_inches), dpi=110, layout="constrained")
    axes = canvas.add_subplot()
    axes.set_facecolor("none")
    axes.set_title(title, color=_INK, loc="left")
    axes.spines[:].set_visible(False)
    return canvas, axes


def _png(canvas: "Canvas") -> bytes:
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", transparent=True, metadata={"Software": None})
    return buffer.getvalue()

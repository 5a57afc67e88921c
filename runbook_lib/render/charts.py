"""Pictures for records: equal numbers give equal bytes, readable on light and dark pages, with words beside them.

Drawn with Pillow: its import takes a tenth of a second, matplotlib's took more than one in three processes of each run.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from runbook_lib.render.sections import Figure
from runbook_lib.render.values import format_bytes, format_seconds

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

_INK: Final = "#7a7a7a"
"""Grey on a transparent ground stands on light and dark."""
_BAR: Final = "#3b7dd8"
_LINES: Final = (("#3b7dd8", "square", 0), ("#d1495b", "disc", 0), ("#2a9d5c", "triangle", 9))
"""Colour, marker and length of the dashes of each line, 0 for none: colour is never the only difference."""
_WIDTH: Final = 770
_MARGIN: Final = 12
_TITLE_HEIGHT: Final = 44
_ROW_HEIGHT: Final = 46
_BAR_HEIGHT: Final = 28
_GROWTH_HEIGHT: Final = 350
_LEGEND_ROW: Final = 24
_TEXT, _TITLE = 16, 19
"""Sizes of letters. These and those above are in pixels."""
_FINER: Final = 4
"""Lines are drawn this much larger and made smaller, as Pillow draws them with hard edges."""
_STROKE: Final = 3
_MARKER: Final = 5

Point = tuple[float, float]


def can_draw() -> bool:
    """Whether pictures can be had here: they come with the extra `notebooks`, which a service does not install."""
    return find_spec("PIL") is not None


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
    picture = _canvas(title, _GROWTH_HEIGHT)
    most = max(max(values) for values in lines.values()) or 1
    top, bottom = _TITLE_HEIGHT + _LEGEND_ROW * len(lines), _GROWTH_HEIGHT - 40
    left, right = 60.0, _WIDTH - 110.0
    across = [left + (right - left) * number / max(len(steps) - 1, 1) for number in range(len(steps))]
    with _ink(picture, _INK) as draw:
        for step, x in zip(steps, across, strict=True):
            draw.text((x, bottom + 12), step, 255, _font(_TEXT), anchor="ma")
    lowest = float(bottom)
    for number, (name, values) in sorted(enumerate(lines.items()), key=lambda line: line[1][1][-1]):
        points = [(x, bottom - (bottom - top) * value / most) for x, value in zip(across, values, strict=True)]
        colour, marker, dash = _LINES[number % len(_LINES)]
        legend = (_MARGIN + 16.0, _TITLE_HEIGHT + _LEGEND_ROW * (number + 0.5))
        with _ink(picture, colour, _FINER) as draw:
            _stroke(draw, points, dash)
            for point in (*points, legend):
                _mark(draw, point, marker)
        lowest = min(points[-1][1], lowest - _TEXT)  # ends that are equal keep their numbers apart
        with _ink(picture, colour) as draw:
            draw.text((points[-1][0] + 12, lowest), format_bytes(values[-1]), 255, _font(_TEXT), anchor="lm")
        with _ink(picture, _INK) as draw:
            draw.text((legend[0] + 16, legend[1]), name, 255, _font(_TEXT), anchor="lm")
    words = "; ".join(f"{name} {', '.join(map(format_bytes, values))}" for name, values in lines.items())
    return Figure(title, _png(picture), f"Line chart over {', '.join(steps)}: {words}")


def _bars(title: str, bars: Mapping[str, float], written: Callable[[int], str] | Callable[[float], str]) -> Figure:
    picture = _canvas(title, _TITLE_HEIGHT + _ROW_HEIGHT * len(bars) + _MARGIN)
    labels = [written(value) for value in bars.values()]  # type: ignore[arg-type]  # bars of bytes are whole numbers
    font = _font(_TEXT)
    left = 2 * _MARGIN + max(map(font.getlength, bars), default=0)
    room = _WIDTH - left - 2 * _MARGIN - max(map(font.getlength, labels), default=0)
    most = max(bars.values(), default=0) or 1
    for row, ((name, value), label) in enumerate(zip(bars.items(), labels, strict=True)):
        middle, end = _TITLE_HEIGHT + _ROW_HEIGHT * (row + 0.5), left + room * value / most
        with _ink(picture, _INK) as draw:
            draw.text((left - _MARGIN, middle), name, 255, font, anchor="rm")
            draw.text((end + _MARGIN, middle), label, 255, font, anchor="lm")
        with _ink(picture, _BAR) as draw:
            if end - left >= 1:
                draw.rectangle((left, middle - _BAR_HEIGHT / 2, end, middle + _BAR_HEIGHT / 2), 255)
    words = ", ".join(f"{name} {label}" for name, label in zip(bars, labels, strict=True))
    return Figure(title, _png(picture), f"Bar chart: {words}")


def _canvas(title: str, height: int) -> "Image":
    from PIL import Image  # brought by an extra

    picture = Image.new("RGBA", (_WIDTH, height), (255, 255, 255, 0))
    with _ink(picture, _INK) as draw:
        draw.text((_MARGIN, _TITLE_HEIGHT / 2), title, 255, _font(_TITLE), anchor="lm")
    return picture


def _font(size: int) -> "FreeTypeFont | BitmapFont":
    """Return the font that Pillow brings along (since 10.1), the same on every machine; it has Latin letters."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


@contextmanager
def _ink(picture: "Image", colour: str, finer: int = 1) -> "Iterator[ImageDraw]":
    """Give what draws a stencil, in white, and lay the colour through it: edges mix with whatever page is below."""
    from PIL import Image, ImageDraw

    stencil = Image.new("L", (picture.width * finer, picture.height * finer))
    yield ImageDraw.Draw(stencil)
    layer = Image.new("RGBA", picture.size, colour)
    layer.putalpha(stencil.reduce(finer))
    picture.alpha_composite(layer)


def _stroke(draw: "ImageDraw", points: Sequence[Point], dash: int) -> None:
    """Draw from point to point on a finer stencil; with dashes, as long as the gaps between them."""
    for (x, y), (to_x, to_y) in pairwise(points):
        length = ((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5
        pieces = 2 * round(length / dash / 2) + 1 if dash else 1
        for piece in range(0, pieces, 2):
            ends = [(x + (to_x - x) * part / pieces, y + (to_y - y) * part / pieces) for part in (piece, piece + 1)]
            draw.line([_finer(end) for end in ends], 255, _STROKE * _FINER)


def _mark(draw: "ImageDraw", point: Point, marker: str) -> None:
    (x, y), reach = _finer(point), _MARKER * _FINER
    match marker:
        case "square":
            draw.rectangle((x - reach, y - reach, x + reach, y + reach), 255)
        case "disc":
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), 255)
        case _:
            draw.polygon([(x, y - reach), (x - reach, y + reach), (x + reach, y + reach)], 255)


def _finer(point: Point) -> Point:
    return point[0] * _FINER, point[1] * _FINER


def _png(picture: "Image") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "png", optimize=True)
    return buffer.getvalue()

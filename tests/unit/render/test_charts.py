"""The charts of records."""

import io
from collections.abc import Callable
from typing import cast

import pytest
from PIL import Image

from runbook_lib.render.charts import byte_bars, byte_growth, rate_bars, second_bars
from runbook_lib.render.sections import Figure

BARS = {"on disk now": 1_500_000, "symlinks": 3_000_000, "copies": 0}
STEPS = ("now", "+1")
LINES = {"symlinks": (1_000, 1_000), "copies": (2_000, 4_000), "hard links": (500, 500)}

CHARTS = {
    "bytes": lambda: byte_bars("Disk", BARS),
    "seconds": lambda: second_bars("Stages", {"detect": 9.5, "convert": 61.0}),
    "rates": lambda: rate_bars("Reading", {"on 2 threads": 1_500_000.4}),
    "growth": lambda: byte_growth("Growth", STEPS, LINES),
    "zeros": lambda: byte_growth("Growth", STEPS, {"symlinks": (0, 0)}),
}
each_chart = pytest.mark.parametrize("draw", CHARTS.values(), ids=CHARTS)


@each_chart
def test_equal_numbers_give_equal_bytes(draw: Callable[[], Figure]) -> None:
    assert draw() == draw()


@each_chart
def test_a_picture_is_a_transparent_png_of_a_size_for_a_notebook(draw: Callable[[], Figure]) -> None:
    png = draw().png
    picture = Image.open(io.BytesIO(png))
    assert (picture.format, picture.mode) == ("PNG", "RGBA")
    assert picture.getpixel((0, 0)) == (255, 255, 255, 0)
    assert len(png) < 40_000


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        ("bytes", "Bar chart: on disk now 1.5 MB, symlinks 3.0 MB, copies 0 bytes"),
        ("seconds", "Bar chart: detect 9.50 s, convert 1 min 01 s"),
        ("rates", "Bar chart: on 2 threads 1.5 MB/s"),
        (
            "growth",
            "Line chart over now, +1: symlinks 1.0 KB, 1.0 KB; copies 2.0 KB, 4.0 KB; hard links 500 bytes, 500 bytes",
        ),
    ],
)
def test_the_words_beside_a_picture_hold_every_number(chart: str, words: str) -> None:
    assert CHARTS[chart]().alternative == words


@pytest.mark.parametrize("ground", [(255, 255, 255, 255), (17, 17, 17, 255)], ids=["light", "dark"])
@each_chart
def test_every_ink_stands_out_on_light_and_on_dark(draw: Callable[[], Figure], ground: tuple[int, ...]) -> None:
    """3:1 is what WCAG 2.2 asks of graphics and large text."""
    picture = Image.open(io.BytesIO(draw().png))
    colours = cast("list[tuple[int, tuple[int, ...]]]", picture.getcolors(1 << 20) or [])
    inks = [colour for count, colour in colours if count > 60 and colour[3] == 255]
    assert inks
    for ink in inks:
        lighter, darker = sorted((luminance(ink), luminance(ground)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) > 3, ink


def luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [value / 255 for value in colour[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

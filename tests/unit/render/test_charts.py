"""The bar chart of stage measure disk."""

import io

from PIL import Image

from runbook_lib.render.charts import byte_bars

BARS = {"on disk now": 1_500_000, "symlinks": 3_000_000, "copies": 0}


def test_equal_numbers_give_equal_bytes() -> None:
    assert byte_bars("Disk", BARS).png == byte_bars("Disk", BARS).png


def test_the_picture_is_a_transparent_png_and_its_words_hold_every_number() -> None:
    figure = byte_bars("Disk", BARS)
    picture = Image.open(io.BytesIO(figure.png))
    assert (picture.format, picture.mode) == ("PNG", "RGBA")
    assert picture.getpixel((0, 0)) == (255, 255, 255, 0)
    assert figure.alternative == "Bar chart: on disk now 1.5 MB, symlinks 3.0 MB, copies 0 bytes"

"""How numbers are written: one place, so that text, HTML and charts agree."""

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.render.sections import Cell, Link

_BYTE_UNITS = ("KB", "MB", "GB", "TB")
_STEP = 1000
_SECONDS_PER_MINUTE = 60
_SECONDS_PER_DAY = 86_400


def format_bytes(size_bytes: int) -> str:
    """Write a size in decimal units as the Hub does: `999 bytes`, `1.5 MB`, `171 MB`."""
    if abs(size_bytes) < _STEP:
        return f"{size_bytes} byte" if abs(size_bytes) == 1 else f"{size_bytes} bytes"
    value, units = size_bytes / _STEP, iter(_BYTE_UNITS)
    unit = next(units)
    while abs(value) >= _STEP - 0.5 and (larger := next(units, "")):
        value, unit = value / _STEP, larger
    digits = 1 if abs(value) < 99.95 else 0  # noqa: PLR2004 - below a hundred one decimal is worth its place
    return f"{value:.{digits}f} {unit}"


def format_seconds(elapsed_s: float) -> str:
    """Write a duration: `0.42 s`, `12.3 s`, `4 min 05 s`."""
    if elapsed_s >= _SECONDS_PER_MINUTE:
        minutes, seconds = divmod(round(elapsed_s), _SECONDS_PER_MINUTE)
        return f"{minutes} min {seconds:02d} s"
    return f"{elapsed_s:.1f} s" if elapsed_s >= 10 else f"{elapsed_s:.2f} s"  # noqa: PLR2004


def format_time_left(left_s: float) -> str:
    """Write how long something will take yet; beyond a day the guess is worth nothing, and says so."""
    return "more than a day left" if left_s > _SECONDS_PER_DAY else f"{format_seconds(left_s)} left"


def quirk_cell(quirk: str) -> Cell:
    """Return a known failure as a cell: a link to its page, as seen from a notebook; empty for none."""
    return Link(quirk, f"../docs/quirks.md#{quirk}") if quirk else ""


def fix_cell(fixed_by: FixedBy) -> Cell:
    """Return what fixes something as a cell: a notebook is a link, as seen from another notebook."""
    return Link(fixed_by.words, fixed_by.notebook) if fixed_by.notebook else fixed_by.words

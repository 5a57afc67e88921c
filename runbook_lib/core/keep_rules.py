"""The setting `keep`: how many runs are kept, and for how long."""

from dataclasses import dataclass
from typing import Final

_WORDS: Final = ("runs", "days", "failed-days")
_LONGER: Final = 3
"""Failures are kept this many times as long as other runs where nothing else is said."""
_EXAMPLE: Final = "such as 'runs=30, days=14, failed-days=90'"


@dataclass(frozen=True)
class KeepRules:
    """A run is kept when one of the rules keeps it; a rule that is None keeps nothing."""

    runs: int | None = None
    """The newest so many."""
    days: int | None = None
    """Those that began in the last so many days."""
    failed_days: int | None = None
    """The same for runs that did not end well."""

    @classmethod
    def parse(cls, text: str) -> "KeepRules | None":
        """Read the setting; None when it is empty: then everything is kept. Raises `ValueError` that says how."""
        given: dict[str, int] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, number = (word.strip() for word in part.partition("="))
            if name not in _WORDS or name in given:
                raise ValueError(f"{part!r} is no rule of its own: {', '.join(_WORDS)}, {_EXAMPLE}")
            if not (number.isascii() and number.isdigit() and 0 < int(number) < 100_000):  # noqa: PLR2004
                raise ValueError(f"{part!r} would keep nothing: a whole number from 1 on, {_EXAMPLE}")
            given[name] = int(number)
        if not given:
            return None
        if set(given) == {"failed-days"}:
            raise ValueError(f"'{text.strip()}' would keep nothing of the runs that ended well, {_EXAMPLE}")
        days = given.get("days")
        return cls(given.get("runs"), days, given.get("failed-days", days and days * _LONGER))

    def __str__(self) -> str:
        named = zip(_WORDS, (self.runs, self.days, self.failed_days), strict=True)
        return ", ".join(f"{name}={number}" for name, number in named if number is not None)

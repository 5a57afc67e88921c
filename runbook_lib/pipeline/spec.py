"""The setting `pipeline`: what docling is to do, in words, or where the service's own code says it."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, Final

from runbook_lib.core.value import Value

ON: Final = "on"
OFF: Final = "off"
_SWITCH: Final = (ON, OFF)
NAMES: Final[Mapping[str, tuple[str, ...] | None]] = {
    "ocr": (OFF, "auto", "rapidocr", "easyocr", "tesseract"),
    "tables": _SWITCH,
    "formulas": _SWITCH,
    "code": _SWITCH,
    "picture-classes": _SWITCH,
    "picture-description": None,
    "charts": _SWITCH,
    "layout": None,
    "vlm": None,
    "asr": None,
}
"""The names and the values each can have; None: the name of a preset of docling's."""
_MAY_STAND_ALONE: Final = frozenset(name for name, values in NAMES.items() if values == _SWITCH) | {
    "picture-description"
}
_PRESET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CODE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class PipelineSpec(Value):
    """A `pipeline` that can be read; empty: what `DocumentConverter()` does."""

    code: str = ""
    """`module:attribute` of the service's own options or converter."""
    choices: tuple[tuple[str, str], ...] = ()
    """Name and value, in the order of `NAMES`; what is not named stays as docling has it."""

    @classmethod
    def parse(cls, text: str) -> "PipelineSpec":
        """Read `name`, `name=value`, several with commas between, or `module:attribute`; else `ValueError`."""
        text = text.strip()
        if _CODE.fullmatch(text):
            return cls(code=text)
        chosen: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, value = _parsed(part)
            if chosen.setdefault(name, value) != value:
                raise ValueError(f"{name} is given twice, as {chosen[name]!r} and {value!r}")
        return cls(choices=tuple((name, chosen[name]) for name in NAMES if name in chosen))

    def __str__(self) -> str:
        return self.code or ", ".join(name if value == ON else f"{name}={value}" for name, value in self.choices)

    @property
    def asks_for_files(self) -> bool:
        """Whether it says anything that takes models which are no repositories: an OCR engine, or unknown code."""
        return bool(self.code) or dict(self.choices).get("ocr", OFF) != OFF

    def request(self) -> dict[str, Any]:
        """Return what a worker is told (`workers/scripts/wanted_pipeline.py`)."""
        return {"code": self.code, "choices": dict(self.choices)}


def _parsed(part: str) -> tuple[str, str]:
    name, equals, value = (word.strip() for word in part.partition("="))
    if name not in NAMES:
        nearest = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.0)[0]
        raise ValueError(f"{name!r} is not part of a pipeline; the nearest is {nearest!r}; known: {', '.join(NAMES)}")
    if not equals:
        if name not in _MAY_STAND_ALONE:
            raise ValueError(f"{name} needs a value: {name}={_examples(name)}")
        return name, ON
    values = NAMES[name]
    if values is None:
        if not _PRESET.fullmatch(value):
            raise ValueError(f"{part!r} names no preset of docling's")
    elif value not in values:
        raise ValueError(f"{name} can be {' or '.join(values)}, not {value!r}")
    return name, value


def _examples(name: str) -> str:
    return "|".join(NAMES[name] or ("PRESET",))

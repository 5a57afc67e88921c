"""runbook.toml as text: every setting with what it means, commented out unless it is given."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from runbook_lib.run.setting_sources import ENV_PREFIX
from runbook_lib.run.settings import Settings

_OF_ONE_RUN: Final = ("run_dir", "drill", "practice_pad_mb", "practice_head")
"""What no file should set for every run that is started beside it."""
_HEAD: Final = f"""\
# Settings of the Docling model runbook, for what is started in this folder.
# What is given as -p NAME VALUE or as {ENV_PREFIX}NAME in the environment stands above what is written here.
# `runbook config` shows each setting with its value and where it comes from. Tokens do not belong here.
"""


def settings_file(given: Mapping[str, object]) -> str:
    """Return the file; what is `given` is set, everything else stands there as a comment with its default."""
    return "\n".join((_HEAD, *_entries(given)))


def _entries(given: Mapping[str, object]) -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if name in given:
            yield f"# {field.description}\n{name} = {_toml(given[name])}\n"
        elif name not in _OF_ONE_RUN:
            yield f"# {field.description}\n# {name} = {_toml(field.default)}\n"


def _toml(value: object) -> str:
    """Write a scalar; what JSON escapes in a string, TOML reads alike."""
    return json.dumps(value, ensure_ascii=True) if not isinstance(value, str) else _toml_string(value)


def _toml_string(value: str) -> str:
    return f"'{value}'" if "\\" in value and "'" not in value and value.isprintable() else _basic(value)


def _basic(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

"""The catalogue of quirks: loaded once from the files in `entries/`, looked up by id, number or alias."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from packaging.version import InvalidVersion, Version
from pydantic import ValidationError

from runbook_lib.core.value import StrictValue
from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.quirks.model import SHIPPED, Quirk

FOLDER_NAME = "entries"
SCHEMA_VERSION = 1


class Catalogue(StrictValue):
    """Every known quirk, in the order of the numbers."""

    quirks: tuple[Quirk, ...]

    def __iter__(self) -> Iterator[Quirk]:  # type: ignore[override]  # pydantic iterates over fields
        return iter(self.quirks)

    def __len__(self) -> int:
        return len(self.quirks)

    def quirk(self, name: str) -> Quirk:
        """Return the quirk with this id, number or alias; upper and lower case are the same.

        Raises:
            UsageError: There is none; the message names the nearest.
        """
        by_name = {known.casefold(): quirk for quirk in self.quirks for known in quirk.names}
        found = by_name.get(name.strip().casefold())
        if found is None:
            nearest = difflib.get_close_matches(name.strip().casefold(), by_name, n=3, cutoff=0.4)
            remedy = f"Did you mean {' or '.join(nearest)}?" if nearest else "List them with `runbook quirks`."
            raise UsageError(f"There is no quirk named {name!r}.", remedy=remedy)
        return found

    def since(self, version: str) -> tuple[Quirk, ...]:
        """Return the quirks that came to the catalogue with this version of the runbook or a later one.

        Raises:
            UsageError: This is no version.
        """
        try:
            first = Version(version)
        except InvalidVersion as error:
            raise UsageError(f"{version!r} is no version.", remedy="Write it as 0.2.0.") from error
        return tuple(quirk for quirk in self.quirks if Version(quirk.since) >= first)


@cache
def load_catalogue() -> Catalogue:
    """Read the catalogue that comes with the package; the files are read once."""
    return parse_catalogue(shipped_files(), context=SHIPPED)


def shipped_files() -> dict[str, str]:
    """Return the text of each file of the catalogue that comes with the package, by name."""
    folder = files(__package__) / FOLDER_NAME
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}


def parse_catalogue(texts: Mapping[str, str], *, context: str = "") -> Catalogue:
    """Read a catalogue from its files, by name: one table a quirk, the name of the table is the id.

    In the context `SHIPPED` patterns are not held to their dialect once more.

    Raises:
        RunbookError: The text is not TOML, a key is unknown, a value has the wrong form, or a name is given twice.
    """
    quirks = [quirk for name, text in texts.items() for quirk in _quirks(name, text, context)]
    catalogue = Catalogue(quirks=tuple(sorted(quirks, key=lambda quirk: int(quirk.number[1:]))))
    _check_names(catalogue)
    return catalogue


def _quirks(file_name: str, text: str, context: str) -> Iterator[Quirk]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RunbookError(f"{file_name} is not TOML.", why=str(error)) from error
    version = tables.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise RunbookError(f"{file_name} has schema version {version!r}; this runbook reads {SCHEMA_VERSION}.")
    for name, table in tables.items():
        yield _quirk(file_name, name, table, context)


def _quirk(file_name: str, name: str, table: object, context: str) -> Quirk:
    if not isinstance(table, dict):
        raise RunbookError(f"{file_name}: {name!r} is not the table of a quirk.")
    try:
        return Quirk.model_validate({**table, "id": name}, context=context)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'table'}: {problem['msg']}" for problem in error.errors()
        )
        raise RunbookError(f"{file_name}: the entry [{name}] is wrong.", why=problems) from error


def _check_names(catalogue: Catalogue) -> None:
    seen: dict[str, str] = {}
    for quirk in catalogue:
        for name in quirk.names:
            if name.casefold() in seen:
                raise RunbookError(f"{name} names both {seen[name.casefold()]} and {quirk.id}.")
            seen[name.casefold()] = quirk.id

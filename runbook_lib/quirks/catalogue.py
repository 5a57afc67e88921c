"""The catalogue of quirks: loaded once from `catalogue.toml`, looked up by id, number or alias."""

import difflib
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from pydantic import ValidationError

from runbook_lib.core.value import StrictValue
from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.quirks.model import Quirk

FILE_NAME = "catalogue.toml"
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


@cache
def load_catalogue() -> Catalogue:
    """Read and check the catalogue that comes with the package; the file is read once."""
    return parse_catalogue((files(__package__) / FILE_NAME).read_text(encoding="utf-8"))


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue: one table a quirk, the name of the table is the id.

    Raises:
        RunbookError: The text is not TOML, a key is unknown, a value has the wrong form, or a name is given twice.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RunbookError(f"{FILE_NAME} is not TOML.", why=str(error)) from error
    version = tables.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise RunbookError(f"{FILE_NAME} has schema version {version!r}; this runbook reads {SCHEMA_VERSION}.")
    catalogue = Catalogue(quirks=tuple(_quirk(name, table) for name, table in tables.items()))
    _check_names(catalogue)
    return catalogue


def _quirk(name: str, table: object) -> Quirk:
    if not isinstance(table, dict):
        raise RunbookError(f"{FILE_NAME}: {name!r} is not the table of a quirk.")
    try:
        return Quirk.model_validate({**table, "id": name})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'table'}: {problem['msg']}" for problem in error.errors()
        )
        raise RunbookError(f"{FILE_NAME}: the entry [{name}] is wrong.", why=problems) from error


def _check_names(catalogue: Catalogue) -> None:
    seen: dict[str, str] = {}
    for quirk in catalogue:
        for name in quirk.names:
            if name.casefold() in seen:
                raise RunbookError(f"{FILE_NAME}: {name} names both {seen[name.casefold()]} and {quirk.id}.")
            seen[name.casefold()] = quirk.id

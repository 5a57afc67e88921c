"""Where settings come from: the one place where parameters, environment and runbook.toml become `Settings`."""

import difflib
import os
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runbook_lib.core.masking import mask_secrets, mask_url_credentials
from runbook_lib.errors import SettingsError
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Section, Table
from runbook_lib.run.settings import Settings
from runbook_lib.system.variables import is_true

ENV_PREFIX = "RUNBOOK_"
SETTINGS_FILE = Path("runbook.toml")
FORM = "form"
"""The origin of what was chosen in the form of 00_start_here."""
_BESIDE_HOST = re.compile(r"(?<=/)[^\s/]*(?=@)|(?<=['\"])[^\s/]*(?=@)|(?<=[?#])[^\s'\"]+")
_ADDRESSES = frozenset(("hub", "ocr_mirror", "service_url", "copy_to"))
_OLD_OCR = "ocr"
NOT_SETTINGS = frozenset(
    f"RUNBOOK_{name}" for name in ("DEBUG", "HEADLESS", "NOTICE_TOKEN", "PROGRESS", "STANDING_WORKER")
)
"""Variables with our prefix that are switches of the program, not parameters of a run."""


@dataclass(frozen=True)
class ResolvedSettings(Rendered):
    """Settings together with where each value came from."""

    values: Settings
    origins: Mapping[str, str]
    """Parameter name to `parameter`, `form`, `run`, `environment`, `runbook.toml` or `default`."""

    def sections(self) -> Sequence[Section]:
        """Return one table: parameter, value, origin."""
        rows = tuple((name, str(value), self.origins[name]) for name, value in self.values.model_dump().items())
        return (Table("All settings", ("parameter", "value", "from"), rows, folded=True),)

    def changed(self, leave_out: Collection[str] = ()) -> str:
        """Return the settings that are not defaults, and where each comes from, as a line; empty for none."""
        return ", ".join(
            f"{name} = {value} ({self.origins[name]})"
            for name, value in self.values.model_dump(exclude_defaults=True).items()
            if name not in leave_out
        )


def resolve_settings(
    parameters: Mapping[str, object] | None = None,
    *,
    run: Mapping[str, object] | None = None,
    chosen: Mapping[str, object] | None = None,
    explicit: bool | str = False,
    environ: Mapping[str, str] | None = None,
    file: Path = SETTINGS_FILE,
) -> ResolvedSettings:
    """Join the sources: parameter, then `RUNBOOK_*`, then runbook.toml, then default.

    The settings of a `run` that is continued stand in for environment, file and default: they were joined when it
    began. What was `chosen` in the form of 00_start_here stands above environment and file. A parameter that equals
    its default counts as "not given", unless the parameters are `explicit`: a notebook's parameter cell names every
    value, and must not hide the other sources by doing so. Raises `SettingsError` for an unknown name or a wrong value.
    """
    environ = os.environ if environ is None else environ
    given_as = explicit if isinstance(explicit, str) else "parameter"
    layers: list[tuple[str, Mapping[str, object]]] = [(FORM, chosen or {}), (given_as, parameters or {})]
    if run is not None:
        layers.insert(0, ("run", run))
    else:
        layers[:0] = [("runbook.toml", _from_file(file)), ("environment", _from_environment(environ))]
    merged: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    for origin, given_layer in layers:
        layer = in_current_names(given_layer)
        _require_known(layer, origin)
        named_all = origin == given_as and not explicit
        given = {name: value for name, value in layer.items() if not (named_all and _is_default(name, value))}
        merged |= given
        origins |= dict.fromkeys(given, origin)
    return ResolvedSettings(_validated(merged, origins), origins)


def in_current_names(layer: Mapping[str, object]) -> Mapping[str, object]:
    """Say `ocr`, a setting of its own until `pipeline` took it in, as `pipeline` says it; beside one it is refused."""
    if _OLD_OCR not in layer or "pipeline" in layer:
        return layer
    rest = {name: value for name, value in layer.items() if name != _OLD_OCR}
    given = str(layer[_OLD_OCR])
    return {**rest, "pipeline": "ocr=auto" if is_true(given) else "ocr=off" if _is_false(given) else f"ocr={given}"}


def _is_false(value: str) -> bool:
    return value.upper() in ("0", "OFF", "NO", "FALSE")


def _is_default(name: str, value: object) -> bool:
    return bool(value == Settings.model_fields[name].default)


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    return {
        name.removeprefix(ENV_PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(ENV_PREFIX) and name not in NOT_SETTINGS and value
    }


def _from_file(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{file} cannot be read.", why=_shown(str(error)), remedy="Fix the file or move it away."
        ) from error


def _require_known(layer: Mapping[str, object], origin: str) -> None:
    known = sorted(Settings.model_fields)
    for name in layer:
        if name in Settings.model_fields:
            continue
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise SettingsError(
            f"{_shown(repr(name))} is not a parameter of the runbook.",
            why=f"It was given as {origin}.",
            remedy=f"The nearest known parameter is {nearest!r}. Known: {', '.join(known)}.",
        )


def _shown(text: str) -> str:
    """Return what may be said of a value that somebody gave by mistake, perhaps with a secret in it."""
    return mask_url_credentials(mask_secrets(text))


def _shown_value(name: str, value: object) -> str:
    """Return a refused value; of an address nothing but the host, for a secret may stand in every other part."""
    text = repr(value)
    return _BESIDE_HOST.sub("***", text) if name in _ADDRESSES else _shown(text)


def _validated(merged: Mapping[str, object], origins: Mapping[str, str]) -> Settings:
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        reason = _shown(first["msg"].removeprefix("Value error, "))
        raise SettingsError(
            f"Parameter {name!r} has a value that cannot be used: {_shown_value(name, merged[name])}.",
            why=f"{reason} (given as {origins[name]}).",
            remedy=f"{name}: {Settings.model_fields[name].description}.",
        ) from error

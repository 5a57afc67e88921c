"""The file hosts.toml: which hosts a fleet has, and what each is told."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, StringConstraints, ValidationError

from runbook_lib.core.value import StrictValue
from runbook_lib.errors import UsageError
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.system.filesystem import describe_os_error

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_EXAMPLE: Final = "A table a host: [hosts.alpha]; docs/fleet.md shows one."
_NOT_FROM_AFAR: Final = ("run_dir",)
"""Parameters that the fleet gives itself."""
Parameter = str | bool | int | float
_Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]*$", max_length=1000)]


class Told(StrictValue):
    """What a host is told; in [defaults] what all are told."""

    home: _Line = ""
    """The folder in which the run works, runbook.toml and runs/ with it; empty: where the worker was started."""
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    """Settings by their names, as for `runbook run -p`."""


class Host(StrictValue):
    """One host."""

    name: str
    home: str
    parameters: dict[str, Parameter]


class _File(StrictValue):
    defaults: Told = Told()
    hosts: dict[str, Told]


def resource_of(host: str) -> str:
    """Return the resource by which a worker says that it is on a host."""
    return f"host-{host}"


def require_name(host: str) -> str:
    """Return a host's name; raises `UsageError` for one that no file could bear on every system."""
    if not _NAME.fullmatch(host):
        raise UsageError(f"{host!r} is not the name of a host.", remedy="Use letters, digits, dots and hyphens.")
    return host


def read_inventory(path: Path) -> tuple[Host, ...]:
    """Read the hosts, in the order of the file; raises `UsageError` for what does not stand there as it should.

    Parameters are checked here, before any host is asked.
    """
    try:
        file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{path} cannot be read.", why=describe_os_error(error), remedy=_EXAMPLE) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path} is not a list of hosts.", why=f"{where}: {first['msg']}", remedy=_EXAMPLE) from error
    except ValueError as error:
        raise UsageError(f"{path} is not a TOML file in UTF-8.", why=str(error), remedy=_EXAMPLE) from error
    if not file.hosts:
        raise UsageError(f"{path} names no host.", remedy=_EXAMPLE)
    return tuple(_host(name, told, file.defaults) for name, told in file.hosts.items())


def _host(name: str, told: Told, defaults: Told) -> Host:
    parameters = {**defaults.parameters, **told.parameters}
    if given := [name for name in _NOT_FROM_AFAR if name in parameters]:
        raise UsageError(f"{given[0]} cannot be given to a host.", remedy="Name the folder it works in: home.")
    resolve_settings(parameters, run={}, explicit=True)  # refuses what no host could use; this machine's own stay out
    return Host(name=require_name(name), home=told.home or defaults.home, parameters=parameters)

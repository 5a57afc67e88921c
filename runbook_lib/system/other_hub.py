"""The huggingface_hub behind the command `hf` on PATH; nothing of it is run."""

import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from runbook_lib.system.packages import SitePackages

_COMMANDS = ("hf", "huggingface-cli")


def hub_beside(environ: Mapping[str, str], packages: SitePackages) -> tuple[Path | None, Version | None]:
    """Return the first command of another environment on PATH, and the version of huggingface_hub there."""
    for name in _COMMANDS:
        found = shutil.which(name, path=environ.get("PATH", ""))
        if found is None:
            continue
        command = Path(found)
        prefix = command.resolve().parent.parent
        if prefix in (packages.prefix, packages.prefix.resolve()):
            continue
        return command, _packages_below(prefix).version("huggingface_hub")
    return None, None


def _packages_below(prefix: Path) -> SitePackages:
    """Return the packages of the environment a script belongs to: its layout on POSIX, then on Windows."""
    folders = (*prefix.glob("lib/python3*/site-packages"), prefix / "Lib" / "site-packages")
    return SitePackages(
        executable=str(prefix),
        python=sysconfig.get_python_version(),
        prefix=prefix,
        folders=tuple(str(folder) for folder in folders if folder.is_dir()),
    )

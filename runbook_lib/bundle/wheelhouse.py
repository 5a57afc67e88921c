"""The wheels of a bundle: one platform's, each by name and hash in a `pylock.toml` (PEP 751) beside them."""

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import runbook_lib
from runbook_lib.bundle.names import refused, require_names
from runbook_lib.cache.etags import is_sha256
from runbook_lib.errors import UsageError

if TYPE_CHECKING:
    from packaging.markers import Environment
    from packaging.pylock import Package

WHEELS_LOCK: Final = "wheels/pylock.toml"
"""Its name among the papers."""
PYLOCK: Final = "pylock.toml"
REQUIREMENTS: Final = "requirements.txt"
_NAMED: Final = re.compile(r"(?P<platform>[a-z0-9_]+)-(?P<python>3\.\d{1,2})")
_UV: Final = {
    "win_amd64": "x86_64-pc-windows-msvc",
    "win_arm64": "aarch64-pc-windows-msvc",
    "manylinux_2_28_x86_64": "x86_64-manylinux_2_28",
    "manylinux_2_28_aarch64": "aarch64-manylinux_2_28",
    "macosx_13_0_arm64": "aarch64-apple-darwin",
}
"""What uv calls the platforms (`uv pip compile --python-platform`, 0.13)."""
_SYSTEMS: Final = {
    "win": ("nt", "win32", "Windows"),
    "man": ("posix", "linux", "Linux"),
    "mac": ("posix", "darwin", "Darwin"),
}
"""`os_name`, `sys_platform` and `platform_system`, by the beginning of a platform's name."""
_MACHINES: Final = {"win_amd64": "AMD64", "win_arm64": "ARM64"}
_OLD_NAMES: Final = ("manylinux2014", "manylinux2010", "manylinux1")


@dataclass(frozen=True)
class WheelTarget:
    """The Python that wheels are for: `win_amd64-3.11`."""

    platform: str
    python: str

    @classmethod
    def parse(cls, text: str) -> "WheelTarget":
        """Read a name; raises `UsageError` that lists the platforms."""
        match = _NAMED.fullmatch(text)
        if match is None or match["platform"] not in _UV:
            raise UsageError(
                f"{text!r} is not a platform that wheels can be fetched for.",
                remedy=f"Use PLATFORM-PYTHON, such as win_amd64-3.11, with one of {', '.join(_UV)}.",
            )
        return cls(match["platform"], match["python"])

    def __str__(self) -> str:
        """Return the name."""
        return f"{self.platform}-{self.python}"

    @property
    def uv_platform(self) -> str:
        """What uv calls the platform."""
        return _UV[self.platform]

    @property
    def environment(self) -> "Environment":
        """What markers are compared with there."""
        os_name, sys_platform, system = _SYSTEMS[self.platform[:3]]
        machine = next((name for name in ("x86_64", "aarch64", "arm64") if self.platform.endswith(f"_{name}")), "")
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": os_name,
            "platform_machine": _MACHINES.get(self.platform, machine),
            "platform_release": "",
            "platform_system": system,
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "platform_python_implementation": "CPython",
            "python_version": self.python,
            "sys_platform": sys_platform,
        }

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms whose wheels are taken, the best first."""
        if self.platform.startswith("macosx"):
            from packaging.tags import mac_platforms

            return tuple(mac_platforms((13, 0), "arm64"))
        if not self.platform.startswith("manylinux"):
            return (self.platform,)
        newest, machine = re.fullmatch(r"manylinux_2_(\d+)_(\w+)", self.platform).groups()  # type: ignore[union-attr]
        glibc = (f"manylinux_2_{minor}_{machine}" for minor in range(int(newest), 4, -1))
        return (*glibc, *(f"{name}_{machine}" for name in _OLD_NAMES), f"linux_{machine}")


@dataclass(frozen=True)
class LockedWheel:
    """A wheel, as it is locked."""

    package: str
    version: str
    name: str
    """Of its file."""
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Wheelhouse:
    """All wheels for one Python."""

    python: str
    wheels: tuple[LockedWheel, ...]

    def pylock(self) -> str:
        """Return `pylock.toml` for a folder in which the wheels stand beside it."""
        head = {
            "lock-version": "1.0",
            "created-by": f"docling-runbook {runbook_lib.__version__}",
            "requires-python": f"=={self.python}.*",
        }
        lines = [*(f"{name} = {json.dumps(value)}" for name, value in head.items()), ""]
        for wheel in self.wheels:
            name, file = json.dumps(wheel.package), json.dumps(wheel.name)
            lines += ["[[packages]]", f"name = {name}", f"version = {json.dumps(wheel.version)}", ""]
            lines += ["[[packages.wheels]]", f"name = {file}", f"path = {file}", f"size = {wheel.size_bytes}"]
            lines += [f'hashes = {{ sha256 = "{wheel.sha256}" }}', ""]
        return "\n".join(lines)

    def requirements(self) -> str:
        """Return the same for pip, which reads no `pylock.toml` before version 26."""
        return requirements_of(self.wheels)


def requirements_of(wheels: Iterable[LockedWheel]) -> str:
    """Return wheels as pip takes them: by version and hash."""
    return "".join(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in wheels)


def read_pylock(content: bytes, words: str) -> Wheelhouse:
    """Read the lock of a bundle's wheels; raises `BundleError` for what is none, or leads elsewhere than beside it."""
    from packaging.pylock import Pylock, PylockValidationError
    from packaging.utils import InvalidWheelFilename

    try:
        lock = Pylock.from_dict(tomllib.loads(content.decode()))
        wheels = tuple(_locked(package) for package in lock.packages)
    except (ValueError, PylockValidationError, InvalidWheelFilename, RecursionError) as error:
        raise refused(f"{words} carries no list of wheels that can be read.", f"{PYLOCK}: {error}"[:300]) from error
    require_names((PYLOCK, REQUIREMENTS, *(wheel.name for wheel in wheels)), f"{words}: wheels")
    return Wheelhouse(str(lock.requires_python or "").removeprefix("==").removesuffix(".*"), wheels)


def _locked(package: "Package") -> LockedWheel:
    """Return the one wheel of a package; raises `ValueError` for anything else."""
    from packaging.utils import canonicalize_name, parse_wheel_filename

    (wheel,) = package.wheels or ()
    name, version, _build, _tags = parse_wheel_filename(wheel.filename)
    if (name, version) != (canonicalize_name(package.name), package.version):
        raise ValueError(f"{wheel.filename} is not {package.name} {package.version}")
    sha256 = wheel.hashes.get("sha256", "")
    if wheel.url or wheel.path != wheel.filename or wheel.size is None or not is_sha256(sha256):
        raise ValueError(f"{wheel.filename} is not locked by length and SHA-256, beside this file")
    return LockedWheel(package.name, str(package.version), wheel.filename, wheel.size, sha256)

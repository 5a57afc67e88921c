"""What only Windows can tell: policies, privileges, drive kinds, the code page; neutral answers elsewhere.

Registry values and calls as Microsoft documents them: `LongPathsEnabled` (Maximum Path Length Limitation),
`AllowDevelopmentWithoutDevLicense` (Developer Mode), `AutoConfigURL` (a proxy script), the VC++ runtime's `Version`.
"""

import ctypes
import os
import stat
import sys
from pathlib import Path
from typing import Final

from runbook_lib.core.value import Value

UTF8_CODE_PAGE: Final = 65001
_DRIVE_KINDS = {2: "removable", 3: "fixed", 4: "network", 5: "optical", 6: "RAM"}
_FILE_SYSTEM = r"SYSTEM\CurrentControlSet\Control\FileSystem"
_APP_MODEL = r"SOFTWARE\Microsoft\Windows\CurrentVersion\AppModelUnlock"
_INTERNET = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
_VC_RUNTIME = r"SOFTWARE\Microsoft\VisualStudio\14.0\VC\Runtimes\x64"
_RECALL_ON_DATA_ACCESS = 0x400000
_RUNTIME_LIBRARIES = ("vcruntime140.dll", "vcruntime140_1.dll", "msvcp140.dll")


class WindowsFacts(Value):
    """Policies of a Windows machine and rights of its user."""

    long_paths: bool
    """Policy `LongPathsEnabled`."""
    developer_mode: bool
    elevated: bool
    """Whether this process runs as administrator."""
    code_page: int
    """The ANSI code page; 65001 is UTF-8."""
    proxy_script: str
    """Address of a PAC script; empty without one."""
    vc_runtime: str
    """Version of the installed VC++ redistributable; empty when none is registered."""
    missing_libraries: tuple[str, ...]
    """Libraries of the VC++ runtime that cannot be loaded."""


def examine_windows() -> WindowsFacts | None:
    """Look at policies and rights; None on another system. Loads the VC++ runtime into this process."""
    if sys.platform != "win32":
        return None
    import winreg

    return WindowsFacts(
        long_paths=_registry(winreg.HKEY_LOCAL_MACHINE, _FILE_SYSTEM, "LongPathsEnabled") == "1",
        developer_mode=_registry(winreg.HKEY_LOCAL_MACHINE, _APP_MODEL, "AllowDevelopmentWithoutDevLicense") == "1",
        elevated=bool(ctypes.windll.shell32.IsUserAnAdmin()),
        code_page=int(ctypes.windll.kernel32.GetACP()),
        proxy_script=_registry(winreg.HKEY_CURRENT_USER, _INTERNET, "AutoConfigURL"),
        vc_runtime=_registry(winreg.HKEY_LOCAL_MACHINE, _VC_RUNTIME, "Version"),
        missing_libraries=tuple(name for name in _RUNTIME_LIBRARIES if not _loads(name)),
    )


def drive_kind(path: Path) -> str:
    """Return `network`, `removable`, `fixed` ... of the volume a path is on; empty when the system does not tell."""
    if sys.platform != "win32":
        return ""
    if path.drive.startswith("\\\\"):
        return "network"
    return _DRIVE_KINDS.get(ctypes.windll.kernel32.GetDriveTypeW(f"{path.drive}\\"), "")


def is_placeholder(path: Path) -> bool:
    """Whether a folder is a reparse point or a cloud placeholder; False for a path that does not exist."""
    try:
        attributes = getattr(os.lstat(path), "st_file_attributes", 0)
    except OSError:
        return False
    return bool(attributes & (stat.FILE_ATTRIBUTE_REPARSE_POINT | _RECALL_ON_DATA_ACCESS))


def _registry(root: int, key: str, name: str) -> str:
    """Return a value as text; empty when it is not there."""
    if sys.platform != "win32":
        return ""
    import winreg

    try:
        with winreg.OpenKey(root, key) as opened:
            return str(winreg.QueryValueEx(opened, name)[0])
    except OSError:
        return ""


def _loads(library: str) -> bool:
    if sys.platform != "win32":
        return True
    try:
        ctypes.WinDLL(library)
    except OSError:
        return False
    return True

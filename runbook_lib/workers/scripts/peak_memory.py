"""The largest resident size of this process: since `begin_peak` on Linux, since its start elsewhere."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""Sets VmHWM back to the present size (proc(5), since Linux 4.0)."""


def begin_peak() -> None:
    """Forget the peak so far, where the system can."""
    with suppress(OSError):
        if sys.platform == "linux":
            RESET.write_text(RESET_PEAK, encoding="ascii")


def peak_bytes() -> int:
    """Return the peak in bytes; 0 where nothing tells it."""
    if sys.platform == "linux":
        return linux_peak()
    return windows_peak() if sys.platform == "win32" else unix_peak()


def linux_peak() -> int:
    """Read VmHWM, which is given in kB of 1024 bytes."""
    with suppress(OSError, ValueError, IndexError):
        for line in STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def unix_peak() -> int:
    """Read ru_maxrss, which macOS gives in bytes."""
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def windows_peak() -> int:
    """Read PeakWorkingSetSize; psutil is not among what docling brings along everywhere."""
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        _fields_ = [
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            *((f"rest_{number}", ctypes.c_size_t) for number in range(7)),
        ]

    counters = Counters(cb=ctypes.sizeof(Counters))
    system = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]  # Windows alone has it
    system.GetCurrentProcess.restype = wintypes.HANDLE
    read = system.K32GetProcessMemoryInfo
    read.argtypes = [wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD]
    return (
        int(counters.PeakWorkingSetSize) if read(system.GetCurrentProcess(), ctypes.byref(counters), counters.cb) else 0
    )

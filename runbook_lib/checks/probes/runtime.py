"""Native libraries: the VC++ runtime, libGL, OpenMP; looked for, never loaded."""

import ctypes.util
from collections.abc import Iterator
from pathlib import Path

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import LINUX, WINDOWS, Probe
from runbook_lib.run.check import Verdict, fail, ok, skip, warn
from runbook_lib.system.packages import SitePackages
from runbook_lib.system.windows import WindowsFacts, examine_windows

_GUI_BUILDS = ("opencv-python", "opencv-contrib-python")
_HEADLESS_BUILDS = ("opencv-python-headless", "opencv-contrib-python-headless")
_GL_LIBRARIES = ("GL", "gthread-2.0")
_OPENMP_RUNTIME = "libiomp5*"
_OPENMP_OWNERS = ("torch/lib", "numpy.libs", "numpy/.libs", "mkl", "sklearn/.libs", "scikit_learn.libs", "intel_openmp")


def _vc_runtime(context: ProbeContext) -> Verdict:
    return judge_vc_runtime(examine_windows(), str(context.packages.version("torch") or ""))


def judge_vc_runtime(facts: WindowsFacts | None, torch: str) -> Verdict:
    """Say whether the libraries that torch and onnxruntime are linked with can be loaded."""
    if facts is None:
        return skip("no Windows")
    seen = f"VC++ runtime {facts.vc_runtime or 'not registered'}"
    if not facts.missing_libraries:
        return ok(f"{seen}; its libraries can be loaded")
    seen += f"; missing: {', '.join(facts.missing_libraries)}"
    remedy = (
        "Have the latest Visual C++ redistributable (x64) installed, which takes an administrator; without one use"
        " conda's vc14_runtime. Do not copy libraries from the web."
    )
    return fail(f"{seen}; torch {torch} cannot start", remedy) if torch else warn(seen, remedy)


def _opencv(context: ProbeContext) -> Verdict:
    installed = tuple(name for name in (*_GUI_BUILDS, *_HEADLESS_BUILDS) if context.packages.version_text(name))
    asks_for_gl = context.system in LINUX and any(name in _GUI_BUILDS for name in installed)
    return judge_opencv(installed, _missing_gl() if asks_for_gl else ())


def _missing_gl() -> tuple[str, ...]:
    """Return the libraries of windows that the linker does not know; it is a process of its own that looks."""
    return tuple(name for name in _GL_LIBRARIES if ctypes.util.find_library(name) is None)


def judge_opencv(installed: tuple[str, ...], missing: tuple[str, ...]) -> Verdict:
    """Say whether two builds own the module cv2, or the one with windows lacks its libraries."""
    gui = [name for name in installed if name in _GUI_BUILDS]
    remedy = "pip uninstall " + " ".join(installed) + ", then pip install opencv-python-headless last."
    if len(installed) > 1:
        return warn(f"{', '.join(installed)}: each of them owns the module cv2", remedy)
    if gui and missing:
        libraries = ", ".join(f"lib{name}" for name in missing)
        return fail(f"{gui[0]} is installed and {libraries} is missing: cv2 cannot be imported", remedy)
    return ok(f"{installed[0]}" if installed else "OpenCV is not installed")


def _openmp(context: ProbeContext) -> Verdict:
    return judge_openmp(tuple(_openmp_runtimes(context.packages)))


def _openmp_runtimes(packages: SitePackages) -> Iterator[Path]:
    """Look where wheels and conda put libraries; the whole tree would take seconds."""
    sites = [Path(folder) for folder in packages.folders if Path(folder).name.lower() == "site-packages"]
    places = (packages.prefix / "Library" / "bin", *(site / owner for site in sites for owner in _OPENMP_OWNERS))
    return (path for place in places if place.is_dir() for path in sorted(place.glob(_OPENMP_RUNTIME)))


def judge_openmp(runtimes: tuple[Path, ...]) -> Verdict:
    """Say whether more than one Intel OpenMP runtime can be loaded into one process."""
    if len(runtimes) <= 1:
        return ok(str(runtimes[0]) if runtimes else "none is installed")
    return warn(
        f"{len(runtimes)} OpenMP runtimes: {', '.join(map(str, runtimes[:4]))}",
        "Make the environment from one source, all pip or all conda; do not set KMP_DUPLICATE_LIB_OK.",
    )


PROBES = (
    Probe("native-runtime", "the VC++ runtime is there", "torch-dll-1114", _vc_runtime, systems=WINDOWS),
    Probe("opencv-build", "OpenCV has what it needs", "libgl-missing", _opencv),
    Probe("openmp-runtimes", "there is one OpenMP runtime", "omp-duplicate", _openmp, systems=WINDOWS),
)

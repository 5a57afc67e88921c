"""Native libraries, looked for and judged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.runtime import PROBES, judge_opencv, judge_openmp, judge_vc_runtime
from runbook_lib.run.check import Status
from runbook_lib.system.packages import SitePackages
from runbook_lib.system.windows import WindowsFacts

MakeContext = Callable[..., ProbeContext]
MakeSite = Callable[..., SitePackages]
BY_ID = {probe.id: probe for probe in PROBES}


def facts(**changes: Any) -> WindowsFacts:
    fresh: dict[str, Any] = {
        "long_paths": False,
        "developer_mode": False,
        "elevated": False,
        "code_page": 1252,
        "proxy_script": "",
        "vc_runtime": "v14.44.35211.00",
        "missing_libraries": (),
    }
    return WindowsFacts(**{**fresh, **changes})


@pytest.mark.parametrize(
    ("missing", "torch", "status"),
    [
        ((), "2.13.0", Status.OK),
        (("msvcp140.dll",), "2.13.0", Status.FAIL),
        (("vcruntime140_1.dll",), "", Status.WARN),
    ],
)
def test_a_missing_vc_runtime_keeps_torch_from_starting(missing: tuple[str, ...], torch: str, status: Status) -> None:
    verdict = judge_vc_runtime(facts(missing_libraries=missing, vc_runtime=""), torch)
    assert verdict.status is status
    assert all(name in verdict.evidence for name in missing)


@pytest.mark.parametrize(
    ("installed", "missing", "status"),
    [
        ((), ("GL",), Status.OK),
        (("opencv-python-headless",), ("GL",), Status.OK),
        (("opencv-python",), (), Status.OK),
        (("opencv-python",), ("GL",), Status.FAIL),
        (("opencv-python", "opencv-python-headless"), (), Status.WARN),
    ],
)
def test_opencv_needs_libgl_only_with_windows_and_never_two_builds(
    installed: tuple[str, ...], missing: tuple[str, ...], status: Status
) -> None:
    assert judge_opencv(installed, missing).status is status


def test_both_builds_of_opencv_are_found_in_the_metadata(context: MakeContext, site: MakeSite) -> None:
    packages = site({"opencv-python": "4.10.0", "opencv-python-headless": "4.11.0"})
    check = BY_ID["opencv-build"].check(context(packages=packages))
    assert (check.status, check.quirk) == (Status.WARN, "libgl-missing")


def test_two_openmp_runtimes_are_found_where_wheels_and_conda_put_them(
    context: MakeContext, site: MakeSite, tmp_path: Path
) -> None:
    places = (tmp_path / "site-packages" / "torch" / "lib", tmp_path / "Library" / "bin")
    for place in places:
        place.mkdir(parents=True)
        (place / "libiomp5md.dll").touch()
    check = BY_ID["openmp-runtimes"].check(context(packages=site({}), system="Windows"))
    assert (check.status, check.quirk) == (Status.WARN, "omp-duplicate")
    assert "2 OpenMP runtimes" in check.evidence


def test_one_openmp_runtime_is_fine() -> None:
    assert judge_openmp(()).status is Status.OK
    assert judge_openmp((Path("torch/lib/libiomp5md.dll"),)).status is Status.OK

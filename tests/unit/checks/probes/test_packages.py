"""Packages that do not go together, in made site-packages with real metadata."""

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.packages import PROBES, judge_compile, judge_docling_parse
from runbook_lib.run.check import Check, Status
from runbook_lib.system.packages import SitePackages, own_packages

MakeContext = Callable[..., ProbeContext]
MakeSite = Callable[..., SitePackages]
BY_ID = {probe.id: probe for probe in PROBES}


def check(name: str, context: ProbeContext) -> Check:
    return BY_ID[name].check(context)


def test_requirements_are_read_as_the_standard_library_reads_them() -> None:
    own, canonical = own_packages(), canonicalize_name
    for name, on in (("docling-slim", "docling-core"), ("huggingface_hub", "hf-xet")):
        stated = [Requirement(line) for line in metadata.requires(name) or ()]
        expected = [one for one in stated if canonical(one.name) == canonical(on)]
        assert list(own.requirements(name, on)) == expected != []


def state_version(packages: SitePackages, module: str, version: str) -> None:
    """Write the file in which torch and torchvision state the version they were built as."""
    folder = Path(packages.folders[0], module)
    folder.mkdir(parents=True)
    (folder / "version.py").write_text(f"__version__ = '{version}'\ngit_version = 'abc'\n", encoding="utf-8")


def test_the_packages_of_this_interpreter_go_together(context: MakeContext) -> None:
    checks = {probe.id: probe.check(context()) for probe in PROBES}
    assert [name for name, check in checks.items() if check.status not in (Status.OK, Status.SKIP)] == []


@pytest.mark.parametrize(
    ("torch", "vision", "status", "said"),
    [
        ("2.13.0+cpu", "0.28.0+cpu", Status.OK, ""),
        ("2.13.0+cpu", "0.28.0+cu130", Status.WARN, "different devices"),
        ("2.12.0+cpu", "0.28.0+cpu", Status.WARN, "torchvision wants torch ==2.13.0"),
    ],
)
def test_builds_that_metadata_takes_for_a_pair_are_told_apart(
    context: MakeContext, site: MakeSite, torch: str, vision: str, status: Status, said: str
) -> None:
    public = {name: text.partition("+")[0] for name, text in {"torch": torch, "torchvision": vision}.items()}
    packages = site(public, {"torchvision": ("torch (==2.13.0)",)})
    state_version(packages, "torch", torch)
    state_version(packages, "torchvision", vision)
    found = check("torch-pair", context(packages=packages))
    assert found.status is status
    assert said in found.evidence
    assert torch in found.evidence


def test_torch_alone_is_no_pair(context: MakeContext, site: MakeSite) -> None:
    assert check("torch-pair", context(packages=site({"torch": "2.13.0"}))).status is Status.SKIP


@pytest.mark.parametrize(
    ("version", "status"),
    [("5.23.0", Status.OK), ("5.13.0", Status.WARN), ("5.2.1", Status.WARN), ("4.40.0", Status.WARN)],
)
def test_transformers_is_held_against_doclings_own_metadata(
    context: MakeContext, site: MakeSite, version: str, status: Status
) -> None:
    requires = {
        "docling-slim": (
            "transformers!=5.13.0,!=5.2.*,<6.0.0,>=4.42.0; extra == 'models-vlm-inline'",
            "transformers<6.0.0,>=5.90.0; extra == 'feat-asr-transformers'",
        ),
        "docling-ibm-models": ("transformers<6.0.0,>=4.42.0", "not a requirement <<"),
    }
    versions = {"docling": "2.143.0", "docling-slim": "2.143.0", "docling-ibm-models": "4.0.4", "transformers": version}
    found = check("transformers-version", context(packages=site(versions, requires)))
    assert found.status is status


@pytest.mark.parametrize(
    ("version", "status"),
    [("5.3.2", Status.OK), ("5.3.3", Status.WARN), ("7.3.9", Status.WARN), ("7.4.0", Status.OK)],
)
def test_docling_parse_loses_pages_from_5_3_3_up_to_7_4(version: str, status: Status) -> None:
    assert judge_docling_parse(Version(version)).status is status


@pytest.mark.parametrize(
    ("version", "compiler", "environ", "status"),
    [
        ("2.117.0", "", {}, Status.OK),
        ("2.118.0", "", {}, Status.FAIL),
        ("2.120.2", "", {}, Status.FAIL),
        ("2.120.3", "", {}, Status.OK),
        ("2.119.0", "/usr/bin/g++", {}, Status.OK),
        ("2.119.0", "", {"DOCLING_INFERENCE_COMPILE_TORCH_MODELS": "False"}, Status.OK),
        ("2.119.0", "", {"TORCH_COMPILE_DISABLE": "1"}, Status.OK),
    ],
)
def test_a_compiler_is_needed_by_three_releases_only(
    version: str, compiler: str, environ: dict[str, str], status: Status
) -> None:
    assert judge_compile(Version(version), compiler, environ).status is status


@pytest.mark.parametrize(
    ("version", "status"),
    [("1.8.0", Status.OK), ("1.5.1", Status.WARN), ("1.3.0", Status.WARN), ("2.0.0", Status.WARN)],
)
def test_hf_xet_is_held_against_what_the_hub_asks_for(
    context: MakeContext, site: MakeSite, version: str, status: Status
) -> None:
    requires = {"huggingface_hub": ("hf-xet<2.0.0,>=1.4.3",)}
    packages = site({"huggingface_hub": "1.33.0", "hf-xet": version}, requires)
    assert check("hf-xet-version", context(packages=packages)).status is status


def other_environment(folder: Path, version: str) -> Path:
    """Make an environment with a command hf and its own huggingface_hub; return the folder for PATH."""
    windows = sys.platform == "win32"
    scripts = folder / ("Scripts" if windows else "bin")
    site = folder / ("Lib/site-packages" if windows else "lib/python3.11/site-packages")
    info = site / f"huggingface_hub-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: huggingface_hub\nVersion: {version}\n", encoding="utf-8")
    scripts.mkdir()
    command = scripts / ("hf.exe" if windows else "hf")
    command.write_text("", encoding="utf-8")
    command.chmod(0o755)
    return scripts


@pytest.mark.parametrize(("version", "status"), [("2.0.1", Status.WARN), ("1.20.0", Status.OK)])
def test_two_majors_on_one_cache_are_a_warning(
    context: MakeContext, site: MakeSite, tmp_path: Path, version: str, status: Status
) -> None:
    path = str(other_environment(tmp_path / "other", version))
    found = check("hub-majors", context(packages=site({"huggingface_hub": "1.33.0"}), environ={"PATH": path}))
    assert found.status is status
    assert version in found.evidence


def test_what_is_not_installed_raises_no_alarm(context: MakeContext, site: MakeSite) -> None:
    checks = [probe.check(context(packages=site({}))) for probe in PROBES]
    assert {check.status for check in checks} <= {Status.OK, Status.SKIP}


def test_a_version_file_that_cannot_be_read_gives_no_version(site: MakeSite) -> None:
    packages = site({})
    folder = Path(packages.folders[0], "torch")
    folder.mkdir(parents=True)
    assert packages.module_version("torch") is None
    (folder / "version.py").write_bytes(b"\xff\xfe")
    assert packages.module_version("torch") is None
    (folder / "version.py").write_text("version = compute()", encoding="utf-8")
    assert packages.module_version("torch") is None


def test_nothing_heavy_is_imported_by_asking_for_versions() -> None:
    before = {name for name in ("torch", "docling", "transformers", "huggingface_hub") if name in sys.modules}
    assert own_packages().version("docling") is not None
    assert {name for name in ("torch", "docling", "transformers", "huggingface_hub") if name in sys.modules} == before

"""Packages that do not go together, read from the metadata of the interpreter under examination."""

import shutil
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Verdict, fail, ok, skip, warn
from runbook_lib.system.other_hub import hub_beside
from runbook_lib.system.packages import SitePackages
from runbook_lib.system.variables import is_true

_DOCLING_PARTS = ("docling", "docling-slim", "docling-ibm-models", "docling-core")
_EXTRAS = ("", "standard", "models-local", "models-vlm-inline", "chunking")
"""The extras of docling-slim 2.143 that the default PDF pipeline needs."""
_COMPILES: Final = SpecifierSet(">=2.118.0,<2.120.3")
_BAD_ALLOC: Final = SpecifierSet(">=5.3.3,<7.4.0")
_STALLING_XET: Final = SpecifierSet(">=1.4.3,<1.6.0")
_COMPILERS = {"Windows": ("cl",)}
_OFF_SWITCH = "DOCLING_INFERENCE_COMPILE_TORCH_MODELS"


def _torch_pair(context: ProbeContext) -> Verdict:
    packages = context.packages
    torch = packages.module_version("torch") or packages.version("torch")
    vision = packages.module_version("torchvision") or packages.version("torchvision")
    return judge_torch_pair(torch, vision, tuple(packages.requirements("torchvision", on="torch")))


def judge_torch_pair(torch: Version | None, vision: Version | None, required: Iterable[Requirement]) -> Verdict:
    """Compare versions and build tags (`+cpu`, `+cu130`): metadata alone takes a mixed pair for a good one."""
    if torch is None or vision is None:
        return skip("torch and torchvision are not both installed")
    seen = f"torch {torch}, torchvision {vision}"
    wanted = next((one.specifier for one in required if not one.specifier.contains(torch, prereleases=True)), None)
    if wanted is None and (torch.local is None or vision.local is None or torch.local == vision.local):
        return ok(seen)
    why = f"torchvision wants torch {wanted}" if wanted is not None else "they were built for different devices"
    return warn(
        f"{seen}: {why}",
        "Install both from one index: pip install --force-reinstall torch torchvision --index-url"
        " https://download.pytorch.org/whl/cpu.",
    )


def _transformers(context: ProbeContext) -> Verdict:
    packages = context.packages
    required = chain.from_iterable(packages.requirements(name, on="transformers") for name in _DOCLING_PARTS)
    return judge_transformers(packages.version("transformers"), packages.version("docling"), tuple(required))


def judge_transformers(installed: Version | None, docling: Version | None, required: Iterable[Requirement]) -> Verdict:
    """Compare transformers with the range that docling's own metadata gives for this platform."""
    if installed is None:
        return skip("transformers is not installed")
    seen = f"transformers {installed}, docling {docling}"
    for one in required:
        here = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in _EXTRAS)
        if here and not one.specifier.contains(installed, prereleases=True):
            remedy = f'Install one that docling takes: pip install "transformers{one.specifier}"; give docling an'
            return warn(f"{seen}: docling excludes it", f"{remedy} environment of its own if another package objects.")
    return ok(seen)


def _docling_parse(context: ProbeContext) -> Verdict:
    return judge_docling_parse(context.packages.version("docling-parse"))


def judge_docling_parse(installed: Version | None) -> Verdict:
    """Say whether this docling-parse loses pages of long documents."""
    if installed is None:
        return skip("docling-parse is not installed")
    if installed not in _BAD_ALLOC:
        return ok(f"docling-parse {installed}")
    return warn(
        f"docling-parse {installed} runs out of memory on long documents (std::bad_alloc)",
        "Upgrade docling-parse to 7.4.0 or later; until then convert in page ranges, and take no PARTIAL_SUCCESS for"
        " success.",
    )


def _compile(context: ProbeContext) -> Verdict:
    names = _COMPILERS.get(context.system, ("g++", "clang++", "c++"))
    compiler = next((found for name in names if (found := shutil.which(name))), "")
    return judge_compile(context.packages.version("docling"), compiler, context.environ)


def judge_compile(docling: Version | None, compiler: str, environ: Mapping[str, str]) -> Verdict:
    """Say whether this docling compiles its models, on a machine without a compiler."""
    if docling is None:
        return skip("docling is not installed")
    if docling not in _COMPILES:
        return ok(f"docling {docling} does not compile its models")
    if environ.get(_OFF_SWITCH, "").lower() in ("false", "0", "no", "off") or is_true(
        environ.get("TORCH_COMPILE_DISABLE", "")
    ):
        return ok(f"docling {docling} would compile its models, and is told not to")
    if compiler:
        return ok(f"docling {docling} compiles its models, with {compiler}")
    return fail(
        f"docling {docling} compiles its models, and there is no C++ compiler",
        f"Upgrade docling to 2.120.3 or later, or set {_OFF_SWITCH}=false; no compiler has to be installed.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _xet_version(context: ProbeContext) -> Verdict:
    packages = context.packages
    return judge_xet_version(packages.version("hf_xet"), tuple(packages.requirements("huggingface_hub", on="hf-xet")))


def judge_xet_version(installed: Version | None, required: Iterable[Requirement]) -> Verdict:
    """Compare hf_xet with what huggingface_hub asks for and with the versions that stall."""
    if installed is None:
        return ok("hf_xet is not installed: files come over plain HTTP")
    outside = any(
        (one.marker is None or one.marker.evaluate({"extra": ""})) and installed not in one.specifier
        for one in required
    )
    if installed not in _STALLING_XET and not outside:
        return ok(f"hf_xet {installed}")
    why = "not what huggingface_hub asks for" if outside else "known to stall (xet-core issues 800, 850)"
    return warn(
        f"hf_xet {installed}: {why}", "Upgrade hf_xet, or set HF_HUB_DISABLE_XET=1.", fixed_by=FixedBy.CONFIGURE_ENV
    )


def _hub_majors(context: ProbeContext) -> Verdict:
    own = context.packages.version("huggingface_hub")
    return judge_hub_majors(context.packages, own, *hub_beside(context.environ, context.packages))


def judge_hub_majors(
    packages: SitePackages, own: Version | None, command: Path | None, other: Version | None
) -> Verdict:
    """Compare the huggingface_hub under examination with the one behind the command `hf` on PATH."""
    seen = f"{packages.executable} has huggingface_hub {own}"
    if command is None:
        return ok(f"{seen}; there is no command hf beside it")
    if own is None or other is None or own.major == other.major:
        return ok(f"{seen}, {command} has {other or 'an unknown version'}")
    return warn(
        f"{seen}, {command} has {other}: two majors on one cache",
        "Fill the cache with the command of the environment that reads it; majors differ in layout and in what they"
        " obey.",
    )


PROBES = (
    Probe("torch-pair", "torch and torchvision belong together", "torch-torchvision-mismatch", _torch_pair),
    Probe("transformers-version", "docling takes this transformers", "transformers-incompatible", _transformers),
    Probe("docling-parse-version", "docling-parse keeps every page", "docling-bad-alloc", _docling_parse),
    Probe("torch-compile", "docling needs no compiler", "docling-torch-compile-cl", _compile),
    Probe("hf-xet-version", "hf_xet is one that works", "xet-blocked-or-stalled", _xet_version),
    Probe("hub-majors", "one huggingface_hub fills and reads the cache", "shared-blobs-escape", _hub_majors),
)

"""Paths that are too long, not ASCII, or kept by a cloud service; and a home that is none."""

import ntpath
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from packaging.version import Version

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import WINDOWS, Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Verdict, ok, warn
from runbook_lib.system.filesystem import examine_folder, nearest_existing, probe_symlink
from runbook_lib.system.windows import UTF8_CODE_PAGE, examine_windows, is_placeholder

CACHE_BUDGET: Final = 98
"""Characters of the cache root that leave room for docling's longest file: 260 less 160 and the terminator (Q08)."""
ARTIFACTS_BUDGET: Final = 48
"""The same for the artifacts folder, below which `docling-tools` writes paths of 210 characters."""
_ASCII_SINCE: Final = Version("7.22.2")
"""The first docling-parse that reads its resources under any user name (docling-parse issue 354)."""
_CLOUD_VARIABLES = ("OneDrive", "OneDriveCommercial", "OneDriveConsumer")


def _path_budget(context: ProbeContext) -> Verdict:
    facts = examine_windows()
    return judge_budget(context.cache_dir, context.artifacts_dir, long_paths=facts is not None and facts.long_paths)


def judge_budget(cache_dir: Path, artifacts_dir: Path, *, long_paths: bool) -> Verdict:
    """Compare both folders with what 260 characters leave them."""
    budgets = (("cache", cache_dir, CACHE_BUDGET), ("artifacts folder", artifacts_dir, ARTIFACTS_BUDGET))
    lengths = ", ".join(f"{role}: {len(str(path))} of {budget} characters" for role, path, budget in budgets)
    evidence = f"{lengths}; long paths are {'allowed' if long_paths else 'not allowed'} by policy"
    if long_paths or all(len(str(path)) <= budget for _, path, budget in budgets):
        return ok(evidence)
    return warn(
        evidence,
        "Choose shorter folders, for example -p cache_dir C:\\hf -p artifacts_dir C:\\models, or map one with subst;"
        " neither needs an administrator.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _ascii_paths(context: ProbeContext) -> Verdict:
    facts = examine_windows()
    environ = context.environ
    return judge_ascii(
        {
            "the user's folder": environ.get("LOCALAPPDATA", ""),
            "the temporary folder": tempfile.gettempdir(),
            "Python's folder": str(context.packages.prefix),
            "the document": context.settings.document,
        },
        code_page=facts.code_page if facts else UTF8_CODE_PAGE,
        docling_parse=context.packages.version("docling-parse"),
    )


def judge_ascii(places: Mapping[str, str], *, code_page: int, docling_parse: Version | None) -> Verdict:
    """Say which places docling-parse cannot read: its Windows wheels take narrow paths for UTF-8."""
    foreign = [name for name, path in places.items() if not path.isascii()]
    seen = f"{', '.join(foreign) or 'no place'} outside ASCII; code page {code_page}; docling-parse {docling_parse}"
    fixed = docling_parse is None or docling_parse >= _ASCII_SINCE
    if not foreign or code_page == UTF8_CODE_PAGE or (fixed and "Python's folder" not in foreign):
        return ok(seen)
    if fixed:
        return warn(seen, "Make the environment in a folder whose path is ASCII (docling-parse issue 115 is open).")
    return warn(seen, f"Upgrade docling-parse to {_ASCII_SINCE} or later; or hand PDFs over as a DocumentStream.")


def _cloud_folder(context: ProbeContext) -> Verdict:
    return judge_cloud(context.cache_dir, context.environ, placeholders=tuple(_placeholders(context.cache_dir)))


def _placeholders(path: Path) -> Iterator[Path]:
    return (folder for folder in (path, *path.parents) if is_placeholder(folder))


def judge_cloud(cache_dir: Path, environ: Mapping[str, str], *, placeholders: tuple[Path, ...]) -> Verdict:
    """Say whether a cloud service keeps the cache, or a folder above it is a reparse point."""
    cache = ntpath.normcase(str(cache_dir))
    roots = {name: ntpath.normcase(environ[name]).rstrip("\\") for name in _CLOUD_VARIABLES if environ.get(name)}
    inside = next((name for name, root in roots.items() if cache == root or cache.startswith(f"{root}\\")), "")
    if not inside and not placeholders:
        return ok(f"{cache_dir} is kept by no cloud service")
    seen = f"{cache_dir} is below %{inside}%" if inside else f"{placeholders[0]} is a reparse point"
    return warn(
        seen,
        "Keep the cache in a plain local folder: -p cache_dir PATH; a cloud service empties files and refuses links.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _home_folder(_context: ProbeContext) -> Verdict:
    try:
        home = Path.home()
    except RuntimeError as error:
        return judge_home(None, writable=False, seen=str(error))
    facts = examine_folder("home", home)
    return judge_home(home, writable=facts.writable and facts.probed == home, seen=facts.write_evidence)


def judge_home(home: Path | None, *, writable: bool, seen: str) -> Verdict:
    """Say whether what falls back to the home folder has one: containers run under users without."""
    if home is not None and home != Path(home.anchor) and writable:
        return ok(f"{home} can be written")
    return warn(
        f"the home folder is {home or 'unknown'}: {seen}",
        "Set HOME, or HF_HOME and DOCLING_CACHE_DIR, to a folder that the user of the service may write to.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _privilege(context: ProbeContext) -> Verdict:
    facts = examine_windows()
    if facts is None:
        return ok("no Windows")
    return judge_privilege(
        developer_mode=facts.developer_mode,
        elevated=facts.elevated,
        links=probe_symlink(nearest_existing(context.cache_dir)).works,
        ci="GITHUB_ACTIONS" in context.environ,
    )


def judge_privilege(*, developer_mode: bool, elevated: bool, links: bool, ci: bool) -> Verdict:
    """Say whether what works here will work for the user of the service, who has fewer rights."""
    seen = f"Developer Mode is {'on' if developer_mode else 'off'}, administrator: {'yes' if elevated else 'no'}"
    if not elevated or not links:
        return ok(seen)
    if ci:
        return ok(f"{seen}; this runner holds the privilege, so that it proves nothing about a user's machine")
    return warn(seen, "Run this as the user of the service: an administrator may make symlinks, the service may not.")


PROBES = (
    Probe("path-budget", "paths stay below 260 characters", "win-max-path", _path_budget, systems=WINDOWS),
    Probe(
        "ascii-paths", "docling-parse can read every path", "docling-nonascii-windows", _ascii_paths, systems=WINDOWS
    ),
    Probe("cloud-folder", "no cloud service keeps the cache", "win-reparse-448", _cloud_folder, systems=WINDOWS),
    Probe("symlink-privilege", "the rights are those of the service", "quirk-001", _privilege, systems=WINDOWS),
    Probe("home-folder", "there is a home folder", "cache-not-writable", _home_folder),
)

"""The prevention checklist of the quirk note, evaluated for this machine."""

import os
from collections.abc import Sequence
from pathlib import Path

from runbook_lib.cache.artifacts import read_stamp
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.doctor.boxes import ChecklistFacts, judge_checklist
from runbook_lib.doctor.examine import context_of
from runbook_lib.errors import RecordError
from runbook_lib.render.sections import Table
from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import Run
from runbook_lib.run.opening import RUNS
from runbook_lib.run.record import RawFacts
from runbook_lib.run.target import Target
from runbook_lib.system.filesystem import nearest_existing, probe_symlink
from runbook_lib.system.machine import examine_machine
from runbook_lib.system.windows import examine_windows

_READMES = ("README.md", "README.rst", "README.txt", "README")


def checklist(target: Target, models: Sequence[ModelRef] = (), *, runs: Path = RUNS) -> tuple[Check, ...]:
    """Evaluate every box of both lists for this machine and the interpreter under examination; changes nothing.

    Without `models` those that docling named when it was last asked are meant.
    """
    return judge_checklist(_collect(target, models, runs))


def checklist_table(checks: Sequence[Check]) -> Table:
    """Return the boxes as a table."""
    rows = tuple((check.status.value, check.title, f"{check.evidence} {check.remedy}".strip()) for check in checks)
    return Table("Prevention checklist of quirk-001", ("status", "box", "evidence and what to do"), rows)


def _collect(target: Target, models: Sequence[ModelRef], runs: Path) -> ChecklistFacts:
    context, machine = context_of(target), examine_machine()
    wanted = tuple(models) or context.models
    return ChecklistFacts(
        environ=context.environ,
        hub=context.packages.version("huggingface_hub"),
        symlink=probe_symlink(nearest_existing(target.cache_dir)),
        container=machine.container,
        rights="root or administrator" if _is_administrator() else "user",
        system=machine.system,
        placed=all(_is_placed(target.artifacts_dir / model.folder_name) for model in wanted) if wanted else None,
        downloaded_by=_newest_good(runs, "download"),
        converted_by=_newest_good(runs, "convert"),
        readme=_read_readme(),
    )


def _is_administrator() -> bool:
    facts = examine_windows()
    return facts.elevated if facts is not None else getattr(os, "geteuid", lambda: 1)() == 0


def _is_placed(folder: Path) -> bool:
    """Whether the files that the folder's stamp names are there in full length; no content is read."""
    stamp = read_stamp(folder)
    return stamp is not None and all(_length(folder / name) == file.size_bytes for name, file in stamp.files.items())


def _length(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _newest_good(runs: Path, stage: str) -> str:
    """Return the name of the newest run whose stage ended without a failed check; empty without one."""
    for header in sorted(runs.glob("*/run.json"), reverse=True):
        run = Run(header.parent)
        try:
            if run.has(stage) and run.read(stage, RawFacts).status in (Status.OK, Status.WARN):
                return run.folder.name
        except RecordError:
            continue
    return ""


def _read_readme() -> str | None:
    found = next((path for name in _READMES if (path := Path(name)).is_file()), None)
    return found.read_text(encoding="utf-8", errors="replace") if found else None

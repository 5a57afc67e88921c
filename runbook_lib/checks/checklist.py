"""The boxes of the prevention checklist, judged; what the quirk note got wrong is said in the evidence."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import Version

from runbook_lib.cache.artifacts import is_placed
from runbook_lib.checks.doctor import context_for_doctor
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import RecordError
from runbook_lib.quirks.hub_versions import RACE_FIXED_IN, VARIABLE_WORKS_SINCE, has_race, obeys_variable, remedy_for
from runbook_lib.render.sections import Table
from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import runs_below
from runbook_lib.run.opening import RUNS
from runbook_lib.run.record import RawFacts
from runbook_lib.run.target import Target
from runbook_lib.system.filesystem import LinkProbe, nearest_existing, probe_symlink
from runbook_lib.system.machine import examine_machine
from runbook_lib.system.variables import is_true
from runbook_lib.system.windows import examine_windows

ONLY_YOU: Final = "Only you can know"
_QUIRK = "quirk-001"
_READMES: Final = ("README.md", "README.rst", "README.txt", "README")


@dataclass(frozen=True)
class ChecklistFacts:
    """What the boxes are judged by."""

    environ: Mapping[str, str]
    hub: Version | None
    symlink: LinkProbe
    container: str
    """Why this looks like a container; empty when it does not."""
    rights: str
    """`user`, or `root or administrator`."""
    system: str
    placed: bool | None
    """Whether every model stands in the artifacts folder in its full length; None when no model is known."""
    downloaded_by: str
    """The newest run whose stage download ended well, empty without one."""
    converted_by: str
    readme: str | None
    """The README of the working folder; None without one."""

    @property
    def switched_off(self) -> bool:
        """Whether the variable that switches symlinks off is set and obeyed."""
        return obeys_variable(self.hub) and is_true(self.environ.get("HF_HUB_DISABLE_SYMLINKS", ""))


def judge_checklist(facts: ChecklistFacts) -> tuple[Check, ...]:
    """Judge the six boxes for deploying on Windows and the four for local development."""
    return tuple(box(facts) for box in _BOXES)


def _warning_variable(facts: ChecklistFacts) -> Check:
    title = "Set HF_HUB_DISABLE_SYMLINKS_WARNING=1 in environment"
    is_set = is_true(facts.environ.get("HF_HUB_DISABLE_SYMLINKS_WARNING", ""))
    hides = is_set and not facts.symlink.works and has_race(facts.hub) and not facts.switched_off
    return Check.judged(
        "box-warning-variable",
        title,
        not hides,
        f"It is {'set' if is_set else 'not set'}. It is not a remedy: it hides the warning and changes nothing else.",
        otherwise=Status.WARN,
        remedy=f"What helps with huggingface_hub {facts.hub}: {remedy_for(facts.hub)}.",
        quirk=_QUIRK,
    )


def _constant_in_code(facts: ChecklistFacts) -> Check:
    title = "Set constants.HF_HUB_DISABLE_SYMLINKS = True in code"
    seen = f"huggingface_hub {facts.hub or 'missing'}: {_what_the_constant_does(facts.hub)}"
    variable = "HF_HUB_DISABLE_SYMLINKS=1 is set." if facts.switched_off else "HF_HUB_DISABLE_SYMLINKS=1 is not set."
    return Check.judged(
        "box-constant-in-code",
        title,
        facts.switched_off or not has_race(facts.hub),
        f"{seen} {variable}",
        otherwise=Status.WARN,
        remedy=f"Upgrade to {RACE_FIXED_IN} or later, or set the variable before Python starts (from"
        f" {VARIABLE_WORKS_SINCE} on). Leave code alone.",
        quirk=_QUIRK,
    )


def _what_the_constant_does(hub: Version | None) -> str:
    if not has_race(hub):
        return f"needs no such line, the race is fixed since {RACE_FIXED_IN}."
    if obeys_variable(hub):
        return "obeys the variable if it is set before the import, which is surer than a line of code."
    return f"has no such switch before {VARIABLE_WORKS_SINCE}: the line does nothing, and nothing says so."


def _prefetched(facts: ChecklistFacts) -> Check:
    title = "Pre-download models during Docker build (if using containers)"
    if not facts.container:
        seen = "this is not a container. `runbook audit PATH` reads the Dockerfile of the service"
        return _only_you("box-prefetch", title, seen)
    remedy = "Download in a build step, before HF_HUB_OFFLINE=1 is set, as the user of the service."
    return _placed(facts, "box-prefetch", title, (f"; container: {facts.container}",) * 2, remedy)


def _placed(facts: ChecklistFacts, check_id: str, title: str, follows: tuple[str, str], remedy: str) -> Check:
    """Judge by whether the models stand in the artifacts folder; `follows`: what that means, and what its lack."""
    if facts.placed is None:
        return _only_you(check_id, title, "no model is known yet; run stage detect or name them: -p models")
    words = "holds every model in full length" if facts.placed else "does not hold every model"
    return Check.judged(
        check_id,
        title,
        facts.placed,
        f"The artifacts folder {words}{follows[not facts.placed]}.",
        otherwise=Status.WARN,
        remedy=remedy,
        quirk=_QUIRK,
        fixed_by=FixedBy.DOWNLOAD,
    )


def _download_tested(facts: ChecklistFacts) -> Check:
    title = "Test model download without admin rights"
    seen = f"Run {facts.downloaded_by} downloaded" if facts.downloaded_by else "No run here has downloaded yet"
    return Check.judged(
        "box-download-tested",
        title,
        bool(facts.downloaded_by) and facts.rights == "user",
        f"{seen}; this process runs as {facts.rights}.",
        otherwise=Status.WARN,
        remedy="Run stage download as the user of the service, who is not an administrator.",
        quirk=_QUIRK,
        fixed_by=FixedBy.DOWNLOAD,
    )


def _ensured(facts: ChecklistFacts) -> Check:
    title = "Verify DoclingModelManager.ensure_models_downloaded() succeeds"
    follows = (": it returns without touching the network", ": it would have to download")
    remedy = "Call runbook_lib.DoclingModelManager().ensure_models_downloaded(), or run stage download."
    return _placed(facts, "box-ensured", title, follows, remedy)


def _logs_read(_facts: ChecklistFacts) -> Check:
    seen = "the logs of the service are not here. Give them to `runbook diagnose FILE`"
    return _only_you("box-logs", "Check logs for symlink warnings during startup", seen)


def _readme(facts: ChecklistFacts) -> Check:
    title = "Document Windows-specific setup in README"
    if facts.readme is None:
        return _only_you("box-readme", title, "the working folder holds no README; try it in the service's repository")
    speaks = "windows" in facts.readme.casefold()
    return Check.judged(
        "box-readme",
        title,
        speaks,
        f"The README of the working folder {'speaks' if speaks else 'does not speak'} of Windows.",
        otherwise=Status.WARN,
        remedy="Say there how the models come to a Windows machine: runbook doctor, then stage download.",
        quirk=_QUIRK,
    )


def _preflight(facts: ChecklistFacts) -> Check:
    return Check(
        id="box-preflight",
        title="Add pre-flight check script for Windows",
        status=Status.OK,
        evidence=f"`runbook doctor` is that script; here it tried a symlink: {facts.symlink.evidence}.",
    )


def _precached(facts: ChecklistFacts) -> Check:
    title = "Provide pre-cached model download option"
    follows = ("; it holds plain files and can be copied", "; there is nothing to hand out yet")
    return _placed(
        facts, "box-precached", title, follows, "Run stage download once; then hand out the artifacts folder."
    )


def _fresh_machine(facts: ChecklistFacts) -> Check:
    title = "Test on fresh Windows machine without admin rights"
    if facts.system == "Windows" and facts.rights == "user" and facts.converted_by:
        seen = f"Run {facts.converted_by} converted a document on this Windows machine, without admin rights."
        return Check(id="box-fresh-machine", title=title, status=Status.OK, evidence=seen)
    seen = f"this is {facts.system}, as {facts.rights}. A whole run there, as a user, is the test: runbook run"
    return _only_you("box-fresh-machine", title, seen)


_BOXES: tuple[Callable[[ChecklistFacts], Check], ...] = (
    _warning_variable,
    _constant_in_code,
    _prefetched,
    _download_tested,
    _ensured,
    _logs_read,
    _readme,
    _preflight,
    _precached,
    _fresh_machine,
)


def _only_you(check_id: str, title: str, why: str) -> Check:
    return Check(id=check_id, title=title, status=Status.SKIP, evidence=f"{ONLY_YOU}: {why}.")


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
    context, machine = context_for_doctor(target), examine_machine()
    wanted = tuple(models) or context.models
    return ChecklistFacts(
        environ=context.environ,
        hub=context.packages.version("huggingface_hub"),
        symlink=probe_symlink(nearest_existing(target.cache_dir)),
        container=machine.container,
        rights="root or administrator" if _is_administrator() else "user",
        system=machine.system,
        placed=all(is_placed(target.artifacts_dir / model.folder_name, model) for model in wanted) if wanted else None,
        downloaded_by=_newest_good(runs, "download", practice=target.practice),
        converted_by=_newest_good(runs, "convert", practice=target.practice),
        readme=_read_readme(),
    )


def _is_administrator() -> bool:
    facts = examine_windows()
    return facts.elevated if facts is not None else getattr(os, "geteuid", lambda: 1)() == 0


def _newest_good(runs: Path, stage: str, *, practice: bool) -> str:
    """Return the name of the newest run whose stage ended without a failed check; practice proves nothing real."""
    for run in runs_below(runs):
        try:
            record = run.read(stage, RawFacts) if run.has(stage) else None
            if record and record.practice == practice and record.status in (Status.OK, Status.WARN):
                return run.folder.name
        except RecordError:
            continue
    return ""


def _read_readme() -> str | None:
    found = next((path for name in _READMES if (path := Path(name)).is_file()), None)
    return found.read_text(encoding="utf-8", errors="replace") if found else None

"""The judging of stage verify."""

from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Check, Status
from runbook_lib.stages.verify.facts import VerifiedFolder, VerifyFacts
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind, Severity

_SHOWN = 3


@dataclass(frozen=True)
class _Help:
    """What is said of several problems at once: each remedy once, the quirk and the fixer of the first."""

    evidence: str
    remedy: str
    quirk: str
    fixed_by: FixedBy

    @classmethod
    def against(cls, problems: tuple[FileProblem, ...]) -> "_Help":
        remedies = dict.fromkeys(problem.meaning.remedy for problem in problems)
        fixers = [problem.meaning.fixed_by for problem in problems if problem.meaning.fixed_by]
        quirks = [problem.quirk_id for problem in problems if problem.quirk_id]
        return cls(
            evidence=_listed(problems),
            remedy=" ".join(filter(None, remedies)),
            quirk=next(iter(quirks), ""),
            fixed_by=max(fixers, key=fixers.count, default=FixedBy.NOTHING),
        )


def judge_verification(facts: VerifyFacts) -> tuple[Check, ...]:
    """Return one check a folder, and one for what only takes room."""
    return (*(_folder(folder) for folder in facts.folders), _extra(facts))


def _folder(folder: VerifiedFolder) -> Check:
    problems = folder.serious or folder.of_severity(Severity.DOUBTFUL)
    check_id, title = f"{folder.role}-{folder.model.folder_name}", f"{folder.model}: {folder.role}"
    if absent := [problem for problem in folder.problems if problem.kind is ProblemKind.NOT_CACHED]:
        return Check(id=check_id, title=f"{title} is not needed", status=Status.SKIP, evidence=absent[0].evidence)
    notes = "".join(f"; {note.evidence}" for note in folder.of_severity(Severity.NOTE))
    whole = f"{folder.file_count} files, {format_bytes(folder.size_bytes)}, each matches {folder.source}{notes}"
    against = _Help.against(problems)
    return Check.judged(
        check_id,
        f"{title} is complete and unchanged",
        not problems,
        against.evidence if problems else whole,
        otherwise=Status.FAIL if folder.serious else Status.WARN,
        remedy=against.remedy,
        quirk=against.quirk,
        fixed_by=against.fixed_by,
    )


def _extra(facts: VerifyFacts) -> Check:
    found = (*(extra for folder in facts.folders for extra in folder.of_severity(Severity.EXTRA)), *facts.others)
    against = _Help.against(found)
    return Check.judged(
        "nothing-extra",
        "nothing stands there that is not needed",
        not found,
        against.evidence if found else "no incomplete files, no unexpected files",
        otherwise=Status.WARN,
        remedy=against.remedy,
        quirk=against.quirk,
        fixed_by=against.fixed_by,
    )


def _listed(problems: Iterable[FileProblem]) -> str:
    named = [f"{problem.path}: {problem.kind.value} ({problem.evidence})" for problem in problems]
    more = f"; and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return "; ".join(named[:_SHOWN]) + more

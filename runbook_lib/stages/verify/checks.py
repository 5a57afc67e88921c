"""The judging of stage verify."""

from runbook_lib.records import Check, Status
from runbook_lib.render import format_bytes
from runbook_lib.stages.verify.facts import FileProblem, VerifiedFolder, VerifyFacts

_DOWNLOAD = "notebooks/03_download.ipynb"


def judge_verification(facts: VerifyFacts) -> tuple[Check, ...]:
    """Return one check a folder, and one for what only takes room."""
    return (*(_folder(folder) for folder in facts.folders), _harmless(facts))


def _folder(folder: VerifiedFolder) -> Check:
    serious = folder.serious
    whole = f"{folder.file_count} files, {format_bytes(folder.size_bytes)}, each matches {folder.source}"
    return Check.judged(
        f"{folder.role}-{folder.model.folder_name}",
        f"{folder.model}: {folder.role} is complete and unchanged",
        not serious,
        whole if not serious else _listed(serious),
        remedy="Remove the files named here and run stage download again; only they are fetched.",
        quirk=_quirk(serious),
        mended_by=_DOWNLOAD,
    )


def _harmless(facts: VerifyFacts) -> Check:
    found = tuple(problem for folder in facts.folders for problem in folder.problems if problem not in folder.serious)
    return Check.judged(
        "nothing-extra",
        "nothing stands there that is not needed",
        not found,
        _listed(found) if found else "no leftovers, no unexpected files",
        otherwise=Status.WARN,
        remedy="They take room only; hf cache prune removes leftovers of interrupted downloads.",
        quirk="incomplete-no-resume",
    )


def _listed(problems: tuple[FileProblem, ...], shown: int = 3) -> str:
    named = "; ".join(f"{problem.path}: {problem.kind.value} ({problem.evidence})" for problem in problems[:shown])
    return f"{named}; and {len(problems) - shown} more" if len(problems) > shown else named


def _quirk(problems: tuple[FileProblem, ...]) -> str:
    kinds = {problem.kind.value for problem in problems}
    return "win-symlink-dangling" if "dangling link" in kinds else "consistency-check"

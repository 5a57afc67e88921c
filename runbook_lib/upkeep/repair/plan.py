"""Planning a repair: verify, then decide which names go and what has to be fetched. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.cache.artifacts import read_stamp
from runbook_lib.cache.incomplete_files import IncompleteFile, killed_placings
from runbook_lib.cache.layout import Listing, repo_of
from runbook_lib.cache.tree_listing import tree_path
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.ocr.plan import plan_ocr
from runbook_lib.pipeline.wanted import WantedOcr
from runbook_lib.run.interpreter import abandoned_files
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.download.plan import wanted_by
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.facts import VerifiedFolder, VerifyFacts
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind, Severity
from runbook_lib.stages.verify.sources import Locked, known_of_snapshot
from runbook_lib.upkeep.repair.copies import IntactCopies, copies_for, listing_for
from runbook_lib.upkeep.repair.facts import Copy, Move, PinnedModel, RepairedRef, RepairPlan
from runbook_lib.upkeep.repair.names import Territory, blames_the_listing, names_behind, other_names

_BESIDE_THE_SNAPSHOT: Final = frozenset({ProblemKind.BAD_LISTING, ProblemKind.BAD_REF})
"""What stands in the repository's folder, and not in the one that was verified."""


def plan_repair(run: OpenRun, locked: Locked | None = None) -> RepairPlan:
    """Verify everything and plan what repairs it; reads, hashes, and changes nothing.

    With `locked`, what the lock file says is what the models are repaired to.
    """
    found = collect_verification(run, locked)
    territory = Territory.of(run.cache_dir, run.artifacts_dir)
    bad = [folder for folder in found.folders if _to_repair(folder)]
    moves = {move.source: move for folder in bad for move in _moves(run, folder, territory)}
    for path in other_names(territory, tuple(moves)):
        repo = repo_of(run.cache_dir, bad[0].model)
        if move := territory.move(path, repo, "another name of a bad file"):
            moves[path] = move
    intact = IntactCopies(territory, frozenset(moves))
    snapshots = {folder.model: folder for folder in found.folders if folder.role == "snapshot"}
    here = {
        folder.model: _repaired_here(run, snapshots[folder.model], locked, intact)
        for folder in bad
        if folder.model.is_repository
    }
    ocr = _bad_ocr(run, bad)
    return RepairPlan(
        found=found,
        moves=tuple(moves.values()),
        incomplete=tuple(_abandoned(run, found)),
        models=tuple(
            PinnedModel(model=model, commit=snapshots[model].commit, listing=repairing.listing)
            for model, repairing in here.items()
        ),
        ocr=ocr,
        fetches=any(repairing.listing is None for repairing in here.values()) or _needs_a_host(run, ocr),
        copies=tuple(copy for repairing in here.values() for copy in repairing.copies),
        refs=tuple(_refs(bad)),
    )


@dataclass(frozen=True)
class _MendedHere:
    """What of a snapshot can be repaired without the Hub; the listing only when that is all of it."""

    copies: tuple[Copy, ...] = ()
    listing: Listing | None = None


def _repaired_here(run: OpenRun, folder: VerifiedFolder, locked: Locked | None, intact: IntactCopies) -> _MendedHere:
    repo = repo_of(run.cache_dir, folder.model)
    expectation = known_of_snapshot(run, repo, folder.model, locked).expectation
    problems = _to_repair(folder)
    if expectation is None or any(_is_about_the_listing(folder, problem) for problem in problems):
        return _MendedHere()
    names = [problem.path for problem in problems if problem.kind is not ProblemKind.BAD_REF]
    if not Path(folder.folder).is_dir():
        names = list(expectation.names())
    copies = [copy for copy in copies_for(folder.model, expectation, names, intact) if copy]
    whole = len(copies) == len(names) and not set(folder.serious) - set(problems)
    return _MendedHere(tuple(copies), listing_for(folder.model, expectation) if whole else None)


def _is_about_the_listing(folder: VerifiedFolder, problem: FileProblem) -> bool:
    return problem.kind is ProblemKind.BAD_LISTING or blames_the_listing(Path(folder.folder), problem)


def _refs(bad: list[VerifiedFolder]) -> Iterator[RepairedRef]:
    """Yield the damaged refs whose commit is known; the Hub tells the others."""
    for folder in bad:
        if folder.commit and any(problem.kind is ProblemKind.BAD_REF for problem in folder.problems):
            yield RepairedRef(model=folder.model, commit=folder.commit)


def _bad_ocr(run: OpenRun, bad: list[VerifiedFolder]) -> WantedOcr | None:
    """Return the OCR engine of the pipeline when its folder is among the bad ones."""
    if all(folder.model.is_repository for folder in bad):
        return None
    return wanted_by(run).ocr


def _needs_a_host(run: OpenRun, ocr: WantedOcr | None) -> bool:
    """Whether a file has to come over the network: not what the installed package brings along."""
    if ocr is None:
        return False
    folder = run.artifacts_dir / ocr.folder
    return plan_ocr(str(ocr), ocr.files, folder, mirror=run.settings.ocr_mirror, offline=False).needs_network


def _to_repair(folder: VerifiedFolder) -> tuple[FileProblem, ...]:
    """Return the problems that moving aside and fetching can repair."""
    return tuple(
        problem
        for problem in folder.of_severity(Severity.SERIOUS, Severity.DOUBTFUL)
        if problem.meaning.fixed_by is FixedBy.REPAIR or problem.kind is ProblemKind.MISSING
    )


def _moves(run: OpenRun, folder: VerifiedFolder, territory: Territory) -> Iterator[Move]:
    repo = repo_of(run.cache_dir, folder.model)
    for problem in _to_repair(folder):
        if problem.kind is ProblemKind.BAD_STAMP and _is_as_written(Path(folder.folder)):
            continue
        names = names_behind(Path(folder.folder), problem)
        if problem.kind in _BESIDE_THE_SNAPSHOT:
            names = (Path(repo.folder / problem.path).resolve(),)
        elif folder.role == "snapshot" and blames_the_listing(Path(folder.folder), problem):
            names = (*names, tree_path(repo.folder, folder.commit).resolve())
        yield from (move for name in names if (move := territory.move(name, repo, problem.kind.value)))


def _is_as_written(folder: Path) -> bool:
    """Whether the stamp is whole and only speaks of another revision: placing learns from it what that one left."""
    stamp = read_stamp(folder)
    return stamp is not None and bool(stamp.checksum)


def _abandoned(run: OpenRun, found: VerifyFacts) -> Iterator[IncompleteFile]:
    """Yield those of the models that were verified; other models' are the doctor's business."""
    models = {folder.model for folder in found.folders}
    homes = {repo_of(run.cache_dir, model).folder for model in models}
    homes |= {run.artifacts_dir / model.folder_name for model in models}
    yield from (file for file in abandoned_files(run) if not homes.isdisjoint(file.path.parents))
    for model in models:
        yield from killed_placings(run.artifacts_dir / model.folder_name)

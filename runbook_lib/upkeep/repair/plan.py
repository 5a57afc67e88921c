"""Planning a repair: verify, then decide which names go and what has to be fetched. Changes nothing."""

from collections.abc import Iterator
from pathlib import Path

from runbook_lib.cache.incomplete_files import IncompleteFile
from runbook_lib.cache.layout import repo_of
from runbook_lib.cache.tree_listing import tree_path
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.interpreter import abandoned_files
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.facts import VerifiedFolder, VerifyFacts
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind, Weight
from runbook_lib.stages.verify.sources import Locked
from runbook_lib.upkeep.repair.facts import Move, PinnedModel, RepairPlan
from runbook_lib.upkeep.repair.names import Territory, blames_the_listing, names_behind, other_names


def plan_repair(run: OpenRun, locked: Locked | None = None) -> RepairPlan:
    """Verify everything and plan what mends it; reads, hashes, and changes nothing.

    With `locked`, what the lock file says is what the models are mended to.
    """
    found = collect_verification(run, locked)
    territory = Territory.of(run.cache_dir, run.artifacts_dir)
    bad = [folder for folder in found.folders if _to_mend(folder)]
    moves = {move.source: move for folder in bad for move in _moves(run, folder, territory)}
    for path in other_names(territory, tuple(moves)):
        repo = repo_of(run.cache_dir, bad[0].model)
        if move := territory.move(path, repo, "another name of a bad file"):
            moves[path] = move
    return RepairPlan(
        found=found,
        moves=tuple(moves.values()),
        incomplete=tuple(_abandoned(run, found)),
        models=tuple(_pinned(found, bad)),
        fetches=any(_needs_the_hub(found, folder) for folder in bad),
    )


def _to_mend(folder: VerifiedFolder) -> tuple[FileProblem, ...]:
    """Return the problems that moving aside and fetching can mend."""
    return tuple(
        problem
        for problem in folder.weighing(Weight.SERIOUS, Weight.DOUBTFUL)
        if problem.meaning.fixed_by is FixedBy.REPAIR or problem.kind is ProblemKind.MISSING
    )


def _moves(run: OpenRun, folder: VerifiedFolder, territory: Territory) -> Iterator[Move]:
    repo = repo_of(run.cache_dir, folder.model)
    for problem in _to_mend(folder):
        names = names_behind(Path(folder.folder), problem)
        if problem.kind is ProblemKind.BAD_LISTING:
            names = (Path(repo.folder / problem.path).resolve(),)
        elif folder.role == "snapshot" and blames_the_listing(Path(folder.folder), problem):
            names = (*names, tree_path(repo.folder, folder.commit).resolve())
        yield from (move for name in names if (move := territory.move(name, repo, problem.kind.value)))


def _pinned(found: VerifyFacts, bad: list[VerifiedFolder]) -> Iterator[PinnedModel]:
    """Yield the models to fetch or place again, at the commit of their snapshot."""
    models = {folder.model for folder in bad}
    for folder in found.folders:
        if folder.role == "snapshot" and folder.model in models:
            yield PinnedModel(model=folder.model, commit=folder.commit)


def _needs_the_hub(found: VerifyFacts, folder: VerifiedFolder) -> bool:
    """Whether mending needs the Hub: not for artifacts whose snapshot is whole, for they are placed from it."""
    if folder.role == "snapshot":
        return True
    snapshot = next(other for other in found.folders if other.role == "snapshot" and other.model == folder.model)
    return bool(snapshot.serious) or not snapshot.source


def _abandoned(run: OpenRun, found: VerifyFacts) -> Iterator[IncompleteFile]:
    """Yield those of the models that were verified; other models' are the doctor's business."""
    models = {folder.model for folder in found.folders}
    homes = {repo_of(run.cache_dir, model).folder for model in models}
    homes |= {run.artifacts_dir / model.folder_name for model in models}
    return (file for file in abandoned_files(run) if not homes.isdisjoint(file.path.parents))

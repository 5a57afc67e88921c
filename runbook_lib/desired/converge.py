"""Bringing a machine to what the lock file says: first from what it has itself, then from each origin in turn.

Nothing here writes a model: bundles and peers go through `bundle.take`, the Hub through stage download and repair. All
of them stage, compare, place the files and write the refs last, so that an end half-way leaves what the next one needs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.bundle.read import Bundle
from runbook_lib.bundle.take import import_bundle
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.desired.look import state_of
from runbook_lib.desired.origins import Kind, Origin, opened_here, opened_origin
from runbook_lib.desired.plan import Converged, Did
from runbook_lib.desired.state import MachineState, State
from runbook_lib.errors import BundleError, HubError, RunbookError, StageFailed
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.pipeline.wanted import WantedOcr
from runbook_lib.run.ending import end_noted
from runbook_lib.run.lock_file import LockedOcr, LockFile
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.target import Target
from runbook_lib.stages.configure_env import plan_environment
from runbook_lib.stages.download.hub_access import hub_access
from runbook_lib.stages.download.plan import plan_fetching
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.locked import expectations_of
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair

OpenRecorded = Callable[[Origin | None], OpenRun]
"""Begins a run with a record over the same target, whose Hub is that of an origin; for the models of the lock file."""


@dataclass
class Converging:
    """One convergence."""

    target: Target
    lock: LockFile
    lock_path: Path
    open_recorded: OpenRecorded
    say: Callable[[str], None]
    trusted: Path | None = None
    """Who has to have signed what is taken from bundles; None: nobody."""
    _did: list[Did] = field(default_factory=list)

    def converge(self, before: MachineState, origins: Sequence[Origin]) -> Converged:
        """Carry out what is needed, and look again, by their contents at all models that were not as locked.

        Raises what stood in the way of the last origin when the machine is not in state for that reason.
        """
        if before.state is State.IN_STATE:
            return Converged(before=before, after=before)
        touched = _models(before)
        now = self._here(before)
        problem: RunbookError | None = None
        for origin in origins:
            if now.state is State.IN_STATE:
                break
            try:
                now, problem = self._from(origin, now, touched), None
            except (BundleError, HubError, StageFailed) as error:
                problem = error
                self._tell(Did(origin=origin.words, problem=f"{error.what} {error.why}".strip()))
        if now.state is State.BROKEN:
            now = self._mended(touched)
        if problem and now.state is not State.IN_STATE:
            raise problem
        return Converged(before=before, did=tuple(self._did), after=now)

    def _from(self, origin: Origin, now: MachineState, touched: frozenset[ModelRef]) -> MachineState:
        """Take from one origin what the machine lacks."""
        lacking = self.lock.only(_models(now))
        if origin.kind is Kind.HUB:
            self._fetch(origin, lacking, now)
        else:
            with opened_origin(origin, lacking, self.trusted) as bundle:
                self._take(origin.words, bundle)
        return self._look(touched)

    def _here(self, now: MachineState) -> MachineState:
        """Place again, list and name what the cache itself holds whole."""
        held = frozenset(
            model.model
            for model in now.not_in_state()
            if model.commit and not any(finding.where == "snapshot" for finding in model.findings)
        )
        if not held:
            return now
        try:
            self._take("this machine", opened_here(self.target.cache_dir, self.lock.only(held)))
        except BundleError as error:  # it is whole by its lengths alone: an origin has to bring it
            self._tell(Did(origin="this machine", problem=f"{error.what} {error.why}"))
        return self._look(_models(now))

    def _take(self, words: str, bundle: Bundle) -> None:
        """Import what of the wanted models the source holds."""
        held = bundle.lock.only(frozenset(_held_by(bundle)))
        if not held.repositories and held.ocr is None:
            self._tell(Did(origin=words, problem="It holds nothing of what is lacking here."))
            return
        taken = import_bundle(self.target, Bundle(bundle.source, held, bundle.config, bundle.papers))
        names = [*(model.name for model in taken.models), *([str(held.ocr.model)] if held.ocr else [])]
        self._tell(Did(origin=words, models=tuple(names), read_bytes=taken.read_bytes))

    def _fetch(self, origin: Origin, lacking: LockFile, now: MachineState) -> None:
        """Let stage download fetch the locked commits; what is damaged is moved aside first, as repair does."""
        run = self.open_recorded(origin)
        with end_noted(run):
            fetched_bytes = self._downloaded(run, lacking, now)
        names = [str(repository.model) for repository in lacking.repositories]
        self._tell(Did(origin=origin.words, models=tuple(names), read_bytes=fetched_bytes))
        if lacking.repositories:  # refs and listings, which a download by commit leaves alone
            import_bundle(self.target, opened_here(self.target.cache_dir, lacking.without_ocr()))

    def _downloaded(self, run: OpenRun, lacking: LockFile, now: MachineState) -> int:
        """Return how many bytes were fetched."""
        fetched_bytes = 0
        if now.state is State.BROKEN:
            locked = expectations_of(lacking)
            fetched_bytes += apply_repair(run, plan_repair(run, locked), locked).fetched_bytes
        pinned = tuple(ModelRef(repository.repo_id, repository.commit) for repository in lacking.repositories)
        revisions = [repository.revision for repository in lacking.repositories]
        ocr = _wanted(lacking.ocr) if lacking.ocr else None
        with hub_access(run, plan_environment(run)) as hub:
            record = download(run, plan_fetching(hub, pinned, ocr, recorded_under=revisions), hub=hub)
        record.require()
        return fetched_bytes + sum(model.fetched_bytes for model in record.facts.models)

    def _mended(self, touched: frozenset[ModelRef]) -> MachineState:
        """Repair what is still damaged from intact copies on this machine; it needs no origin."""
        run = self.open_recorded(None)
        with end_noted(run):
            locked = expectations_of(self.lock.only(touched))
            plan = plan_repair(run, locked)
            if not plan.fetches:
                self._tell(Did(origin="this machine", models=("repair",), said=apply_repair(run, plan, locked).said()))
        return self._look(touched)

    def _look(self, touched: frozenset[ModelRef]) -> MachineState:
        """Look at everything: at what was touched by contents, at the rest as before."""
        read = state_of(self.target, self.lock.only(touched), self.lock_path, by_hash=True)
        rest = frozenset(expectations_of(self.lock)) - touched
        return read.joined_with(state_of(self.target, self.lock.only(rest), self.lock_path))

    def _tell(self, did: Did) -> None:
        self._did.append(did)
        self.say(str(did))


def _models(state: MachineState) -> frozenset[ModelRef]:
    return frozenset(model.model for model in state.not_in_state())


def _held_by(bundle: Bundle) -> Iterator[ModelRef]:
    """Yield the models whose largest content the source holds; that it holds the others, the import requires."""
    for repository in bundle.lock.repositories:
        if _holds_largest(bundle, ((file.size_bytes, file.sha256) for file in repository.files)):
            yield repository.model
    ocr = bundle.lock.ocr
    if ocr and _holds_largest(bundle, ((file.size_bytes, file.sha256) for file in ocr.files)):
        yield ocr.model


def _holds_largest(bundle: Bundle, contents: Iterable[tuple[int, str]]) -> bool:
    _size_bytes, sha256 = max(contents, default=(0, ""))
    return not sha256 or bundle.source.size_of(sha256) is not None


def _wanted(ocr: LockedOcr) -> WantedOcr:
    """Return the OCR engine's files as docling would ask for them."""
    files = tuple(ModelFile(name=file.path, url=file.url, sha256=file.sha256) for file in ocr.files)
    return WantedOcr(engine=ocr.engine, backend=ocr.backend, languages=(), reason="", folder=ocr.folder, files=files)

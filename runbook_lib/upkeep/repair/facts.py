"""What repair plans and did."""

from collections.abc import Sequence
from pathlib import Path

from runbook_lib.cache.incomplete_files import IncompleteFile
from runbook_lib.cache.layout import Listing
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value
from runbook_lib.errors import ExitCode, StageFailed
from runbook_lib.pipeline.wanted import WantedOcr
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Status, worst
from runbook_lib.run.record import StageRecord
from runbook_lib.stages.download.facts import DownloadFacts
from runbook_lib.stages.verify.facts import VerifyFacts


class Move(Value):
    """A name that is to be moved aside."""

    source: Path
    home: Path
    """The folder whose quarantine takes it."""
    place: Path
    """Where it goes there, relative to the folder of this repair, unless that would be too long."""
    reason: str


class Copy(Value):
    """A file of a snapshot, and an intact copy of it elsewhere on this machine."""

    model: ModelRef
    commit: str
    path: str
    """Relative to the snapshot."""
    etag: str
    source: Path


class RepairedRef(Value):
    """A branch or tag whose file is damaged, and the commit it stands for."""

    model: ModelRef
    commit: str


class PinnedModel(Value):
    """A model and the commit it is repaired at, whatever its revision stands for on the Hub by now."""

    model: ModelRef
    commit: str
    listing: Listing | None = None
    """What the snapshot holds, when the Hub is not needed; None when the model has to be fetched."""

    @property
    def pinned(self) -> ModelRef:
        """The model at its commit; at its revision when no commit is known."""
        return ModelRef(self.model.repo_id, self.commit or self.model.revision)


class RepairPlan(Rendered, Value):
    """What is wrong and what would be done about it."""

    found: VerifyFacts
    moves: tuple[Move, ...]
    incomplete: tuple[IncompleteFile, ...]
    """Files that interrupted downloads left and that no download goes on with."""
    models: tuple[PinnedModel, ...]
    """The models that have to be fetched or placed again."""
    ocr: WantedOcr | None = None
    """The OCR engine whose files have to be placed again; None when they are as they should be."""
    fetches: bool
    """Whether the network is needed; without it files are copied and docling's artifacts placed again."""
    copies: tuple[Copy, ...] = ()
    refs: tuple[RepairedRef, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.moves or self.incomplete or self.models or self.ocr)

    def sections(self) -> Sequence[Section]:
        """Return the sum, what would move and what would go."""
        if self.is_empty:
            return (Note("Repair", ("Nothing has to be repaired.",)),)
        lines = [f"{len(self.moves)} names go to quarantine, {len(self.incomplete)} incomplete files are removed."]
        for source, local in (("from what this machine has, without network", True), ("from the Hub", False)):
            repaired = ", ".join(str(model.model) for model in self.models if (model.listing is not None) is local)
            lines += [f"Repaired {source}: {repaired}."] if repaired else []
        lines += [f"Placed again: the models for OCR ({self.ocr})."] if self.ocr else []
        moves = tuple((move.reason, str(move.source)) for move in self.moves)
        shown: list[Section] = [Note("Repair", tuple(lines)), Table("Moved aside", ("because", "name"), moves)]
        if self.copies:
            rows = tuple((f"{copy.model}: {copy.path}", str(copy.source)) for copy in self.copies)
            shown.append(Table("Repaired from a copy", ("file", "intact copy"), rows))
        if self.incomplete:
            shown.append(Table("Removed", ("incomplete file",), tuple((str(file.path),) for file in self.incomplete)))
        return tuple(shown)


class Moved(Value):
    """A name that was moved aside."""

    source: Path
    target: Path


class Skipped(Value):
    """A name that was left where it is."""

    path: Path
    reason: str


class RepairResult(Rendered, Value):
    """What repair did, and how it stands now."""

    moved: tuple[Moved, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    removed: tuple[Path, ...] = ()
    copied: tuple[Copy, ...] = ()
    """Files that were repaired from an intact copy on this machine."""
    refs: tuple[RepairedRef, ...] = ()
    relinked: tuple[Path, ...] = ()
    """Names in other snapshots that share the repaired content again."""
    download: StageRecord[DownloadFacts] | None = None
    """None when nothing had to be fetched."""
    verification: StageRecord[VerifyFacts]

    @property
    def status(self) -> Status:
        """The worst of download and verification."""
        records = [record.status for record in (self.download, self.verification) if record]
        return worst(records)

    @property
    def exit_code(self) -> ExitCode:
        """Whether all is well, some of it was repaired, or nothing was."""
        if self.status is not Status.FAIL:
            return ExitCode.OK
        return ExitCode.PARTIAL if self.moved or self.removed or self.fetched_bytes else ExitCode.FAILED

    @property
    def fetched_bytes(self) -> int:
        """What came over the network."""
        if self.download is None:
            return 0
        ocr = self.download.facts.ocr
        return sum(model.fetched_bytes for model in self.download.facts.models) + (ocr.fetched_bytes if ocr else 0)

    def require(self) -> None:
        """Raise `StageFailed` when something is still wrong; names what could not be moved first."""
        if self.skipped and self.status is Status.FAIL:
            first = self.skipped[0]
            raise StageFailed(
                f"Repair could not move {first.path} aside.",
                why=first.reason,
                remedy="End the programs that use it, or let this user write there; then run runbook repair again.",
            )
        if self.download:
            self.download.require()
        self.verification.require()

    def said(self) -> str:
        """Return the sum in one sentence."""
        counts = f"{len(self.moved)} names moved aside, {len(self.removed)} incomplete files removed"
        copied = f"{len(self.copied)} files copied on this machine, " if self.copied else ""
        fetched = f"{format_bytes(self.fetched_bytes)} fetched"
        return f"{counts}, {copied}{fetched}, {len(self.relinked)} names linked again."

    def sections(self) -> Sequence[Section]:
        """Return the sum, what was moved and left, and the checks of the verification that followed."""
        shown: list[Section] = [Note(f"Repair: {self.status}", (self.said(),))]
        if self.moved:
            shown.append(Table("Moved aside, to", ("name",), tuple((str(move.target),) for move in self.moved)))
        if self.skipped:
            rows = tuple((entry.reason, str(entry.path)) for entry in self.skipped)
            shown.append(Table("Left where it is", ("because", "name"), rows))
        if self.download and self.download.failed():
            shown.append(self.download.check_table())
        return (*shown, self.verification.check_table())

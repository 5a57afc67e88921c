"""What stage download plans and did."""

from collections.abc import Iterator, Sequence

from runbook_lib.cache.artifacts import Placement
from runbook_lib.cache.layout import Listing
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Masked, Value
from runbook_lib.ocr.place import PlacedOcr
from runbook_lib.ocr.plan import OcrPlan, PlannedFile
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.record import Facts


class PlannedModel(Value):
    """One model of the plan: what the Hub lists and how much of it is still missing here."""

    model: ModelRef
    listing: Listing
    missing: tuple[str, ...]
    missing_bytes: int
    listed_by_lock: bool = False
    """Whether the cache lacks the listing, and the lock file stands in for it."""
    linkable_bytes: int = 0
    """Missing from this revision, but in the cache for another one; becomes hard links."""
    copied_up_bytes: int = 0
    """What linking them copies, at the most, from lower layers of a container into its upper one."""

    @property
    def is_cached(self) -> bool:
        """Whether nothing has to be fetched."""
        return not self.missing

    @property
    def fetch_bytes(self) -> int:
        """What has to come over the network, as far as can be told without reading what the cache holds."""
        return self.missing_bytes - self.linkable_bytes


class DownloadPlan(Facts):
    """What the download will fetch, where it goes and whether there is room."""

    models: tuple[PlannedModel, ...]
    ocr: OcrPlan | None = None
    """The files of docling's OCR engine; None when OCR is off or its engine keeps its models elsewhere."""
    cache_dir: str
    artifacts_dir: str
    links: str
    cache_needs_bytes: int
    cache_free_bytes: int
    artifacts_need_bytes: int
    artifacts_free_bytes: int
    same_volume: bool
    """Whether cache and artifacts folder share a volume; then hard links join them and one free space serves both."""

    @property
    def fits(self) -> bool:
        """Whether there is room for all of it, with a tenth to spare."""
        if self.same_volume:
            return (self.cache_needs_bytes + self.artifacts_need_bytes) * 1.1 <= self.cache_free_bytes
        return (
            self.cache_needs_bytes * 1.1 <= self.cache_free_bytes
            and self.artifacts_need_bytes * 1.1 <= self.artifacts_free_bytes
        )

    def sections(self) -> Sequence[Section]:
        """Return the models, then the space."""
        models = tuple(
            (
                str(planned.model),
                planned.listing.commit[:8],
                str(len(planned.listing.files)),
                format_bytes(planned.listing.size_bytes),
                format_bytes(planned.linkable_bytes),
                format_bytes(planned.fetch_bytes) if planned.missing else "nothing: cached",
            )
            for planned in self.models
        )
        space = (
            ("cache", self.cache_dir, format_bytes(self.cache_needs_bytes), format_bytes(self.cache_free_bytes)),
            (
                "artifacts",
                self.artifacts_dir,
                format_bytes(self.artifacts_need_bytes),
                format_bytes(self.artifacts_free_bytes),
            ),
        )
        return (
            Table("Plan", ("model", "commit", "files", "size", "to link", "to fetch"), models),
            *_ocr_plan(self.ocr),
            Table("Space", ("folder", "path", "needed", "free"), space),
        )


def _ocr_plan(plan: OcrPlan | None) -> Iterator[Section]:
    if plan is not None:
        rows = tuple((planned.file.name, planned.source.value, _size(planned)) for planned in plan.files)
        yield Table(f"Models for OCR ({plan.engine})", ("file", "from", "size"), rows)


def _size(planned: PlannedFile) -> str:
    return format_bytes(planned.size_bytes) if planned.size_bytes else "known when it comes"


def _placed_ocr(placed: PlacedOcr | None) -> Iterator[Section]:
    if placed is not None:
        rows = tuple(
            (
                "fail" if file.problem else "ok",
                file.name,
                file.source.value,
                file.problem or format_bytes(file.size_bytes),
            )
            for file in placed.files
        )
        yield Table(f"Models for OCR ({placed.engine})", ("status", "file", "from", "seen"), rows)


class FetchedModel(Value):
    """What became of one model."""

    model: ModelRef
    listing: Listing
    snapshot: str
    """Empty when the model could not be fetched."""
    fetched_bytes: int
    elapsed_s: float
    linked_bytes: int = 0
    """Not fetched, because hard-linked from what the cache held already."""
    copied_up_bytes: int = 0
    """What of that a container copied from a lower layer into its upper one, which grew by it."""
    tries: int = 1
    """More than one on a line whose connections break."""
    problem: Masked = ""
    remedy: str = ""
    quirk: str = ""
    placement: Placement | None = None
    """None when the artifacts folder was not made."""
    placing_copied_up_bytes: int = 0
    """What a container copied into its upper layer so that its image's weights stand in the artifacts folder, too."""
    placing_problem: str = ""
    placing_remedy: str = ""
    """Empty when the artifacts folder is at fault, and not the snapshot."""

    @property
    def placing_growth(self) -> str:
        """What placing took of a container's upper layer, to end a sentence with; empty when nothing."""
        size_bytes = self.placing_copied_up_bytes
        return f"; {format_bytes(size_bytes)} copied into the container's upper layer" if size_bytes else ""


class DownloadFacts(Facts):
    """What stage download did."""

    plan: DownloadPlan
    models: tuple[FetchedModel, ...]
    ocr: PlacedOcr | None = None

    @property
    def fetched_bytes(self) -> int:
        """What came over the network."""
        return sum(model.fetched_bytes for model in self.models) + (self.ocr.fetched_bytes if self.ocr else 0)

    def listings(self) -> tuple[Listing, ...]:
        """Return what the Hub listed, for verifying without it."""
        return tuple(fetched.listing for fetched in self.models)

    def sections(self) -> Sequence[Section]:
        """Return what was fetched and how the artifacts folder was made."""
        fetched = tuple(
            (
                "fail" if model.problem else "ok",
                str(model.model),
                format_bytes(model.fetched_bytes),
                format_bytes(model.linked_bytes),
                format_seconds(model.elapsed_s),
                model.problem or model.snapshot,
            )
            for model in self.models
        )
        placed = tuple(
            (
                model.model.folder_name,
                str(model.placement.linked),
                str(model.placement.cloned),
                str(model.placement.copied),
                str(model.placement.kept),
                str(model.placement.removed),
            )
            for model in self.models
            if model.placement
        )
        total = format_bytes(sum(model.fetched_bytes for model in self.models))
        linked = format_bytes(sum(model.linked_bytes for model in self.models))
        return (
            Note("Fetched", (f"{total} came over the network; {linked} were linked from older revisions.",)),
            Table("Models", ("status", "model", "fetched", "linked", "took", "snapshot"), fetched),
            Table("Artifacts folder", ("folder", "hard links", "reflinks", "copies", "kept", "removed"), placed),
            *_placed_ocr(self.ocr),
        )

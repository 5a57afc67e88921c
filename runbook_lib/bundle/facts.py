"""What making, reading and taking a bundle tell."""

from collections.abc import Sequence
from pathlib import Path

from runbook_lib.cache.artifacts import Placement
from runbook_lib.core.value import Value
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes

_PRACTICE = "Practice: random weights; nothing here is real."


class Exported(Rendered, Value):
    """What was written."""

    practice: bool
    paths: tuple[Path, ...]
    models: tuple[str, ...]
    ocr: str
    papers: tuple[str, ...]
    wheels: int = 0
    """How many were carried."""
    carried_bytes: int
    left_out_bytes: int
    """Contents the target is said to have."""
    written_bytes: int
    shared_bytes: int
    """Hard links and reflinks, which take no room."""

    def sections(self) -> Sequence[Section]:
        """Return where it is and what it holds."""
        lines = [_PRACTICE] if self.practice else []
        lines += [
            ", ".join(map(str, self.paths)),
            f"{len(self.models)} models: {', '.join(self.models)}",
            f"OCR models: {self.ocr or 'none'}",
            f"{format_bytes(self.carried_bytes)} carried: {self._cost()}",
        ]
        if self.wheels:
            lines.append(f"{self.wheels} wheels")
        if self.left_out_bytes:
            lines.append(f"{format_bytes(self.left_out_bytes)} left out: the target has to have them")
        return (Note("Bundle", tuple(lines)),)

    def _cost(self) -> str:
        return f"{format_bytes(self.written_bytes)} written, {format_bytes(self.shared_bytes)} shared with the cache"


class ShownModel(Value):
    """A model of a bundle, and how much of it a target lacks."""

    name: str
    commit: str
    file_count: int
    size_bytes: int
    lacking_bytes: int | None = None
    """None where no target was compared."""
    lacking: tuple[str, ...] = ()


class ShownBundle(Rendered, Value):
    """What a bundle holds; with a target, what that lacks of it."""

    practice: bool
    made_by: str
    models: tuple[ShownModel, ...]
    papers: tuple[str, ...]
    carried_bytes: int
    left_out_bytes: int
    wheels: int = 0
    is_verified: bool = False
    signed_by: str = ""
    """Empty where no signature was required."""
    compared_with: str = ""

    @property
    def lacking_bytes(self) -> int:
        """What the target lacks of all models."""
        return sum(model.lacking_bytes or 0 for model in self.models)

    def sections(self) -> Sequence[Section]:
        """Return one row a model, then the papers."""
        rows = tuple(
            (
                model.name,
                model.commit[:8],
                str(model.file_count),
                format_bytes(model.size_bytes),
                *(() if model.lacking_bytes is None else (_lacking(model),)),
            )
            for model in self.models
        )
        compared = ("lacking",) if self.compared_with else ()
        lines = [_PRACTICE] if self.practice else []
        lines.append(f"made by {self.made_by or 'an unnamed program'}")
        lines.append(f"{format_bytes(self.carried_bytes)} carried")
        if self.wheels:
            lines.append(f"{self.wheels} wheels")
        if self.left_out_bytes:
            lines.append(f"{format_bytes(self.left_out_bytes)} left out: the target has to have them")
        if self.signed_by:
            lines.append(f"signed by {self.signed_by}")
        if self.is_verified:
            lines.append("every content was read and is what its hash says")
        if self.compared_with:
            lines.append(f"{self.compared_with} lacks {format_bytes(self.lacking_bytes)}")
        return (
            Table("Models", ("model", "commit", "files", "size", *compared), rows),
            Note("Bundle", tuple(lines)),
            Note("Papers", self.papers),
        )


def _lacking(model: ShownModel) -> str:
    shown = ", ".join(model.lacking[:3]) + (" and more" if len(model.lacking) > 3 else "")  # noqa: PLR2004
    return f"{format_bytes(model.lacking_bytes or 0)}: {shown}" if model.lacking else "nothing"


class ImportedModel(Value):
    """What became of one model."""

    name: str
    commit: str
    placed: int
    """Files that were put into the cache."""
    kept: int
    """Files that stood there rightly."""
    placement: Placement


class ImportedWheels(Value):
    """Where wheels stand, and what installs them."""

    folder: Path
    python: str
    count: int
    placed: int
    """How many were not there yet."""
    command: str


class Imported(Rendered, Value):
    """What an import did."""

    practice: bool
    links: str
    models: tuple[ImportedModel, ...]
    ocr: str
    read_bytes: int
    """Contents that came out of the bundle."""
    signed_by: str = ""
    """Empty where no signature was required."""
    papers: tuple[Path, ...] = ()
    wheels: ImportedWheels | None = None

    @property
    def changed(self) -> bool:
        """Whether anything had to be put in place."""
        return any(model.placed for model in self.models)

    def sections(self) -> Sequence[Section]:
        """Return one row a model."""
        rows = tuple(
            (model.name, model.commit[:8], str(model.placed), str(model.kept), str(model.placement))
            for model in self.models
        )
        lines = [_PRACTICE] if self.practice else []
        lines.append(f"{format_bytes(self.read_bytes)} read from the bundle; links in the cache: {self.links}")
        if self.signed_by:
            lines.append(f"signed by {self.signed_by}")
        if self.ocr:
            lines.append(f"OCR models: {self.ocr}")
        lines += [f"written: {path}" for path in self.papers]
        if self.wheels:
            told = f"{self.wheels.count} wheels for Python {self.wheels.python}, {self.wheels.placed} of them new"
            lines += [f"{told}; to install them without a network:", self.wheels.command]
        return (
            Table("Models", ("model", "commit", "new", "kept", "artifacts folder"), rows),
            Note("Import", tuple(lines)),
        )

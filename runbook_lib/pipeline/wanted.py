"""What docling answers when it is asked what a pipeline takes."""

from collections.abc import Sequence
from typing import Final

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table


class WantedRepository(Value):
    """A repository of the Hub, and the stage of docling's pipeline that asks for it."""

    repo_id: str
    revision: str
    stage: str = ""

    @property
    def model(self) -> ModelRef:
        """The model as settings name it."""
        return ModelRef(self.repo_id, self.revision)

    @property
    def purpose(self) -> str:
        """What it is for, in words; docling's name of a stage that has none; empty when docling was not asked."""
        return STAGE_WORDS.get(self.stage, self.stage)


class EngineVariant(Value):
    """Where the layout model lives for an engine that the pipeline does not use; nothing has to be fetched."""

    repo_id: str
    revision: str
    engine: str


class WantedOcr(Value):
    """The OCR engine that docling takes, and the files it loads."""

    engine: str
    """docling's name of it; empty when docling found none that is installed."""
    backend: str
    """What runs RapidOCR's models: onnxruntime, torch, openvino or paddle; empty for other engines."""
    languages: tuple[str, ...]
    """As docling's options name them; empty: the engine's own default."""
    reason: str
    """docling's own words about the choice; empty when the engine was named."""
    folder: str
    """Below the artifacts folder; empty for an engine that has its models elsewhere."""
    files: tuple[ModelFile, ...]

    def __str__(self) -> str:
        if not self.engine:
            return "no engine that is installed"
        return f"{self.engine} with {self.backend}" if self.backend else self.engine


class MissingPart(Value):
    """Why a stage of the pipeline cannot be built here."""

    stage: str
    type: str
    message: str
    module: str = ""
    """The package that cannot be imported; empty when it is something else."""
    install: str = ""
    """What to give to `pip install`."""

    def __str__(self) -> str:
        needs = f" needs {self.install}" if self.install else ""
        return f"{self.stage}{needs}: {self.type}: {self.message}"


class Wanted(Rendered, Value):
    """Everything a pipeline takes."""

    repositories: tuple[WantedRepository, ...] = ()
    variants: tuple[EngineVariant, ...] = ()
    ocr: WantedOcr | None = None
    """None when OCR is off, or when docling was not asked because the models are named."""
    missing: tuple[MissingPart, ...] = ()

    @classmethod
    def named(cls, models: Sequence[ModelRef]) -> "Wanted":
        """Return what is wanted when the models are named: those, and nothing else is known."""
        return cls(
            repositories=tuple(WantedRepository(repo_id=model.repo_id, revision=model.revision) for model in models)
        )

    def with_named(self, models: Sequence[ModelRef]) -> "Wanted":
        """Return the same with models that are named in place of those that docling asks for."""
        named = Wanted.named(models).repositories
        return Wanted(repositories=named, variants=self.variants, ocr=self.ocr, missing=self.missing)

    @property
    def was_asked(self) -> bool:
        """Whether docling said it; models that are named say nothing of the stages that want them."""
        return bool(self.missing) or any(repository.stage for repository in self.repositories)

    @property
    def models(self) -> tuple[ModelRef, ...]:
        """The repositories to have."""
        return tuple(repository.model for repository in self.repositories)

    @property
    def parts(self) -> tuple[str, ...]:
        """Everything that has to be there, each in words that differ where what is fetched or read differs."""
        ocr = self.ocr
        files = (
            [f"{ocr.folder}/{file.name} ({file.url} {file.sha256 or file.md5})" for file in ocr.files] if ocr else []
        )
        engine = [" ".join((f"OCR by {ocr}", *ocr.languages))] if ocr else []
        missing = [f"missing: {part}" for part in self.missing]
        return (*map(str, self.models), *engine, *files, *missing)

    def sections(self) -> Sequence[Section]:
        """Return the repositories, the OCR files, and what is missing."""
        rows = [(str(repository.model), repository.purpose) for repository in self.repositories]
        if self.ocr is not None:
            rows += [(f"{self.ocr.folder}/{file.name}", f"OCR: {self.ocr}") for file in self.ocr.files]
        shown: list[Section] = [Table("Models that are needed", ("model", "for"), tuple(rows), empty="none is known")]
        if self.ocr is not None and self.ocr.reason:
            shown.append(Note("Why this OCR engine", (self.ocr.reason,)))
        if self.missing:
            shown.append(Note("Missing", tuple(map(str, self.missing))))
        return tuple(shown)


STAGE_WORDS: Final = {
    "LayoutObjectDetectionModel": "layout",
    "LayoutModel": "layout",
    "TableStructureModel": "tables",
    "TableStructureModelV2": "tables",
    "CodeFormulaVlmModel": "code and formulas",
    "CodeFormulaModel": "code and formulas",
    "DocumentPictureClassifier": "picture classes",
    "PictureDescriptionVlmEngineModel": "picture descriptions",
    "PictureDescriptionVlmModel": "picture descriptions",
    "VlmConvertModel": "the whole page (VLM)",
}
"""docling's classes in words a reader knows; others are shown as they are called."""

"""Builds the converter that the setting `pipeline` describes, from the defaults of the installed docling."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

OCR_OPTIONS = {
    "auto": "OcrAutoOptions",
    "rapidocr": "RapidOcrOptions",
    "easyocr": "EasyOcrOptions",
    "tesseract": "TesseractCliOcrOptions",
}
FACTORIES = ("get_ocr_factory", "get_layout_factory", "get_table_structure_factory", "get_picture_description_factory")
"""What imports docling's stages; docling itself calls them while it builds a pipeline."""


def load_stage_classes() -> None:
    """Import the stages that docling imports while it builds a pipeline; builds none and loads no model."""
    factories = import_or_none("docling.models.factories")
    for name in FACTORIES:
        if hasattr(factories, name):
            getattr(factories, name)()


class CannotBuild(Exception):
    """The installed docling cannot do what is asked for, or the service's code gives something else than a pipeline."""


def make_converter(pipeline: dict[str, Any], formats: Sequence[str] = ()) -> Any:  # noqa: ANN401 - docling's class; docling is imported here only
    """Return a converter; `pipeline` is `PipelineSpec.request()`.

    `DocumentConverter()` is where it starts: what is not named stays as this docling has it. Only PDF and pictures are
    changed, and audio for `asr`. With `formats` the converter knows these alone: docling 2.143 makes the options of
    all 36 formats for each format that it is to know, 0.6 s of CPU.
    """
    from docling.datamodel.base_models import InputFormat
    from docling.document_converter import DocumentConverter

    if pipeline["code"]:
        return from_code(pipeline["code"])
    known = [getattr(InputFormat, name) for name in formats if hasattr(InputFormat, name)]
    converter = DocumentConverter(allowed_formats=known or None)
    for option in paginated_options(converter):
        for name, value in pipeline["choices"].items():
            if name != "asr":
                APPLY[name](option, value)
    if "asr" in pipeline["choices"]:
        set_asr(converter, pipeline["choices"]["asr"])
    return converter


def paginated_options(converter: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield the format options for PDF and pictures, each with pipeline options of its own, safe to change."""
    from docling.datamodel.base_models import InputFormat

    for name in (InputFormat.PDF, InputFormat.IMAGE):
        option = converter.format_to_options.get(name)
        if option is None:
            continue
        options = option.pipeline_options or option.pipeline_cls.get_default_options()
        option.pipeline_options = options.model_copy(deep=True)
        yield option


def from_code(place: str) -> Any:  # noqa: ANN401
    """Return the converter that `module:attribute` of the service's own code stands for.

    The attribute may be a converter, pipeline options, a mapping of formats to options, or a function without
    arguments that returns one of them. Modules are found where Python finds them, then in the working directory.
    """
    module_name, _, attribute = place.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    found: Any = importlib.import_module(module_name)
    for name in attribute.split("."):
        found = getattr(found, name)
    return converter_around(found() if callable(found) and not is_converter(found) else found, place)


def converter_around(found: Any, place: str) -> Any:  # noqa: ANN401
    """Return a converter with what was found."""
    from docling.datamodel.base_models import InputFormat
    from docling.datamodel.pipeline_options import PipelineOptions
    from docling.document_converter import DocumentConverter, ImageFormatOption, PdfFormatOption

    if is_converter(found):
        return found
    if isinstance(found, dict):
        return DocumentConverter(format_options=found)
    if isinstance(found, PipelineOptions):
        choices = {"pipeline_options": found, **pipeline_class_for(found)}
        formats = {InputFormat.PDF: PdfFormatOption(**choices), InputFormat.IMAGE: ImageFormatOption(**choices)}
        return DocumentConverter(format_options=formats)
    raise CannotBuild(f"{place} is {type(found).__name__}: neither a DocumentConverter nor pipeline options")


def is_converter(found: Any) -> bool:  # noqa: ANN401
    """Whether it converts and knows its formats."""
    return hasattr(found, "format_to_options") and hasattr(found, "convert")


def pipeline_class_for(options: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the pipeline class that options of this class belong to, where it is not the PDF pipeline's."""
    if type(options).__name__ == "VlmPipelineOptions":
        from docling.pipeline.vlm_pipeline import VlmPipeline

        return {"pipeline_cls": VlmPipeline}
    return {}


def set_ocr(option: Any, value: str) -> None:  # noqa: ANN401
    """Switch OCR off, or on with an engine."""
    from docling.datamodel import pipeline_options as home

    require_field(option, "do_ocr", f"ocr={value}")
    option.pipeline_options.do_ocr = value != "off"
    if value == "off":
        return
    name = OCR_OPTIONS[value]
    if not hasattr(home, name):
        raise CannotBuild(f"this docling has no {name}, so ocr={value} cannot be asked for")
    option.pipeline_options.ocr_options = getattr(home, name)()


def switch(field: str) -> Callable[[Any, str], None]:
    """Return what switches a field of the pipeline options on or off."""

    def apply(option: Any, value: str) -> None:  # noqa: ANN401
        require_field(option, field, field)
        setattr(option.pipeline_options, field, value == "on")

    return apply


def require_field(option: Any, field: str, asked: str) -> None:  # noqa: ANN401
    """Raise `CannotBuild` for what this docling's options do not know."""
    if not hasattr(option.pipeline_options, field):
        raise CannotBuild(f"{type(option.pipeline_options).__name__} of this docling has no {field} ({asked})")


def set_picture_description(option: Any, value: str) -> None:  # noqa: ANN401
    """Have pictures described by docling's default model, or by a preset."""
    require_field(option, "do_picture_description", "picture-description")
    option.pipeline_options.do_picture_description = value != "off"
    if value not in ("on", "off"):
        preset = from_preset("PictureDescriptionVlmEngineOptions", value)
        option.pipeline_options.picture_description_options = preset


def set_layout(option: Any, value: str) -> None:  # noqa: ANN401
    """Choose a layout preset; `onnxruntime` is the engine, with docling's own preset."""
    require_field(option, "layout_options", f"layout={value}")
    if value != "onnxruntime":
        option.pipeline_options.layout_options = from_preset("LayoutObjectDetectionOptions", value)
        return
    try:
        from docling.datamodel.object_detection_engine_options import OnnxRuntimeObjectDetectionEngineOptions
    except ImportError:
        raise CannotBuild("this docling has one engine for layout models (layout=onnxruntime)") from None
    chosen = OnnxRuntimeObjectDetectionEngineOptions()
    layout = option.pipeline_options.layout_options.model_copy(update={"engine_options": chosen})
    option.pipeline_options.layout_options = layout


def set_vlm(option: Any, value: str) -> None:  # noqa: ANN401
    """Put the VLM pipeline in place of the PDF pipeline."""
    from docling.datamodel.pipeline_options import VlmPipelineOptions
    from docling.pipeline.vlm_pipeline import VlmPipeline

    option.pipeline_cls = VlmPipeline
    option.pipeline_options = VlmPipelineOptions(vlm_options=from_preset("VlmConvertOptions", value))


def set_asr(converter: Any, value: str) -> None:  # noqa: ANN401
    """Choose the speech model, by the name docling's command line knows it by."""
    from docling.datamodel.base_models import InputFormat

    specs = import_or_none("docling.datamodel.asr_model_specs")
    found = getattr(specs, value.upper().replace("-", "_").replace(".", "_"), None)
    if found is None:
        raise CannotBuild(f"this docling knows no speech model {value!r}")
    option = converter.format_to_options[InputFormat.AUDIO]
    options = option.pipeline_options or option.pipeline_cls.get_default_options()
    option.pipeline_options = options.model_copy(update={"asr_options": found}, deep=True)


def from_preset(class_name: str, preset: str) -> Any:  # noqa: ANN401
    """Return options made from a preset; an unknown one is told with those that are known."""
    from docling.datamodel import pipeline_options as home

    options = getattr(home, class_name, None)
    if options is None or not hasattr(options, "from_preset"):
        raise CannotBuild(f"this docling has no presets for {class_name}")
    try:
        return options.from_preset(preset)
    except KeyError as error:
        raise CannotBuild(f"this docling knows no preset {preset!r}: {error.args[0]}") from error


def import_or_none(name: str) -> Any:  # noqa: ANN401
    """Import a module that not every docling has."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


APPLY: dict[str, Callable[[Any, str], None]] = {
    "ocr": set_ocr,
    "tables": switch("do_table_structure"),
    "formulas": switch("do_formula_enrichment"),
    "code": switch("do_code_enrichment"),
    "picture-classes": switch("do_picture_classification"),
    "picture-description": set_picture_description,
    "charts": switch("do_chart_extraction"),
    "layout": set_layout,
    "vlm": set_vlm,
}

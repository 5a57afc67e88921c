"""Asks the installed docling which models a pipeline loads: repositories at revisions, OCR files, what is missing.

The pipeline is built as a service would build it, with everything that fetches replaced by something that takes notes
(`asked_models`, `ocr_files`). Works with docling 2.15 and later.
"""

from __future__ import annotations

import shutil
import sys
from typing import Any, Callable, Iterator

import installed_extras  # type: ignore[import-not-found]  # the folder of the workers is on sys.path
from asked_models import Asked, stand_in, watch_stages  # type: ignore[import-not-found]
from convert_document import prepare, refuse_network  # type: ignore[import-not-found]
from forked import in_fork  # type: ignore[import-not-found]
from ocr_files import note_rapidocr_files, stand_in_for_engines  # type: ignore[import-not-found]
from wanted_pipeline import CannotBuild, load_stage_classes, make_converter  # type: ignore[import-not-found]


def run(request: dict[str, Any], _emit: Callable[..., None]) -> dict[str, Any]:
    """Return what `pipeline` takes; see `runbook_lib.pipeline.wanted.Wanted`.

    In a process that has docling imported already, and may convert with it, a fork answers: whoever converts is the
    real docling, without anything that stands in. On Linux alone, where that is safe; elsewhere it is the last that
    such a process is asked.
    """
    if "docling" in sys.modules and sys.platform == "linux":
        forked: dict[str, Any] = in_fork(answer, request)
        return forked
    return answer(request)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Build the pipeline with everything that fetches replaced, for good."""
    asked = Asked()
    refuse_network()
    prepare(request["pipeline"])
    try:
        stand_in(asked)
        variants = build(asked, request["pipeline"])
    except CannotBuild as error:
        asked.problem("pipeline", error)
        variants = []
    except ImportError as error:
        asked.problem("docling", error)
        variants = []
    finally:
        shutil.rmtree(asked.folder, ignore_errors=True)
    for entry in asked.missing:
        entry["install"] = installed_extras.remedy_for(entry["module"]) if entry["module"] else ""
    return {
        "repositories": asked.repositories,
        "variants": variants,
        "ocr": ocr_answer(asked),
        "missing": asked.missing,
    }


def build(asked: Asked, pipeline: dict[str, Any]) -> list[dict[str, str]]:
    """Build the pipelines for PDF and pictures, and for audio where it is asked for; returns unused engine variants."""
    converter = make_converter(pipeline, formats_of(pipeline))
    forget_artifacts()
    load_stage_classes()  # so that they can be watched
    stand_in_for_engines(asked)
    watch_stages(asked)
    built: list[tuple[Any, Any]] = []
    for option in options_of(converter, pipeline):
        settings = option.pipeline_options or option.pipeline_cls.get_default_options()
        settings = settings.model_copy(update={"artifacts_path": None})
        if (option.pipeline_cls, settings) not in built:
            built.append((option.pipeline_cls, settings))
            asked.build_pipeline(option.pipeline_cls, settings)
    for stage in asked.ocr_models[-1:]:
        if type(stage).__name__ == "RapidOcrModel" and getattr(stage, "enabled", False):
            note_rapidocr_files(asked, stage)
    return [variant for _, settings in built[:1] for variant in engine_variants(asked, settings)]


def options_of(converter: Any, pipeline: dict[str, Any]) -> list[Any]:  # noqa: ANN401
    """Return the options whose models count: for PDF and pictures; for audio when the pipeline names a speech model."""
    from docling.datamodel.base_models import InputFormat

    formats = [getattr(InputFormat, name, None) for name in formats_of(pipeline)]
    return [converter.format_to_options[name] for name in formats if name in converter.format_to_options]


def formats_of(pipeline: dict[str, Any]) -> list[str]:
    """Return docling's names of the formats whose models count."""
    return ["PDF", "IMAGE"] + ["AUDIO"] * ("asr" in pipeline["choices"])


def forget_artifacts() -> None:
    """Have docling fetch: with an artifacts folder it would look there and ask for nothing."""
    from docling.datamodel.settings import settings

    if hasattr(settings, "artifacts_path"):
        settings.artifacts_path = None


def engine_variants(asked: Asked, settings: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401
    """Yield where the layout model lives for engines that this pipeline does not use (docling 2.13x and later)."""
    spec: Any = getattr(getattr(settings, "layout_options", None), "model_spec", None)
    for engine, override in getattr(spec, "engine_overrides", {}).items():
        merged = override.merge_with(spec.repo_id, spec.revision)
        entry = {"repo_id": merged.repo_id, "revision": merged.revision or "main"}
        if all(known["repo_id"] != entry["repo_id"] for known in asked.repositories):
            yield {**entry, "engine": getattr(engine, "value", str(engine))}


def ocr_answer(asked: Asked) -> dict[str, Any] | None:
    """Return the engine, why it is this one, and its files; None when OCR is off."""
    stages = [stage for stage in asked.ocr_models if getattr(stage, "enabled", False)]
    if not stages:
        return None
    options = getattr(stages[-1], "options", None)
    engine = getattr(options, "kind", "")
    chosen = engine if engine != "auto" else ""
    return {
        "engine": chosen,
        "backend": str(getattr(options, "backend", "") or "") if chosen else "",
        "languages": [str(name) for name in getattr(options, "lang", None) or ()],
        "reason": " ".join(dict.fromkeys(asked.said)),
        "folder": getattr(type(stages[-1]), "_model_repo_folder", "") if chosen else "",
        "files": asked.files,
    }

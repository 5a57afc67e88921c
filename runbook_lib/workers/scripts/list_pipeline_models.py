"""Asks the installed docling which repositories and revisions its default PDF pipeline loads."""

from __future__ import annotations

from typing import Any, Callable


def run(_request: dict[str, Any], _emit: Callable[..., None]) -> list[dict[str, str]]:
    """Return `repo_id` and `revision` of the layout model and the table structure model."""
    return [layout_model(), table_model()]


def layout_model() -> dict[str, str]:
    """Return the layout model of the engine that docling would choose here.

    Since docling 2.13x a model may live in another repository for another engine (`engine_overrides`, e.g. ONNX).
    """
    from docling.datamodel.pipeline_options import PdfPipelineOptions

    options = PdfPipelineOptions().layout_options
    spec = options.model_spec
    engine = getattr(getattr(options, "engine_options", None), "engine_type", None)
    override = getattr(spec, "engine_overrides", {}).get(engine)
    if override is not None:
        spec = override.merge_with(spec.repo_id, spec.revision)
    return {"repo_id": spec.repo_id, "revision": spec.revision or "main"}


def table_model() -> dict[str, str]:
    """Return the table model's repository and revision.

    docling 2.143 names both only inside `TableStructureModel.download_models`, so that method is called with a
    recorder in place of the download; nothing is fetched.
    """
    from docling.models.stages.table_structure import table_structure_model as home

    asked: dict[str, str] = {}

    def record(repo_id: str, revision: str | None = None, **_options: object) -> None:
        asked.update(repo_id=repo_id, revision=revision or "main")

    original = home.download_hf_model
    home.download_hf_model = record
    try:
        home.TableStructureModel.download_models()
    finally:
        home.download_hf_model = original
    return asked

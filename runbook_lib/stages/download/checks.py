"""The judging of stage download."""

from collections.abc import Iterator

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.ocr.place import PlacedOcr
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.check import Check
from runbook_lib.stages.download.facts import DownloadFacts, DownloadPlan, FetchedModel


def judge_download(facts: DownloadFacts) -> tuple[Check, ...]:
    """Return one check for the room and two for each model: fetched, and placed for docling."""
    models = (check for model in facts.models for check in _model(model))
    return (_room(facts.plan), *models, *_ocr(facts.ocr))


def _ocr(placed: PlacedOcr | None) -> Iterator[Check]:
    if placed is None:
        return
    first = next(iter(placed.failed), None)
    yield Check.judged(
        "placed-ocr",
        f"the models for OCR ({placed.engine}) stand where docling looks",
        first is None,
        f"{first.name}: {first.problem}" if first else f"{placed}, in {placed.folder}",
        remedy="Name a mirror of these files with -p ocr_mirror URL; copy them into that folder from a machine that has"
        " them; or install onnxruntime, whose models the rapidocr package brings along.",
        quirk="docling-ocr-download-host",
        fixed_by=FixedBy.DOWNLOAD,
    )


def _room(plan: DownloadPlan) -> Check:
    needed = plan.cache_needs_bytes + plan.artifacts_need_bytes
    return Check.judged(
        "room-for-plan",
        "there is room for what has to be fetched",
        plan.fits,
        f"{format_bytes(needed)} needed, {format_bytes(plan.cache_free_bytes)} free where the cache is",
        remedy="Free space, or name other volumes: -p cache_dir PATH, -p artifacts_dir PATH.",
        quirk="disk-full-cross-volume",
    )


def _model(model: FetchedModel) -> Iterator[Check]:
    linked = f", {format_bytes(model.linked_bytes)} linked" if model.linked_bytes else ""
    if model.copied_up_bytes:
        linked += f" ({format_bytes(model.copied_up_bytes)} copied into the container's upper layer)"
    tries = f", {model.tries} tries" if model.tries > 1 else ""
    fetched = f"{format_bytes(model.fetched_bytes)} fetched{linked} in {format_seconds(model.elapsed_s)}{tries}"
    yield Check.judged(
        f"fetched-{model.model.folder_name}",
        f"{model.model} is in the cache",
        not model.problem,
        model.problem or fetched,
        remedy=model.remedy,
        quirk=model.quirk,
        fixed_by=FixedBy.DOWNLOAD,
    )
    if model.problem:
        return
    yield Check.judged(
        f"placed-{model.model.folder_name}",
        f"{model.model} stands where docling looks",
        model.placement is not None,
        f"{model.placement}{model.placing_growth}" if model.placement else model.placing_problem,
        remedy=model.placing_remedy
        or "Free space, or choose a folder that this user may write to: -p artifacts_dir PATH.",
        quirk="local-dir-writes-through" if model.placing_remedy else "cache-not-writable",
        fixed_by=FixedBy.REPAIR if model.placing_remedy else FixedBy.NOTHING,
    )

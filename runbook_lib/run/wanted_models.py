"""What docling answered when it was asked which models a pipeline takes; asking imports it, which takes seconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from runbook_lib.core import atomic
from runbook_lib.core.value import Value
from runbook_lib.pipeline.spec import PipelineSpec
from runbook_lib.pipeline.wanted import Wanted

_NAME = ".runbook-wanted-models.json"


class AskedOf(Value):
    """What an answer holds for: an interpreter with these packages, and a pipeline."""

    packages: dict[str, str | None]
    prefix: str
    pipeline: str


class _Kept(Value):
    schema_version: Literal[2] = 2
    asked_of: AskedOf
    wanted: Wanted


def asked_of(packages: Mapping[str, str | None], prefix: str, pipeline: PipelineSpec) -> AskedOf:
    """Say what an answer holds for."""
    return AskedOf(packages=dict(packages), prefix=prefix, pipeline=str(pipeline))


def remembered_wanted(artifacts_dir: Path, wanted_for: AskedOf) -> Wanted | None:
    """Return the answer kept for these very packages and this pipeline; None when there is none."""
    try:
        kept = _Kept.model_validate_json((artifacts_dir / _NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return kept.wanted if kept.asked_of == wanted_for else None


def remember_wanted(artifacts_dir: Path, wanted_for: AskedOf, wanted: Wanted) -> None:
    """Keep the answer beside the models.

    Not one that comes from the service's own code, which may change without its packages, nor one that misses
    something, which may be installed without a change of a version that is looked at.
    """
    if ":" in wanted_for.pipeline or wanted.missing or not wanted.repositories:
        return
    kept = _Kept(asked_of=wanted_for, wanted=wanted).model_dump_json(indent=2) + "\n"
    path = artifacts_dir / _NAME
    if not path.is_file() or path.read_text(encoding="utf-8") != kept:
        atomic.write_text(path, kept)

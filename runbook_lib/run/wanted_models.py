"""What docling answered when it was asked which models it loads; asking imports it, which takes seconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from runbook_lib.core import atomic
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import Value

_NAME = ".runbook-wanted-models.json"


class WantedModels(Value):
    """The answer, and the installed packages it holds for."""

    schema_version: Literal[1] = 1
    packages: dict[str, str | None]
    models: tuple[ModelRef, ...]


def remembered_models(artifacts_dir: Path, packages: Mapping[str, str | None]) -> tuple[ModelRef, ...] | None:
    """Return the answer kept for these very packages; None when there is none."""
    try:
        kept = WantedModels.model_validate_json((artifacts_dir / _NAME).read_bytes())
    except (OSError, ValidationError):
        return None
    return kept.models if kept.packages == dict(packages) else None


def remember_models(artifacts_dir: Path, packages: Mapping[str, str | None], models: tuple[ModelRef, ...]) -> None:
    """Keep the answer beside the models."""
    kept = WantedModels(packages=dict(packages), models=models)
    atomic.write_text(artifacts_dir / _NAME, kept.model_dump_json(indent=2) + "\n")

"""Reads JSON and TOML that another version or another hand wrote: what is not as expected counts as not there."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def json_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty when there is none, or it is something else."""
    try:
        return as_object(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}


def as_object(value: object) -> dict[str, Any]:
    """Return an object; empty when it is something else."""
    return value if isinstance(value, dict) else {}


def as_objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; what else stands in it is left out."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def as_moment(value: object) -> datetime | None:
    """Read a time as records write it, UTC where it names no zone; None when it is none."""
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)

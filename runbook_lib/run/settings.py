"""What a run can be asked to do: the settings, their meaning and what they refuse."""

import difflib
import os
import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from runbook_lib.core.keep_rules import KeepRules
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.value import StrictValue
from runbook_lib.pipeline.spec import PipelineSpec
from runbook_lib.run.documents import find_documents

PRACTICE = "practice"
DOCLING = "docling"
DRILL_NAMES = (
    "no-symlinks",
    "corrupt",
    "truncated",
    "stalled-hub",
    "full-disk",
    "block-page",
    "old-artifacts",
    "lost-listings",
    "stale-token",
)
COPY_SCHEMES = ("s3", "gs", "abfs", "file")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""A drive of Windows has one letter."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Settings(StrictValue):
    """What a run is asked to do; the same names everywhere: notebook, command line, environment, file."""

    run_dir: str = Field("", description="folder of this run; empty: a new one under runs/")
    hub: str = Field("", description="empty: the Hugging Face Hub; a URL: a mirror; practice: the built-in hub")
    models: str = Field(DOCLING, description="what docling's PDF pipeline needs, or org/name@revision, ...")
    cache_dir: str = Field("", description="the Hub cache; empty: what huggingface_hub itself would use")
    artifacts_dir: str = Field("", description="docling's artifacts folder; empty: what docling itself would use")
    links: Literal["auto", "symlink", "hardlink", "copy"] = Field("auto", description="how files share content")
    offline: bool = Field(False, description="touch no network at all")
    document: str = Field("", description="file, folder or pattern of documents to convert; empty: the sample")
    target_python: str = Field("", description="interpreter of the service under examination; empty: this one")
    pipeline: str = Field(
        "", description="what is proven: empty: docling's default; ocr=off, formulas, vlm=..., or module:attribute"
    )
    lock_file: str = Field(
        "", description="stands in for listings that the cache lacks offline; empty: runbook.lock.json here, if any"
    )
    ocr_mirror: str = Field("", description="a URL that serves OCR models; empty: what the engines themselves name")
    service_url: str = Field("", description="a running docling-serve or service with /healthz to ask; empty: none")
    probe_limit_s: float = Field(5.0, gt=0, le=600, description="seconds one network probe may take")
    download_limit_s: float = Field(3600.0, gt=0, allow_inf_nan=False, description="seconds the download may take")
    convert_limit_s: float = Field(900.0, gt=0, allow_inf_nan=False, description="seconds the conversion may take")
    practice_pad_mb: int = Field(0, ge=0, le=100_000, description="practice only: megabytes added to the weights")
    practice_head: Literal["first", "second"] = Field("second", description="practice only: what main points to")
    keep: str = Field("", description="which runs stay, such as runs=30, days=14, failed-days=90; empty: all of them")
    copy_to: str = Field(
        "", description="where run folders are copied at the end, such as s3://bucket/runs; empty: nowhere"
    )
    drill: str = Field("", description="practice only: the breakage drill to play; see runbook drills")

    @field_validator("hub")
    @classmethod
    def _hub_is_known(cls, value: str) -> str:
        return value if value in ("", PRACTICE) else _web_address(value, "must be empty, 'practice' or a URL")

    @field_validator("ocr_mirror", "service_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return value and _web_address(value, "must be empty or a URL")

    @field_validator("pipeline")
    @classmethod
    def _pipeline_is_readable(cls, value: str) -> str:
        return str(PipelineSpec.parse(value))

    @field_validator("models")
    @classmethod
    def _models_are_readable(cls, value: str) -> str:
        if "://" in value:
            raise ValueError("names models as org/name@revision, not by address")
        parse_models(value)
        return value

    @field_validator("run_dir", "cache_dir", "artifacts_dir", "document", "target_python", "lock_file")
    @classmethod
    def _path_is_absolute(cls, value: str) -> str:
        if _ADDRESS.match(value):
            raise ValueError("must be a path on this machine, not an address; download it first")
        if "\0" in value:
            raise ValueError("must not hold a null character")
        return _absolute(value) if value else value

    @field_validator("document")
    @classmethod
    def _document_exists(cls, value: str) -> str:
        if value and not find_documents(value):
            raise ValueError(f"there is no document in {value!r}" if os.path.isdir(value) else f"there is no {value!r}")  # noqa: PTH112
        return value

    @field_validator("target_python", "lock_file")
    @classmethod
    def _file_exists(cls, value: str) -> str:
        if value and not os.path.isfile(value):  # noqa: PTH113 - Path.is_file raises where a parent may not be read
            raise ValueError(f"there is no file {value!r}")
        return value

    @field_validator("keep")
    @classmethod
    def _keep_is_readable(cls, value: str) -> str:
        return str(KeepRules.parse(value) or "")

    @field_validator("copy_to")
    @classmethod
    def _place_for_copies_is_known(cls, value: str) -> str:
        return value and _store_address(value)

    @field_validator("drill")
    @classmethod
    def _drill_is_known(cls, value: str, info: ValidationInfo) -> str:
        if value and value not in DRILL_NAMES:
            nearest = difflib.get_close_matches(value, DRILL_NAMES, n=1, cutoff=0.0)[0]
            raise ValueError(f"the nearest drill is {nearest!r}; known: {', '.join(DRILL_NAMES)}")
        hub = info.data.get("hub", PRACTICE)  # absent when it was refused itself
        if value and hub != PRACTICE and urlsplit(hub).hostname not in _LOOPBACK:
            raise ValueError("drills are played with hub = 'practice', or with the address that runbook hub prints")
        return value

    @property
    def is_practice(self) -> bool:
        """Whether the built-in hub stands in for the real one."""
        return self.hub == PRACTICE

    @property
    def keep_rules(self) -> KeepRules | None:
        """Which runs are kept, read; None when all are."""
        return KeepRules.parse(self.keep)

    @property
    def pipeline_spec(self) -> PipelineSpec:
        """The pipeline, read."""
        return PipelineSpec.parse(self.pipeline)

    def model_refs(self) -> tuple[ModelRef, ...] | None:
        """Return the models asked for by name; None when docling is to be asked."""
        return parse_models(self.models)


def _web_address(value: str, rule: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{rule} that starts with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("must not carry a user name or password: parameters are stored in the notebook")
    if parts.query or parts.fragment:
        raise ValueError("must end with its path: a query may carry a secret, and parameters are stored")
    return value.rstrip("/")


def _store_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in COPY_SCHEMES or not (parts.netloc or (parts.scheme == "file" and parts.path.strip("/"))):
        raise ValueError("must be empty, or an address such as s3://BUCKET/runs, gs://, abfs:// or file:///FOLDER")
    if "@" in parts.netloc:
        raise ValueError("must not carry a user name, password or account: they come from the environment")
    if parts.query or parts.fragment:
        raise ValueError("must end with its path: a query may carry a secret, and parameters are stored")
    return value.rstrip("/")


def _absolute(path: str) -> str:
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError as error:  # a ~user that this machine does not know
        raise ValueError(str(error)) from error


def parse_models(value: str) -> tuple[ModelRef, ...] | None:
    """Read the `models` parameter; None stands for `docling`."""
    if value.strip() == DOCLING:
        return None
    if not value.strip():
        raise ValueError("must be 'docling' or name at least one org/name@revision")
    return tuple(ModelRef.parse(part) for part in value.split(","))

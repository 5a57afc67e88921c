"""The layout model's ONNX twin, which `docling-tools models download layout` of docling 2.143 fetches as well.

The default pipeline does not use it.
"""

import base64
from typing import Final

from runbook_lib.core.practice_mark import METADATA_KEY, METADATA_VALUE
from runbook_lib.practice.content import Content
from runbook_lib.practice.layout_model import layout_files

REPO_ID: Final = "docling-project/docling-layout-heron-onnx"
WEIGHTS_PATH: Final = "model.onnx"

# Written by tools/make_layout_onnx.py.
_MODEL = (
    "CAg6xgQKIQoRb3JpZ190YXJnZXRfc2l6ZXMSBXNoYXBlIgVTaGFwZQodCgVzaGFwZQoFZmlyc3QSBXBhZ2VzIgZHYXRoZXIKJwoFcGFnZXMKA2"
    "9uZRIEZmxhdCIGQ29uY2F0KgsKBGF4aXMYAKABAgouCgVwYWdlcwoDb25lCgRmb3VyEgVib3hlZCIGQ29uY2F0KgsKBGF4aXMYAKABAgo6CgRm"
    "bGF0EgZsYWJlbHMiD0NvbnN0YW50T2ZTaGFwZSoZCgV2YWx1ZSoNCAEQBzoBAEIEemVyb6ABBAo9CgVib3hlZBIFYm94ZXMiD0NvbnN0YW50T2"
    "ZTaGFwZSocCgV2YWx1ZSoQCAEQASIEAAAAAEIEemVyb6ABBAo9CgRmbGF0EgZzY29yZXMiD0NvbnN0YW50T2ZTaGFwZSocCgV2YWx1ZSoQCAEQ"
    "ASIEAAAAAEIEemVyb6ABBBIPcHJhY3RpY2VfbGF5b3V0Kg4IARAHOgEAQgVmaXJzdCoMCAEQBzoBAUIDb25lKg0IARAHOgEEQgRmb3VyWicKBm"
    "ltYWdlcxIdChsIARIXCgcSBXBhZ2VzCgIIAwoDCIAFCgMIgAVaKAoRb3JpZ190YXJnZXRfc2l6ZXMSEwoRCAcSDQoHEgVwYWdlcwoCCAJiHQoG"
    "bGFiZWxzEhMKEQgHEg0KBxIFcGFnZXMKAggBYiAKBWJveGVzEhcKFQgBEhEKBxIFcGFnZXMKAggBCgIIBGIdCgZzY29yZXMSEwoRCAESDQoHEg"
    "VwYWdlcwoCCAFCBAoAEA0="
)


def onnx_files() -> dict[str, Content]:
    """Return the model's files: the configuration of the layout model, and a graph that finds nothing."""
    shared = {path: content for path, content in layout_files().items() if path.endswith(".json")}
    return {**shared, WEIGHTS_PATH: Content.of_bytes(base64.b64decode(_MODEL) + _metadata())}


def _metadata() -> bytes:
    """Return `ModelProto.metadata_props` (field 14 of onnx.proto3), which protobuf lets stand at the end."""
    entry = _field(1, METADATA_KEY.encode()) + _field(2, METADATA_VALUE.encode())
    return _field(14, entry)


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field; lengths below 128 take one byte."""
    return bytes((number << 3 | 2, len(content))) + content

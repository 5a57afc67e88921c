"""The miniature layout model: an RT-DETR v2 of 240,000 weights with docling's labels.

On a page that was born digital it finds nothing: docling then keeps every text as a paragraph of its own (its orphan
clusters), so a conversion is quick, is the same each time, and loses no text. A scan it finds to be one text, which
docling's OCR reads (`scan_detector`).
"""

import json
from functools import lru_cache
from typing import Any, Final

from runbook_lib.core.practice_mark import METADATA_KEY, METADATA_VALUE
from runbook_lib.practice.content import Bytes, Content, Padding
from runbook_lib.practice.scan_detector import set_by_hand
from runbook_lib.practice.weights import Tensor, in_file_order, listed_tensors, safetensors_header

REPO_ID: Final = "docling-project/docling-layout-heron"
WEIGHTS_PATH: Final = "model.safetensors"
PADDING_TENSOR: Final = "runbook_padding"

LABELS: Final = (
    "caption",
    "footnote",
    "formula",
    "list_item",
    "page_footer",
    "page_header",
    "picture",
    "section_header",
    "table",
    "text",
    "title",
    "document_index",
    "code",
    "checkbox_selected",
    "checkbox_unselected",
    "form",
    "key_value_region",
)
"""Members of docling_core's DocItemLabel, in the order of docling-layout-heron."""

CONFIG: Final[dict[str, Any]] = {
    METADATA_KEY: METADATA_VALUE,
    "architectures": ["RTDetrV2ForObjectDetection"],
    "backbone_config": {
        "model_type": "rt_detr_resnet",
        "depths": [1, 1, 1, 1],
        "embedding_size": 8,
        "hidden_sizes": [8, 16, 16, 16],
        "layer_type": "basic",
        "out_features": ["stage2", "stage3", "stage4"],
    },
    "d_model": 32,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 64,
    "decoder_in_channels": [32, 32, 32],
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "encoder_hidden_dim": 32,
    "encoder_in_channels": [16, 16, 16],
    "id2label": {str(number): label for number, label in enumerate(LABELS)},
    "label2id": {label: number for number, label in enumerate(LABELS)},
    "model_type": "rt_detr_v2",
    "num_queries": 1,
}

_PREPROCESSOR: Final[dict[str, Any]] = {
    METADATA_KEY: METADATA_VALUE,
    "image_processor_type": "RTDetrImageProcessor",
    "do_normalize": False,
    "do_pad": False,
    "do_rescale": True,
    "do_resize": True,
    "rescale_factor": 1 / 255,
    "size": {"height": 640, "width": 640},
}


def layout_files(pad_bytes: int = 0) -> dict[str, Content]:
    """Return the model's files; `pad_bytes` adds a tensor of that size to the weights, which loading passes over."""
    return {
        "config.json": Content.of_bytes(_json(CONFIG)),
        "preprocessor_config.json": Content.of_bytes(_json(_PREPROCESSOR)),
        WEIGHTS_PATH: _weights(pad_bytes),
    }


@lru_cache(maxsize=1)
def _tensors() -> tuple[Tensor, ...]:
    return tuple(in_file_order(listed_tensors("layout_tensors.toml", "F32")))


def _weights(pad_bytes: int) -> Content:
    tensors = _tensors()
    data = b"".join(_data(tensor) for tensor in tensors)
    if not pad_bytes:
        return Content.of_bytes(safetensors_header(tensors) + data)
    padded = [*tensors, Tensor(PADDING_TENSOR, (pad_bytes,), "U8")]
    return Content((Bytes(safetensors_header(padded) + data), Padding(pad_bytes)))


def _data(tensor: Tensor) -> bytes:
    by_hand = set_by_hand(tensor, LABELS.index("text"))
    return tensor.data if by_hand is None else by_hand


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()

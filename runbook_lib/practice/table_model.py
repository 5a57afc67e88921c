"""The practice table model: a TableFormer of random weights that reports every table as empty.

Its ResNet-18 encoder and two convolution blocks are fixed in docling-ibm-models 4.0, so the number of weights cannot
shrink; the file is a quarter of the usual size because it holds 8-bit floats, which `load_state_dict` widens.
"""

import json
from typing import Any, Final

from runbook_lib.core.practice_mark import METADATA_KEY, METADATA_VALUE
from runbook_lib.practice.content import Content
from runbook_lib.practice.weights import Tensor, in_file_order, listed_tensors, safetensors_header

REPO_ID: Final = "docling-project/docling-models"
FOLDER: Final = "model_artifacts/tableformer/accurate"
WEIGHTS_PATH: Final = f"{FOLDER}/tableformer_accurate.safetensors"

TAGS: Final = (
    "<pad>",
    "<unk>",
    "<start>",
    "<end>",
    "ecel",
    "fcel",
    "lcel",
    "ucel",
    "xcel",
    "nl",
    "ched",
    "rhed",
    "srow",
)
"""The tags of OTSL, the table structure language, in the order of docling-models."""

CONFIG: Final[dict[str, Any]] = {
    METADATA_KEY: METADATA_VALUE,
    "dataset": {
        "type": "TF_prepared",
        "name": "TF",
        "image_normalization": {"state": True, "mean": [0.94, 0.94, 0.94], "std": [0.18, 0.18, 0.18]},
        "resized_image": 448,
    },
    "dataset_wordmap": {"word_map_tag": {tag: number for number, tag in enumerate(TAGS)}},
    "model": {
        "type": "TableModel04_rs",
        "name": "practice",
        "bbox_attention_dim": 64,
        "bbox_classes": 2,
        "bbox_embed_dim": 64,
        "dec_layers": 1,
        "dropout": 0.1,
        "enc_image_size": 28,
        "enc_layers": 1,
        "hidden_dim": 512,
        "nheads": 8,
        "tag_attention_dim": 64,
        "tag_decoder_dim": 512,
        "tag_embed_dim": 16,
    },
    "predict": {"bbox": True, "beam_size": 1, "max_steps": 64, "pdf_cell_iou_thres": 0.05},
    "train": {"bbox": True},
}

_TAG_BIAS = "_tag_transformer._fc.bias"
_END_BIAS = 256.0
"""Bias of the end tag: far above what the other, small weights can reach."""


def table_files() -> dict[str, Content]:
    """Return the model's files under `model_artifacts/tableformer/accurate`."""
    tensors = in_file_order(listed_tensors("table_tensors.toml", "F8_E4M3"))
    weights = safetensors_header(tensors) + b"".join(_data(tensor) for tensor in tensors)
    return {
        f"{FOLDER}/tm_config.json": Content.of_bytes((json.dumps(CONFIG, indent=2) + "\n").encode()),
        WEIGHTS_PATH: Content.of_bytes(weights),
    }


def _data(tensor: Tensor) -> bytes:
    if tensor.name != _TAG_BIAS:
        return tensor.data
    end = TAGS.index("<end>")
    return tensor.data[:end] + Tensor("end", (1,), tensor.dtype).constant(_END_BIAS) + tensor.data[end + 1 :]

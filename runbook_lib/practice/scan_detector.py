"""Weights set by hand, with which the practice layout model tells a scan from a page that was born digital.

One path through the RT-DETR carries a number, how dark the paper is: the stem computes it, shortcuts hand it on, the
decoder's second layer reads it in the four corners of the page. Paper that is not pure white makes the one query a
`text` that covers the page, so that docling's OCR reads all of it; on pure white nothing is found. All other weights
stay random and add nothing. docs/decisions/practice-layout-model.md says why it is not trained.
"""

import math
import struct
from collections.abc import Mapping
from typing import Final

from runbook_lib.practice.weights import Tensor

Place = tuple[int, ...]

_GAIN: Final = 300.0
"""Paper of 0.99 of pure white and less counts: 0.01 darker gives 3, about the size of the constants beside it."""
_SATURATED: Final = 100.0
_UNDO_SATURATION: Final = -math.log(1e5)
"""The decoder clips at 1e-5 before it takes the logarithm (RTDetrV2 `inverse_sigmoid`): so 1 becomes 0.5 again."""
_CLASS_BIAS: Final = -6.0
"""sigmoid(-6) = 0.002, far below docling's score threshold of 0.3."""
_CORNERS: Final = ((0.03, 0.03), (0.97, 0.03), (0.03, 0.97), (0.97, 0.97))
_LEVELS, _POINTS, _HEAD_SIZE, _D_MODEL = 3, 4, 8, 32

_BACKBONE: Final = "model.backbone.model"
_STEM: Final = f"{_BACKBONE}.embedder.embedder"
_STAGES: Final = f"{_BACKBONE}.encoder.stages"
_DECODER: Final = "model.decoder"
_READER: Final = f"{_DECODER}.layers.1"


def set_by_hand(tensor: Tensor, text_label: int) -> bytes | None:
    """Return the data of a tensor that takes part in telling scans; None for all others."""
    if tensor.name.startswith((f"{_DECODER}.class_embed.", "model.enc_score_head.")) and tensor.name.endswith(".bias"):
        return tensor.constant(_CLASS_BIAS)
    places = {**_DARKNESS, **_READING, **_ANSWER}.get(tensor.name)
    if tensor.name == f"{_DECODER}.class_embed.1.weight":
        places = {(text_label, 0): 3.0}
    return None if places is None else _sparse(tensor.shape, places)


def _sparse(shape: tuple[int, ...], places: Mapping[Place, float]) -> bytes:
    values = [0.0] * math.prod(shape)
    for place, value in places.items():
        index = 0
        for position, size in zip(place, shape, strict=True):
            index = index * size + position
        values[index] = value
    return struct.pack(f"<{len(values)}f", *values)


_FIRST: Final[Mapping[Place, float]] = {(0, 0, 0, 0): 1.0}
_MIDDLE: Final[Mapping[Place, float]] = {(0, 0, 1, 1): 1.0}

_DARKNESS: Final[Mapping[str, Mapping[Place, float]]] = {
    f"{_STEM}.0.convolution.weight": {(0, c, y, x): -1 / 27 for c in range(3) for y in range(3) for x in range(3)},
    f"{_STEM}.0.normalization.bias": {(0,): 0.99},
    f"{_STEM}.1.convolution.weight": _MIDDLE,
    f"{_STEM}.2.convolution.weight": _MIDDLE,
    f"{_STAGES}.0.layers.0.layer.1.convolution.weight": {},
    f"{_STAGES}.0.layers.0.shortcut.convolution.weight": _FIRST,
    f"{_STAGES}.1.layers.0.layer.1.convolution.weight": {},
    f"{_STAGES}.1.layers.0.shortcut.1.convolution.weight": _FIRST,
    "model.encoder_input_proj.0.0.weight": {(0, 0, 0, 0): _GAIN},
    "model.encoder.fpn_blocks.1.conv1.conv.weight": {},
    "model.encoder.fpn_blocks.1.conv2.conv.weight": {(0, _D_MODEL, 0, 0): 1.0},  # behind the channels from above
    "model.decoder_input_proj.0.0.weight": _FIRST,
}
"""From pixels to the finest feature map: channel 0 is what the paper lacks to 0.99 of white, times the gain."""

_READING: Final[Mapping[str, Mapping[Place, float]]] = {
    f"{_READER}.self_attn_layer_norm.weight": {},
    f"{_READER}.self_attn_layer_norm.bias": {(1,): 5.0, (2,): -5.0},  # what the norms below measure channel 0 by
    f"{_READER}.encoder_attn.value_proj.weight": {(head * _HEAD_SIZE, 0): 1.0 for head in range(len(_CORNERS))},
    f"{_READER}.encoder_attn.output_proj.weight": {
        (0, head * _HEAD_SIZE): 1 / len(_CORNERS) for head in range(len(_CORNERS))
    },
    f"{_READER}.encoder_attn.sampling_offsets.weight": {},
    f"{_READER}.encoder_attn.sampling_offsets.bias": {
        ((head * _LEVELS * _POINTS + point) * 2 + axis,): 8 * (corner[axis] - 1)  # from (1, 1), by an eighth of it
        for head, corner in enumerate(_CORNERS)
        for point in range(_LEVELS * _POINTS)
        for axis in range(2)
    },
    f"{_READER}.encoder_attn.attention_weights.weight": {},
    f"{_READER}.encoder_attn.attention_weights.bias": {
        (head * _LEVELS * _POINTS + point,): -_SATURATED
        for head in range(len(_CORNERS))
        for point in range(_POINTS, _LEVELS * _POINTS)
    },
    f"{_READER}.mlp.fc2.weight": {},
}
"""The second decoder layer: each head looks into one corner of the finest map."""

_ANSWER: Final[Mapping[str, Mapping[Place, float]]] = {
    f"{_DECODER}.bbox_embed.0.layers.2.weight": {},
    f"{_DECODER}.bbox_embed.0.layers.2.bias": {(number,): _SATURATED for number in range(4)},
    f"{_DECODER}.bbox_embed.1.layers.2.weight": {},
    f"{_DECODER}.bbox_embed.1.layers.2.bias": {
        (0,): _UNDO_SATURATION,
        (1,): _UNDO_SATURATION,
        (2,): _SATURATED,
        (3,): _SATURATED,
    },
    f"{_DECODER}.class_embed.0.weight": {},
}
"""The box: the first layer drives any query to (1, 1, 1, 1), the second to the page: centre 0.5, 0.5, all of it."""

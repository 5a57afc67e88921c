"""Weights of the practice models: pseudo-random, made from the tensor names, the same bytes on every machine.

Neither torch nor numpy takes part, so that the bytes cannot depend on their versions and the practice hub also starts
where torch does not (Wine).
"""

import hashlib
import json
import math
import struct
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Literal

from runbook_lib.core.practice_mark import METADATA_KEY, METADATA_VALUE

Dtype = Literal["F32", "F8_E4M3", "I64", "U8"]
ITEM_BYTES: Mapping[Dtype, int] = {"F32": 4, "F8_E4M3": 1, "I64": 8, "U8": 1}

_GRID_STEP = 2.0**-9
"""Random weights are multiples of this, from -15 to 15 of them: exact in both float formats."""


@dataclass(frozen=True)
class Tensor:
    """One named tensor of a safetensors file; its values follow from its name."""

    name: str
    shape: tuple[int, ...]
    dtype: Dtype

    @property
    def size_bytes(self) -> int:
        """Length of the tensor's data."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]

    @cached_property
    def data(self) -> bytes:
        """The tensor's bytes: normalisations neutral, biases zero, everything else small random numbers."""
        count = math.prod(self.shape)
        match self.name.rpartition(".")[2]:
            case "num_batches_tracked" | "bias" | "in_proj_bias" | "running_mean":
                return bytes(self.size_bytes)
            case "n_points_scale":  # 1 / number of sampling points of RT-DETR's deformable attention
                return self.constant(0.25)
            case "running_var":
                return self.constant(1.0)
            case "weight" if len(self.shape) == 1:  # the scale of a batch or layer norm
                return self.constant(1.0)
        noise = hashlib.shake_256(self.name.encode()).digest(count)
        return noise.translate(_E4M3_GRID) if self.dtype == "F8_E4M3" else b"".join(map(_F32_GRID.__getitem__, noise))

    def constant(self, value: float) -> bytes:
        """Return the tensor's bytes for one value everywhere."""
        if self.dtype == "F8_E4M3":
            return bytes([_e4m3(value)]) * math.prod(self.shape)
        return struct.pack("<f", value) * math.prod(self.shape)


def listed_tensors(listing: str, dtype: Dtype) -> tuple[Tensor, ...]:
    """Return the tensors of a packaged listing (`<name> = [shape]` as TOML), floating ones in `dtype`."""
    text = (files("runbook_lib.practice") / listing).read_text(encoding="utf-8")
    return tuple(
        Tensor(name, tuple(shape), "I64" if name.endswith("num_batches_tracked") else dtype)
        for name, shape in tomllib.loads(text).items()
    )


def safetensors_header(tensors: Iterable[Tensor]) -> bytes:
    """Return the head of a safetensors file: length, JSON, padded to eight bytes (format of safetensors 0.4 and later).

    The data must follow in the order of `tensors`; wider types first keeps every tensor aligned.
    """
    header: dict[str, object] = {"__metadata__": {METADATA_KEY: METADATA_VALUE, "format": "pt"}}
    offset = 0
    for tensor in tensors:
        end = offset + tensor.size_bytes
        header[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def in_file_order(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Return the tensors as safetensors writes them: wider types first, then by name."""
    return sorted(tensors, key=lambda tensor: (-ITEM_BYTES[tensor.dtype], tensor.name))


def _e4m3(value: float) -> int:
    """Return the bits of a positive power of two, at least 2**-6, as an 8-bit float (1-4-3, exponent bias 7)."""
    return (round(math.log2(value)) + 7) << 3


def _grid_value(noise: int) -> float:
    return (-1 if noise & 0x80 else 1) * (noise & 0x0F) * _GRID_STEP


# In E4M3 the bits 0..15 are the numbers 0..15 times 2**-9, and the topmost bit is the sign.
_E4M3_GRID = bytes(noise & 0x8F for noise in range(256))
_F32_GRID = tuple(struct.pack("<f", _grid_value(noise)) for noise in range(256))

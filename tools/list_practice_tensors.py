"""Write the tensor listings of the practice models from the model classes that are installed.

Run by hand when docling moves to other model classes: `python tools/list_practice_tensors.py`. The practice hub itself
needs neither torch nor transformers, because it reads these listings.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runbook_lib.practice import layout_model, table_model

PACKAGE = Path(layout_model.__file__).parent


def layout_state() -> Mapping[str, Any]:
    """Return the state of an RT-DETR v2 of the miniature's configuration; tensors without storage."""
    import torch
    from transformers import RTDetrV2Config, RTDetrV2ForObjectDetection

    with torch.device("meta"):
        model = RTDetrV2ForObjectDetection(RTDetrV2Config(**layout_model.CONFIG))
    tied = ("class_embed.", "bbox_embed.")  # the same tensors as model.decoder.class_embed and bbox_embed
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(tied)}


def table_state() -> Mapping[str, Any]:
    """Return the state of a TableFormer of the practice configuration; tensors without storage."""
    import torch
    from docling_ibm_models.tableformer.models.table04_rs.tablemodel04_rs import TableModel04_rs

    config = {**table_model.CONFIG, "model": {**table_model.CONFIG["model"], "save_dir": ""}}
    with torch.device("meta"):
        model = TableModel04_rs(config, {"word_map": config["dataset_wordmap"]}, "meta")
    return dict(model.state_dict())


def listing(state: Mapping[str, Any], source: str) -> str:
    """Return a listing as TOML: tensor name = shape."""
    lines = [f'"{name}" = {list(tensor.shape)}' for name, tensor in sorted(state.items())]
    return "\n".join([f"# {source}; written by tools/list_practice_tensors.py", *lines, ""])


def main() -> None:
    """Write both listings into the package."""
    states = (
        ("layout", layout_state(), "transformers RTDetrV2ForObjectDetection"),
        ("table", table_state(), "docling_ibm_models TableModel04_rs"),
    )
    for name, state, source in states:
        path = PACKAGE / f"{name}_tensors.toml"
        path.write_text(listing(state, source), encoding="utf-8", newline="\n")
        sys.stdout.write(f"{path.name}: {len(state)} tensors\n")


if __name__ == "__main__":
    main()

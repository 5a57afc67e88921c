"""Writes constraints.txt from what is installed: names and versions, no address of any index."""

import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEADING = """\
# The versions the runbook was tested with, on Linux with Python 3.11. `make constraints` writes this file.
# docling 2.143 keeps huggingface_hub below 2; torch and torchvision are the pair PyPI serves together.
# jsonschema stays below 4.25: from there on importing nbformat compiles a grammar, two seconds of each `runbook run`.
"""
# Left out: ourselves, the installers, and the CUDA libraries, which torch pins exactly and only Linux has.
LEFT_OUT = ("docling-runbook", "pip", "setuptools", "uv", "wheel", "triton")
LEFT_OUT_PREFIXES = ("nvidia-", "cuda-")


def main() -> None:
    """Write the file, sorted, with normalised names."""
    versions = {
        distribution.metadata["Name"].lower().replace("_", "-"): distribution.version
        for distribution in distributions(path=[path for path in sys.path if "site-packages" in path])
    }
    kept = sorted(
        f"{name}=={version.partition('+')[0]}"
        for name, version in versions.items()
        if name not in LEFT_OUT and not name.startswith(LEFT_OUT_PREFIXES)
    )
    (ROOT / "constraints.txt").write_text(HEADING + "\n".join(kept) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

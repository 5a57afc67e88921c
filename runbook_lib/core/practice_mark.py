"""What practice models and the practice hub are known by, wherever they turn up."""

from typing import Final

HEADER: Final = "X-Docling-Runbook-Practice"
"""Every answer of the practice hub bears it."""
HEADER_VALUE: Final = "random weights, not for use"

FILE_NAME: Final = "PRACTICE-MODEL-NOT-FOR-USE.txt"
"""Stands in every practice repository, and so in every listing, cache, artifacts folder and lock file made from one."""
FILE_TEXT: Final = (
    "Random weights of the right shape, made by docling-runbook for practice.\n"
    "They load and recognise nothing. Never serve them: runbook doctor --fix moves them out of real folders.\n"
)

METADATA_KEY: Final = "docling_runbook_practice"
"""In configurations, in the metadata of safetensors files and of ONNX models: it stays when files are copied singly."""
METADATA_VALUE: Final = HEADER_VALUE

README_SIGN: Final = "made by docling-runbook"
"""In the README of every practice repository, also of those made before there was a file for it."""

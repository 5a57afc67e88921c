"""What pages that are opened from a disk or a mail have in common."""

import base64
import hashlib


def csp_hash(content: str) -> str:
    """Return what a Content-Security-Policy calls an inline style or script: nothing else of its kind is obeyed."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"

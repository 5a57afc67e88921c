"""How a Hugging Face token looks, and how it is kept out of what we print."""

import re

TOKEN = re.compile(r"(?<![A-Za-z0-9_])(?:hf_|api_org_)[A-Za-z0-9]{30,200}(?![A-Za-z0-9_])")
"""User tokens are `hf_` and 34 letters or digits; `api_org_` is the older form of an organisation's token."""


def mask_secrets(text: str) -> str:
    """Replace every token by `hf_***`."""
    return TOKEN.sub("hf_***", text)

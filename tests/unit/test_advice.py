"""What the project advises deletes nothing that its reader does not expect."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DELETING = re.compile(r"hf cache[`\s\\]+(?:prune|rm)\b|huggingface-cli delete-cache")
"""`prune` removes models that are pinned by commit; `rm` goes by commit hash and may take another repository."""
SAYS_WHAT_GOES = re.compile(r"pinned by commit|another repository")
REACH_CHARS = 300
"""How far from the command the warning may stand."""


def texts() -> list[Path]:
    folders = (ROOT / name for name in ("runbook_lib", "docs", "notebooks"))
    found = [
        path for folder in folders for path in folder.rglob("*") if path.suffix in {".py", ".toml", ".md", ".ipynb"}
    ]
    return [*found, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def test_a_command_that_deletes_more_than_it_says_is_only_named_with_what_would_go() -> None:
    seen = 0
    for path in texts():
        text = path.read_text(encoding="utf-8")
        for found in DELETING.finditer(text):
            seen += 1
            around = text[max(found.start() - REACH_CHARS, 0) : found.end() + REACH_CHARS]
            assert SAYS_WHAT_GOES.search(around), f"{path.relative_to(ROOT)}: {around[REACH_CHARS - 40 :][:120]!r}"
    assert seen, "the catalogue warns of both commands"

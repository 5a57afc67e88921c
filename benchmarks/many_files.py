"""A repository of many files: kinds, sizes and subjects in the shares of public repositories that use models."""

import random
from pathlib import Path

FILES = 20_000
_FOLDERS = 400
_SHARES = (
    # suffix, share in 1000, lines, share in 100 that name the subject
    (".py", 236, 250, 2),
    (".mdx", 165, 130, 0),
    (".md", 112, 300, 8),
    (".yaml", 74, 110, 10),
    (".go", 70, 350, 0),
    (".tsx", 90, 130, 0),
    (".json", 48, 200, 1),
    (".txt", 22, 200, 2),
    (".sh", 12, 60, 10),
    (".svg", 100, 25, 0),
    ("", 71, 40, 0),
)
"""Kinds and lengths are those of 24 public repositories with 38,601 files; the share of files that name models and the
Hub is that of the three of them with more than 2,000 files (haystack, ragflow, kserve)."""
_LINE = {
    ".py": "    value_{0} = compute(first={0}, second='text of some length', third=[1, 2, {0}])\n",
    ".md": "A sentence of a paragraph, number {0}, with `code` and [a link](https://example.com/{0}) in it.\n",
    ".yaml": "key_{0}: a value of some length, number {0}\n",
}
_SUBJECT = {
    ".py": "from huggingface_hub import snapshot_download\n\nsnapshot_download('org/model', revision='v1')\n",
    ".md": "```sh\nhf download org/model --revision v1\n```\n",
    ".yaml": "container:\n  image: docling-app\n",
}


def make_repository(root: Path) -> None:
    """Make the files; the same at every call."""
    chance = random.Random(20_000)
    suffixes = [suffix for suffix, share, _, _ in _SHARES for _ in range(share)]
    facts = {suffix: (lines, named) for suffix, _, lines, named in _SHARES}
    folders = [root / f"part-{number % 20:02d}" / f"module-{number:03d}" for number in range(_FOLDERS)]
    for folder in folders:
        folder.mkdir(parents=True)
    for number in range(FILES):
        suffix = suffixes[number % len(suffixes)]
        lines, named = facts[suffix]
        text = _text(suffix, chance.randint(lines // 4, lines * 2))
        subject = _SUBJECT.get(suffix, "") if chance.randrange(100) < named else ""
        (folders[number % _FOLDERS] / f"file_{number:05d}{suffix}").write_text(subject + text, encoding="utf-8")


def _text(suffix: str, lines: int) -> str:
    head = "def function():\n" if suffix == ".py" else ""
    return head + "".join(
        _LINE.get(suffix, "some words of line number {0}, and some more\n").format(at) for at in range(lines)
    )

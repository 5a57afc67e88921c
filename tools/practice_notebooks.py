"""What storing and checking the notebooks share: an environment of their own, and what is replaced in outputs."""

import configparser
import os
import re
import sys
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
REPLACEMENTS = ROOT / "tests" / "notebooks" / "sanitize.cfg"
COMPARISON = ROOT / "tests" / "notebooks" / "compare.cfg"
FOLDER_PREFIX = "runbook-notebooks-"

EXAMPLES: Final = {
    r"\bRUN_DIR\b": "/srv/runbook/run",
    r"\bCACHE_DIR\b": "/srv/models/hub",
    r"\bXET_DIR\b": "/srv/models/xet",
    r"\bARTIFACTS_DIR\b": "/srv/models/artifacts",
    r"\bPLACE(?=[:\s<])": "/srv/runbook-notebooks-1",
    r"\bPORT\b": "8765",
    r"\bN s\b": "0.8 s",
    r"\bN MB/s": "850 MB/s",
    r"\bN GB\b": "120 GB",
    r"\bN of (?=\d+ tries)": "11 of ",
    r"\bN changes\b": "2 changes",
    r"(operating system(?:</td><td[^>]*>|\s+))SYSTEM\b": r"\1Linux 6.1.0 on x86_64",
    r"\bVERSION at EXECUTABLE\b": "3.11.9 at /srv/service/.venv/bin/python",
    r"(cores(?:</td><td[^>]*>|\s+))N\b": r"\g<1>8",
    r"(container(?:</td><td[^>]*>|\s+)|CI runner(?:</td><td[^>]*>|\s+))SIGN\b": r"\1no sign of one",
    r"\bTYPE\b": "ext4",
    r"(0\.8 s(?:</td><td[^>]*>| +))N\b": r"\g<1>4",
    r"\bENCODING\b": "utf-8",
    r"\bMOMENT\b": "2026-11-02 02:30",
    r"\bSPAN\b": "3 minutes",
}
"""What stands in the stored outputs where a machine would show through; nbval takes each for what it stands for."""

_OWN_PLACES = ((sys.prefix, "PREFIX"), (Path.home(), "HOME"))
_STRIPPED = re.compile(
    r"(HF|HUGGING_?FACE|TRANSFORMERS|DOCLING|RUNBOOK)_|(HTTPS?|ALL|NO)_PROXY|SSL_CERT|.*CA_BUNDLE|XDG_", re.IGNORECASE
)


def stored_notebooks() -> list[Path]:
    """Return the notebooks in their order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def practice_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which every notebook works on the practice hub, below `folder`.

    Variables of the machine that would show in the outputs are left out; parameters go through `RUNBOOK_*`, so that the
    stored notebooks keep their defaults.
    """
    inherited = {name: value for name, value in os.environ.items() if not _STRIPPED.match(name)}
    return inherited | {
        "RUNBOOK_HUB": "practice",
        "RUNBOOK_RUN_DIR": str(folder / "run"),
        "RUNBOOK_CACHE_DIR": str(folder / "hub"),
        "RUNBOOK_ARTIFACTS_DIR": str(folder / "artifacts"),
        "RUNBOOK_HEADLESS": "1",
        "COLUMNS": "100",
    }


def exemplified(text: str) -> str:
    """Put an example where a replacement stands."""
    for pattern, example in EXAMPLES.items():
        text = re.sub(pattern, example, text)
    return text


def replacements() -> list[tuple[re.Pattern[str], str]]:
    """Return what is replaced in outputs, in order."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(REPLACEMENTS, encoding="utf-8")
    rules = [(re.compile(parser[section]["regex"]), parser[section]["replace"]) for section in parser.sections()]
    return [*rules, *((re.compile(re.escape(str(place))), name) for place, name in _OWN_PLACES)]

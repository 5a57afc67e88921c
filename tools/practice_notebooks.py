"""What storing and checking the notebooks share: an environment of their own, and what is replaced in outputs."""

import configparser
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
REPLACEMENTS = ROOT / "tests" / "notebooks" / "sanitize.cfg"
COMPARISON = ROOT / "tests" / "notebooks" / "compare.cfg"
FOLDER_PREFIX = "runbook-notebooks-"

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


def replacements() -> list[tuple[re.Pattern[str], str]]:
    """Return what is replaced in outputs, in order."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(REPLACEMENTS, encoding="utf-8")
    rules = [(re.compile(parser[section]["regex"]), parser[section]["replace"]) for section in parser.sections()]
    return [*rules, *((re.compile(re.escape(str(place))), name) for place, name in _OWN_PLACES)]

"""Every log the quirk tests know, with what has to be recognised in it."""

import codecs
import tomllib
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.quirks.catalogue import load_catalogue

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"

ALSO = {
    # The Xet client could not reach its storage because the certificate was refused: both are true, in that order.
    "tls-interception-xet": ("xet-blocked-or-stalled",),
    # The download broke off, which in a local folder also took the older file away: what it left is not resumed.
    "local-dir-loses-files": ("incomplete-no-resume",),
}


@dataclass(frozen=True)
class Answer:
    """What an expert says of a report in `cases/`."""

    log: Path
    finding: str = ""
    follows: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[str, ...]:
        """The quirks in the order in which they have to be shown; none for a healthy log."""
        return (self.finding, *self.follows) if self.finding else ()


@dataclass(frozen=True)
class Known:
    """A text and the quirks in it."""

    name: str
    text: str
    findings: frozenset[str]


def read_answers() -> list[Answer]:
    tables = tomllib.loads((HERE / "answers.toml").read_text(encoding="utf-8"))
    return [
        Answer(
            HERE / "cases" / f"{name}.log",
            table.get("finding", ""),
            *(tuple(table.get(key, ())) for key in ("follows", "recovered", "says", "never")),
        )
        for name, table in tables.items()
    ]


def read_wordings() -> list[Known]:
    tables = tomllib.loads((HERE / "wordings.toml").read_text(encoding="utf-8"))
    return [
        Known(f"{quirk}-{number}", text, frozenset({quirk}))
        for quirk, texts in tables.items()
        for number, text in enumerate(texts, start=1)
    ]


def read_silences(kind: str) -> list[Known]:
    """Return the texts of `silences.toml` in which nothing may be recognised: `healthy` or `unknown`."""
    texts: list[str] = tomllib.loads((HERE / "silences.toml").read_text(encoding="utf-8"))[kind]
    return [Known(f"{kind}-{number}", text, frozenset()) for number, text in enumerate(texts, start=1)]


def read_logs() -> list[Known]:
    """Return fixtures, reports and healthy logs as text."""
    fixtures = [(log, (quirk_of(log), *ALSO.get(log.stem, ()))) for log in sorted(FIXTURES.glob("*.log"))]
    healthy = [(log, ()) for log in sorted((FIXTURES / "none").glob("*.log"))]
    reports = [(answer.log, answer.findings) for answer in read_answers()]
    return [Known(log.stem, text_of(log), frozenset(found)) for log, found in (*fixtures, *healthy, *reports)]


def quirk_of(log: Path) -> str:
    """The longest id that the name of the fixture begins with."""
    ids = [quirk.id for quirk in load_catalogue() if log.stem == quirk.id or log.stem.startswith(f"{quirk.id}-")]
    return max(ids, key=len)


def is_utf16(log: Path) -> bool:
    return log.read_bytes().startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def text_of(log: Path) -> str:
    """The log as text with line feeds, and one at its end."""
    data = log.read_bytes()
    try:
        text = data.decode("utf-16" if is_utf16(log) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    return text.replace("\r\n", "\n").rstrip("\n") + "\n"

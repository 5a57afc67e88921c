#!/usr/bin/env python3
"""Writes docs/quirks.md from the catalogue; `--check` only says whether the file is current."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from runbook_lib.quirks.catalogue import Catalogue, load_catalogue  # noqa: E402
from runbook_lib.quirks.model import Area, Clue, Quirk, reference_url  # noqa: E402
from runbook_lib.quirks.remedies import condition  # noqa: E402

TARGET = ROOT / "docs" / "quirks.md"

CHAPTERS = {
    Area.FILES: "File system, links and the layout of the cache",
    Area.WINDOWS: "What Windows forbids",
    Area.DOWNLOADS: "Locks, quotas and interrupted downloads",
    Area.NETWORK: "Network, TLS, proxies and the Hub's answers",
    Area.DOCLING: "Docling and its native stack",
    Area.OCR: "OCR engines and their models",
    Area.PACKAGES: "Versions that do not fit together",
    Area.GPU: "The GPU, the processor, and what was built for another one",
    Area.SERVICES: "Containers, orchestrators and the kernel below",
    Area.NOTEBOOKS: "Notebooks",
}

HEAD = """\
# Known failures

<!-- Written by tools/make_quirk_docs.py from runbook_lib/quirks/entries/*.toml; edit those instead. -->

Have a log or a traceback? `runbook diagnose FILE` names the failure, the line, and the remedy for the versions you
have. This page is the whole catalogue, for reading. How it is written, and how to add to it:
[catalogue-format.md](catalogue-format.md).

*Known how* says where a statement comes from. What nobody has reproduced is marked *Unproven*.
"""


def document(catalogue: Catalogue) -> str:
    """Return the page as Markdown, equal for equal catalogues."""
    chapters = [(title, [quirk for quirk in catalogue if quirk.area is area]) for area, title in CHAPTERS.items()]
    parts = [HEAD, _overview(catalogue)]
    for title, quirks in chapters:
        parts.append(f"## {title}\n")
        parts.extend(_entry(quirk) for quirk in quirks)
    return "\n".join(parts).rstrip("\n") + "\n"


def _overview(catalogue: Catalogue) -> str:
    rows = (f"| {q.number} | [{q.id}](#{q.id}) | {_cell(q.title)} | {q.severity} |" for q in catalogue)
    return "\n".join(["| | id | what happens | severity |", "|---|---|---|---|", *rows, ""])


def _entry(quirk: Quirk) -> str:
    facts = [
        ("Severity", quirk.severity),
        ("Also called", ", ".join((quirk.number, *quirk.aliases))),
        ("Seen on", ", ".join(quirk.platforms)),
        ("Affected", "; ".join(affected.words for affected in quirk.packages)),
        ("Known how", quirk.evidence_words),
        ("Unproven", " ".join(quirk.hypotheses)),
        ("Foreseen by", f"check `{quirk.probe}`" if quirk.probe else ""),
        ("Fixed by", f"`{quirk.fixed_by.words}`" if quirk.fixed_by else ""),
    ]
    lines = [
        f'<a id="{quirk.id}"></a>\n',
        f"### {quirk.id}: {quirk.title}\n",
        *(f"- **{name}**: {text}" for name, text in facts if text),
        "",
        f"{quirk.cause}\n",
        *([f"*Unexpected:* {quirk.surprise}\n"] if quirk.surprise else []),
        *([f"**Or else.** {quirk.otherwise}\n"] if quirk.otherwise else []),
        *_remedies(quirk),
        f"**Not this.** {quirk.dont}\n",
        *_elsewhere(quirk),
        "In a log:\n",
        *(f"- {_code(pattern)}" for pattern in quirk.patterns),
        *(f"- {_clue(clue)}" for clue in quirk.clues),
        "",
    ]
    if quirk.references:
        links = ", ".join(f"[{_short(reference)}]({reference_url(reference)})" for reference in quirk.references)
        lines.append(f"See {links}.\n")
    return "\n".join(lines)


def _elsewhere(quirk: Quirk) -> Iterator[str]:
    if quirk.elsewhere:
        told = quirk.elsewhere
        yield f"**In another program.** {told.cause} **Do.** {told.remedy} **Not this.** {told.dont}\n"


def _remedies(quirk: Quirk) -> Iterator[str]:
    if len(quirk.remedies) == 1 and not condition(quirk.remedies[0]):
        yield f"**Do.** {quirk.remedies[0].text}\n"
        return
    yield "**Do.** The first that fits:\n"
    for remedy in quirk.remedies:
        when = condition(remedy) or "Otherwise"
        yield f"- *{when}*: {remedy.text}"
    yield ""


def _clue(clue: Clue) -> str:
    text = _code(clue.line)
    if clue.beside:
        text += f" beside {_code(clue.beside)}"
    if clue.near:
        text += f" together with {_code(clue.near)}"
    if clue.unless:
        text += f" without {_code(clue.unless)}"
    text += ", as the last words of the log" if clue.last else ""
    return text + (": another program" if clue.elsewhere else "")


def _code(pattern: str) -> str:
    fence = "``" if "`" in pattern else "`"
    space = " " if "`" in pattern else ""
    return f"{fence}{space}{pattern}{space}{fence}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _short(reference: str) -> str:
    return reference.partition("/")[2] if "://" not in reference else reference.removeprefix("https://")


def main(arguments: Iterable[str] | None = None) -> int:
    """Write the page, or check it; return 1 if it is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page is not current")
    options = parser.parse_args(None if arguments is None else list(arguments))
    text = document(load_catalogue())
    if options.check:
        current = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
        sys.stderr.write("" if current else f"{TARGET.name} is not current: run tools/make_quirk_docs.py\n")
        return 0 if current else 1
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

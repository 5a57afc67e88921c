"""The self-contained HTML report of a run."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from runbook_lib.core import atomic
from runbook_lib.headless.summary import RunSummary, StageOutcome
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.quirks.diagnosis import diagnose_given
from runbook_lib.quirks.model import Quirk
from runbook_lib.render.charts import second_bars
from runbook_lib.render.page import csp_hash
from runbook_lib.render.shells import Command, shells_here
from runbook_lib.render.values import format_seconds
from runbook_lib.run.check import Artifact, Change, Check, Status
from runbook_lib.run.folder import REPORT_NAME, Run, RunHeader, stage_file_stem
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.system.filesystem import refusals_told

_PICTURE_SUFFIX: Final = ".png"
_PICTURES_BYTES: Final = 300_000
"""Of all pictures together: base64 adds a third, and a mail takes half a megabyte without a word."""
_VERSIONS: Final = ("docling", "docling-ibm-models", "huggingface-hub", "transformers", "torch")
_DEFAULT: Final = "default"
_CODE: Final = re.compile(
    r"-p [a-z_]+ [^\s;,)]*[^\s;,).:]"
    r"|\brunbook (?:[a-z][a-z-]*)(?: --?[a-z][a-z-]*)*(?= |[.,;:)]|$)"
    r"|(?<![\w-])--[a-z][a-z-]+"
    r"|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+(?:=[^\s;,)]*[^\s;,).:])?"
)
"""What in a sentence is typed as it stands: settings, commands, options, variables."""


@dataclass(frozen=True)
class Part:
    """A piece of a sentence."""

    text: str
    is_code: bool


@dataclass(frozen=True)
class StageSection:
    """What the page says of one stage; without a record when the stage raised before it had one."""

    name: str
    status: Status
    problem: tuple[str, ...] = ()
    needy: tuple[Check, ...] = ()
    rest: tuple[Check, ...] = ()
    quirks: tuple[Quirk, ...] = ()
    changes: tuple[Change, ...] = ()
    pictures: tuple[tuple[Artifact, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def rest_told(self) -> str:
        """How many checks need no action."""
        return "1 check needs no action" if len(self.rest) == 1 else f"{len(self.rest)} checks need no action"


def write_report(run: Run, summary: RunSummary) -> Path:
    """Write `report.html` into the run folder.

    It is read where it was forwarded to: pictures are inside it, up to a limit, files of the run folder are named and
    not linked, and nothing on it runs or is fetched.
    """
    header, failed = run.header(), summary.failed
    check = failed.failed_check if failed else None
    problem = failed.problem if failed and not check and not failed.interrupted else ""
    sections = tuple(_sections(run, summary))
    style = files("runbook_lib.headless").joinpath("templates", "report.css").read_text(encoding="utf-8")
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            summary=summary,
            header=header,
            style=Markup(style),  # noqa: S704 - a file of this package
            style_hash=csp_hash(style),
            remedy=check.remedy if check else problem.partition("what to do: ")[2].partition("\n")[0],
            steps=[
                (_label(step.label, shell), line) for step in summary.way_on() for shell, line in _lines(step.command)
            ],
            failed_checks=run.read(failed.stage, RawFacts).failed() if failed and check else (),
            problem=[line for line in problem.splitlines() if not line.startswith("what to do: ")],
            about=tuple(_about(run, header, summary)),
            timings=_timings(summary),
            stages=sections,
            sections={section.name for section in sections},
            settings=_settings(header),
        )
    )
    path = run.folder / REPORT_NAME
    with refusals_told(f"The report cannot be written: {path}.", "Free space; the records are kept."):
        atomic.write_text(path, page.strip() + "\n")
    return path


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("runbook_lib.headless"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["parts"] = parts
    return environment


def parts(text: str) -> Iterator[Part]:
    """Tell apart what is typed and what is read."""
    end = 0
    for found in _CODE.finditer(text):
        if found.start() > end:
            yield Part(text[end : found.start()], is_code=False)
        yield Part(found[0], is_code=True)
        end = found.end()
    if end < len(text):
        yield Part(text[end:], is_code=False)


def _label(label: str, shell: str) -> str:
    words = f"{label} ({shell})" if shell else label
    return words[:1].upper() + words[1:]


def _lines(command: Command) -> Sequence[tuple[str, str]]:
    return command.texts(shells_here())


def _about(run: Run, header: RunHeader, summary: RunSummary) -> Iterator[tuple[str, str]]:
    """Yield machine, versions, places and duration, as the header and the record of stage detect have them."""
    facts = run.read("detect", RawFacts).facts.model_dump() if run.has("detect") else {}
    machine = facts.get("machine") or {}
    system = " ".join(str(machine[key]) for key in ("system", "release", "architecture") if machine.get(key))
    yield "machine", f"{header.host}{f', {system}' if system else ''}, Python {header.python}"
    packages = (facts.get("interpreter") or {}).get("packages") or {}
    if versions := [f"{name} {packages[name]}" for name in _VERSIONS if packages.get(name)]:
        yield "versions", ", ".join(versions)
    yield "hub", header.endpoint or ("the built-in practice hub" if header.practice else "")
    yield "cache", header.cache_dir
    yield "artifacts", header.artifacts_dir
    began = f"begun {header.created_at:%Y-%m-%d %H:%M:%S} UTC"
    yield "time", f"{began}, took {format_seconds(summary.elapsed_s)}"
    yield "run folder", str(run.folder)


def _settings(header: RunHeader) -> tuple[tuple[str, list[tuple[str, str, str]]], ...]:
    rows = [(name, str(value), header.origins.get(name, "")) for name, value in header.settings.items()]
    given = [row for row in rows if row[2] != _DEFAULT]
    return ("given", given), ("as they are by default", [row for row in rows if row[2] == _DEFAULT])


def _timings(summary: RunSummary) -> tuple[str, str] | None:
    """Return picture and words for the time each stage took; None when there is nothing to compare."""
    took = {outcome.stage: outcome.elapsed_s for outcome in summary.ran if outcome.elapsed_s}
    if len(took) < 2:  # noqa: PLR2004 - one bar says no more than the number beside it
        return None
    picture = second_bars("Time per stage", took)
    return _png_uri(picture.png), picture.alternative


def _sections(run: Run, summary: RunSummary) -> Iterator[StageSection]:
    records = {record.stage: record for record in run.records()}
    room = _PICTURES_BYTES
    for outcome in summary.outcomes:
        record = records.get(outcome.stage)
        if record is not None:
            section, taken = _recorded(run, record, outcome, room)
            room -= taken
            yield section
        elif outcome.problem:
            yield StageSection(
                outcome.stage,
                outcome.status,
                problem=tuple(outcome.problem.splitlines()),
                quirks=tuple(finding.quirk for finding in diagnose_given(error=outcome.problem).findings),
                files=tuple(_notebook(run, outcome.stage)),
            )


def _recorded(
    run: Run, record: StageRecord[RawFacts], outcome: StageOutcome, room_bytes: int
) -> tuple[StageSection, int]:
    """Return the section, and what its pictures take of the room there is."""
    pictures, named, taken = [], [], 0
    for artifact in record.artifacts:
        path = run.folder / artifact.name
        if not path.is_file():
            continue
        size_bytes = path.stat().st_size
        if path.suffix == _PICTURE_SUFFIX and taken + size_bytes <= room_bytes:
            pictures.append((artifact, _png_uri(path.read_bytes())))
            taken += size_bytes
        else:
            named.append((artifact.name, artifact.title))
    section = StageSection(
        record.stage,
        outcome.status,
        problem=tuple(outcome.problem.splitlines()),
        needy=tuple(check for check in record.checks if check.needs_hand and not _told_above(check, outcome)),
        rest=tuple(check for check in record.checks if not check.needs_hand),
        quirks=tuple(load_catalogue().quirk(name) for name in _quirks(record)),
        changes=record.changes,
        pictures=tuple(pictures),
        files=(*_notebook(run, record.stage), *named),
    )
    return section, taken


def _told_above(check: Check, outcome: StageOutcome) -> bool:
    """Whether the check stands under What failed."""
    return check.status is Status.FAIL and outcome.failed_check is not None and not outcome.kept


def _notebook(run: Run, stage: str) -> Iterator[tuple[str, str]]:
    name = f"{stage_file_stem(stage)}.ipynb"
    if (run.folder / name).is_file():
        yield name, "executed notebook"


def _quirks(record: StageRecord[RawFacts]) -> list[str]:
    """Return the quirks behind what failed or warned, each once, in the order of the checks."""
    return list(dict.fromkeys(check.quirk for check in record.checks if check.needs_hand and check.quirk))


def _png_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"

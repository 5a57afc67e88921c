"""The report of a fleet as one self-contained page: nothing is fetched, one script of ours sorts and filters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from runbook_lib.core import atomic
from runbook_lib.core.extras import require_extra
from runbook_lib.fleet.report.facts import Exposure, FleetReport
from runbook_lib.render.page import csp_hash
from runbook_lib.render.values import format_bytes
from runbook_lib.system.filesystem import refusals_told

_BAR_WIDTH: Final = 300
_MOST_BARS: Final = 12
_NUMBER: Final = "number"


@dataclass(frozen=True)
class Cell:
    """A cell: what is read, and by which number it is sorted, or which status it is."""

    text: str
    value: int | None = None
    mark: str = ""


@dataclass(frozen=True)
class Grid:
    """A table that can be sorted and filtered."""

    id: str
    columns: tuple[tuple[str, str], ...]
    """Name, and `number` where the column is one."""
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    empty: str = "None."


@dataclass(frozen=True)
class Bar:
    """One bar of a picture."""

    name: str
    told: str
    width: int
    mark: str = ""


@dataclass(frozen=True)
class Picture:
    """Bars, the longest over the whole width."""

    title: str
    bars: tuple[Bar, ...]

    @property
    def words(self) -> str:
        """What it shows, for those who do not see it."""
        return f"{self.title}: {'; '.join(f'{bar.name} {bar.told}' for bar in self.bars)}"


@dataclass(frozen=True)
class PageSection:
    """A heading and what stands under it."""

    title: str
    words: str = ""
    pictures: tuple[Picture, ...] = ()
    grids: tuple[Grid, ...] = ()


def write_page(report: FleetReport, path: Path) -> None:
    """Write the page; raises `DiskError`, and `UsageError` without the extra."""
    with refusals_told(f"The report cannot be written: {path}.", "Free space, or name another file."):
        atomic.write_text(path, page_of(report))


def page_of(report: FleetReport) -> str:
    """Return the page."""
    require_extra("fleet", "jinja2", purpose="The page of a fleet's report")
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("runbook_lib.fleet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = _packaged("runbook_lib.headless", "report.css") + _packaged("runbook_lib.fleet.report", "fleet.css")
    script = _packaged("runbook_lib.fleet.report", "fleet.js")
    statuses = {outcome.status for outcome in report.outcomes}
    page = environment.get_template("fleet.html.j2").render(
        report=report,
        mark=next((status for status in ("fail", "warn", "ok") if status in statuses), "skip"),
        sections=tuple(_sections(report)),
        style=Markup(style),  # noqa: S704 - a file of this package
        style_hash=csp_hash(style),
        script=Markup(script),  # noqa: S704 - a file of this package
        script_hash=csp_hash(script),
    )
    return page.strip() + "\n"


def _packaged(package: str, name: str) -> str:
    return files(package).joinpath("templates", name).read_text(encoding="utf-8")


def _sections(report: FleetReport) -> Iterator[PageSection]:
    outcomes = tuple(
        (_status(one.status), Cell(one.why), _count(one.hosts), Cell(one.reason)) for one in report.outcomes
    )
    ended = [(f"{one.status}: {one.why}", one.hosts, one.status) for one in report.outcomes]
    grid = Grid("outcomes", (("status", ""), ("why", ""), ("hosts", _NUMBER), ("reason of one", "")), outcomes)
    yield PageSection("How it ended", pictures=(_picture("Hosts by outcome", ended),), grids=(grid,))
    exposed = [(f"{one.quirk}", one.hosts, one.severity) for one in report.exposures]
    yield PageSection(
        "Exposed to which known failures",
        "By the versions that are installed: the failure can occur there, and need not.",
        (_picture("Hosts by known failure", exposed),),
        (_exposed("exposures", report.exposures),),
    )
    for number, upgrade in enumerate(report.upgrades):
        yield PageSection(
            f"What if: {upgrade.package} {upgrade.version}",
            f"{upgrade.hosts} hosts have another version.",
            grids=(
                _exposed(f"gained-{number}", upgrade.gained, "New", "No known failure would be new."),
                _exposed(f"lost-{number}", upgrade.lost, "Gone", "No known failure would be gone."),
            ),
        )
    failing = tuple((Cell(one.check), _count(one.hosts)) for one in report.failing)
    yield PageSection("Failing checks", grids=(Grid("failing", (("check", ""), ("hosts", _NUMBER)), failing),))
    yield PageSection("On disk", report.disk_words())
    if report.changes:
        yield _changed(report)
    yield PageSection("Versions and revisions", grids=tuple(_spread(report)))
    yield _hosts(report)


def _changed(report: FleetReport) -> PageSection:
    changes = report.changes
    rows = changes.rows if changes else ()
    cells = tuple(
        (_count(one.hosts), Cell(one.kind), Cell(one.name), Cell(one.before), Cell(one.after)) for one in rows
    )
    columns = (("hosts", _NUMBER), ("what", ""), ("name", ""), ("before", ""), ("now", ""))
    words = (
        f"{changes.compared_hosts} hosts compared; {format_bytes(changes.disk_bytes)} more on disk." if changes else ""
    )
    return PageSection("Since last time", words, grids=(Grid("changes", columns, cells, empty="Nothing."),))


def _spread(report: FleetReport) -> Iterator[Grid]:
    versions = tuple((Cell(one.package), Cell(one.version), _count(one.hosts)) for one in report.versions)
    yield Grid("versions", (("package", ""), ("version", ""), ("hosts", _NUMBER)), versions, "Versions")
    revisions = tuple((Cell(one.model), Cell(one.commit[:12]), _count(one.hosts)) for one in report.revisions)
    yield Grid("revisions", (("model", ""), ("commit", ""), ("hosts", _NUMBER)), revisions, "Models")


def _hosts(report: FleetReport) -> PageSection:
    columns = (
        *(("status", ""), ("host", ""), ("why", ""), ("reason", ""), ("system", ""), ("docling", "")),
        *(("huggingface_hub", ""), ("on disk", _NUMBER), ("free", _NUMBER), ("ended", ""), ("exposed to", "")),
    )
    rows = tuple(
        (
            _status(row.status),
            Cell(row.host),
            Cell(row.why),
            Cell(row.reason),
            Cell(row.platform),
            Cell(row.versions.get("docling", "")),
            Cell(row.versions.get("huggingface-hub", "")),
            _size(row.disk_bytes),
            _size(row.free_bytes),
            Cell(f"{row.ended_at:%Y-%m-%d %H:%M}" if row.ended_at else ""),
            Cell(", ".join(row.quirks)),
        )
        for row in report.rows
    )
    left = report.hosts - len(rows)
    words = f"{left} hosts that ended better are not listed." if left else ""
    return PageSection("Hosts", words, grids=(Grid("hosts", columns, rows),))


def _exposed(name: str, exposures: Sequence[Exposure], title: str = "", empty: str = "None.") -> Grid:
    columns = (
        *(("severity", ""), ("hosts", _NUMBER), ("known as", ""), ("what", "")),
        *(("because of", ""), ("such as", "")),
    )
    rows = tuple(
        (
            Cell(one.severity),
            _count(one.hosts),
            Cell(one.quirk),
            Cell(one.title),
            Cell(one.because),
            Cell(", ".join(one.examples[:5])),
        )
        for one in exposures
    )
    return Grid(name, columns, rows, title, empty)


def _picture(title: str, counted: Sequence[tuple[str, int, str]]) -> Picture:
    """Draw the largest; one name that stands there several times becomes one bar."""
    hosts: dict[str, int] = {}
    marks = {name: mark for name, _number, mark in counted}
    for name, number, _mark in counted:
        hosts[name] = hosts.get(name, 0) + number
    largest = sorted(hosts.items(), key=lambda one: -one[1])[:_MOST_BARS]
    whole = max((number for _name, number in largest), default=1) or 1
    bars = (Bar(name, f"{number}", max(1, number * _BAR_WIDTH // whole), marks[name]) for name, number in largest)
    return Picture(title, tuple(bars))


def _status(status: str) -> Cell:
    return Cell(status, mark=status)


def _count(number: int) -> Cell:
    return Cell(str(number), number)


def _size(size_bytes: int | None) -> Cell:
    return Cell("") if size_bytes is None else Cell(format_bytes(size_bytes), size_bytes)

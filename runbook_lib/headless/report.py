"""The self-contained HTML report of a run."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from runbook_lib.core import atomic
from runbook_lib.headless.summary import REPORT_NAME, RunSummary
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.render.charts import second_bars
from runbook_lib.render.values import format_seconds
from runbook_lib.run.check import Status
from runbook_lib.run.folder import Run, stage_file_stem
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.system.filesystem import refusals_told

_PICTURE_SUFFIX = ".png"


def write_report(run: Run, summary: RunSummary) -> Path:
    """Write `report.html` into the run folder; pictures are inside it, executed notebooks are linked."""
    environment = Environment(
        loader=PackageLoader("runbook_lib.headless"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["seconds"] = format_seconds
    header = run.header()
    page = environment.get_template("report.html.j2").render(
        summary=summary,
        header=header,
        settings=[(name, value, header.origins.get(name, "")) for name, value in header.settings.items()],
        timings=_timings(summary),
        stages=[_stage(run, record) for record in run.records() if record.stage in header.stages],
    )
    path = run.folder / REPORT_NAME
    with refusals_told(f"The report cannot be written: {path}.", "Free space; the records are kept."):
        atomic.write_text(path, page)
    return path


def _timings(summary: RunSummary) -> tuple[str, str] | None:
    """Return picture and words for the time each stage took; None when no stage ran."""
    took = {outcome.stage: outcome.elapsed_s for outcome in summary.outcomes if outcome.elapsed_s}
    if not took:
        return None
    picture = second_bars("Time per stage", took)
    return _png_uri(picture.png), picture.alternative


def _stage(run: Run, record: StageRecord[RawFacts]) -> dict[str, Any]:
    notebook = f"{stage_file_stem(record.stage)}.ipynb"
    files = [artifact for artifact in record.artifacts if (run.folder / artifact.name).is_file()]
    return {
        "record": record,
        "checks": record.check_table(),
        "quirks": [load_catalogue().quirk(name) for name in _quirks(record)],
        "notebook": notebook if (run.folder / notebook).is_file() else "",
        "pictures": [
            (artifact, _data_uri(run.folder / artifact.name))
            for artifact in files
            if artifact.name.endswith(_PICTURE_SUFFIX)
        ],
        "files": [artifact for artifact in files if not artifact.name.endswith(_PICTURE_SUFFIX)],
    }


def _quirks(record: StageRecord[RawFacts]) -> list[str]:
    """Return the quirks behind what failed or warned, each once, in the order of the checks."""
    troubled = (check.quirk for check in record.checks if check.status in (Status.FAIL, Status.WARN))
    return list(dict.fromkeys(filter(None, troubled)))


def _data_uri(path: Path) -> str:
    return _png_uri(path.read_bytes())


def _png_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"

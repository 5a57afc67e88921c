"""Reads a run folder of any version into a line of the history; nothing in it is taken for granted."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import runbook_lib
from runbook_lib.core.lenient import as_moment, as_object, as_objects, json_object
from runbook_lib.core.masking import mask_known
from runbook_lib.history.entry import DIED, LEFT, CheckLine, HistoryEntry, StageLine
from runbook_lib.run.check import Status, worst
from runbook_lib.run.folder import HEADER_NAME, STAGES, RunState, stage_file_stem
from runbook_lib.run.life import Life, header_words, life_of

Words = dict[str, Any]


def digest(folder: Path) -> HistoryEntry | None:
    """Return what is to be remembered of the run in a folder; None when it holds none that can be read."""
    header = header_words(folder)
    began_at = as_moment(header.get("created_at"))
    if began_at is None:
        return None
    life = life_of(folder)
    records = {stage: json_object(folder / f"{stage_file_stem(stage)}.json") for stage in STAGES}
    records = {stage: record for stage, record in records.items() if record.get("stage") == stage}
    checks = tuple(_checks(records))
    state = {Life.DIED: DIED, Life.LEFT: LEFT}.get(life, str(header.get("state", "")))
    try:
        return HistoryEntry(
            runbook=runbook_lib.__version__,
            id=folder.name,
            folder=str(folder.absolute()),
            seen_ns=seen_ns(folder),
            host=str(header.get("host", "")),
            began_at=began_at,
            ended_at=None if state == RunState.RUNNING else as_moment(header.get("heartbeat_at")),
            state=state,
            status=_status(state, checks).value,
            said=_said(state, header, checks),
            practice=header.get("practice") is True,
            proved=any(check.id == "converted" and check.status == Status.OK for check in checks),
            stages=tuple(_stages(header, records)),
            checks=checks,
            versions=_versions(records),
            variables=_variables(records),
            revisions=dict(_revisions(records)),
            sizes=_sizes(records),
            settings=_given(header),
        )
    except ValidationError:  # something stands where it does not belong: no run of ours
        return None


def seen_ns(folder: Path) -> int:
    """Return when `run.json` was changed; 0 when it is not there."""
    try:
        return (folder / HEADER_NAME).stat().st_mtime_ns
    except OSError:
        return 0


def _stages(header: Words, records: Mapping[str, Words]) -> Iterator[StageLine]:
    asked = header.get("stages", ())
    for stage in STAGES:
        if stage in records:
            took = _number(records[stage].get("elapsed_s"))
            yield StageLine(stage=stage, status=str(records[stage].get("status", "")), elapsed_s=took)
        elif stage in asked:
            yield StageLine(stage=stage, status="")


def _checks(records: Mapping[str, Words]) -> Iterator[CheckLine]:
    for stage, record in records.items():
        for check in as_objects(record.get("checks")):
            troubled = check.get("status") in (Status.WARN, Status.FAIL)
            yield CheckLine(
                id=str(check.get("id", "")),
                stage=stage,
                status=str(check.get("status", "")),
                title=str(check.get("title", "")),
                evidence=str(check.get("evidence", "")) if troubled else "",
            )


def _status(state: str, checks: tuple[CheckLine, ...]) -> Status:
    if state in (RunState.FAILED, RunState.INTERRUPTED, DIED):
        return Status.FAIL
    return worst(Status(check.status) for check in checks if check.status in tuple(Status))


def _said(state: str, header: Words, checks: tuple[CheckLine, ...]) -> str:
    if state == DIED:
        at = as_moment(header.get("heartbeat_at"))
        return f"its last sign of life was at {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "no sign of life"
    problem = str(header.get("problem", "")).partition("\n")[0]
    failed = next((check for check in checks if check.status == Status.FAIL), None)
    return problem or (f"does not hold: {failed.title}" if failed else "")


def _versions(records: Mapping[str, Words]) -> dict[str, str]:
    interpreter = as_object(_facts(records, "detect").get("interpreter"))
    packages = {name: str(version) for name, version in as_object(interpreter.get("packages")).items() if version}
    machine = as_object(_facts(records, "detect").get("machine"))
    system = {"system": f"{machine.get('system')} {machine.get('release')}"} if machine else {}
    return {**({"python": str(interpreter["version"])} if "version" in interpreter else {}), **packages, **system}


def _variables(records: Mapping[str, Words]) -> dict[str, str]:
    """Return them all, or none: of a run that came to half of them the rest would look as if it had gone."""
    if not {"detect", "configure_env"} <= records.keys():
        return {}
    found = as_object(_facts(records, "detect").get("variables"))
    planned = as_objects(_facts(records, "configure_env").get("variables"))
    values = {name: str(value) for name, value in found.items()}
    for variable in planned:
        if variable.get("in_files") is not False:
            values[str(variable.get("name"))] = str(variable.get("value"))
        else:  # the practice hub's address is another one with every process
            values.pop(str(variable.get("name")), None)
    return {name: mask_known(value) for name, value in values.items()}


def _revisions(records: Mapping[str, Words]) -> Iterator[tuple[str, str]]:
    for fetched in as_objects(_facts(records, "download").get("models")):
        model, listing = fetched.get("model"), as_object(fetched.get("listing"))
        name = "@".join(map(str, model.values())) if isinstance(model, dict) else str(model)
        yield name, str(listing.get("commit", ""))


def _sizes(records: Mapping[str, Words]) -> dict[str, int]:
    disk, download = _facts(records, "measure_disk"), _facts(records, "download")
    fetched = [_number(model.get("fetched_bytes")) for model in as_objects(download.get("models"))]
    named = {
        "cache": disk.get("cache_bytes"),
        "artifacts": disk.get("artifacts_bytes"),
        "shared by both": disk.get("shared_bytes"),
        "free": disk.get("free_bytes"),
        "fetched": sum(fetched) if fetched else None,
    }
    return {name: int(value) for name, value in named.items() if isinstance(value, int | float)}


def _given(header: Words) -> Words:
    origins = as_object(header.get("origins"))
    settings = as_object(header.get("settings"))
    return {name: value for name, value in settings.items() if origins.get(name) != "default" and name != "run_dir"}


def _facts(records: Mapping[str, Words], stage: str) -> Words:
    return as_object(records.get(stage, {}).get("facts"))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def skipped_entry(began_at: datetime, host: str, said: str) -> HistoryEntry:
    """Return the line of a run that did not begin."""
    return HistoryEntry(
        runbook=runbook_lib.__version__,
        id=f"{began_at:%Y%m%dT%H%M%S.%f}Z-skipped",
        host=host,
        began_at=began_at,
        ended_at=began_at,
        state="skipped",
        said=said,
    )

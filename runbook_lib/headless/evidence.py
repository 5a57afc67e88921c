"""`--resume`: which stages may be kept, because what they rest on is still so, and why the others run again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from runbook_lib.cache.walk import walk
from runbook_lib.core.lenient import as_moment, as_object, as_objects, json_object
from runbook_lib.errors import RunbookError
from runbook_lib.pipeline.answer import MODELS_AS_KNOWN, AnsweredBy
from runbook_lib.run.check import Status
from runbook_lib.run.documents import find_documents
from runbook_lib.run.folder import STAGES, Run
from runbook_lib.run.interpreter import packages_of, versions_of
from runbook_lib.run.settings import Settings

Record = Mapping[str, Any]

_OF_NO_ACCOUNT: Final = frozenset({"run_dir", "keep", "probe_limit_s", "download_limit_s", "convert_limit_s"})
"""Settings that change no stage's answer."""
_READ_BY: Final = {
    "document": ("convert",),
    "ocr_mirror": ("download", "verify"),
    "lock_file": ("download", "verify"),
}
"""Settings that only these stages read; every other is read by all."""


@dataclass(frozen=True)
class Evidence:
    """Whether a stage of an earlier execution still stands."""

    stage: str
    stands: bool
    why: str

    @property
    def words(self) -> str:
        """Say it as a line of progress."""
        return f"{'kept ' if self.stands else 'again'} {self.stage}: {self.why}"


@dataclass(frozen=True)
class Now:
    """What records are compared with."""

    inputs: Mapping[str, Any]
    """The settings that are not defaults."""
    versions: Mapping[str, str | None]
    """Versions of the interpreter under examination; empty when it cannot be asked."""


def collect_evidence(run: Run, settings: Settings) -> tuple[Evidence, ...]:
    """Look at every stage of a run, in order; after the first that does not stand, none does."""
    now = Now(settings.model_dump(mode="json", exclude_defaults=True), _versions(settings))
    found: list[Evidence] = []
    for stage in STAGES:
        first = next((one for one in found if not one.stands), None)
        if first is not None:
            found.append(Evidence(stage, stands=False, why=f"stage {first.stage} comes before it"))
            continue
        why = next(_against(run, stage, now), "")
        found.append(Evidence(stage, stands=not why, why=why or "nothing it depends on has changed"))
    return tuple(found)


def _versions(settings: Settings) -> Mapping[str, str | None]:
    try:
        return versions_of(packages_of(settings))
    except RunbookError:  # stage detect says so
        return {}


def _against(run: Run, stage: str, now: Now) -> Iterator[str]:
    """Yield what speaks against keeping a stage."""
    record = json_object(run.record_path(stage))
    if not record:
        yield "it has no record"
        return
    if record.get("status") == Status.FAIL:
        yield "it failed"
    yield from _inputs(stage, record, now)
    facts = record.get("facts")
    began_at = as_moment(record.get("started_at"))
    if not isinstance(facts, dict) or began_at is None:
        yield "its record cannot be read"
        return
    look = _LOOKS.get(stage)
    if look:
        yield from look(run, facts, began_at, now)


def _inputs(stage: str, record: Record, now: Now) -> Iterator[str]:
    given = record.get("inputs")
    before = given if isinstance(given, dict) else {}
    for name in dict.fromkeys((*before, *now.inputs)):
        counts = name not in _OF_NO_ACCOUNT and stage in _READ_BY.get(name, STAGES)
        if counts and before.get(name) != now.inputs.get(name):
            yield f"{name} was {_said(before.get(name))} and is {_said(now.inputs.get(name))}"


def _said(value: object) -> str:
    return "the default" if value is None else repr(value)


def _detect(run: Run, facts: Record, _began_at: datetime, now: Now) -> Iterator[str]:
    if facts.get("answered_by") == AnsweredBy.KNOWN and _is_refuted(run):
        yield "docling itself asks for other models than were known"
    packages = as_object(as_object(facts.get("interpreter")).get("packages"))
    for name, version in now.versions.items():
        if packages.get(name) != version:
            yield f"{name} was {packages.get(name) or 'missing'} and is {version or 'missing'}"


def _is_refuted(run: Run) -> bool:
    checks = as_objects(json_object(run.record_path("convert")).get("checks"))
    judged = [check.get("status") for check in checks if check.get("id") == MODELS_AS_KNOWN]
    return Status.WARN in judged or Status.FAIL in judged


def _configure_env(run: Run, _facts: Record, _began_at: datetime, _now: Now) -> Iterator[str]:
    missing = [name for name in ("env.sh", "env.ps1", ".env") if not (run.folder / name).is_file()]
    if missing:
        yield f"{missing[0]} is gone"


def _download(_run: Run, facts: Record, _began_at: datetime, _now: Now) -> Iterator[str]:
    for model in as_objects(facts.get("models")):
        snapshot, listing = Path(str(model.get("snapshot", ""))), as_object(model.get("listing"))
        missing = [
            str(file.get("path"))
            for file in as_objects(listing.get("files"))
            if _size(snapshot / str(file.get("path"))) != file.get("size_bytes")
        ]
        if missing:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            yield f"{snapshot / missing[0]}{others}: gone, or of another length than it was listed with"


def _verify(_run: Run, facts: Record, began_at: datetime, _now: Now) -> Iterator[str]:
    for verified in as_objects(facts.get("folders")):
        folder = Path(str(verified.get("folder")))
        if not folder.is_dir():
            yield f"{folder} is gone"
        changed = next((path for path in _files(folder) if _changed_at(path) >= began_at.timestamp()), None)
        if changed:
            yield f"{changed} was changed since it was verified"


def _convert(run: Run, _facts: Record, began_at: datetime, now: Now) -> Iterator[str]:
    record = json_object(run.record_path("convert"))
    for artifact in as_objects(record.get("artifacts")):
        if not (run.folder / str(artifact.get("name"))).is_file():
            yield f"{artifact.get('name')} is gone"
    for path in find_documents(str(now.inputs.get("document", ""))):
        if _changed_at(path) >= began_at.timestamp():
            yield f"{path} was changed since it was converted"


_LOOKS: Final = {
    "detect": _detect,
    "configure_env": _configure_env,
    "download": _download,
    "verify": _verify,
    "convert": _convert,
}


def _files(folder: Path) -> Iterator[Path]:
    return (path for name, _st in walk(folder) if (path := folder / name).is_file())


def _changed_at(path: Path) -> float:
    """Return when content or names of the file behind a path were last changed."""
    try:
        seen = path.stat()
    except OSError:
        return 0.0
    return max(seen.st_mtime, seen.st_ctime)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None

"""What a run does before its first stage when a drill is to be played; loaded by no other run."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runbook_lib.practice.drills.catalogue import drill_named
from runbook_lib.practice.server import running_hub
from runbook_lib.run.environment_plan import plan_from_scratch
from runbook_lib.run.interpreter import collect_answer, packages_of
from runbook_lib.run.lock_file import LOCK_NAME, LockFile
from runbook_lib.run.settings import PRACTICE, Settings
from runbook_lib.run.target import ResolvedTarget, drill_places
from runbook_lib.stages.download.apply import apply_download
from runbook_lib.stages.download.hub_access import hub_access
from runbook_lib.stages.download.plan import plan_wanted
from runbook_lib.system.filesystem import refusals_told
from runbook_lib.upkeep.lock import locked_repository

_FILL_LIMIT_S: Final = 600.0


def drill_parameters(parameters: Mapping[str, object]) -> dict[str, object]:
    """Put what a drill's machine is set up with under the parameters that were given."""
    name = parameters.get("drill")
    if not name:
        return dict(parameters)
    return {"hub": PRACTICE, **dict(drill_named(str(name)).parameters), **parameters}


def answers_of(name: str) -> Mapping[str, str]:
    """Return what the settings that a drill's output asks for can be on its machine."""
    drill = drill_named(name)
    return drill.answers(drill.home)


def beside(name: str) -> tuple[str, ...]:
    """Return the command that has to be at work in a second terminal for that; empty for none."""
    return drill_named(name).beside


def begin_drill(settings: Settings) -> None:
    """Make the drill's folder afresh and fill its cache where the drill begins with a full one."""
    drill = drill_named(settings.drill)
    drill.require_own_places(settings.cache_dir, settings.artifacts_dir)
    with refusals_told(f"The drill's folder cannot be created: {drill.home}.", "Check which user runs this, and HOME."):
        drill.begin()
    if drill.fills_cache:
        _fill_cache(settings, drill.home / LOCK_NAME)
        drill.loses(drill.home)


def _settings_to_fill(settings: Settings) -> Settings:
    """Return what of the settings says how a cache is filled: online, and without the drill's faults."""
    return Settings(
        hub=settings.hub,
        models=settings.models,
        cache_dir=settings.cache_dir,
        artifacts_dir=settings.artifacts_dir,
        links=settings.links,
        target_python=settings.target_python,
        pipeline=settings.pipeline,
        ocr_mirror=settings.ocr_mirror,
        probe_limit_s=settings.probe_limit_s,
        download_limit_s=settings.download_limit_s,
    )


def _fill_cache(settings: Settings, lock_file: Path) -> None:
    """Download what the run will need from a hub that behaves, into the drill's folders, and lock it."""
    cache_dir, artifacts_dir = drill_places(settings)
    target = ResolvedTarget(_settings_to_fill(settings), running_hub().url, cache_dir, artifacts_dir, practice=True)
    with hub_access(target, plan_from_scratch(target)) as hub:
        plan = plan_wanted(hub, collect_answer(target, packages=packages_of(target.settings)).wanted)
        facts, _ = apply_download(hub, plan, time.monotonic() + _FILL_LIMIT_S)
    repositories = tuple(
        locked_repository(model.model, model.listing, Path(model.snapshot)) for model in facts.models if model.snapshot
    )
    lock = LockFile(created_at=datetime.now(UTC), docling="", repositories=repositories)
    lock_file.write_text(lock.text(), encoding="utf-8")

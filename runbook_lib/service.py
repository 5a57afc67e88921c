"""Getting the models for a service that is starting up: complete, or one clear error; never half-way."""

import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runbook_lib.cache.practice_models import practice_sign
from runbook_lib.checks.practice import require_real
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import DiskError, HubError, RunbookError
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section
from runbook_lib.render.values import format_bytes, format_seconds
from runbook_lib.run.check import Change
from runbook_lib.run.environment_plan import EnvironmentPlan, plan_from_scratch
from runbook_lib.run.interpreter import collect_wanted, packages_of, versions_of
from runbook_lib.run.record import StageRecord
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.settings import DOCLING
from runbook_lib.run.target import Places, ResolvedTarget, enter_target, resolve_places, resolve_target
from runbook_lib.run.wanted_models import AskedOf, asked_of, remember_wanted, remembered_wanted
from runbook_lib.stages.download.apply import fetch_and_place, sole_download
from runbook_lib.stages.download.checks import judge_download
from runbook_lib.stages.download.facts import DownloadFacts
from runbook_lib.stages.download.hub_access import hub_access
from runbook_lib.stages.download.plan import plan_wanted
from runbook_lib.stages.verify.placed import is_all_placed, require_as_placed
from runbook_lib.system import variables as environment
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.workers.scripts.wanted_pipeline import (
    CannotBuild,
    converter_around,
    make_converter,
    paginated_options,
)

if TYPE_CHECKING:
    from docling.datamodel.pipeline_options import PdfPipelineOptions
    from docling.document_converter import DocumentConverter


@dataclass(frozen=True)
class ModelsReady(Rendered):
    """The models stand where docling looks, and what it took."""

    models: tuple[ModelRef, ...]
    artifacts_dir: Path
    fetched_bytes: int
    linked_bytes: int
    elapsed_s: float
    practice: bool = False
    """Whether these are practice models: random weights."""

    def sections(self) -> Sequence[Section]:
        """Return two lines."""
        names = ", ".join(map(str, self.models))
        cost = f"{format_bytes(self.fetched_bytes)} fetched, {format_bytes(self.linked_bytes)} linked"
        return (
            Note(
                f"{'Practice. ' if self.practice else ''}Models ready",
                (f"{names} in {self.artifacts_dir}", f"{cost} in {format_seconds(self.elapsed_s)}"),
            ),
        )


class DoclingModelManager:
    """Has the models of docling's PDF pipeline in place before a service takes its first request.

    Works without the symlink privilege and on every platform. Downloads in a process of its own, so that it makes no
    difference what the service has imported already.

    Args:
        logger: Told about waiting, downloading and what cannot be configured any more.
        cache_dir: The Hub cache; None: what huggingface_hub would use.
        artifacts_dir: docling's artifacts folder; None: what docling would use.
        models: `docling` for what the installed docling wants, or `org/name@revision, ...`.
        hub: A mirror's URL; empty: the Hugging Face Hub; `practice`: the built-in hub.
        links: How files share content; see the parameter of the runbook.
        offline: Touch no network, even if something is missing.
        pipeline: What the service has docling do; see the parameter of the runbook. Empty: docling's default, OCR on.
        limit_s: Seconds that waiting and downloading may take together.
    """

    def __init__(  # noqa: PLR0913 - keywords, each a setting of the runbook
        self,
        logger: logging.Logger | None = None,
        *,
        cache_dir: Path | str | None = None,
        artifacts_dir: Path | str | None = None,
        models: str = DOCLING,
        hub: str = "",
        links: str = "auto",
        offline: bool = False,
        pipeline: str = "",
        limit_s: float = 3600.0,
    ) -> None:
        self._logger = logger or logging.getLogger(__name__)
        self._limit_s = limit_s
        parameters = {
            "cache_dir": str(cache_dir or ""),
            "artifacts_dir": str(artifacts_dir or ""),
            "models": models,
            "hub": hub,
            "links": links,
            "offline": offline,
            "pipeline": pipeline,
        }
        self._settings = resolve_settings(parameters).values
        self._practice_places: Places | None = None

    def ensure_models_downloaded(self, *, verify: bool = False) -> ModelsReady:
        """Return when every model stands whole in the artifacts folder, downloading what is missing.

        When nothing is missing no network is touched and no content is read, unless `verify` asks for hashing.
        Practice models never pass for real ones: a hub on this machine is asked what it is before anything is fetched.
        Another process that is downloading into the same cache is waited for, not competed with. Sets the `HF_*` and
        `DOCLING_*` variables of the runbook in this process. Raises `RunbookError`, always, when a model is not there.
        """
        started = time.monotonic()
        try:
            kept_for = self._kept_for()
            target = self._target(kept_for)
            plan = plan_from_scratch(target)
            self._apply(plan)
            wanted = self._wanted(target, kept_for)
            facts = None if is_all_placed(target, wanted) else self._download(target, wanted, plan, started)
            require_real(target, wanted.models)
            if verify:
                require_as_placed(target, wanted)
        except OSError as error:
            raise DiskError(
                f"The models cannot be put in place: {error.filename or self._settings.cache_dir}.",
                why=describe_os_error(error),
                remedy="Name folders that this user may write to: cache_dir and artifacts_dir.",
            ) from error
        ready = ModelsReady(
            models=wanted.models,
            artifacts_dir=target.artifacts_dir,
            fetched_bytes=facts.fetched_bytes if facts else 0,
            linked_bytes=sum(model.linked_bytes for model in facts.models) if facts else 0,
            elapsed_s=round(time.monotonic() - started, 3),
            practice=target.practice,
        )
        if ready.practice:
            self._logger.warning("practice: these models are random weights, from %s", target.artifacts_dir)
        self._logger.info("docling's models are ready in %s (%.1f s)", target.artifacts_dir, ready.elapsed_s)
        return ready

    def converter(
        self, *, preload: bool = True, pipeline_options: "PdfPipelineOptions | None" = None
    ) -> "DocumentConverter":
        """Return a converter for PDF and pictures that loads from the artifacts folder and never downloads.

        With `preload` the pipeline is built now, so that the first request does not wait for it. Without
        `pipeline_options` the manager's `pipeline` holds: docling's defaults, OCR included, unless it says otherwise.
        Options of your own may need models that were not made ready. Sets `HF_HUB_OFFLINE=1` in this process unless the
        variable is set. Raises `RunbookError`.
        """
        artifacts_dir = self.ensure_models_downloaded().artifacts_dir
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from docling.datamodel.base_models import InputFormat

        converter = self._make_converter(pipeline_options, artifacts_dir)
        if preload:
            started = time.monotonic()
            try:
                converter.initialize_pipeline(InputFormat.PDF)
            except Exception as error:
                raise RunbookError(
                    f"docling cannot load its models from {artifacts_dir}.",
                    why=f"{type(error).__name__}: {error}",
                    remedy=f"Call ensure_models_downloaded(verify=True); then see {FixedBy.CONVERT.words}.",
                ) from error
            self._logger.info("docling's pipeline is loaded (%.1f s)", time.monotonic() - started)
        return converter

    def _kept_for(self) -> AskedOf | None:
        """Say what docling's answer would hold for; None when the models are named. Reads a dozen versions."""
        if self._settings.model_refs() is not None:
            return None
        packages = packages_of(self._settings)
        return asked_of(versions_of(packages), str(packages.prefix), self._settings.pipeline_spec)

    def _target(self, kept_for: AskedOf | None) -> ResolvedTarget:
        """Resolve the settings; what has been practice stays practice, though its hub may be gone by now."""
        if self._practice_places is None:
            here = resolve_target(self._settings, resolve_places(self._settings, ask=False))
            if self._stands_whole(here, kept_for):
                return enter_target(here)
        target = enter_target(resolve_target(self._settings, self._practice_places))
        if target.practice:
            self._practice_places = Places(target.cache_dir, target.artifacts_dir, practice=True)
        return target

    def _stands_whole(self, target: ResolvedTarget, kept_for: AskedOf | None) -> bool:
        """Whether every model is in place and none of them is for practice, so that nobody has to be asked."""
        named = self._settings.model_refs() or ()
        wanted = remembered_wanted(target.artifacts_dir, kept_for) if kept_for else Wanted.named(named)
        if wanted is None or not wanted.models or not is_all_placed(target, wanted):
            return False
        return not any(practice_sign(target.artifacts_dir / model.folder_name) for model in wanted.models)

    def _make_converter(self, given: "PdfPipelineOptions | None", artifacts_dir: Path) -> "DocumentConverter":
        try:
            if given is None:
                converter = make_converter(self._settings.pipeline_spec.request())
            else:
                converter = converter_around(given, "pipeline_options")
        except CannotBuild as error:
            raise RunbookError(
                f"The installed docling has no pipeline {self._settings.pipeline!r}.",
                why=str(error),
                remedy="Change the manager's pipeline, or install a docling that knows it.",
            ) from error
        for option in paginated_options(converter):
            option.pipeline_options.artifacts_path = artifacts_dir
        return cast("DocumentConverter", converter)

    def _apply(self, plan: EnvironmentPlan) -> None:
        """Set what can still be set; the download has its own process, and the converter is told its folder."""
        environment.put_back()
        late = environment.late_variables(plan.values())
        environment.apply({name: value for name, value in plan.values().items() if name not in late})
        if late:
            self._logger.warning(
                "huggingface_hub was imported before %s could be set; its downloads in this process do not obey", late
            )

    def _wanted(self, target: ResolvedTarget, kept_for: AskedOf | None) -> Wanted:
        if kept_for is None:
            return collect_wanted(target)
        wanted = collect_wanted(target, kept_for)
        if wanted.missing:
            raise RunbookError(
                "The installed docling cannot do what this service wants.",
                why=str(wanted.missing[0]),
                remedy=f"Install {wanted.missing[0].install or 'what it names'}, or leave it out of the pipeline.",
            )
        with suppress(OSError):  # a folder that came ready-made and read-only
            remember_wanted(target.artifacts_dir, kept_for, wanted)
        return wanted

    def _download(
        self, target: ResolvedTarget, wanted: Wanted, environment_plan: EnvironmentPlan, started: float
    ) -> DownloadFacts | None:
        """Download under the lock of the cache; None when the process that was waited for has done it."""
        deadline = started + self._limit_s
        with (
            sole_download(target, deadline, self._logger.info),
            hub_access(target, environment_plan) as hub,
        ):
            if is_all_placed(target, wanted):
                return None
            plan = plan_wanted(hub, wanted)
            missing = [planned for planned in plan.models if planned.missing]
            if missing and self._settings.offline:
                raise HubError(
                    f"{missing[0].model} is not complete in {target.cache_dir}, and this service is to stay offline.",
                    why=f"{len(missing[0].missing)} files are missing, the first is {missing[0].missing[0]}.",
                    remedy="Start it once with a network, or copy a complete cache or artifacts folder here.",
                )
            for planned in missing:
                self._logger.info("downloading %s, %s", planned.model, format_bytes(planned.fetch_bytes))
            facts, changes = fetch_and_place(hub, plan, deadline)
            _require(facts, changes)
            return facts


def _require(facts: DownloadFacts, changes: tuple[Change, ...]) -> None:
    """Raise `StageFailed` as stage download would."""
    record = StageRecord[DownloadFacts](
        stage="download",
        started_at=datetime.now(UTC),
        elapsed_s=0.0,
        facts=facts,
        checks=judge_download(facts),
        changes=changes,
    )
    record.require()

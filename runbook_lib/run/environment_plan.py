"""The planned environment: what is set before huggingface_hub and docling are imported, with a reason for each."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from packaging.version import Version

from runbook_lib.cache.link_mode import LinkMode, choose_links
from runbook_lib.core.value import MaskedAddress, Value
from runbook_lib.quirks import xet_telemetry
from runbook_lib.quirks.hub_versions import has_race, obeys_variable, remedy_for
from runbook_lib.render.env_files import Offer, to_dotenv, to_powershell, to_shell
from runbook_lib.render.sections import Section, Table
from runbook_lib.run.interpreter import packages_of
from runbook_lib.run.record import Facts
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import Target
from runbook_lib.system import variables as environment
from runbook_lib.system.filesystem import FolderFacts, LinkProbe, examine_folder
from runbook_lib.system.variables import is_true

_PATIENT_TIMEOUT_S: Final = "30"


class PlannedVariable(Value):
    """A variable the plan sets, with its reason."""

    name: str
    before: MaskedAddress
    """Empty when it was not set."""
    value: str
    reason: str
    in_files: bool = True
    """False for what lives only as long as this run, such as the address of the practice hub."""


class EnvironmentPlan(Facts):
    """What is set before huggingface_hub and docling are imported, and how files share content."""

    practice: bool = False
    """Whether the variables lead to practice models."""
    links: str
    links_reason: str
    hub_version: str
    remedy: str
    """What keeps the symlink race of quirk-001 away with this version."""
    variables: tuple[PlannedVariable, ...]
    offered: tuple[PlannedVariable, ...] = ()
    """What a service may set if it likes, for nothing here depends on it: comments in the files."""

    def values(self) -> dict[str, str]:
        """Return the variables as an environment overlay."""
        return {variable.name: variable.value for variable in self.variables}

    def lasting(self) -> dict[str, str]:
        """Return the variables that are written to files."""
        return {variable.name: variable.value for variable in self.variables if variable.in_files}

    def sections(self) -> Sequence[Section]:
        """Return one table: variable, before, after, reason."""
        rows = tuple(
            (variable.name, variable.before or "(not set)", variable.value, variable.reason)
            for variable in self.variables
        )
        choice = (("links", self.links, self.links_reason), ("symlink race", self.hub_version, self.remedy))
        return (
            Table("Variables", ("variable", "before", "after", "reason"), rows, empty="nothing has to be set"),
            Table("Decisions", ("question", "answer", "reason"), choice),
            *self._offers(),
        )

    def _offers(self) -> Iterator[Section]:
        if self.offered:
            rows = tuple((offer.name, offer.value, offer.reason) for offer in self.offered)
            yield Table("Offered in the files, as comments", ("variable", "value", "why"), rows)


def env_files(plan: EnvironmentPlan) -> dict[str, str]:
    """Return the files, by name, that a service's start can read; what lives only as long as a run is not in them."""
    writers = {"env.sh": to_shell, "env.ps1": to_powershell, ".env": to_dotenv}
    offers = tuple(Offer(offer.name, offer.value, offer.reason) for offer in plan.offered)
    return {name: write(plan.lasting(), practice=plan.practice, offers=offers) for name, write in writers.items()}


def plan_from_scratch(target: Target) -> EnvironmentPlan:
    """Plan from a look at the cache folder and the interpreter's packages; sets nothing."""
    cache, packages = examine_folder("cache", target.cache_dir), packages_of(target.settings)
    hub, xet = packages.version("huggingface_hub"), packages.version("hf_xet")
    return plan_variables(target, cache, hub, environment.as_found(), xet_version=xet)


def plan_variables(
    target: Target,
    cache: FolderFacts,
    hub_version: Version | None,
    environ: Mapping[str, str],
    *,
    xet_version: Version | None = None,
) -> EnvironmentPlan:
    """Return the plan: a variable is in it only when it has an effect and a reason."""
    choice = choose_links(target.settings.links, cache)
    wanted: list[tuple[str, str, str]] = [
        *_places(target),
        *_endpoint(target),
        *_symlink_switch(choice.mode, cache.symlink, hub_version),
        *_timeouts(target, environ),
        *_offline(target.settings),
        *_windows_text(),
    ]
    return EnvironmentPlan(
        practice=target.practice,
        links=choice.mode.value,
        links_reason=choice.reason,
        hub_version=f"huggingface_hub {hub_version or 'missing'}",
        remedy="symlinks work here, so that the race cannot happen" if cache.symlink.works else remedy_for(hub_version),
        variables=tuple(
            PlannedVariable(name=name, before=environment.masked(name, environ.get(name, "")), value=value, reason=why)
            for name, value, why in wanted
        )
        + _session_only(target, environ),
        offered=tuple(_offered(xet_version, {**environ, **{name: value for name, value, _why in wanted}}, target)),
    )


def _places(target: Target) -> Iterator[tuple[str, str, str]]:
    own = bool(target.settings.cache_dir) or target.practice or bool(target.settings.drill)
    reason = "the cache this run was told to use" if own else "what huggingface_hub uses anyway, said aloud"
    yield "HF_HUB_CACHE", str(target.cache_dir), reason
    if own:
        yield "HF_XET_CACHE", str(target.cache_dir.parent / "xet"), "moving only the cache would leave the data of Xet"
    yield "DOCLING_ARTIFACTS_PATH", str(target.artifacts_dir), "docling loads models from here and downloads nothing"


def _endpoint(target: Target) -> Iterator[tuple[str, str, str]]:
    if target.settings.hub and not target.practice:
        yield "HF_ENDPOINT", target.settings.hub, "the mirror this run was told to use"
        yield "HF_HUB_DISABLE_XET", "1", "Xet asks other hosts than the mirror"


def _symlink_switch(mode: LinkMode, symlink: LinkProbe, version: Version | None) -> Iterator[tuple[str, str, str]]:
    if mode is LinkMode.SYMLINK or not obeys_variable(version):
        return
    if symlink.works:
        yield "HF_HUB_DISABLE_SYMLINKS", "1", f"links = {mode.value} although symlinks work here"
    elif symlink.deceives:
        yield "HF_HUB_DISABLE_SYMLINKS", "1", "huggingface_hub reads no link back and would take these for real"
    elif has_race(version):
        yield "HF_HUB_DISABLE_SYMLINKS", "1", f"closes the symlink race of huggingface_hub {version}"


def _timeouts(target: Target, environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"):
        given = environ.get(name, "")
        if given and not given.isdigit():
            yield name, _PATIENT_TIMEOUT_S, f"{given!r} is not a whole number and breaks the import"
        elif not given and not target.practice:
            yield name, _PATIENT_TIMEOUT_S, "the default of 10 s is short behind a scanning proxy"


def _offline(settings: Settings) -> Iterator[tuple[str, str, str]]:
    if settings.offline:
        yield "HF_HUB_OFFLINE", "1", "this run was told to touch no network"


def _offered(xet: Version | None, environ: Mapping[str, str], target: Target) -> Iterator[PlannedVariable]:
    """Yield what stops hf-xet's telemetry, where hf-xet is used and sends it."""
    is_used = not target.practice and not is_true(environ.get("HF_HUB_DISABLE_XET", ""))
    if xet and is_used and xet_telemetry.is_sent(xet, environ):
        before = environ.get(xet_telemetry.OWN_SWITCH, "")
        why = f"{xet_telemetry.told(xet)}; this stops it"
        yield PlannedVariable(name=xet_telemetry.OWN_SWITCH, before=before, value="0", reason=why)


def _windows_text() -> Iterator[tuple[str, str, str]]:
    if os.name == "nt":
        yield "PYTHONUTF8", "1", "a redirected stdout is cp1252 otherwise and dies of the first foreign letter"


def _session_only(target: Target, environ: Mapping[str, str]) -> tuple[PlannedVariable, ...]:
    if not (target.practice and target.settings.hub):  # HF_ENDPOINT of the machine stands as it is
        return ()
    reason = "the practice hub, which lives as long as this process; not written to the files"
    before = environ.get("HF_ENDPOINT", "")
    return (PlannedVariable(name="HF_ENDPOINT", before=before, value=target.endpoint, reason=reason, in_files=False),)

"""A probe: one question about the machine that foresees one quirk, under a time limit of its own."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.run.check import Check, Status
from runbook_lib.run.settings import Settings
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.system.packages import SitePackages
from runbook_lib.system.time_limit import within

CONFIGURE: Final = "notebooks/02_configure_env.ipynb"
DOWNLOAD: Final = "notebooks/03_download.ipynb"
VERIFY: Final = "notebooks/04_verify.ipynb"

WINDOWS: Final = ("Windows",)
LINUX: Final = ("Linux",)


@dataclass(frozen=True)
class ProbeContext:
    """What is under examination: places, variables and packages, known before any probe runs."""

    settings: Settings
    endpoint: str
    cache_dir: Path
    artifacts_dir: Path
    packages: SitePackages
    """Of the interpreter under examination."""
    models: tuple[ModelRef, ...] = ()
    """The models that are needed; empty when that is not known."""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    system: str = field(default_factory=platform.system)


class NotReached(Exception):
    """A host does not answer, so that the question stays open; check hub-reachable says why."""


@dataclass(frozen=True)
class Verdict:
    """The answer of a probe."""

    status: Status
    evidence: str
    remedy: str = ""
    mended_by: str = ""
    quirk: str = ""
    """The quirk in question where it is not the probe's own."""

    def as_check(self, check_id: str, title: str, quirk: str) -> Check:
        """Return the answer as a check; the quirk is named only when somebody should act."""
        needs_hand = self.status in (Status.WARN, Status.FAIL)
        return Check(
            id=check_id,
            title=title,
            status=self.status,
            evidence=self.evidence,
            remedy=self.remedy,
            quirk=(self.quirk or quirk) if needs_hand else "",
            mended_by=self.mended_by,
        )


def ok(evidence: str) -> Verdict:
    """Return the answer that nothing is to be done."""
    return Verdict(Status.OK, evidence)


def skip(evidence: str) -> Verdict:
    """Return the answer that the question does not arise here."""
    return Verdict(Status.SKIP, evidence)


def warn(evidence: str, remedy: str, *, mended_by: str = "", quirk: str = "") -> Verdict:
    """Return the answer that somebody should act."""
    return Verdict(Status.WARN, evidence, remedy, mended_by, quirk)


def fail(evidence: str, remedy: str, *, mended_by: str = "", quirk: str = "") -> Verdict:
    """Return the answer that nothing will work before somebody acts."""
    return Verdict(Status.FAIL, evidence, remedy, mended_by, quirk)


@dataclass(frozen=True)
class Probe:
    """One question, what asks it, and the quirk that a bad answer foresees."""

    id: str
    """Id of the check it becomes."""
    title: str
    """What is so when all is well."""
    quirk: str
    run: Callable[[ProbeContext], Verdict]
    """Looks and judges; must not write outside probe files that it removes again."""
    limit_s: float = 4.0
    """Ignored for a probe that needs the network: `probe_limit_s` holds there."""
    needs_network: bool = False
    systems: tuple[str, ...] = ()
    """The systems, as `platform.system` names them, where the quirk exists; empty for all."""

    def applies_to(self, system: str) -> bool:
        """Whether the quirk exists on this system."""
        return not self.systems or system in self.systems

    def check(self, context: ProbeContext) -> Check:
        """Ask, under the limit; a probe that hangs or raises becomes a `warn`, never an error."""
        return self._verdict(context).as_check(self.id, self.title, self.quirk)

    def _verdict(self, context: ProbeContext) -> Verdict:
        if not self.applies_to(context.system):
            return skip(f"does not occur on {context.system}")
        if self.needs_network and context.settings.offline:
            return skip("offline mode: not asked")
        limit_s = context.settings.probe_limit_s if self.needs_network else self.limit_s
        try:
            return within(limit_s, self.id, lambda: self.run(context))
        except DeadlineExceeded:
            return warn(
                f"no answer within {limit_s:g} s",
                "What it asks for hangs, usually a network drive or a proxy; see whether that answers at all.",
            )
        except NotReached as error:
            return skip(f"not reached, see check hub-reachable: {error}")
        except Exception as error:  # noqa: BLE001 - whatever a machine does to a probe is evidence, not an end
            seen = describe_os_error(error) if isinstance(error, OSError) else str(error)
            return warn(
                f"the probe could not end: {type(error).__name__}: {seen}",
                "The question stays open; the rest of the report holds.",
            )


def run_probes(context: ProbeContext, probes: Sequence[Probe]) -> tuple[Check, ...]:
    """Ask all of them at once, and return the checks in the order of the probes."""
    if not probes:
        return ()
    with ThreadPoolExecutor(max_workers=len(probes), thread_name_prefix="probe") as pool:
        return tuple(pool.map(lambda probe: probe.check(context), probes))

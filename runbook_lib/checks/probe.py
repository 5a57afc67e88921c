"""A probe: one question about the machine that foresees one quirk, under a time limit of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from runbook_lib.checks.context import ProbeContext
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.run.check import Check, Verdict, skip, warn
from runbook_lib.system.filesystem import describe_os_error
from runbook_lib.system.time_limit import within

WINDOWS: Final = ("Windows",)
LINUX: Final = ("Linux",)


class NotReached(Exception):
    """A host does not answer, so that the question stays open; check hub-reachable says why."""


@dataclass(frozen=True)
class Probe:
    """One question, what asks it, and the quirk that a bad answer foresees."""

    id: str
    """Id of the check it becomes."""
    title: str
    """What is so when all is well."""
    quirk: str
    """Empty for what no entry of the catalogue explains."""
    run: Callable[[ProbeContext], Verdict]
    """Looks and judges; must not write outside probe files that it removes again."""
    limit_s: float = 4.0
    """Ignored for a probe that needs the network: `probe_limit_s` holds there."""
    needs_network: bool = False
    limits_itself: bool = False
    """Whether each of its steps has a limit already."""
    systems: tuple[str, ...] = ()
    """The systems, as `platform.system` names them, where the quirk exists; empty for all."""

    def applies_to(self, system: str) -> bool:
        """Whether the quirk exists on this system."""
        return not self.systems or system in self.systems

    def check(self, context: ProbeContext) -> Check:
        """Ask, under the limit; a probe that hangs or raises becomes a `warn`, never an error."""
        return Check.answered(self.id, self.title, self._verdict(context), quirk=self.quirk)

    def _verdict(self, context: ProbeContext) -> Verdict:
        if not self.applies_to(context.system):
            return skip(f"does not occur on {context.system}")
        if self.needs_network and context.settings.offline:
            return skip("offline mode: not asked")
        limit_s = context.settings.probe_limit_s if self.needs_network else self.limit_s
        try:
            return self.run(context) if self.limits_itself else within(limit_s, self.id, lambda: self.run(context))
        except DeadlineExceeded as error:
            return warn(
                f"no answer within {error.limit_s:g} s",
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

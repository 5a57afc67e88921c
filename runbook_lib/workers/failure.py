"""How a worker can fail."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from runbook_lib.core.masking import mask_secrets
from runbook_lib.core.value import Value
from runbook_lib.errors import RunbookError


class Cause(Value):
    """One exception of a chain, as the worker saw it."""

    type: str
    message: Annotated[str, AfterValidator(mask_secrets)]
    """Free of secrets: a proxy's URL or a request's headers stand in some messages."""
    errno: int | None = None
    winerror: int | None = None


class WorkerFailed(RunbookError):
    """A worker raised, or died.

    Args:
        verb: What the worker was to do.
        chain: The exception and its causes, outermost first; empty when it died without a word.
        log: The last lines it wrote to stderr.
        traceback: The exception as Python prints it.
        versions: The packages of its interpreter that known failures depend on.
        passing: What makes another try worth while, as `scripts/transient.py` tells; empty when nothing does.
        asked_pause_s: How long the server asked to wait before that.
    """

    id = "worker"

    def __init__(
        self,
        verb: str,
        chain: tuple[Cause, ...],
        log: str,
        *,
        traceback: str = "",
        versions: Mapping[str, str] | None = None,
        passing: str = "",
        asked_pause_s: float = 0.0,
    ) -> None:
        self.verb = verb
        self.chain = chain
        self.log = log
        self.traceback = traceback
        self.versions = dict(versions or {})
        self.passing = passing
        self.asked_pause_s = asked_pause_s
        last = chain[-1] if chain else Cause(type="", message="")
        super().__init__(f"Worker {verb} failed: {last.type or 'it died'}.", why=last.message or log[-500:])

    @property
    def innermost(self) -> Cause | None:
        """The cause everything else follows from; None when the worker died without a word."""
        return self.chain[-1] if self.chain else None


class Cancelled(RunbookError):
    """The caller asked a worker to stop."""

    id = "cancelled"

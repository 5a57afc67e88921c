"""What a run says to others when it ended: notices, metrics, a trace. None of it changes how it ended."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

from runbook_lib.cache.locks import Say
from runbook_lib.errors import DiskError, ExitCode, RunbookError
from runbook_lib.headless.metrics import write_metrics
from runbook_lib.headless.notice import Notice, When, send
from runbook_lib.headless.notice_shapes import Message
from runbook_lib.headless.summary import RunSummary
from runbook_lib.headless.traces import Ended, send_trace
from runbook_lib.headless.twin import plain_text
from runbook_lib.history.changes import is_news
from runbook_lib.history.compare import last_good_before
from runbook_lib.history.digest import digest
from runbook_lib.history.index import read_history
from runbook_lib.run.check import Status


@dataclass
class Telling:
    """Whom and what to tell; `ended` does it, once."""

    notices: Sequence[Notice]
    metrics: Path | None
    say: Say
    traces: bool = False
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC), init=False)
    told: bool = field(default=False, init=False)

    def ended(self, summary: RunSummary, exit_code: int) -> None:
        """Tell of a run that came to its summary."""
        self.told = True
        entry = digest(summary.folder)
        if entry is None:
            return
        entries = read_history(summary.folder.parent).entries
        if self.metrics:
            try:
                write_metrics(self.metrics, entry, last_good_before(entries, entry), exit_code)
            except DiskError as error:
                self.say(f"warning: {error.what}")
        if self.traces and (problem := send_trace(Ended(self.began_at, exit_code, summary))):
            self.say(f"warning: the trace was not sent: {problem}")
        changed = summary.changed.lines() if summary.changed else ()
        message = Message(
            run=entry.id,
            host=entry.host,
            folder=entry.folder,
            status=summary.status.value,
            exit_code=exit_code,
            verdict=summary.verdict(),
            text=plain_text(summary),
            changed=changed,
        )
        self._send(message, news=is_news(entries, entry))

    def gave_way(self, what: str) -> None:
        """Tell of a run that did not begin because another one was at work: no failure, and no news."""
        self._send(Message("", gethostname(), "", Status.SKIP.value, ExitCode.OK, what, what), news=False)

    def broke_off(self, error: BaseException) -> None:
        """Tell of a run that could not even begin, or came to no summary."""
        if self.told:
            return
        code = int(error.exit_code) if isinstance(error, RunbookError) else 1
        what = error.what if isinstance(error, RunbookError) else f"the runbook itself failed: {type(error).__name__}"
        text = str(error) if isinstance(error, RunbookError) else what
        self._send(Message("", gethostname(), "", "fail", code, what, text), news=True)

    def _send(self, message: Message, *, news: bool) -> None:
        due = {When.ALWAYS: True, When.FAILURE: message.exit_code != 0, When.CHANGE: news}
        for notice in self.notices:
            problem = send(notice, message) if due[notice.when] else ""
            if problem:
                self.say(f"warning: {notice.name} could not be told: {problem}")


@contextmanager
def telling(notices: Sequence[Notice], metrics: Path | None, say: Say, *, traces: bool = False) -> Iterator[Telling]:
    """Provide it for a run; an error that ends the run is told, and goes on its way."""
    told = Telling(notices, metrics, say, traces)
    try:
        yield told
    except Exception as error:
        told.broke_off(error)
        raise

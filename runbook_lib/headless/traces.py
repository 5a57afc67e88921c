"""A run as an OpenTelemetry trace, sent over OTLP/HTTP when it ended: the records say how, and no notebook does.

Where to is said by the standard variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `..._HEADERS`, `..._CERTIFICATE`), which
the exporter of the `otel` extra reads itself.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import runbook_lib
from runbook_lib.core.extras import require_extra
from runbook_lib.core.masking import mask_known, mask_url_credentials
from runbook_lib.errors import UsageError
from runbook_lib.headless.summary import RunSummary, StageOutcome
from runbook_lib.run.check import Status
from runbook_lib.run.folder import Run
from runbook_lib.run.record import RawFacts, StageRecord

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.trace.status import Status as SpanStatus

EXPORT_LIMIT_S: Final = 15.0
"""For all of it; the exporter's own limit, `OTEL_EXPORTER_OTLP_TIMEOUT`, is 10 s unless it is set."""
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
_SCOPE: Final = "docling_runbook"
_TROUBLED: Final = (Status.WARN, Status.FAIL)


def require_traces(environ: Mapping[str, str]) -> None:
    """Raise `UsageError` when a trace could not be sent: no package, no address, or another protocol than ours."""
    require_extra("otel", "opentelemetry.exporter.otlp.proto.http", purpose="--traces")
    if not any(environ.get(name) for name in _ENDPOINTS):
        raise UsageError(
            "--traces has nowhere to send to.",
            why=f"Neither {_ENDPOINTS[0]} nor {_ENDPOINTS[1]} is set.",
            remedy="Such as OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318.",
        )
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _PROTOCOL)
    if protocol != _PROTOCOL:
        raise UsageError(
            f"--traces cannot speak {protocol!r}.",
            why=f"It sends {_PROTOCOL}, the default of OTLP.",
            remedy=f"Set {_PROTOCOLS[0]}={_PROTOCOL} for this command, and the address that belongs to it (port 4318).",
        )


@dataclass(frozen=True)
class Ended:
    """What is told of a run."""

    began_at: datetime
    """When the command began, which for a run that is resumed is later than the run did."""
    exit_code: int
    summary: RunSummary


def send_trace(ended: Ended, limit_s: float = EXPORT_LIMIT_S) -> str:
    """Send the run as a root span and a span for each stage that ran; returns what went wrong, empty when it arrived.

    Takes no longer than the limit, whatever the receiver does, and raises nothing.
    """
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(_sent(ended)), daemon=True, name="traces")
    thread.start()
    thread.join(limit_s)
    return said[0] if said else f"no answer within {limit_s:g} s"


def _sent(ended: Ended) -> str:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult

        spans = _spans(ended)
        with _heard() as heard:
            result = OTLPSpanExporter().export(spans) if spans else SpanExportResult.SUCCESS
        if result is SpanExportResult.SUCCESS:
            return ""
        return heard[0] if heard else "the receiver did not take it"
    except Exception as error:  # noqa: BLE001 - no run fails of its trace
        return _masked(f"{type(error).__name__}: {error}")


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Keep what the exporter logs, which is all that it says of a failure, and keep it off the terminal."""
    heard: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: heard.append(_masked(record.getMessage()))  # type: ignore[method-assign]
    logger = logging.getLogger("opentelemetry")
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _spans(ended: Ended) -> "Sequence[ReadableSpan]":
    """Return the spans; none when `OTEL_SDK_DISABLED` says so."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    kept = InMemorySpanExporter()
    ours = Resource({"service.name": "docling-runbook", "service.version": runbook_lib.__version__})
    given = OTELResourceDetector().detect()  # OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES: nothing of this machine
    provider = TracerProvider(resource=ours.merge(given), sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    _trace(provider.get_tracer(_SCOPE, runbook_lib.__version__), ended)
    return kept.get_finished_spans()


def _trace(tracer: "Tracer", ended: Ended) -> None:
    """Make the root span and within it those of the stages, at the times that the records tell."""
    from opentelemetry.context import Context
    from opentelemetry.trace import set_span_in_context

    summary, run = ended.summary, Run(ended.summary.folder)
    root = tracer.start_span("runbook run", context=Context(), start_time=_ns(ended.began_at))
    root.set_attributes(
        {
            f"{_SCOPE}.run": summary.folder.name,
            f"{_SCOPE}.status": summary.status.value,
            f"{_SCOPE}.exit_code": ended.exit_code,
            f"{_SCOPE}.practice": summary.practice,
            f"{_SCOPE}.proved": summary.proved,
        }
    )
    within, before = set_span_in_context(root, Context()), ended.began_at
    for outcome in summary.ran:
        if outcome.status is Status.SKIP and not outcome.elapsed_s:
            continue
        record = run.read(outcome.stage, RawFacts) if run.has(outcome.stage) else None
        began_at = record.started_at if record else before
        before = began_at + timedelta(seconds=outcome.elapsed_s)
        span = tracer.start_span(f"stage {outcome.stage}", context=within, start_time=_ns(began_at))
        _tell(span, outcome, record, _ns(before))
    root.set_status(_status(summary.verdict(), failed=ended.exit_code != 0))
    root.end(_ns(datetime.now(UTC)))


def _tell(span: "Span", outcome: StageOutcome, record: StageRecord[RawFacts] | None, end_ns: int) -> None:
    """Say how a stage ended, and what needs a hand as events."""
    span.set_attributes({f"{_SCOPE}.stage": outcome.stage, f"{_SCOPE}.status": outcome.status.value})
    for check in record.checks if record else ():
        if check.status in _TROUBLED:
            words = {"id": check.id, "status": check.status.value, "title": check.title, "evidence": check.evidence}
            span.add_event("check", {f"check.{name}": _masked(text) for name, text in words.items()}, end_ns)
    if outcome.problem:
        span.add_event("problem", {"problem.text": _masked(outcome.problem)}, end_ns)
    span.set_status(_status(outcome.said, failed=outcome.status is Status.FAIL))
    span.end(end_ns)


def _status(words: str, *, failed: bool) -> "SpanStatus":
    from opentelemetry.trace import StatusCode
    from opentelemetry.trace.status import Status as SpanStatus

    return SpanStatus(StatusCode.ERROR, _masked(words)) if failed else SpanStatus(StatusCode.OK)


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000


def _masked(text: str) -> str:
    """Take out secrets, and the user's name where it stands in a path."""
    return mask_known(mask_url_credentials(text)).replace(str(Path("~").expanduser()), "~")

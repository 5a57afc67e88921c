"""Options by which `runbook run` tells others how it ended."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from runbook_lib.cli.lazy import CommandT
from runbook_lib.core.log import events_to_stderr

if TYPE_CHECKING:
    from runbook_lib.headless.telling import Telling


class TellingOptions(TypedDict):
    """The values of the options, as click hands them on."""

    on_failure: Sequence[str]
    on_change: Sequence[str]
    always: Sequence[str]
    metrics: Path | None
    events: bool
    traces: bool


_WHOM = "COMMAND, URL or env:NAME; repeatable"


def telling_options(command: CommandT) -> CommandT:
    """Add `--on-failure`, `--on-change`, `--always`, `--metrics`, `--traces` and `--events`."""
    options = (
        click.option(
            "--on-failure", multiple=True, metavar="WHOM", help=f"Notify when the exit code is not 0: {_WHOM}."
        ),
        click.option(
            "--on-change",
            multiple=True,
            metavar="WHOM",
            help="Notify when the outcome differs from the previous run's.",
        ),
        click.option("--always", multiple=True, metavar="WHOM", help="Notify after every run."),
        click.option(
            "--metrics",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE.prom",
            help="Write a text file for Prometheus' node_exporter.",
        ),
    )
    traces = click.option(
        "--traces",
        is_flag=True,
        help="Send the run as OpenTelemetry spans to OTEL_EXPORTER_OTLP_ENDPOINT; needs the extra otel.",
    )
    events = click.option("--events", is_flag=True, help="Write events to stderr, one line of JSON each.")
    for option in reversed((*options, traces, events)):
        command = option(command)
    return command


def telling_of(say: Callable[[str], None], options: TellingOptions) -> "AbstractContextManager[Telling]":
    """Read the options, before anything begins; raises `UsageError`."""
    from runbook_lib.headless.metrics import require_metrics_file
    from runbook_lib.headless.notice import When, parse_notice
    from runbook_lib.headless.telling import telling
    from runbook_lib.headless.traces import require_traces

    if options["events"]:
        events_to_stderr()
    metrics = options["metrics"]
    given = {When.FAILURE: options["on_failure"], When.CHANGE: options["on_change"], When.ALWAYS: options["always"]}
    notices = [parse_notice(when, text, os.environ) for when, texts in given.items() for text in texts]
    if metrics:
        require_metrics_file(metrics)
    if options["traces"]:
        require_traces(os.environ)
    return telling(notices, metrics.absolute() if metrics else None, say, traces=options["traces"])

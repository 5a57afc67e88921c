"""The log of a command or a run: standard `logging` under the name `runbook_lib`, with secrets starred out.

Modules log with `logging.getLogger(__name__)`. Nothing is written until somebody asks: `-v` sends the log to stderr,
a run keeps it in `run.log`, a service gives `DoclingModelManager` its own logger.
"""

import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.core.masking import mask_secrets, mask_url_credentials

ROOT = "runbook_lib"
LOG_NAME = "run.log"
_EVENT = "event"
"""Attribute of a record that is an event: a mapping of what JSON can hold."""
_FORMAT = "%(asctime)s %(levelname)-7s [%(process)d] %(name)s: %(message)s"

logging.getLogger(ROOT).addHandler(logging.NullHandler())


class MaskingFormatter(logging.Formatter):
    """Formats a record, its traceback included, and stars out tokens, passwords and credentials in URLs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line or lines of a record."""
        return mask_url_credentials(mask_secrets(super().format(record)))


def log_to_stderr(verbosity: int) -> None:
    """Send the log to stderr: 1 what is done, 2 every detail. A later call sets the level anew."""
    _add(_StderrHandler(), "stderr", logging.DEBUG if verbosity > 1 else logging.INFO)


class EventFormatter(logging.Formatter):
    """Formats a record that carries an event as one line of JSON, free of secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        event = getattr(record, _EVENT)
        return mask_url_credentials(mask_secrets(json.dumps({"time": time, **event})))


def events_to_stderr() -> None:
    """Send the events of a run to stderr, a line each; other records are passed over."""
    handler = _StderrHandler()
    handler.addFilter(lambda record: hasattr(record, _EVENT))
    _add(handler, "events", logging.INFO)
    handler.setFormatter(EventFormatter())


def log_to_folder(folder: Path) -> None:
    """Append everything to `run.log` in the folder of the run that is open now.

    A folder that cannot be written has no log, and no error for that.
    """
    try:
        handler = _FileHandler(folder / LOG_NAME, encoding="utf-8", errors="backslashreplace", delay=True)
    except OSError:
        return
    _add(handler, "run", logging.DEBUG)


def end_logs() -> None:
    """Close what the functions above opened."""
    logger = logging.getLogger(ROOT)
    for handler in [handler for handler in logger.handlers if handler.get_name()]:
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(logging.NOTSET)


class _FileHandler(logging.FileHandler):
    """Writes what the disk takes."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing: a full disk is the error of what matters more than a log."""

    def close(self) -> None:
        """Close the file, whatever it could not take any more."""
        with suppress(OSError):
            super().close()


class _StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic in typeshed alone
    """Writes to what sys.stderr is at that moment: captured streams come and go."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> object:
        return sys.stderr


def _add(handler: logging.Handler, name: str, level: int) -> None:
    logger = logging.getLogger(ROOT)
    for old in [old for old in logger.handlers if old.get_name() == name]:
        logger.removeHandler(old)
        old.close()
    handler.set_name(name)
    handler.setLevel(level)
    handler.setFormatter(MaskingFormatter(_FORMAT))
    logger.addHandler(handler)
    logger.setLevel(min(one.level for one in logger.handlers if one.get_name()))

"""What a log wears on its way into a report: prefixes, strings of JSON and Python, escapes, boxes, wrapped lines."""

import html
import io
import json
import logging
import textwrap
from collections.abc import Callable

from rich.console import Console
from rich.logging import RichHandler
from rich.panel import Panel
from rich.text import Text

Dress = Callable[[str], str | bytes]

_RED, _BOLD, _OFF = "\x1b[31m", "\x1b[1m", "\x1b[0m"


def _each(prefix: str) -> Dress:
    """Put a prefix before each line; `{n}` is a running number of three digits."""
    return lambda text: "".join(f"{prefix.format(n=n % 1000)}{line}\n" for n, line in enumerate(text.splitlines()))


def _json_lines(text: str) -> str:
    return "".join(json.dumps({"ts": "2026-03-01T08:00:00Z", "msg": line}) + "\n" for line in text.splitlines())


def _exc_info(text: str) -> str:
    return (
        json.dumps({"ts": 1772352000.1, "level": "error", "logger": "app", "msg": "startup failed", "exc_info": text})
        + "\n"
    )


def _json_ascii_html(text: str) -> str:
    """As Go's encoder writes it, with < > & escaped."""
    escaped = json.dumps({"level": "error", "error": text}, ensure_ascii=True)
    return escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


def _nested_json(text: str) -> str:
    inner = json.dumps({"message": "job failed", "exception": text}, ensure_ascii=False)
    return json.dumps({"log": inner + "\n", "stream": "stderr", "time": "2026-03-01T08:00:00.1Z"}) + "\n"


def _docker_json_file(text: str) -> str:
    return "".join(
        json.dumps({"log": line + "\n", "stream": "stderr", "time": "2026-03-01T08:00:00.123456789Z"}) + "\n"
        for line in text.splitlines()
    )


def _notebook(text: str) -> str:
    lines = text.splitlines(keepends=True)
    output = {"name": "stderr", "output_type": "stream", "text": lines}
    return json.dumps({"cells": [{"cell_type": "code", "outputs": [output], "source": []}], "nbformat": 4}, indent=1)


def _notebook_error(text: str) -> str:
    lines = [f"{_RED}{line}{_OFF}" for line in text.splitlines()]
    output = {"ename": "Error", "evalue": "", "output_type": "error", "traceback": lines}
    return json.dumps({"cells": [{"cell_type": "code", "outputs": [output]}]}, indent=1)


def _hard(columns: int) -> Dress:
    def wrap(text: str) -> str:
        pieces = (line[at : at + columns] for line in text.splitlines() for at in range(0, max(1, len(line)), columns))
        return "".join(f"{piece}\n" for piece in pieces)

    return wrap


def _soft(columns: int) -> Dress:
    def wrap(text: str) -> str:
        wrapper = textwrap.TextWrapper(
            columns, break_on_hyphens=False, drop_whitespace=True, replace_whitespace=False, expand_tabs=False
        )
        return "".join(f"{piece}\n" for line in text.splitlines() for piece in (wrapper.wrap(line) or [""]))

    return wrap


def _console(columns: int) -> Console:
    return Console(file=io.StringIO(), width=columns, force_terminal=False, color_system=None, legacy_windows=False)


def _printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _rich_box(text: str) -> str:
    console = _console(80)
    console.print(Panel(Text(text.rstrip("\n"))))
    return _printed(console)


def _rich_log(text: str) -> str:
    """As RichHandler logs the whole text: in a column of 51 characters, the place in code at the right."""
    console = _console(80)
    handler = RichHandler(console=console, markup=False, highlighter=None)
    record = logging.LogRecord("app", logging.ERROR, "/srv/app/ml_model.py", 123, text.rstrip("\n"), None, None)
    handler.emit(record)
    return _printed(console)


def _rich_lines(text: str) -> str:
    """The same, a record for each line."""
    console = _console(80)
    handler = RichHandler(console=console, markup=False, highlighter=None)
    for line in text.splitlines():
        handler.emit(logging.LogRecord("app", logging.ERROR, "/srv/app/ml_model.py", 123, line, None, None))
    return _printed(console)


def _curly(text: str) -> str:
    quotes = {"'": "\u2018\u2019", '"': "\u201c\u201d"}
    opened = {"'": False, '"': False}
    out = []
    for character in text:
        if character in quotes:
            out.append(quotes[character][opened[character]])
            opened[character] = not opened[character]
        else:
            out.append(character)
    return "".join(out)


CLOTHES: dict[str, Dress] = {
    "plain": lambda text: text,
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-be": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-8-bom": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "ansi-lines": lambda text: "".join(f"{_BOLD}{_RED}{line}{_OFF}\n" for line in text.splitlines()),
    "ansi-words": lambda text: text.replace(": ", f"{_OFF}: {_RED}"),
    "docker": _each("2026-03-01T08:00:00.{n:03}456789Z "),
    "compose": _each("docling-serve-1  | "),
    "kubernetes": _each("2026-03-01T08:00:00.{n:03}456789Z stderr F "),
    "kubectl-prefix": _each("[pod/docling-7d9f/serve] "),
    "journald": _each("Mar 01 08:00:00 node-7 docling[4711]: "),
    "journald-iso": _each("2026-03-01T08:00:00+0100 node-7 docling-serve[4711]: "),
    "github": _each("2026-03-01T08:00:00.{n:03}4567Z "),
    "gh-run-view": _each("build\tRun tests\t2026-03-01T08:00:00.{n:03}4567Z "),
    "airflow": _each("[2026-03-01, 08:00:00 UTC] {{subprocess.py:93}} INFO - "),
    "azure": _each("2026-03-01T08:00:00.{n:03}4567Z ##[error]"),
    "gitlab": _each("2026-03-01T08:00:00.{n:03}456Z 01O "),
    "buildx": _each("#12 34.{n:03} "),
    "rank": _each("[rank0]: "),
    "pytest": _each("E   "),
    "quoted": _each("> "),
    "kaggle": _each("3.{n:03}s | 7 | "),
    "indented": _each("    "),
    "json-lines": _json_lines,
    "json-exc-info": _exc_info,
    "json-go": _json_ascii_html,
    "json-nested": _nested_json,
    "docker-json-file": _docker_json_file,
    "bytes-repr": lambda text: f"stderr: {text.encode()!r}\n",
    "string-repr": lambda text: f"RuntimeError: worker said {text!r}\n",
    "notebook": _notebook,
    "notebook-error": _notebook_error,
    "html": html.escape,
    "curly": _curly,
    "hard-80": _hard(80),
    "hard-120": _hard(120),
    "soft-80": _soft(80),
    "soft-120": _soft(120),
    "docker-hard-80": lambda text: _each("2026-03-01T08:00:00.{n:03}Z ")(str(_hard(80)(text))),
    "rich-box": _rich_box,
    "rich-log": _rich_log,
    "rich-lines": _rich_lines,
}
"""How each of them dresses a text."""

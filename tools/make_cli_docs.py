"""Writes docs/cli.md from the commands: `python tools/make_cli_docs.py [--check]`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from runbook_lib.cli import runbook  # noqa: E402
from runbook_lib.errors import ExitCode  # noqa: E402 - the package need not be installed

TARGET = ROOT / "docs" / "cli.md"
_WIDTH = 100
_HEAD = """# The command line

<!-- Written by tools/make_cli_docs.py from runbook_lib/cli; change it there. -->

`runbook COMMAND`; `python -m runbook_lib COMMAND` is the same where scripts are not allowed. Data goes to stdout,
progress and hints to stderr. Arguments arrive as typed, on Windows too: nothing expands `*`, `~` or `%NAME%`.

## Exit codes

| code | name | meaning |
|---|---|---|
"""
_MEANINGS = {
    ExitCode.OK: "It ended well; with `--strict`, without a warning.",
    ExitCode.FAILED: "A stage or check failed, `audit` found an error, or `diagnose` recognised nothing.",
    ExitCode.USAGE: "Wrong words or settings, or a run folder that cannot be read. Running it again changes nothing.",
    ExitCode.PARTIAL: "Some of what was asked is done, and some is not (`repair`, `dedupe`).",
    ExitCode.DRIFTED: "The machine is not what the lock file says, and nothing is damaged (`state`, `converge`).",
    ExitCode.BROKEN: "What the lock file names is damaged here, or there in part (`state`, `converge`).",
    ExitCode.UNKNOWN: "It cannot be told: a file may not be read, or was written to since it was placed (`state`).",
    ExitCode.INTERNAL: "A fault of the runbook itself.",
    ExitCode.DISK: "The file system refused: no space, no write access. It needs a person.",
    ExitCode.TRY_LATER: "The network, a rate limit, or a lock that another process holds: it may go through later.",
    ExitCode.HANGUP: "The terminal went away (SIGHUP).",
    ExitCode.INTERRUPTED: "Ctrl-C.",
    ExitCode.TERMINATED: "Asked to end (SIGTERM).",
}
_AFTER = """
The numbers from 64 on are those of BSD's sysexits.h, above 128 those of a shell for a signal.

## JSON

With `--json` stdout holds exactly one JSON document, whatever happens. A command that does not come to its end prints
this in place of its result; `id` is stable, `exit_code` is that of the process:

```json
{
  "schema_version": 1,
  "error": {
    "id": "settings",
    "what": "'hubb' is not a parameter of the runbook.",
    "why": "It was given as environment.",
    "remedy": "The nearest known parameter is 'hub'.",
    "exit_code": 2
  }
}
```

## Logs

`-v` sends the log to stderr, `-vv` with every detail; `RUNBOOK_DEBUG=1` does the same as `-vv` and shows whole traces
in notebooks. A run keeps its log in `run.log` in its folder. Tokens and passwords are starred out.

## Completion

```sh
eval "$(_RUNBOOK_COMPLETE=bash_source runbook)"    # bash; for zsh: zsh_source
_RUNBOOK_COMPLETE=fish_source runbook | source     # fish
```

It completes commands, options, stages, and the names of settings, drills, quirks, checks and rules.

## On a terminal

Results are laid out for the width of the terminal: a table that does not fit becomes a list, and a command to be copied
stays one line. What needs a hand comes first, `-v` shows the rest. There are no colours with `NO_COLOR`, on a dumb
terminal or in a pipe, which always gets the same plain text. What takes longer than two seconds says on stderr how far
it is: in a line that moves, without a terminal in one every half minute.

## As a command of hf

The package brings a script `hf-runbook`, which is what huggingface_hub's `hf extensions` looks for: once it is
installed as an extension named `runbook`, `hf runbook doctor` is `runbook doctor`.

## Commands
"""


def render() -> str:
    """Return the whole page."""
    missing = [code.name for code in ExitCode if code not in _MEANINGS]
    if missing:
        raise SystemExit(f"exit codes without a meaning: {', '.join(missing)}")
    rows = "".join(f"| {code.value} | `{code.name}` | {meaning} |\n" for code, meaning in _MEANINGS.items())
    return f"{_HEAD}{rows}{_AFTER}" + "\n".join(_commands()) + "\n"


def _commands() -> Iterator[str]:
    group = click.Context(runbook, info_name="runbook", terminal_width=_WIDTH, **runbook.context_settings)
    yield from ("", "```text", runbook.get_help(group), "```")
    for name in runbook.list_commands(group):
        command = runbook.get_command(group, name)
        if command is None:
            raise SystemExit(f"{name} is listed and cannot be had")
        yield from _page(command, name, group, "###")


def _page(command: click.Command, name: str, parent: click.Context, heading: str) -> Iterator[str]:
    """Yield the help of a command and, a heading deeper, of the commands in it."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=_WIDTH)
    yield from ("", f"{heading} {context.command_path}", "", "```text", command.get_help(context), "```")
    for below, inner in command.commands.items() if isinstance(command, click.Group) else ():
        yield from _page(inner, below, context, f"{heading}#")


def main(arguments: list[str]) -> int:
    """Write the page; with `--check` only say by the exit code whether it is current."""
    page = render()
    if "--check" in arguments:
        return 0 if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == page else 1
    TARGET.write_text(page, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

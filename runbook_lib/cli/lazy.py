"""A group of commands that are imported when they are called, so that `runbook doctor` starts quickly."""

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

import click

from runbook_lib.core.log import log_to_stderr
from runbook_lib.errors import DEBUG_VARIABLE

CommandT = TypeVar("CommandT", bound=Callable[..., object])


class LazyGroup(click.Group):
    """A click group that knows where its commands live, and gives each of them `-v`.

    Args:
        homes: Command name to `module:attribute`, and its summary for the list of commands.
    """

    def __init__(self, *arguments: Any, homes: Mapping[str, tuple[str, str]], **options: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*arguments, **options)
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, sorted."""
        return sorted(self._homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the command; None for a name that there is not, which click turns into a usage error."""
        if cmd_name not in self._homes:
            return None
        module, _, attribute = self._homes[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above names commands only
        if all(parameter.name != "verbosity" for parameter in command.params):
            verbose_option(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with the nearest name."""
        name = args[0]
        if name not in self._homes and not name.startswith("-"):
            nearest = difflib.get_close_matches(name, self._homes, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        found = super().resolve_command(ctx, args)
        _require_values(ctx, found[1], args)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        _ = ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_home, summary) in sorted(self._homes.items())])


def _require_values(ctx: click.Context, command: click.Command | None, words: Sequence[str]) -> None:
    """Raise a usage error where an option would take another one as its value.

    click lets `--runs --json` mean a folder named `--json`, which is then made, and prints no JSON.
    """
    while isinstance(command, click.Group) and (called := next((w for w in words if w in command.commands), "")):
        ctx = click.Context(command, info_name=command.name, parent=ctx)
        command, words = command.commands[called], words[words.index(called) :]
    if command is None:
        return
    ctx = click.Context(command, info_name=command.name, parent=ctx)
    options = [option for option in command.get_params(ctx) if isinstance(option, click.Option)]
    takes = {name: 0 if option.is_flag or option.count else option.nargs for option in options for name in option.opts}
    left = list(words[1 : words.index("--")] if "--" in words else words[1:])
    while left:
        name = left.pop(0)
        values, left = left[: takes.get(name, 0)], left[takes.get(name, 0) :]
        if taken := next((value for value in values if value in takes), None):
            raise click.BadOptionUsage(name, f"Option {name!r} lacks a value: {taken!r} is an option.", ctx)


def verbosity_of(ctx: click.Context) -> int:
    """Return how often -v was given to a command."""
    return int(ctx.meta.get(_VERBOSITY, 0))


_VERBOSITY = "runbook_lib.verbosity"


def verbose_option(command: CommandT) -> CommandT:
    """Add `-v` to a command; the group does it for its own commands, those of a group in it ask for it."""
    told = "Say more: the log on stderr; -vv with every detail."
    option = click.option(
        *("-v", "--verbose", "verbosity"), count=True, expose_value=False, is_eager=True, callback=_begin_log, help=told
    )
    return option(command)


def _begin_log(ctx: click.Context, _parameter: click.Parameter, given: int) -> None:
    ctx.meta[_VERBOSITY] = verbosity_of(ctx) + given  # before the command's name, and after it
    level = 2 if os.environ.get(DEBUG_VARIABLE) else verbosity_of(ctx)
    if level:
        log_to_stderr(level)

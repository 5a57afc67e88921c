"""Options that several commands share."""

import math
from collections.abc import Callable, Iterable, Sequence

import click
from click.shell_completion import CompletionItem

from runbook_lib.cli.lazy import CommandT
from runbook_lib.run.settings import PRACTICE, Settings


class NameType(click.ParamType[str]):
    """A name out of a list that is made when a shell asks for completions; any other word is taken as it is."""

    name = "text"

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._names = names

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin like this."""
        return [CompletionItem(name) for name in sorted(self._names()) if name.startswith(incomplete)]


class DurationType(click.FloatRange):
    """A duration: a number above 0, neither `inf` nor `nan`, which a range of click's lets through."""

    name = "number"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no length of time.", param, ctx)
        return number


def _setting_names() -> Iterable[str]:
    return Settings.model_fields


def setting_options(command: CommandT) -> CommandT:
    """Add `-p NAME VALUE` and `--practice`, which every command that needs settings takes."""
    parameter = click.option(
        "-p",
        "--parameter",
        "pairs",
        nargs=2,
        shell_complete=NameType(_setting_names).shell_complete,
        multiple=True,
        metavar="NAME VALUE",
        help=f"Set a parameter; repeatable. NAME: {', '.join(Settings.model_fields)}.",
    )
    practice = click.option("--practice", is_flag=True, help="Use the built-in hub: short for -p hub practice.")
    return practice(parameter(command))


def dry_run_option(command: CommandT) -> CommandT:
    """Add `--dry-run`: show the plan and change nothing."""
    return click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")(command)


def json_option(command: CommandT) -> CommandT:
    """Add `--json`: one JSON document and nothing else on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def parameters_from(pairs: Sequence[tuple[str, str]], *, practice: bool, **more: str) -> dict[str, object]:
    """Join the pairs with parameters that have an option of their own; an empty one counts as not given."""
    own = {"hub": PRACTICE} if practice else {}
    return {**own, **{name: value for name, value in more.items() if value}, **dict(pairs)}

"""`runbook drills`, and what `runbook run --drill` does before the first stage."""

import json
import time
from collections.abc import Mapping

import click

from runbook_lib.cli.options import NameType, json_option
from runbook_lib.practice.drills.catalogue import DRILLS, drill_named
from runbook_lib.practice.drills.drill import Drill
from runbook_lib.practice.server import running_hub
from runbook_lib.render.rendered import show
from runbook_lib.render.sections import Table
from runbook_lib.run.settings import DRILL_NAMES, PRACTICE, Settings

_FILL_LIMIT_S = 600.0


@click.command()
@click.argument("name", default="", type=NameType(lambda: DRILL_NAMES), metavar="[NAME]")
@json_option
def drills(name: str, as_json: bool) -> None:
    """List the breakage drills, or show one: runbook drills corrupt.

    Play one with runbook run --practice --drill NAME, and mend it by what its output says.
    """
    chosen = (drill_named(name),) if name else DRILLS
    if as_json:
        click.echo(json.dumps([_words(drill) for drill in chosen], indent=2))
    elif name:
        known = tuple((what, words) for what, words in _words(chosen[0]).items() if what not in ("name", "title"))
        click.echo(str(show(Table(f"{name}: {chosen[0].title}", ("", "what is known"), known))))
    else:
        rows = tuple((drill.name, drill.stage, drill.title) for drill in chosen)
        click.echo(str(show(Table("Breakage drills", ("name", "fails in", "what breaks"), rows))))


def _words(drill: Drill) -> dict[str, str]:
    return {
        "name": drill.name,
        "title": drill.title,
        "seen": drill.seen,
        "played": drill.played,
        "stage": drill.stage,
        "mended": drill.mended,
    }


def drill_parameters(parameters: Mapping[str, object]) -> dict[str, object]:
    """Put what a drill's machine is set up with under the parameters that were given."""
    name = parameters.get("drill")
    if not name:
        return dict(parameters)
    return {"hub": PRACTICE, **dict(drill_named(str(name)).parameters), **parameters}


def begin_drill(settings: Settings) -> None:
    """Make the drill's folder afresh and fill its cache where the drill begins with a full one."""
    drill = drill_named(settings.drill)
    drill.require_own_places(settings.cache_dir, settings.artifacts_dir)
    drill.begin()
    if drill.fills_cache:
        _fill_cache(settings)


def _fill_cache(settings: Settings) -> None:
    """Download what the run will need from a hub that behaves, into the drill's folders."""
    from runbook_lib.run.environment_plan import plan_from_scratch
    from runbook_lib.run.interpreter import collect_models
    from runbook_lib.run.target import ResolvedTarget, drill_places
    from runbook_lib.stages.download.apply import apply_download
    from runbook_lib.stages.download.hub_access import hub_access
    from runbook_lib.stages.download.plan import plan_fetching

    cache_dir, artifacts_dir = drill_places(settings)
    behaving = settings.model_copy(update={"drill": "", "offline": False})
    target = ResolvedTarget(behaving, running_hub().url, cache_dir, artifacts_dir)
    with hub_access(target, plan_from_scratch(target)) as hub:
        plan = plan_fetching(hub, collect_models(target))
        apply_download(hub, plan, time.monotonic() + _FILL_LIMIT_S)

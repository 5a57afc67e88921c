"""`runbook run`: the stages, headless."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Unpack

import click

from runbook_lib.cli.options import NameType, json_option, parameters_from, setting_options
from runbook_lib.cli.report import made_anew
from runbook_lib.cli.telling import TellingOptions, telling_of, telling_options
from runbook_lib.cli.where import say_places
from runbook_lib.core.extras import require_extra
from runbook_lib.core.log import log_to_folder
from runbook_lib.errors import ExitCode, UsageError
from runbook_lib.headless.evidence import collect_evidence
from runbook_lib.headless.interruption import Interruption, noted_signals
from runbook_lib.history.copies import require_copies
from runbook_lib.run.check import Status
from runbook_lib.run.folder import STAGES, Run, RunState
from runbook_lib.run.opening import RUNS, PreparedRun, prepare_run, require_run
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.settings import DRILL_NAMES
from runbook_lib.run.target import ResolvedTarget, described
from runbook_lib.terminal.screen import is_one_place, is_terminal, print_sections
from runbook_lib.terminal.watch import Watch, watching

if TYPE_CHECKING:
    from runbook_lib.headless.summary import RunSummary


@click.command()
@setting_options
@click.option("--run-dir", default="", metavar="DIR", help="Folder of the run; default: a new one under runs/.")
@click.option("--from", "first", type=click.Choice(STAGES), help="Start with this stage, in an existing --run-dir.")
@click.option("--only", type=click.Choice(STAGES), help="Run only this stage.")
@click.option(
    "--resume",
    is_flag=True,
    help="Start with the first stage in --run-dir that failed, or whose settings, versions or files changed.",
)
@click.option(
    "--if-running",
    type=click.Choice(("skip", "wait")),
    help="If another run is in progress in the same folder of runs: skip this one (exit 0), or wait.",
)
@click.option(
    "--delay-up-to",
    type=click.IntRange(0, 720),
    default=0,
    metavar="MINUTES",
    help="First wait a random time of up to this long, so that scheduled machines do not all ask the Hub at once.",
)
@click.option("--strict", is_flag=True, help="Exit 1 for warnings, too.")
@click.option(
    "--drill",
    default="",
    type=NameType(lambda: DRILL_NAMES),
    metavar="NAME",
    help="Break something for you to fix; see runbook drills.",
)
@click.option("--report-only", metavar="RUN", help="Run nothing; regenerate the report of RUN, as runbook report does.")
@telling_options
@json_option
def run(  # noqa: PLR0913, PLR0917 - one a click option
    pairs: Sequence[tuple[str, str]],
    practice: bool,
    run_dir: str,
    first: str | None,
    only: str | None,
    resume: bool,
    if_running: str | None,
    delay_up_to: int,
    strict: bool,
    drill: str,
    report_only: str | None,
    as_json: bool,
    **told: Unpack[TellingOptions],
) -> int:
    """Run the six stages headless and say whether a document converts.

    Settings are checked before any kernel starts. The run folder keeps a JSON record and an executed notebook for each
    stage, and report.html.
    """
    if report_only is not None:
        click.echo(str(made_anew(report_only, RUNS)))
        return ExitCode.OK
    if sum((first is not None, only is not None, resume)) > 1:
        raise UsageError("--from, --only and --resume cannot be combined.", remedy="Give only one of them.")
    require_extra("notebooks", "papermill", purpose="runbook run")
    parameters = _with_drill(parameters_from(pairs, practice=practice, run_dir=run_dir, drill=drill))
    require_copies(resolve_settings(parameters, explicit=True).values.copy_to)
    if first is not None or resume:
        _require_something_to_continue(parameters, "--resume" if resume else "--from")
    if delay_up_to:
        time.sleep(SystemRandom().uniform(0, delay_up_to * 60))
    with ExitStack() as stack:
        telling = stack.enter_context(telling_of(_say, told))
        given_up = _turn_given_up(stack, parameters, if_running) if if_running else ""
        if given_up:
            _say_skipped(given_up, as_json=as_json)
            telling.gave_way(given_up)
            return ExitCode.OK
        interruption = stack.enter_context(noted_signals())
        opened = prepare_run(parameters, new=True, explicit=True)
        summary = _executed(opened, _chosen(opened, first, only, resume), interruption)
        _tell(opened, summary, as_json=as_json)
        exit_code = ExitCode.FAILED if strict and summary.status is Status.WARN else summary.exit_code
        telling.ended(summary, exit_code)
    return exit_code


def _turn_given_up(stack: ExitStack, parameters: Mapping[str, object], if_running: str) -> str:
    """Hold the turn until the stack ends; returns why the run is skipped when another one has it."""
    from runbook_lib.headless.turn import IfRunning, NotOurTurn, turn

    settings = resolve_settings(parameters, explicit=True).values
    home = Path(settings.run_dir).parent if settings.run_dir else RUNS.absolute()
    try:
        stack.enter_context(turn(home, IfRunning(if_running), settings, _say))
    except NotOurTurn as given_up:
        if if_running == IfRunning.WAIT:
            raise
        return given_up.what
    return ""


def _say_skipped(what: str, *, as_json: bool) -> None:
    _say(what)
    if as_json:
        nothing: dict[str, object] = {"practice": False, "run": None, "run_dir": "", "stages": []}
        click.echo(json.dumps({**nothing, "status": Status.SKIP.value, "verdict": what}, indent=2))


def _executed(opened: PreparedRun, stages: Sequence[str], interruption: Interruption) -> "RunSummary":
    say_places(_where(opened))
    with watching("getting ready") as watch:
        if opened.settings.drill and _is_new(opened):
            from runbook_lib.headless.drill import begin_drill

            begin_drill(opened.settings)
        return _execute(opened, stages, interruption, watch)


def _execute(opened: PreparedRun, stages: Sequence[str], interruption: Interruption, watch: Watch) -> "RunSummary":
    """Run the stages and tell of each on stderr."""
    from runbook_lib.headless.events import StageStarted
    from runbook_lib.headless.runner import run_stages  # the report's Jinja is not for --help to import
    from runbook_lib.headless.summary import StageOutcome

    skipped: list[StageOutcome] = []

    def listen(event: StageStarted | StageOutcome) -> None:
        if isinstance(event, StageStarted):
            watch.begin(event.stage, event.progress_file)
            if not is_terminal(sys.stderr):
                watch.print(f"{event.stage} ...")
        elif event.status is Status.SKIP and not event.elapsed_s:
            skipped.append(event)
        else:
            watch.begin("")
            watch.print_styled(f"{event.status.value:<5} {event.stage:<13} {event.took:>9}  {event.said}")

    log_to_folder(opened.folder)
    summary = run_stages(opened, opened.settings, stages, listen, interruption)
    watch.begin("")
    if skipped:
        names = ", ".join(outcome.stage for outcome in skipped)
        watch.print_styled(f"skip  {names}: {skipped[0].said.removeprefix('skipped: ')}")
    if summary.is_interrupted:
        watch.print(f"{interruption.name}: finished stages are kept; go on with {summary.resume_command}")
    return summary


def _tell(opened: PreparedRun, summary: "RunSummary", *, as_json: bool) -> None:
    """Say on stdout what the run comes to; of one that was interrupted, its last line on stderr has said it."""
    if as_json:
        click.echo(json.dumps(_document(opened, summary.status, summary.verdict()), indent=2))
        for aside in summary.asides:
            _say(f"warning: {aside}")
    elif not summary.is_interrupted:
        _print_summary(summary)


def _print_summary(summary: "RunSummary") -> None:
    """Print what the run comes to; where the stages have been told one by one, they are not listed again."""
    if is_one_place(sys.stdout, sys.stderr):
        sys.stdout.write("\n")
        print_sections(summary.ending(), sys.stdout)
    else:
        print_sections(summary.sections(), sys.stdout)


def _with_drill(parameters: Mapping[str, object]) -> Mapping[str, object]:
    """Add what a drill's machine is set up with; a run without one loads nothing of practice."""
    if not parameters.get("drill"):
        return parameters
    from runbook_lib.headless.drill import drill_parameters

    return drill_parameters(parameters)


def _chosen(opened: PreparedRun, first: str | None, only: str | None, resume: bool) -> tuple[str, ...]:
    if only is not None:
        return (only,)
    if resume:
        evidence = collect_evidence(opened, opened.settings)
        for one in evidence:
            _say(one.words)
        first = next((one.stage for one in evidence if not one.stands), None)
        if first is None:
            raise UsageError(
                f"There is nothing to resume in {opened.folder}: every stage succeeded, and nothing it depends on "
                f"has changed.",
                remedy="Run a stage again with --only STAGE or --from STAGE, or begin a new run.",
            )
    return STAGES[STAGES.index(first) :] if first else STAGES


def _require_something_to_continue(parameters: Mapping[str, object], option: str) -> None:
    """Refuse a folder that holds no run, before a new one is made there."""
    named = resolve_settings(parameters, explicit=True).values.run_dir
    if not named:
        raise UsageError(
            f"{option} continues a run, but none is named.",
            remedy="Name its folder: --run-dir DIR. A run names its folder when it begins, and again when it ends.",
        )
    require_run(Path(named))


def _where(opened: PreparedRun) -> str:
    """Return which run, hub, cache and artifacts folder this is; the kernels find it in the header."""
    header = opened.header()
    cache_dir, artifacts_dir = Path(header.cache_dir), Path(header.artifacts_dir)
    target = ResolvedTarget(opened.settings, header.endpoint, cache_dir, artifacts_dir, header.practice)
    return described(target, str(opened.folder))


def _is_new(opened: PreparedRun) -> bool:
    """Whether no stage of the run has been tried: a stage that raises leaves no record, but a run that has failed."""
    return opened.header().state is RunState.RUNNING and not opened.records()


def _document(opened: Run, status: Status, verdict: str) -> dict[str, object]:
    return {
        "practice": opened.header().practice,
        "status": status.value,
        "verdict": verdict,
        "run": opened.header().model_dump(mode="json"),
        "run_dir": str(opened.folder),
        "stages": [record.model_dump(mode="json") for record in opened.records()],
    }


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

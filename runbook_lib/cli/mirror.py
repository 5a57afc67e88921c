"""`runbook mirror`: whether a mirror of the Hub answers as the client needs."""

import click

from runbook_lib.checks.mirror.judge import judge_mirror_facts
from runbook_lib.checks.mirror.look import look_at_mirror
from runbook_lib.checks.probes.addresses import judge_endpoint
from runbook_lib.cli.lazy import verbose_option
from runbook_lib.cli.options import DurationType, json_option
from runbook_lib.cli.result import print_result
from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import ExitCode, UsageError
from runbook_lib.run.check import Status
from runbook_lib.system.loopback import is_loopback, reach_loopback_directly

_MODEL = "docling-project/docling-layout-heron"


@click.group()
def mirror() -> None:
    """Check a mirror of the Hub before anything depends on it."""


@mirror.command("check")
@click.option("--model", default=_MODEL, show_default=True, metavar="NAME", help="Ask for this one: org/name@revision.")
@click.option("--upstream", default="", metavar="URL", help="Compare the branch with this Hub's.")
@click.option(
    *("--limit", "limit_s"),
    type=DurationType(),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="For each question.",
)
@click.argument("url", metavar="URL")
@verbose_option
@json_option
def check(model: str, upstream: str, limit_s: float, url: str, as_json: bool) -> int:
    """Check whether URL, used as HF_ENDPOINT, answers as huggingface_hub needs: a dozen questions, nothing is kept.

    Headers, hashes, ranges, redirects, weights, Xet, errors and the age of branches. Exit code 1 when a check failed,
    75 when there is no answer.
    """
    for address in filter(None, (url, upstream)):
        if (verdict := judge_endpoint(address)).needs_hand:
            raise UsageError(f"{mask_url_credentials(address)!r} is not the address of a Hub.", remedy=verdict.remedy)
        if is_loopback(address):
            reach_loopback_directly()
    try:
        asked = ModelRef.parse(model)
    except ValueError as error:
        raise UsageError(str(error), remedy="Name a model as org/name or org/name@revision.") from error
    report = judge_mirror_facts(look_at_mirror(url, asked, limit_s, upstream))
    print_result(report, as_json=as_json)
    return ExitCode.FAILED if report.status is Status.FAIL else ExitCode.OK

"""`runbook fleet`: many hosts, over a Dask cluster that is there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict, Unpack

import click

from runbook_lib.cli.fleet_report import report
from runbook_lib.cli.lazy import CommandT, verbose_option
from runbook_lib.cli.options import json_option
from runbook_lib.cli.result import print_result, print_shown
from runbook_lib.core.extras import require_extra
from runbook_lib.errors import ExitCode, UsageError
from runbook_lib.fleet.campaign import Limits
from runbook_lib.fleet.certificates import CLIENT, WORKER, issue
from runbook_lib.fleet.cluster import require_dask
from runbook_lib.fleet.inventory import read_inventory, require_name
from runbook_lib.fleet.run import Asked, run_fleet
from runbook_lib.fleet.table import FleetTable
from runbook_lib.fleet.tls import Address, TlsFiles, address_of
from runbook_lib.run.folder import STAGES
from runbook_lib.run.lock_file import LOCK_NAME, read_lock
from runbook_lib.terminal.live import living

_FOLDER: Final = click.Path(path_type=Path, file_okay=False)
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


class ClusterOptions(TypedDict):
    """The values of the options, as click hands them on."""

    scheduler: str
    certs: Path | None
    tls_ca_file: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    server_name: str


def cluster_options(command: CommandT) -> CommandT:
    """Add the address of a scheduler, and what has to be shown there."""
    options = (
        click.option("--scheduler", required=True, metavar="URL", help="tls://HOST:PORT; tcp:// on loopback alone."),
        click.option("--certs", type=_FOLDER, metavar="DIR", help="What runbook fleet certs wrote."),
        click.option("--tls-ca-file", type=_FILE, metavar="FILE", help="Instead of --certs: the authority."),
        click.option("--tls-cert", type=_FILE, metavar="FILE", help="Instead of --certs: the certificate."),
        click.option("--tls-key", type=_FILE, metavar="FILE", help="Instead of --certs: its key."),
        click.option("--server-name", default="", metavar="NAME", help="Name that the scheduler's certificate is for."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _address(options: ClusterOptions, role: str) -> Address:
    """Read the options; raises `UsageError`."""
    three = (options["tls_ca_file"], options["tls_cert"], options["tls_key"])
    given = [one for one in three if one is not None]
    if given and (len(given) < len(three) or options["certs"]):
        raise UsageError(
            "The certificates are given only in part, or twice.",
            remedy="Give --certs DIR, or --tls-ca-file, --tls-cert and --tls-key.",
        )
    files = TlsFiles(*given) if given else TlsFiles.of_role(options["certs"], role) if options["certs"] else None
    return address_of(options["scheduler"], files, options["server_name"])


@click.group()
@verbose_option
def fleet() -> None:
    """Run the runbook on many hosts over an existing Dask cluster, and report on all of them together.

    Needs the extra fleet here and on the hosts. docs/fleet.md starts with a tour of ten minutes on one machine.
    """


fleet.add_command(report)


@fleet.command("certs")
@click.option(
    "--scheduler",
    "names",
    multiple=True,
    required=True,
    metavar="NAME",
    help="A name or address under which hosts and clients reach the scheduler; repeatable.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="How long they are valid.")
@click.option("--renew", is_flag=True, help="Reissue the scheduler's, workers' and clients', by the same authority.")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@verbose_option
def certs(names: Sequence[str], days: int, renew: bool, folder: Path) -> int:
    """Create a certificate authority for the cluster in DIR, and certificates for scheduler, workers and clients.

    Existing files are kept. Keys are readable only by their owner.
    """
    print_shown(issue(folder, names, days=days, renew=renew))
    return ExitCode.OK


@fleet.command("worker")
@cluster_options
@click.option("--host", "host", required=True, metavar="NAME", help="The host's name in the inventory.")
@click.option("--listen", default="", metavar="ADDRESS", help="Address at which other workers reach this one.")
@verbose_option
def worker(host: str, listen: str, **cluster: Unpack[ClusterOptions]) -> int:
    """Run this host's Dask worker, in the working folder, until told to stop.

    Waits for a scheduler that is away; one that refuses this host's certificate, or is not a Dask scheduler, is an
    error at once.
    """
    require_dask("runbook fleet worker")
    from runbook_lib.fleet.worker import Seating, serve

    serve(Seating(_address(cluster, WORKER), require_name(host), listen), lambda line: click.echo(line, err=True))
    return ExitCode.OK


@fleet.command("run")
@cluster_options
@click.option("--inventory", type=_FILE, required=True, metavar="FILE", help="The hosts: hosts.toml.")
@click.option(
    "--records",
    type=_FOLDER,
    default=Path("fleet"),
    show_default=True,
    metavar="DIR",
    help="Folder for what comes back.",
)
@click.option("--again", is_flag=True, help="Also run the hosts that have already succeeded in this folder.")
@click.option("--only", default="", type=click.Choice(("", *STAGES)), metavar="STAGE", help="Run only this stage.")
@click.option(
    "--attempts",
    type=click.IntRange(1, 10),
    default=Limits.attempts,
    show_default=True,
    help="Attempts for a host that gets lost.",
)
@click.option("--run-limit", "run_s", default=Limits.run_s, show_default=True, help="Seconds for the run of a host.")
@click.option(
    "--wait",
    "appear_s",
    default=Limits.appear_s,
    show_default=True,
    help="Seconds to wait for hosts that are not there.",
)
@click.option("--limit", "campaign_s", default=Limits.campaign_s, show_default=True, help="Seconds for everything.")
@verbose_option
@json_option
def run(  # noqa: PLR0913, PLR0917 - one a click option
    inventory: Path,
    records: Path,
    again: bool,
    only: str,
    attempts: int,
    run_s: float,
    appear_s: float,
    campaign_s: float,
    as_json: bool,
    **cluster: Unpack[ClusterOptions],
) -> int:
    """Run all six stages once on every host, in a process of its own there, and bring the records back.

    A host that is missing or asleep, dies, is out of space or has another version becomes a row with the reason. Run
    again with the same --records, it asks only the hosts that have not succeeded, and those continue where they
    stopped. Exit code 0 when all succeeded, 3 when some did, 1 when none did.
    """
    require_dask("runbook fleet run")
    require_extra("fleet", "cryptography", purpose="runbook fleet run")
    hosts, address = read_inventory(inventory), _address(cluster, CLIENT)
    limits = Limits(attempts=attempts, run_s=run_s, appear_s=appear_s, campaign_s=campaign_s)
    with living() as show:
        table = run_fleet(address, Asked(hosts, records, limits, only, again), lambda table: show(table.sections()))
    print_result(table, as_json=as_json)
    return _exit_code(table)


@fleet.command("models")
@cluster_options
@click.option("--inventory", type=_FILE, required=True, metavar="FILE", help="The hosts: hosts.toml.")
@click.option("--lock", "lock_file", type=_FILE, default=Path(LOCK_NAME), show_default=True, help="Which models.")
@click.option("--wait", "wait_s", default=60.0, show_default=True, help="Seconds to wait for a host that is absent.")
@click.option("--limit", "limit_s", default=7200.0, show_default=True, help="Seconds for everything.")
@verbose_option
@json_option
def models(
    inventory: Path, lock_file: Path, wait_s: float, limit_s: float, as_json: bool, **cluster: Unpack[ClusterOptions]
) -> int:
    """Bring the models of a lock file to every host of a site at the cost of one download from the Hub.

    What one host has, others get from it, worker to worker; what none has comes from the Hub, once. Every content is
    checked against its hash before it is put in place. Run again, it continues with what has arrived. Exit codes are
    those of fleet run.
    """
    require_dask("runbook fleet models")
    require_extra("fleet", "cryptography", purpose="runbook fleet models")
    from runbook_lib.fleet.share import share_models

    hosts, lock, address = read_inventory(inventory), read_lock(lock_file), _address(cluster, CLIENT)
    with living() as show:
        shared = share_models(
            address, hosts, lock, wait_s=wait_s, limit_s=limit_s, watch=lambda table: show(table.sections())
        )
    print_result(shared.table, as_json=as_json)
    return _exit_code(shared.table)


def _exit_code(table: FleetTable) -> ExitCode:
    well = sum(row.is_well for row in table.hosts)
    if well == len(table.hosts):
        return ExitCode.OK
    return ExitCode.PARTIAL if well else ExitCode.FAILED

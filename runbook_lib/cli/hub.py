"""`runbook hub`: the practice hub by itself."""

import threading
from collections.abc import Sequence

import click

_POLL_S = 0.5


@click.command()
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="TCP port; default: any free one.")
@click.option("--head", type=click.Choice(["first", "second"]), default="second", help="What main points to.")
@click.option("--pad-mb", default=0, type=click.IntRange(min=0), help="Megabytes added to the weights.")
@click.option("--fault", "faults", multiple=True, metavar="SPEC", help="Play a fault, such as stall or corrupt:*.json.")
def hub(port: int, head: str, pad_mb: int, faults: Sequence[str]) -> None:
    """Serve the practice hub on 127.0.0.1 until interrupted.

    The unmodified client works against it: set HF_ENDPOINT to the address this prints, then for example
    hf download docling-project/docling-models.
    """
    from runbook_lib.practice.faults import Fault
    from runbook_lib.practice.server import PracticeHub

    parsed = tuple(Fault.parse(fault) for fault in faults)
    with PracticeHub(port=port, head=head, pad_bytes=pad_mb * 1_000_000, faults=parsed) as served:  # type: ignore[arg-type]
        click.echo(served.url)
        click.echo("The practice hub serves until Ctrl-C.", err=True)
        while not threading.Event().wait(_POLL_S):  # a wait without a limit cannot be interrupted on Windows
            pass

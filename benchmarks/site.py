"""A site on one machine: a bridge, and for every host a network namespace whose link to it has a speed of its own.

Linux alone, as root, with iproute2. Links are pairs of `veth`, limited in both directions by `tc`'s token bucket,
with one queue of 50 ms.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_BRIDGE: Final = "rbfleet0"
_NETWORK: Final = "10.213.7"


def why_not() -> str:
    """Return why this machine cannot do it; empty when it can."""
    for program in ("ip", "tc"):
        if shutil.which(program) is None:
            return f"{program} (iproute2) is not installed"
    done = subprocess.run(["ip", "netns", "add", "rbprobe"], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"network namespaces cannot be made here: {done.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", "rbprobe"], check=False)
    return ""


@contextmanager
def laid(names: Sequence[str], mbit: int) -> Iterator[dict[str, str]]:
    """Lay a link for each name, and yield their addresses; takes all of it away at the end."""
    addresses = {name: f"{_NETWORK}.{number}" for number, name in enumerate(names, start=1)}
    _take_away(names)
    try:
        _run("ip", "link", "add", _BRIDGE, "type", "bridge")
        _run("ip", "link", "set", _BRIDGE, "up")
        for name, address in addresses.items():
            _lay(name, address, mbit)
        yield addresses
    finally:
        _take_away(names)


def started_in(
    name: str, command: Sequence[str], folder: Path, log: IO[bytes], **variables: str
) -> "subprocess.Popen[str]":
    """Start a command in the namespace of a name; it can be talked to."""
    return subprocess.Popen(
        ["ip", "netns", "exec", _space(name), *command],
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def _lay(name: str, address: str, mbit: int) -> None:
    outside, inside = f"rbo-{name}", f"rbi-{name}"
    within = ("ip", "netns", "exec", _space(name))
    limit = ("root", "tbf", "rate", f"{mbit}mbit", "burst", "64kb", "latency", "50ms")
    _run("ip", "netns", "add", _space(name))
    _run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", _space(name))
    _run("ip", "link", "set", outside, "master", _BRIDGE, "up")
    _run(*within, "ip", "address", "add", f"{address}/24", "dev", inside)
    _run(*within, "ip", "link", "set", inside, "up")
    _run(*within, "ip", "link", "set", "lo", "up")
    _run(*within, "tc", "qdisc", "add", "dev", inside, *limit)  # what it sends
    _run("tc", "qdisc", "add", "dev", outside, *limit)  # what it receives


def _take_away(names: Sequence[str]) -> None:
    for name in names:
        subprocess.run(["ip", "netns", "delete", _space(name)], check=False, capture_output=True)
    subprocess.run(["ip", "link", "delete", _BRIDGE], check=False, capture_output=True)


def _space(name: str) -> str:
    return f"rb-{name}"


def _run(*words: str) -> None:
    subprocess.run(words, check=True)

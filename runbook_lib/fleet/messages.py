"""What a host is ordered to do, and what it tells meanwhile: plain values, all of them, that msgpack carries.

Whatever a host tells goes up its own connection to the scheduler as an event (`Worker.log_event`) and down the
client's: nobody connects to a worker, so that no host needs an open port. A scheduler keeps the last thousand events of
a topic (`distributed.admin.low-level-log-length`), which is why there is one topic for all, and why pieces are small.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from runbook_lib.core.value import StrictValue, Value
from runbook_lib.errors import FleetError
from runbook_lib.fleet.inventory import Parameter

TOPIC: Final = "runbook-fleet"
PIECE_BYTES: Final = 32 * 1024
MAX_PACK_BYTES: Final = 64 * 1024**2
"""More than the records of any run hold; what unpacks to more is refused."""
_MAX_PIECES: Final = 4096

_Word = Annotated[str, StringConstraints(max_length=100)]
_Line = Annotated[str, StringConstraints(max_length=4000)]


class Order(StrictValue):
    """One attempt of one host."""

    campaign: str
    host: str
    attempt: int
    version: str
    """Of the runbook that orders; a host that has another one does not run."""
    home: str
    parameters: dict[str, Parameter]
    only: str = ""
    """A stage that is run alone; empty: all six."""
    limit_s: float
    """After this the run is ended."""


class Ended(StrictValue):
    """How an attempt ended, by the host's own word."""

    status: Literal["ok", "warn", "fail"]
    why: _Word
    """`run` when the run itself says it, else what kept it from running: `version`, `docling`, `disk`, ..."""
    reason: _Line
    exit_code: int | None = None
    """Of `runbook run`; None when it was not started."""
    run_id: _Line = ""
    run_dir: _Line = ""
    began_at: float = 0.0
    """Seconds since 1970, by the host's clock."""
    ended_at: float = 0.0
    versions: dict[_Word, _Word] = Field(default_factory=dict)
    pieces: int = Field(0, ge=0, le=_MAX_PIECES)
    """How many pieces the records were sent in."""
    sha256: str = ""
    """Of the pieces together."""


class Event(Value):
    """What a host tells; `kind` says which of the fields hold something."""

    campaign: _Word
    host: _Word
    attempt: int
    kind: Literal["began", "stage", "piece", "ended"]
    stage: _Word = ""
    status: _Word = ""
    """Of a stage that has ended; empty for one that begins."""
    number: int = Field(0, ge=0, lt=_MAX_PIECES)
    content: Annotated[str, StringConstraints(max_length=2 * PIECE_BYTES)] = ""
    """A piece of the records, in base64."""
    ended: Ended | None = None


def packed(documents: Mapping[str, str]) -> tuple[list[str], str]:
    """Return documents as pieces that can be sent one by one, and the SHA-256 of all."""
    content = zlib.compress(json.dumps(documents).encode())
    pieces = [
        base64.b64encode(content[place : place + PIECE_BYTES]).decode("ascii")
        for place in range(0, len(content), PIECE_BYTES)
    ]
    return pieces, hashlib.sha256(content).hexdigest()


def unpacked(pieces: Mapping[int, str], ended: Ended) -> dict[str, str]:
    """Return the documents again; raises `FleetError` when a piece is lacking or they are not what was sent."""
    if lacking := next(_lacking(pieces, ended), None):
        raise FleetError(f"Piece {lacking} of {ended.pieces} of the records did not arrive.")
    content = b"".join(base64.b64decode(pieces[number]) for number in range(ended.pieces))
    if hashlib.sha256(content).hexdigest() != ended.sha256:
        raise FleetError("The records that arrived are not those that were sent.")
    unzipped = zlib.decompressobj()
    try:
        text = unzipped.decompress(content, MAX_PACK_BYTES)
        documents = json.loads(text) if unzipped.eof else None
    except (zlib.error, ValueError, RecursionError) as error:
        raise FleetError("The records that arrived cannot be read.", why=str(error)) from error
    if not isinstance(documents, dict) or not all(isinstance(text, str) for text in documents.values()):
        raise FleetError("The records that arrived are larger than any run's, or no records.")
    return documents


def _lacking(pieces: Mapping[int, str], ended: Ended) -> Iterator[int]:
    return (number + 1 for number in range(ended.pieces) if number not in pieces)

"""What a host does for the models of all: looks what it has, reads and writes pieces, and puts what has come in place.

The functions are tasks of Dask, sent by name. A piece is the result of one and an argument of others, so that Dask
itself carries it from worker to worker (`Worker.gather_dep`); it is in memory on its way and not longer. What cannot be
done is told as an event, and the result is empty.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from pydantic import Field

from runbook_lib import __version__
from runbook_lib.bundle.documents import BundleConfig
from runbook_lib.bundle.read import Bundle
from runbook_lib.bundle.take import import_bundle
from runbook_lib.cache.layout import repo_of
from runbook_lib.checks.probes.tokens import find_token
from runbook_lib.core.masking import mask_secrets, mask_url_credentials
from runbook_lib.core.value import StrictValue, Value
from runbook_lib.errors import BundleError, DiskError, RunbookError
from runbook_lib.fleet.inventory import Parameter
from runbook_lib.fleet.messages import TOPIC
from runbook_lib.fleet.pieces import PIECE_BYTES, Blob, Store, blobs_of
from runbook_lib.render.values import format_bytes
from runbook_lib.run.lock_file import LockFile
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.target import ResolvedTarget, enter_target, resolve_target
from runbook_lib.system import variables as environment
from runbook_lib.system.filesystem import describe_os_error, free_bytes
from runbook_lib.system.loopback import is_loopback, reach_loopback_directly

if TYPE_CHECKING:
    import httpx

_MARGIN_BYTES: Final = 64 * 1024**2
_TRIES: Final = 3
_HUB_LIMIT_S: Final = 60.0
"""Without a byte for this long a line counts as broken."""
ResultT = TypeVar("ResultT")


class Work(StrictValue):
    """What a host is asked to take part in."""

    share: str
    """Names it among others."""
    host: str
    version: str
    parameters: dict[str, Parameter]
    lock: str
    """The lock file's text."""


class PieceWork(StrictValue):
    """One piece of it, or, where none is named, all."""

    share: str
    host: str
    sha256: str = ""
    number: int = 0
    from_hub: bool = False


class Told(Value):
    """What a host tells; the scheduler adds its worker's address."""

    share: str
    host: str
    kind: Literal["holds", "read", "placed", "problem"]
    bits: dict[str, str] = Field(default_factory=dict)
    """SHA-256 to the pieces that stand there, in hexadecimal."""
    sha256: str = ""
    """Of what was read at the Hub, with `number`: the piece that stands there now."""
    number: int = 0
    hub_bytes: int = 0
    """What a piece cost at the Hub."""
    why: str = ""
    """Of a problem: `hub`, `disk`, `version`, `damaged` or `broken`."""
    reason: str = ""


@dataclass(frozen=True)
class _Part:
    """What this process takes part in."""

    work: Work
    lock: LockFile
    target: ResolvedTarget
    store: Store
    hub: "httpx.Client"
    """One for all pieces: making it reads every certificate the machine trusts."""

    def blob(self, sha256: str) -> Blob:
        return next(blob for blob in self.store.blobs if blob.sha256 == sha256)


_parts: dict[tuple[str, str], _Part] = {}
_IS_GONE: Final = "Its worker was restarted meanwhile; a rerun continues with what has arrived."


class _Problem(Exception):
    """What is told in place of a result."""

    def __init__(self, why: str, reason: str) -> None:
        super().__init__(reason)
        self.why, self.reason = why, reason


def look_here(given: dict[str, Any]) -> None:
    """Tell which pieces stand on this host."""
    work = Work.model_validate(given)
    _guarded(work.share, work.host, lambda: _look(work))


def read_piece(given: dict[str, Any]) -> bytes:
    """Return a piece, from this host or from the Hub; what comes from the Hub stays here, too."""
    piece = PieceWork.model_validate(given)
    return _guarded(piece.share, piece.host, lambda: _read(piece)) or b""


def write_piece(given: dict[str, Any], content: bytes) -> None:
    """Keep a piece that another host read."""
    piece = PieceWork.model_validate(given)
    if content:
        _guarded(piece.share, piece.host, lambda: _write(piece, content))


def place_here(given: dict[str, Any]) -> None:
    """Compare all that has come with its hashes and put it where huggingface_hub and docling look for it.

    Others can still be read its pieces.
    """
    piece = PieceWork.model_validate(given)
    _guarded(piece.share, piece.host, lambda: _place(piece))


def leave_here(given: dict[str, Any]) -> None:
    """Forget the transfer: nobody is read a piece any more."""
    piece = PieceWork.model_validate(given)
    if part := _parts.pop((piece.share, piece.host), None):
        part.hub.close()


def _look(work: Work) -> None:
    import httpx

    if work.version != __version__:
        raise _Problem("version", f"This host has runbook {__version__}, and {work.version} asks.")
    lock = LockFile.model_validate_json(work.lock)
    target = enter_target(resolve_target(resolve_settings(work.parameters, explicit=True).values))
    if is_loopback(target.endpoint):
        reach_loopback_directly()
    store = Store(target.cache_dir, target.artifacts_dir, blobs_of(lock))
    bits = store.look()
    needed_bytes, free = store.lacking_bytes, free_bytes(target.cache_dir)
    if needed_bytes and free < needed_bytes + _MARGIN_BYTES:
        raise _Problem(
            "disk", f"{format_bytes(needed_bytes)} are still to come, and only {format_bytes(free)} are free there."
        )
    hub = httpx.Client(timeout=_HUB_LIMIT_S, follow_redirects=True)
    _parts[work.share, work.host] = _Part(work, lock, target, store, hub)
    _tell(Told(share=work.share, host=work.host, kind="holds", bits={name: hex(one) for name, one in bits.items()}))


def _read(piece: PieceWork) -> bytes:
    part = _part(piece)
    blob = part.blob(piece.sha256)
    content = part.store.read(blob, piece.number)
    if content is None:
        if not piece.from_hub:
            raise _Problem("broken", f"A piece of {blob.name} is no longer here.")
        content = _from_hub(part, blob, piece.number)
        part.store.write(blob, piece.number, content)
        which = {"sha256": piece.sha256, "number": piece.number}
        _tell(Told(share=piece.share, host=piece.host, kind="read", hub_bytes=len(content), **which))
    elif len(content) != blob.length(piece.number):
        raise _Problem("broken", f"A piece of {blob.name} is no longer here: its file was cut short meanwhile.")
    return content


def _write(piece: PieceWork, content: bytes) -> None:
    part = _part(piece)
    blob = part.blob(piece.sha256)
    if len(content) != blob.length(piece.number):
        raise _Problem("broken", f"A piece of {blob.name} came with {len(content)} bytes.")
    part.store.write(blob, piece.number, content)


def _place(piece: PieceWork) -> None:
    part = _part(piece)
    bundle = Bundle(part.store, part.lock, BundleConfig(schema_version=1, practice=part.lock.practice), {})
    try:
        import_bundle(part.target, bundle)
    except BundleError as error:
        if damaged := part.store.drop_damaged():
            raise _Problem("damaged", f"{damaged[0]} arrived with contents that do not match its hash.") from error
        raise
    part.store.settle(dict(_places(part)))
    _tell(Told(share=piece.share, host=piece.host, kind="placed"))


def _places(part: _Part) -> Iterator[tuple[str, Path]]:
    """Yield where each content stands once it is placed, by its SHA-256."""
    for repository in part.lock.repositories:
        snapshot = repo_of(part.target.cache_dir, repository.model).snapshot(repository.commit)
        yield from ((file.sha256, snapshot / file.path) for file in repository.files)
    if ocr := part.lock.ocr:
        yield from ((file.sha256, part.target.artifacts_dir / ocr.folder / file.path) for file in ocr.files)


def _part(piece: PieceWork) -> _Part:
    part = _parts.get((piece.share, piece.host))
    if part is None:
        raise _Problem("died", _IS_GONE)
    return part


def _from_hub(part: _Part, blob: Blob, number: int) -> bytes:
    """Ask for a stretch of a file, as `resolve` of the Hub and of the stores it leads to gives it (RFC 9110, 14)."""
    import httpx

    is_elsewhere = "://" in blob.where
    url = blob.where if is_elsewhere else f"{part.target.endpoint.rstrip('/')}/{blob.where}"
    begin, length = number * PIECE_BYTES, blob.length(number)
    headers = {"Range": f"bytes={begin}-{begin + length - 1}", "Accept-Encoding": "identity"}
    token = None if is_elsewhere else find_token(environment.as_found())
    if token is not None:
        headers["Authorization"] = f"Bearer {token.value}"  # httpx leaves it out when a redirect leads to another host
    problem = ""
    for _ in range(_TRIES):
        try:
            answer = part.hub.get(url, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = f"{type(error).__name__}: {error}"
            continue
        if answer.status_code in (200, 206) and len(answer.content) == length:
            return answer.content
        problem = f"HTTP {answer.status_code} with {len(answer.content)} bytes where {length} were asked for"
        if answer.status_code < 500:  # noqa: PLR2004 - asking again changes nothing
            break
    raise _Problem("hub", f"The Hub does not deliver {blob.name}: {problem}.")


def _guarded(share: str, host: str, work: Callable[[], ResultT]) -> ResultT | None:
    try:
        return work()
    except _Problem as problem:
        why, reason = problem.why, problem.reason
    except DiskError as error:
        why, reason = "disk", " ".join(error.lines())
    except RunbookError as error:
        why, reason = "broken", " ".join(error.lines())
    except OSError as error:
        why, reason = "disk", describe_os_error(error)
    except Exception as error:  # noqa: BLE001 - a fault of ours is a row with its reason, too
        why, reason = "broken", f"{type(error).__name__}: {error}"
    words = mask_url_credentials(mask_secrets(reason))[:2000]
    _tell(Told(share=share, host=host, kind="problem", why=why, reason=words))
    return None


def _tell(told: Told) -> None:
    from distributed import get_worker

    get_worker().log_event(TOPIC, told.model_dump(mode="json", exclude_defaults=True))

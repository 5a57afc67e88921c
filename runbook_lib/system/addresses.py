"""Addresses of stores and shares, such as `s3://bucket/runs`, as fsspec knows them; it is imported when one is used."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from runbook_lib.core.extras import require_extra
from runbook_lib.errors import UsageError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


def require_reachable(address: str, *, extra: str, purpose: str) -> None:
    """Raise `UsageError` when a package that the address takes is not installed; connects to nothing."""
    require_extra(extra, "fsspec", purpose=purpose)
    from fsspec.registry import known_implementations

    scheme = address.partition("://")[0]
    known = known_implementations.get(scheme)
    if known is None:
        raise _unreachable(scheme, f"fsspec knows no {scheme}.")
    if find_spec(known["class"].partition(".")[0]) is None:
        raise _unreachable(scheme, known.get("err", ""))


def reached(address: str, *, extra: str, purpose: str) -> "tuple[AbstractFileSystem, str]":
    """Return the file system of an address, and its path there; credentials are what its package finds by itself.

    The file system is made anew: one that is shared would remember what stood there before. Raises `UsageError`.
    """
    require_reachable(address, extra=extra, purpose=purpose)
    import fsspec

    try:
        return fsspec.core.url_to_fs(address, skip_instance_cache=True)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        raise _unreachable(address.partition("://")[0], str(error)) from error


def _unreachable(scheme: str, why: str) -> UsageError:
    return UsageError(
        f"Nothing here can read or write {scheme}://.",
        why=why,
        remedy="Install what it names (for s3:// that is s3fs) here, or use a folder.",
    )

"""Asking a mirror for one model as huggingface_hub does; no file is kept."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin, urlsplit

from runbook_lib.core.masking import mask_secrets
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import HubUnavailable

if TYPE_CHECKING:
    import httpx

_MAX_BYTES: Final = 8 * 1024**2
RANGE: Final = (1000, 1099)
"""First and last byte of the stretch that is asked for."""
XET_HASH: Final = "x-xet-hash"
"""The header by which a file is said to be in Xet."""
_NONE: Final = "runbook-asks-for-what-there-is-not"
_CHUNK_BYTES: Final = 64 * 1024
_MAX_REDIRECTS: Final = 5


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: bytes = b""

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON may hold
        """Return the document; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def etag(self) -> str:
        """Return the name of the content as the client reads it (`get_hf_file_metadata`)."""
        given = self.headers.get("x-linked-etag") or self.headers.get("etag", "")
        return given.removeprefix("W/").strip('"')

    def size_bytes(self) -> int | None:
        """Return the length as the client reads it."""
        given = self.headers.get("x-linked-size") or self.headers.get("content-length", "")
        return int(given) if given.isdecimal() else None


@dataclass(frozen=True)
class ListedEntry:
    """A file as the mirror lists it."""

    path: str
    size_bytes: int
    git_sha1: str
    sha256: str
    """Empty for a file that is not kept in LFS."""
    xet: str


@dataclass(frozen=True)
class MirrorFacts:
    """Everything that was asked; None for what could not be asked, because an earlier answer was missing."""

    endpoint: str
    model: ModelRef
    info: Answer
    commit: str
    listing: Answer | None = None
    entries: tuple[ListedEntry, ...] = ()
    small: ListedEntry | None = None
    small_head: Answer | None = None
    small_body: Answer | None = None
    pinned_head: Answer | None = None
    weights: ListedEntry | None = None
    weights_head: Answer | None = None
    weights_range: Answer | None = None
    xet_token: Answer | None = None
    """What the client asks for before it fetches out of Xet; None where nothing is said to be there."""
    no_file: Answer | None = None
    no_revision: Answer | None = None
    no_repository: Answer | None = None
    upstream_commit: str | None = None
    """What the branch stands for upstream; None when that was not asked, empty when it did not tell."""

    def body_is_right(self) -> bool:
        """Whether the small file is what the listing says, by git's id."""
        if self.small is None or self.small_body is None:
            return False
        content = self.small_body.body
        header = b"blob %d\0" % len(content)
        return hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == self.small.git_sha1


def look_at_mirror(endpoint: str, model: ModelRef, limit_s: float, upstream: str = "") -> MirrorFacts:
    """Ask a dozen questions, each under the limit; raises `HubUnavailable` when the first is not answered at all."""
    import httpx

    with httpx.Client(verify=httpx.create_ssl_context(), timeout=limit_s) as client:
        ask = _Asking(client, endpoint.rstrip("/"))
        name, revision = model.repo_id, quote(model.revision, safe="")
        info = ask("GET", f"/api/models/{name}/revision/{revision}")
        if info.status == 0:
            raise HubUnavailable(
                f"{endpoint} does not answer.",
                why=info.headers.get("problem", ""),
                remedy="Check the address, the proxy and the certificate: runbook doctor -p hub URL.",
            )
        commit = _commit_in(info)
        if not commit:
            return MirrorFacts(endpoint, model, info, "")
        told = _questions(ask, name, revision, commit)
        if upstream:
            there = _Asking(client, upstream.rstrip("/"))("GET", f"/api/models/{name}/revision/{revision}")
            told["upstream_commit"] = _commit_in(there)
        return MirrorFacts(endpoint, model, info, commit, **told)


def _questions(ask: "_Asking", name: str, revision: str, commit: str) -> dict[str, Any]:
    """Ask for the listing, for a small file, for weights, and for what there is not."""
    listing = ask("GET", f"/api/models/{name}/tree/{commit}?recursive=true&expand=false")
    entries = tuple(_entries(listing.json()))
    small = _smallest(entry for entry in entries if not entry.sha256 and entry.size_bytes)
    weights = _smallest(entry for entry in entries if entry.sha256 and entry.size_bytes > RANGE[1])
    told: dict[str, Any] = {
        "listing": listing,
        "entries": entries,
        "small": small,
        "weights": weights,
        "no_file": ask("HEAD", f"/{name}/resolve/{commit}/{_NONE}"),
        "no_revision": ask("HEAD", f"/{name}/resolve/{_NONE}/config.json"),
        "no_repository": ask("GET", f"/api/models/{_NONE}/{_NONE}"),
    }
    if small is not None:
        path = quote(small.path)
        told["small_head"] = ask("HEAD", f"/{name}/resolve/{revision}/{path}")
        told["pinned_head"] = ask("HEAD", f"/{name}/resolve/{commit}/{path}")
        told["small_body"] = ask("GET", f"/{name}/resolve/{commit}/{path}", follow=True)
    if weights is not None:
        path = f"/{name}/resolve/{commit}/{quote(weights.path)}"
        told["weights_head"] = ask("HEAD", path)
        if weights.xet or XET_HASH in told["weights_head"].headers:
            told["xet_token"] = ask("GET", f"/api/models/{name}/xet-read-token/{commit}")
        told["weights_range"] = ask("GET", path, {"Range": f"bytes={RANGE[0]}-{RANGE[1]}"}, follow=True)
    return told


@dataclass(frozen=True)
class _Asking:
    client: "httpx.Client"
    endpoint: str

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, *, follow: bool = False
    ) -> Answer:
        """Ask as the client does: API and files wherever they are, headers only as far as a relative redirect leads.

        Status 0 when nothing came, with the problem among the headers.
        """
        import httpx

        asked = {"Accept-Encoding": "identity", **(headers or {})}
        follows = follow or path.startswith("/api/")
        url = f"{self.endpoint}{path}"
        try:
            for _ in range(_MAX_REDIRECTS):
                with self.client.stream(method, url, headers=asked, follow_redirects=follows) as answer:
                    found = Answer(answer.status_code, dict(answer.headers), _body(answer))
                location = found.headers.get("location", "")
                if not answer.is_redirect or urlsplit(location).netloc:
                    break
                url = urljoin(url, location)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answer(0, {"problem": mask_secrets(f"{type(error).__name__}: {error}")})
        return found


def _body(answer: "httpx.Response") -> bytes:
    """Return the beginning of a body; nobody needs more of it here."""
    content = bytearray()
    for piece in answer.iter_raw(_CHUNK_BYTES):
        content += piece
        if len(content) > _MAX_BYTES:
            break
    return bytes(content)


def _commit_in(answer: Answer) -> str:
    told = answer.json()
    sha = told.get("sha") if isinstance(told, dict) else None
    return sha if isinstance(sha, str) else ""


def _entries(told: Any) -> Iterator[ListedEntry]:  # noqa: ANN401 - whatever JSON may hold
    for entry in told if isinstance(told, list) else ():
        if not isinstance(entry, dict) or entry.get("type") == "directory":
            continue
        path, size, oid = entry.get("path"), entry.get("size"), entry.get("oid")
        lfs = entry.get("lfs")
        sha256 = str(lfs.get("oid") or "") if isinstance(lfs, dict) else ""
        if isinstance(path, str) and isinstance(size, int):
            yield ListedEntry(path, size, str(oid or ""), sha256, str(entry.get("xetHash") or ""))


def _smallest(entries: Iterator[ListedEntry]) -> ListedEntry | None:
    return min(entries, key=lambda entry: entry.size_bytes, default=None)

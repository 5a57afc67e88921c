"""A bundle in a registry: the documents are asked for, contents are fetched one by one and gone on with."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runbook_lib.bundle import media_types
from runbook_lib.bundle.media_types import BLOBS, INDEX_FILE, LAYOUT_FILE, SIGNATURE_FILE
from runbook_lib.bundle.names import refused
from runbook_lib.bundle.oci import MAX_DOCUMENT_BYTES, Blob, index_bytes, json_bytes
from runbook_lib.bundle.registry_login import Login
from runbook_lib.bundle.sources import Opened, too_large
from runbook_lib.core.masking import mask_secrets, mask_url_credentials
from runbook_lib.errors import BundleError, RegistryUnavailable, UsageError
from runbook_lib.system.loopback import is_loopback
from runbook_lib.system.progress import Passed

if TYPE_CHECKING:
    import httpx

_ADDRESS: Final = re.compile(
    r"oci(?:\+(?P<scheme>https?))?://(?P<host>[A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9A-Fa-f:]+\](?::\d{1,5})?)"
    r"/(?P<name>[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))"
)
"""The grammar of names and tags is that of the OCI distribution specification."""
_TIMEOUT_S: Final = 30.0
_TRIES: Final = 5
"""How often in a row nothing may come before it is given up."""
_PAUSE_S: Final = 0.5
_CHUNK_BYTES: Final = 256 * 1024
_PARTIAL: Final = 206
_NOT_FOUND: Final = 404
_REFUSED: Final = (401, 403)
_LATER: Final = (408, 425, 429)
_SERVER_ERROR: Final = 500


@dataclass(frozen=True)
class Address:
    """Where a bundle is: `oci://HOST/NAME:TAG`."""

    base: str
    host: str
    name: str
    reference: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address; raises `UsageError`, without the text where it might hold a password."""
        match = _ADDRESS.fullmatch(text)
        if match is None:
            shown = mask_url_credentials(text)
            raise UsageError(
                f"{shown!r} is not the address of a bundle in a registry.",
                why="It has to be oci://HOST/NAME:TAG or oci://HOST/NAME@sha256:..., without a password.",
                remedy="Log in with docker or skopeo where a password is needed; ~/.docker/config.json is read.",
            )
        host = match["host"]
        scheme = match["scheme"] or ("http" if is_loopback(f"http://{host}") else "https")
        return cls(f"{scheme}://{host}/v2/{match['name']}", host, match["name"], match["tag"] or match["digest"])

    @property
    def words(self) -> str:
        """The address as it is shown."""
        return f"oci://{self.host}/{self.name}{'@' if ':' in self.reference else ':'}{self.reference}"


@dataclass
class RegistrySource:
    """A bundle under a name and a tag in a registry."""

    address: Address
    client: "httpx.Client" = field(repr=False)
    _login: Login = field(repr=False)
    _manifests: dict[str, bytes] = field(default_factory=dict)
    _sizes: dict[str, int | None] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The address."""
        return self.address.words

    def document(self, name: str) -> bytes:
        """Return a small file as a layout would have it."""
        if name == LAYOUT_FILE:
            return json_bytes({"imageLayoutVersion": media_types.LAYOUT_VERSION})
        if name == INDEX_FILE:
            return self._index()
        if name == SIGNATURE_FILE:
            raise refused(f"{self.words} is not signed.", "Registries carry no signature of this kind")
        sha256 = name.removeprefix(f"{BLOBS}/")
        if sha256 in self._manifests:
            return self._manifests[sha256] or self._small(f"manifests/sha256:{sha256}")
        return self._small(f"blobs/sha256:{sha256}")

    def size_of(self, sha256: str) -> int | None:
        """Return the length of a blob; None when the registry has none."""
        if sha256 not in self._sizes:
            with self._answer("HEAD", f"blobs/sha256:{sha256}") as answer:
                length = answer.headers.get("content-length", "")
                is_here = answer.status_code != _NOT_FOUND and length.isdecimal()
                self._sizes[sha256] = int(length) if is_here else None
        return self._sizes[sha256]

    def blob(self, sha256: str) -> Opened:
        """Open a blob from its beginning, to be read once."""
        return Opened(_Answer(self._pieces(sha256, 0)))

    def names(self) -> frozenset[str]:
        """Return nothing: a registry lists no files."""
        return frozenset()

    def fetch_into(self, sha256: str, size_bytes: int, target: Path, passed: Passed) -> None:
        """Write a blob, going on with what stands in the file; broken connections are met with another try.

        Raises `RegistryUnavailable` when nothing comes any more; the file keeps what has come.
        """
        if target.exists() and target.stat().st_size > size_bytes:
            target.unlink()
        with target.open("ab") as file:
            done_bytes = file.tell()
            passed(done_bytes)
            fruitless = 0
            while done_bytes < size_bytes:
                before = done_bytes
                try:
                    for start, piece in self._pieces(sha256, done_bytes):
                        if start != done_bytes:  # the registry does not know ranges and began anew
                            file.truncate(start)
                            passed(start - done_bytes)
                            done_bytes = start
                        file.write(piece[: size_bytes - done_bytes])
                        passed(len(piece))
                        done_bytes += len(piece)
                        if done_bytes >= size_bytes:
                            break
                    problem: Exception | None = None
                except RegistryUnavailable as error:
                    problem = error
                fruitless = 0 if done_bytes > before else fruitless + 1
                if done_bytes < size_bytes and fruitless >= _TRIES:
                    raise problem or self._unavailable("it sends less than it said")
                if done_bytes < size_bytes:
                    time.sleep(_PAUSE_S * 2**fruitless)

    def _index(self) -> bytes:
        content = self._small(f"manifests/{self.address.reference}")
        blob = Blob(content, media_types.INDEX)
        self._manifests[blob.sha256] = content
        try:
            entries = json.loads(content)["manifests"]
            self._manifests.update({str(entry["digest"]).removeprefix("sha256:"): b"" for entry in entries})
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise refused(f"{self.words} is not a bundle.", "What is under this tag is not an image index") from error
        return index_bytes([blob.described()])

    def _small(self, path: str) -> bytes:
        content = bytearray()
        with self._answer("GET", path) as answer:
            if answer.status_code == _NOT_FOUND:
                raise BundleError(
                    f"There is no {self.words}.",
                    why=f"The registry answers 404 for {path[:40]}.",
                    remedy="Check name and tag, and whether the whole bundle was pushed (skopeo copy --all).",
                )
            for piece in _bytes_of(answer, self):
                content += piece
                if len(content) > MAX_DOCUMENT_BYTES:
                    raise too_large(self.words, path[:40], len(content))
        return bytes(content)

    def _pieces(self, sha256: str, start: int) -> Iterator[tuple[int, bytes]]:
        """Yield a blob from a place on, each piece with the place it belongs to."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._answer("GET", f"blobs/sha256:{sha256}", headers) as answer:
            if answer.status_code == _NOT_FOUND:
                raise refused(f"{self.words} is not whole.", f"The registry has no content {sha256[:12]}...")
            told = answer.headers.get("content-range", "")
            is_rest = answer.status_code == _PARTIAL and told.startswith(f"bytes {start}-")
            place = start if is_rest or not start else 0
            for piece in _bytes_of(answer, self):
                yield place, piece
                place += len(piece)

    @contextmanager
    def _answer(self, method: str, path: str, headers: dict[str, str] | None = None) -> "Iterator[httpx.Response]":
        """Ask, logging in when the registry wants that; 404 is an answer, everything else that is none raises."""
        import httpx

        url = f"{self.address.base}/{path}"
        try:
            for is_again in (False, True):
                asked = {"Accept": f"{media_types.INDEX}, {media_types.MANIFEST}", **(headers or {})}
                asked |= self._login.headers()
                with self.client.stream(method, url, headers=asked) as answer:
                    if answer.status_code == _REFUSED[0] and not is_again and self._login.renew(answer):
                        continue
                    self._require(answer)
                    yield answer
                    return
        except httpx.TransportError as error:
            raise self._unavailable(mask_secrets(f"{type(error).__name__}: {error}")) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise BundleError(
                f"{self.words} cannot be asked.",
                why=mask_secrets(f"{type(error).__name__}: {error}"),
                remedy="Check the address, and where the registry redirects to.",
            ) from error

    def _require(self, answer: "httpx.Response") -> None:
        code = answer.status_code
        if code in _REFUSED:
            raise BundleError(
                f"{self.words} may not be read.",
                why=f"The registry answers {code}; {self._login.words()}.",
                remedy=f"Log in: skopeo login {self.address.host}, or docker login; ~/.docker/config.json is read.",
            )
        if code in _LATER or code >= _SERVER_ERROR:
            raise self._unavailable(f"it answers {code}")
        if answer.is_error and code != _NOT_FOUND:
            raise BundleError(
                f"{self.words} cannot be read.",
                why=f"The registry answers {code}.",
                remedy="Check the address: HOST is a registry, NAME a repository in it.",
            )

    def _unavailable(self, why: str) -> RegistryUnavailable:
        return RegistryUnavailable(
            f"The registry at {self.address.host} does not answer as it should.",
            why=f"{why[:300]}.",
            remedy="Run the import again: it continues with what has arrived. For a certificate of your own: "
            "SSL_CERT_FILE.",
        )


class _Answer:
    """A stream of pieces as something that fills buffers."""

    def __init__(self, pieces: Iterator[tuple[int, bytes]]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readinto(self, buffer: bytearray, /) -> int:
        """Fill the buffer as far as a piece goes."""
        if not self._rest:
            self._rest = memoryview(next(self._pieces, (0, b""))[1])
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        """End the request."""
        if callable(close := getattr(self._pieces, "close", None)):
            close()


def _bytes_of(answer: "httpx.Response", source: RegistrySource) -> Iterator[bytes]:
    """Yield the body as it comes; a compressed one is refused, whose length nothing tells."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise refused(f"{source.words} cannot be read.", "The registry compresses what it was not asked to compress")
    yield from answer.iter_raw(_CHUNK_BYTES)


@contextmanager
def opened_registry(text: str) -> Iterator[RegistrySource]:
    """Open the bundle at an address; trusts the certificates that huggingface_hub trusts, and its proxies."""
    import httpx

    address = Address.parse(text)
    with httpx.Client(
        verify=httpx.create_ssl_context(),
        timeout=_TIMEOUT_S,
        follow_redirects=True,
        headers={"Accept-Encoding": "identity", "User-Agent": "docling-runbook"},
    ) as client:
        yield RegistrySource(address, client, Login(address.host, address.base, client))

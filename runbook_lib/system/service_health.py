"""What a running service says of itself: whether it lives, whether it is ready, which one it is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from runbook_lib.core.masking import mask_known
from runbook_lib.core.value import Value
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.system.loopback import is_loopback
from runbook_lib.system.time_limit import within

if TYPE_CHECKING:
    import httpx

ALIVE_PATHS: Final = ("/livez", "/healthz", "/health")
READY_PATHS: Final = ("/readyz", "/ready")
_VERSION_PATH: Final = "/version"
_SERVE: Final = "docling-serve"
_SHOWN_CHARACTERS: Final = 160
_READ_BYTES: Final = 65_536


class HealthAnswer(Value):
    """What the service answered at one path."""

    path: str
    status: int = 0
    """0 when no answer came."""
    kind: str = ""
    """The content type, without its parameters."""
    words: str = ""
    """What it says of its state, or why no answer came; masked and cut."""

    @property
    def is_good(self) -> bool:
        """Whether it is a 2xx that is no web page: a proxy or a login answers 200 with a page."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES and self.kind != "text/html"

    @property
    def is_of_another(self) -> bool:
        """Whether something in front of the service answered: a page, or the way to one."""
        redirected = HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST
        return redirected or (self.kind == "text/html" and self.status < HTTPStatus.BAD_REQUEST)

    def __str__(self) -> str:
        said = f": {self.words}" if self.words else ""
        page = " with a web page" if self.kind == "text/html" else ""
        return f"{self.path} {self.status}{page}{said}" if self.status else f"{self.path}: {self.words}"


class ServiceFacts(Value):
    """What a service answered, and whether it is docling-serve."""

    alive: HealthAnswer | None
    """None where it has none of the paths."""
    ready: HealthAnswer | None
    serve: str = ""
    """The version of docling-serve; empty when it is another service, or hides it."""

    @property
    def is_reached(self) -> bool:
        """Whether anything answered at all; 404 everywhere is an answer."""
        return self.alive is None or bool(self.alive.status)


def examine_service(url: str, limit_s: float) -> ServiceFacts:
    """Ask a service for its health, `limit_s` altogether; reads, and sends nothing but GET.

    A service on this machine is reached directly, whatever proxies are set. Redirects are shown, not followed: what
    stands behind a login answers for the login.
    """
    import httpx  # loads in a tenth of a second, which nobody pays who asks no service

    with httpx.Client(trust_env=not is_loopback(url)) as client:
        service = _Service(client, url, time.monotonic() + limit_s)
        alive = service.first_answer(ALIVE_PATHS)
        if alive is not None and not alive.status:
            return ServiceFacts(alive=alive, ready=None)
        ready = service.first_answer(READY_PATHS)
        return ServiceFacts(alive=alive, ready=ready, serve=_version_of_serve(service))


@dataclass(frozen=True)
class _Service:
    """One client, whose certificates are read once, and the moment of the monotonic clock by which all is asked."""

    client: "httpx.Client"
    url: str
    ends_at: float

    def first_answer(self, paths: tuple[str, ...]) -> HealthAnswer | None:
        """Return the answer of the first path that the service has."""
        answers: Iterator[HealthAnswer] = (self.ask(path)[0] for path in paths)
        return next((answer for answer in answers if answer.status != HTTPStatus.NOT_FOUND), None)

    def ask(self, path: str) -> tuple[HealthAnswer, object]:
        import httpx

        left_s = max(0.05, self.ends_at - time.monotonic())
        try:
            return within(left_s, f"GET {path}", lambda: self._request(path, left_s))
        except (DeadlineExceeded, httpx.TimeoutException):  # which of them is first, is chance
            return HealthAnswer(path=path, words=f"no answer within {left_s:.1f} s"), None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return HealthAnswer(path=path, words=_shown(f"{type(error).__name__}: {error}")), None

    def _request(self, path: str, limit_s: float) -> tuple[HealthAnswer, object]:
        with self.client.stream("GET", f"{self.url}{path}", timeout=limit_s) as response:
            body = b""
            for piece in response.iter_bytes(_READ_BYTES):
                body += piece
                if len(body) >= _READ_BYTES:
                    break
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        content = _content_of(body) if kind.endswith("json") else None
        words = response.headers.get("location", "") if response.is_redirect else _words_of(content)
        return HealthAnswer(path=path, status=response.status_code, kind=kind, words=_shown(words)), content


def _content_of(body: bytes) -> object:
    import json

    try:
        return json.loads(body)
    except ValueError:
        return None


def _words_of(content: object) -> str:
    """Return what FastAPI, Spring and most others put their state under."""
    named: dict[str, Any] = content if isinstance(content, dict) else {}
    said = next((named[key] for key in ("detail", "status", "message") if isinstance(named.get(key), str)), "")
    return str(said)


def _shown(text: str) -> str:
    return mask_known(" ".join(text.split()))[:_SHOWN_CHARACTERS]


def _version_of_serve(service: _Service) -> str:
    answer, content = service.ask(_VERSION_PATH)
    named = content if answer.is_good and isinstance(content, dict) else {}
    return _shown(str(named.get(_SERVE, "")))

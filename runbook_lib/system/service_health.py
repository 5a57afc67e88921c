"""What a running service says of itself: whether it lives, whether it is ready, which one it is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from runbook_lib.core.masking import mask_known
from runbook_lib.core.value import Value
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.system.loopback import is_loopback
from runbook_lib.system.time_limit import within

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


@dataclass(frozen=True)
class _Clock:
    ends_at: float

    @property
    def left_s(self) -> float:
        return max(0.05, self.ends_at - time.monotonic())


def examine_service(url: str, limit_s: float) -> ServiceFacts:
    """Ask a service for its health, `limit_s` altogether; reads, and sends nothing but GET.

    A service on this machine is reached directly, whatever proxies are set. Redirects are shown, not followed: what
    stands behind a login answers for the login.
    """
    clock = _Clock(time.monotonic() + limit_s)
    alive = _first(url, ALIVE_PATHS, clock)
    if alive is not None and not alive.status:
        return ServiceFacts(alive=alive, ready=None)
    ready = _first(url, READY_PATHS, clock)
    return ServiceFacts(alive=alive, ready=ready, serve=_version_of_serve(url, clock))


def _first(url: str, paths: tuple[str, ...], clock: _Clock) -> HealthAnswer | None:
    """Return the answer of the first path that the service has."""
    answers: Iterator[HealthAnswer] = (_ask(url, path, clock)[0] for path in paths)
    return next((answer for answer in answers if answer.status != HTTPStatus.NOT_FOUND), None)


def _ask(url: str, path: str, clock: _Clock) -> tuple[HealthAnswer, object]:
    import httpx  # loads in a tenth of a second, which nobody pays who asks no service

    def request() -> tuple[HealthAnswer, object]:
        limit_s = clock.left_s
        with (
            httpx.Client(timeout=limit_s, trust_env=not is_loopback(url)) as client,
            client.stream("GET", f"{url}{path}") as response,
        ):
            body = b""
            for piece in response.iter_bytes(_READ_BYTES):
                body += piece
                if len(body) >= _READ_BYTES:
                    break
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        content = _content_of(body) if kind.endswith("json") else None
        words = response.headers.get("location", "") if response.is_redirect else _words_of(content)
        return HealthAnswer(path=path, status=response.status_code, kind=kind, words=_shown(words)), content

    try:
        return within(clock.left_s, f"GET {path}", request)
    except DeadlineExceeded as error:
        return HealthAnswer(path=path, words=f"no answer within {error.limit_s:.1f} s"), None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return HealthAnswer(path=path, words=_shown(f"{type(error).__name__}: {error}")), None


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


def _version_of_serve(url: str, clock: _Clock) -> str:
    answer, content = _ask(url, _VERSION_PATH, clock)
    named = content if answer.is_good and isinstance(content, dict) else {}
    return _shown(str(named.get(_SERVE, "")))

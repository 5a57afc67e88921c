"""What the Hub thinks of us: an old token, models it does not give, a rate limit that is nearly used up.

A token is sent where huggingface_hub itself would send it and nowhere else, and appears in no evidence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import NotReached, Probe
from runbook_lib.checks.probes.variables import hub_home
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.check import Verdict, ok, skip, warn
from runbook_lib.system.network import port_of, proxy_for
from runbook_lib.system.tunnel import ProxyRefused, open_tunnel
from runbook_lib.system.variables import is_true

_FORM = re.compile(r"[\x21-\x7e]+")
_LOW_SHARE = 0.1
_REMAINING = re.compile(r"\br=(\d+)")
_QUOTA = re.compile(r"\bq=(\d+)")
_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
STALE_TOKEN = "stale-token-401"  # noqa: S105 - the name of a quirk
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class FoundToken:
    """A token and where it was found; never shown, not even by `repr`."""

    origin: str
    value: str

    def __repr__(self) -> str:
        return f"FoundToken({self.origin!r})"


def find_token(environ: Mapping[str, str]) -> FoundToken | None:
    """Return the token huggingface_hub 1.33 would send: the variables first, then the file."""
    for name in _VARIABLES:
        if environ.get(name, "").strip():
            return FoundToken(name, environ[name].strip())
    path = Path(environ.get("HF_TOKEN_PATH") or hub_home(environ) / "token").expanduser()
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return FoundToken(str(path), value) if value else None


def _token(context: ProbeContext) -> Verdict:
    found = find_token(context.environ)
    if found is None:
        return ok("no token is set: public models need none")
    if is_true(context.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "")):
        return ok(f"{found.origin} holds a token, and HF_HUB_DISABLE_IMPLICIT_TOKEN keeps it from being sent")
    if not _FORM.fullmatch(found.value):
        return judge_token(found.origin, well_formed=False, status=None, public_status=None)
    address = urlsplit(context.endpoint)
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        return skip(f"{found.origin} holds a token, which is not sent over plain HTTP to ask about it")
    headers = {"Authorization": f"Bearer {found.value}"}
    status = _ask(context, "/api/whoami-v2", headers).status
    refused = status == HTTPStatus.UNAUTHORIZED
    model = _model_path(context.models[0]) if context.models else "/api/models?limit=1"
    public = _ask(context, model, {}).status if refused else None
    return judge_token(found.origin, well_formed=True, status=status, public_status=public)


def judge_token(origin: str, *, well_formed: bool, status: int | None, public_status: int | None) -> Verdict:
    """Say whether the Hub takes the token; with an old one it refuses even what is public."""
    remedy = token_remedy(origin)
    if not well_formed:
        seen = f"the token in {origin} holds blanks or characters outside ASCII: it cannot be sent"
        return warn(seen, remedy, fixed_by=FixedBy.CONFIGURE_ENV)
    if status != HTTPStatus.UNAUTHORIZED:
        return ok(f"the token in {origin} is accepted" if status == HTTPStatus.OK else f"{origin}: HTTP {status}")
    same = "and the same address answers without it" if public_status == HTTPStatus.OK else f"without: {public_status}"
    return warn(f"the Hub refuses the token in {origin} (HTTP 401), {same}", remedy, fixed_by=FixedBy.CONFIGURE_ENV)


def token_remedy(origin: str) -> str:
    """Say how to get rid of a token where it stands: a variable is unset, a file removed."""
    away = f"Unset {origin}" if origin in _VARIABLES else f"Remove the file {origin}"
    return f"{away} (hf auth login saves a new token), or set HF_HUB_DISABLE_IMPLICIT_TOKEN=1; then run again."


@dataclass(frozen=True)
class Answered:
    """What the Hub said, as far as it is judged."""

    status: int
    error_code: str = ""
    rate_limit: str = ""


def _ask(context: ProbeContext, path: str, headers: Mapping[str, str]) -> Answered:
    limit_s = context.settings.probe_limit_s / 2
    _require_host(context.endpoint, limit_s)
    import httpx

    try:
        response = httpx.get(context.endpoint + path, headers=headers, timeout=limit_s, follow_redirects=True)
    except httpx.TransportError as error:
        raise NotReached(f"{context.endpoint}: {error}") from error
    return Answered(
        response.status_code, response.headers.get("x-error-code", ""), response.headers.get("ratelimit", "")
    )


def _require_host(endpoint: str, limit_s: float) -> None:
    """Raise `NotReached` for a host that takes no connection, before a tenth of a second goes into importing httpx."""
    host, proxy = urlsplit(endpoint), proxy_for(endpoint)
    if urlsplit(proxy).scheme not in ("", "http"):
        return  # httpx knows more kinds of proxies than the tunnel does
    try:
        open_tunnel(host.hostname or "", port_of(host), proxy=proxy, limit_s=limit_s)
    except (OSError, ProxyRefused) as error:
        raise NotReached(f"{endpoint}: {error}") from error


def _model_path(model: ModelRef) -> str:
    return f"/api/models/{model.repo_id}/revision/{model.revision}"


def _models(context: ProbeContext) -> Verdict:
    if not context.models:
        return skip("which models are needed is not known without asking docling; stage detect asks")
    found = find_token(context.environ)
    implicit = found is not None and not is_true(context.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", ""))
    secure = urlsplit(context.endpoint).scheme == "https"
    headers = {"Authorization": f"Bearer {found.value}"} if found is not None and implicit and secure else {}
    return judge_models({model: _ask(context, _model_path(model), headers) for model in context.models})


def judge_models(answers: Mapping[ModelRef, Answered]) -> Verdict:
    """Say which model the Hub does not give, by status and error code; sentences differ between versions."""
    refused = {model: answer for model, answer in answers.items() if answer.status != HTTPStatus.OK}
    if not refused:
        return ok(f"{', '.join(map(str, answers))}: there")
    seen = "; ".join(f"{model}: HTTP {answer.status} {answer.error_code}".rstrip() for model, answer in refused.items())
    return warn(
        seen,
        "docling's default models are public: a refusal means a mirror without them, an old token (check token) or a"
        " proxy; otherwise correct the name or the revision.",
        fixed_by=FixedBy.CONFIGURE_ENV,
    )


def _rate_limit(context: ProbeContext) -> Verdict:
    if context.practice:
        return skip("the built-in hub has no rate limit")
    path = _model_path(context.models[0]) if context.models else "/api/models?limit=1"
    answer = _ask(context, path, {})
    return judge_rate_limit(answer.status, answer.rate_limit)


def judge_rate_limit(status: int, header: str) -> Verdict:
    """Read the header `ratelimit: "api";r=489;t=211` and, where it is given, the quota `q=500`."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return warn("the Hub answers HTTP 429: the limit of this address is used up", _RATE_REMEDY)
    remaining, quota = _REMAINING.search(header), _QUOTA.search(header)
    if remaining is None:
        return ok("the Hub names no limit")
    left, total = int(remaining[1]), int(quota[1]) if quota else 500
    seen = f"{left} of about {total} requests left"
    return warn(seen, _RATE_REMEDY) if left < total * _LOW_SHARE else ok(seen)


_RATE_REMEDY = "Set HF_TOKEN, keep the cache between CI runs, and let workers run offline; do not retry in parallel."

PROBES = (
    Probe("token", "no old token is in the way", STALE_TOKEN, _token, needs_network=True),
    Probe("hub-models", "the Hub gives every model", "repo-missing-or-gated", _models, needs_network=True),
    Probe("rate-limit", "the rate limit is far", "rate-limit-429", _rate_limit, needs_network=True),
)

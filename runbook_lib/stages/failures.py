"""What a worker's exceptions mean: the innermost cause decides, never the outermost sentence."""

import errno
from collections.abc import Callable
from dataclasses import dataclass

from runbook_lib.adapters.worker import Cause, WorkerFailed


@dataclass(frozen=True)
class Explanation:
    """Why a download failed and what helps."""

    evidence: str
    remedy: str
    quirk: str = ""


@dataclass(frozen=True)
class _Rule:
    matches: Callable[[Cause], bool]
    remedy: str
    quirk: str


def _named(*types: str) -> Callable[[Cause], bool]:
    return lambda cause: cause.type in types


def _saying(*parts: str) -> Callable[[Cause], bool]:
    return lambda cause: any(part in cause.message for part in parts)


_SPACE = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}

_RULES = (
    _Rule(
        lambda cause: cause.winerror == 1314,  # noqa: PLR2004 - ERROR_PRIVILEGE_NOT_HELD
        "Run notebooks/02_configure_env.ipynb: it sets what this huggingface_hub needs to do without symlinks.",
        "quirk-001",
    ),
    _Rule(
        lambda cause: cause.errno in _SPACE or cause.winerror == 112,  # noqa: PLR2004 - ERROR_DISK_FULL
        "Free space, or put the cache on another volume with -p cache_dir PATH, and run this stage again.",
        "disk-full-cross-volume",
    ),
    _Rule(
        lambda cause: cause.errno in _REFUSED,
        "Choose a cache folder that this user may write: -p cache_dir PATH.",
        "cache-not-writable",
    ),
    _Rule(
        _saying("Invalid credentials in Authorization header"),
        "The stored token is stale. Unset HF_TOKEN or run hf auth logout; public models need no token.",
        "stale-token-401",
    ),
    _Rule(_saying("429 "), "The Hub limits this address. Wait, set HF_TOKEN, or use a mirror.", "rate-limit-429"),
    _Rule(
        _named("GatedRepoError", "RepositoryNotFoundError", "RevisionNotFoundError"),
        "Check the spelling of repository and revision; gated and private models need a token in HF_TOKEN.",
        "repo-missing-or-gated",
    ),
    _Rule(
        _named("JSONDecodeError"),
        "Something answers with a page in place of the Hub: a portal or a filter. Use a mirror: -p hub URL.",
        "proxy-blockpage",
    ),
    _Rule(
        _saying("X-Repo-Commit", "does not seem to be on huggingface.co", "403 Forbidden"),
        "Something answers in place of the Hub: a portal or a filter. Use a mirror: -p hub URL.",
        "proxy-blockpage",
    ),
    _Rule(
        _saying("CERTIFICATE_VERIFY_FAILED", "self-signed certificate"),
        "A proxy signs with a certificate Python does not trust. Name it in SSL_CERT_FILE; do not switch checks off.",
        "tls-interception",
    ),
    _Rule(_named("ProxyError"), "The proxy refuses. Check HTTPS_PROXY and its credentials.", "proxy-407"),
    _Rule(
        _saying("Consistency check failed", "file should be of size"),
        "What arrived has another length than announced: a proxy rewrites or cuts. Try another network or a mirror.",
        "consistency-check",
    ),
    _Rule(
        _named("ConnectError", "ConnectionError", "gaierror", "ConnectTimeout", "ReadTimeout", "RemoteProtocolError"),
        "The Hub does not answer. Run notebooks/01_detect.ipynb to see which step of the way fails.",
        "",
    ),
    _Rule(
        _saying("outgoing traffic has been disabled", "offline"),
        "The cache is not complete. Run this stage once online with the same models, then offline.",
        "offline-cache-miss",
    ),
)


def explain_failure(failure: WorkerFailed) -> Explanation:
    """Return evidence and remedy for the innermost cause that is known; the outermost is the last resort."""
    for cause in reversed(failure.chain):
        for rule in _RULES:
            if rule.matches(cause):
                return Explanation(_sentence(cause), rule.remedy, rule.quirk)
    shown = failure.chain[0] if failure.chain else None
    evidence = _sentence(shown) if shown else failure.why
    return Explanation(evidence, "Read the whole message with runbook diagnose, or run notebooks/01_detect.ipynb.")


def _sentence(cause: Cause) -> str:
    number = f" [WinError {cause.winerror}]" if cause.winerror else ""
    text = " ".join(cause.message.split())
    return f"{cause.type}{number}: {text[:400]}"

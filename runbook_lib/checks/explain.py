"""What the failures of workers mean: the catalogue of quirks names the cause, the runbook adds what it can do."""

import os
import re
from dataclasses import dataclass

from runbook_lib.checks.probes.tokens import STALE_TOKEN, find_token, token_remedy
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.masking import mask_known
from runbook_lib.errors import DeadlineExceeded
from runbook_lib.quirks.diagnosis import Finding, diagnose
from runbook_lib.system.variables import is_true
from runbook_lib.workers.failure import Cause, WorkerFailed

_SHOWN_CHARS = 400

_HERE = {
    "quirk-001": f"Run {FixedBy.CONFIGURE_ENV.words}: it sets what this huggingface_hub needs without symlinks.",
    "disk-full-cross-volume": "Free space, or put the cache on another volume with -p cache_dir PATH; then run again.",
    "cache-not-writable": "Choose a cache folder that this user may write to: -p cache_dir PATH.",
    "lock-network-fs": "Choose a cache folder on a local disk, where files can be locked: -p cache_dir PATH.",
    "hub-unreachable": "Use a mirror with -p hub URL, or a filled cache with -p offline true; "
    f"{FixedBy.DETECT.words} shows which step of the way fails.",
    "hub-server-error": "Wait and run again: what is complete is kept. If it stays, use a mirror: -p hub URL.",
    "proxy-blockpage": "A portal or filter answers for the Hub. Have the Hub allowed, or use a mirror: -p hub URL.",
    "rate-limit-429": "The Hub limits this address. Wait and run again, set HF_TOKEN, or use a mirror: -p hub URL.",
    "repo-missing-or-gated": "Check repository and revision in -p models; gated and private ones need HF_TOKEN.",
    "offline-cache-miss": "Run stage download once online (-p offline false) with the same models and cache, "
    "then offline.",
    "incomplete-no-resume": "Run again: files that arrived whole are kept. On a bad line allow more with"
    " -p download_limit_s SECONDS, or use a mirror that is nearer: -p hub URL.",
    "consistency-check": "Run again: what arrived whole is kept. If the two numbers repeat, something on the way "
    "changes the file: use another network, or a mirror with -p hub URL.",
}
"""What helps within a run, where the catalogue speaks to someone who has only a log."""

_MIRROR = "or use another mirror: -p hub URL."
_SIGNS = (
    (
        re.compile(r"405 (?:Client Error: )?Method Not Allowed"),
        f"The hub refuses HEAD, with which huggingface_hub asks before every file: have it allowed there, {_MIRROR}",
        False,
    ),
    (
        re.compile(r"does not have an ETag|does not have a commit hash|Distant resource does not seem to be on"),
        f"On the way headers are taken out that huggingface_hub needs: have ETag and X-Repo-Commit left in, {_MIRROR}",
        False,
    ),
    (
        re.compile(r"RemoteProtocolError|Server disconnected|Connection(?:Reset|Aborted)Error|RemoteDisconnected"),
        f"The connection is cut on the way. Run again: what arrived whole is kept; {_MIRROR}",
        True,
    ),
)
"""Failures of mirrors, and of what stands before them: what shows each, what helps, and whether it may pass."""
_PACKAGE_MISSING = ("ImportError", "ModuleNotFoundError")
_INSTALL = re.compile(r"""pip\d? install (?:'[^'\n]{1,80}'|[^`"'\n]{1,80})""")
_LOGIN = (
    "No token was sent, and the hub asks for one: save a token of that hub (hf auth login, or HF_TOKEN), or name a hub"
    " that asks for none: -p hub URL."
)

_CAUSE_UNSAID = "hub-cause-unsaid"
"""What the catalogue says of a log without its cause; a chain of exceptions may still hold it."""
_NO_QUIRK = f"Read the whole message with runbook diagnose, or run {FixedBy.DETECT.words}."


@dataclass(frozen=True)
class Explanation:
    """Why a worker failed and what helps."""

    evidence: str
    remedy: str
    quirk: str = ""
    temporary: bool = False
    """It may go away by itself."""


def explain_failure(failure: WorkerFailed) -> Explanation:
    """Return what the catalogue recognises in the traceback, or in the last words of a worker that died.

    The evidence is the innermost exception that shows the quirk by itself: what lies deeper is a detail of it, what
    lies further out (`LocalEntryNotFoundError: ... check your connection`) is a guess.
    """
    finding = _recognised(failure.traceback, failure) or _recognised(failure.log, failure)
    if not failure.chain:
        return _explained(finding, " ".join(failure.why.split()))
    if (finding is None or finding.quirk.id == _CAUSE_UNSAID) and (unknown := _unknown(failure)) is not None:
        return unknown
    innermost_first = failure.chain[::-1]
    telling = (cause for cause in innermost_first if finding and _shows(cause, finding.quirk.id))
    return _explained(finding, _sentence(next(telling, innermost_first[0])))


def explain_text(text: str) -> Explanation:
    """Return what the catalogue recognises in the words of a library; an explanation without quirk when nothing."""
    return _explained(next(iter(diagnose(text).findings), None), text[:_SHOWN_CHARS])


def explain_deadline(late: DeadlineExceeded) -> Explanation:
    """Return why a worker did not end in time, as far as its last words tell; silence is a quirk of its own (Q22)."""
    finding = next(iter(diagnose(late.why).findings), None)
    words = [line for line in late.why.splitlines() if "%|" not in line]  # a bar of progress is no last word
    evidence = " ".join((late.what, *" ".join(words).split()))[:_SHOWN_CHARS]
    if finding is not None:
        return _explained(finding, evidence)
    remedy = late.remedy or (
        "Run the stage again: files that arrived whole are kept. Or allow more (-p download_limit_s SECONDS), or use a"
        " mirror that is nearer: -p hub URL."
    )
    return Explanation(evidence, remedy, "" if late.why else "snapshot-no-timeout-hang")


def _recognised(text: str, failure: WorkerFailed) -> Finding | None:
    return next(iter(diagnose(text, installed=failure.versions).findings), None)


def _shows(cause: Cause, quirk_id: str) -> bool:
    return any(finding.quirk.id == quirk_id for finding in diagnose(f"{cause.type}: {cause.message}").findings)


def _unknown(failure: WorkerFailed) -> Explanation | None:
    """Return what helps against a failure that is no quirk of a version: a mirror's, or a package that is missing."""
    for cause in failure.chain[::-1]:
        sentence = _sentence(cause)
        for pattern, remedy, temporary in _SIGNS:
            if pattern.search(sentence):
                return Explanation(sentence, remedy, temporary=temporary)
        if cause.type in _PACKAGE_MISSING:
            named = _INSTALL.search(cause.message)
            what = f"{named[0].rstrip(' `.,;')}" if named else "the package it names"
            return Explanation(sentence, f"Install it into the interpreter under examination: {what}")
    return None


def _explained(finding: Finding | None, evidence: str) -> Explanation:
    evidence = mask_known(evidence)
    if finding is None:
        return Explanation(evidence, _NO_QUIRK)
    if finding.quirk.id == STALE_TOKEN:
        found = find_token(os.environ)
        if found is None or is_true(os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "")):
            return Explanation(evidence, _LOGIN, "repo-missing-or-gated")
        return Explanation(evidence, token_remedy(found.origin), finding.quirk.id)
    quirk = finding.quirk
    return Explanation(evidence, _HERE.get(quirk.id, finding.remedy), quirk.id, quirk.temporary)


def _sentence(cause: Cause) -> str:
    number = f" [WinError {cause.winerror}]" if cause.winerror else ""
    text = " ".join(cause.message.split())
    return f"{cause.type}{number}: {text[:_SHOWN_CHARS]}"

"""What a mirror's answers mean for huggingface_hub; pure."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from runbook_lib.cache.etags import is_commit, is_sha256
from runbook_lib.checks.mirror.look import RANGE, XET_HASH, Answer, MirrorFacts
from runbook_lib.checks.probes.integrity import judge_mirror
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.core.value import Value
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.run.check import Check, Status, Verdict, fail, ok, skip, warn, worst

_NOT_ASKED: Final = skip("could not be asked: an answer before it is missing")
_MIRROR: Final = "Ask who runs the mirror to pass these answers on unchanged, or use another one."
_MISSING: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED)
"""The Hub answers 401 where a repository might be private."""
_FOUND: Final = range(300, 400)
_CODES: Final = ("no_file", "EntryNotFound"), ("no_revision", "RevisionNotFound"), ("no_repository", "RepoNotFound")


class MirrorReport(Rendered, Value):
    """The checks of a mirror."""

    endpoint: str
    model: str
    checks: tuple[Check, ...]

    @property
    def status(self) -> Status:
        """The worst of them."""
        return worst(check.status for check in self.checks)

    def sections(self) -> Sequence[Section]:
        """Return one row a check, then what to do."""
        rows = tuple((check.status.value, check.id, check.title, check.evidence) for check in self.checks)
        todo = tuple(f"{check.id}: {check.remedy}" for check in self.checks if check.needs_hand)
        table = Table(f"Mirror {self.endpoint}, asked for {self.model}", ("status", "check", "what", "seen"), rows)
        return (table, Note("What to do", todo)) if todo else (table,)


def judge_mirror_facts(facts: MirrorFacts) -> MirrorReport:
    """Judge every answer."""
    checks = tuple(Check.answered(id, title, judge(facts), quirk=quirk) for id, title, quirk, judge in _CHECKS)  # noqa: A001
    return MirrorReport(endpoint=mask_url_credentials(facts.endpoint), model=str(facts.model), checks=checks)


def _api(facts: MirrorFacts) -> Verdict:
    if is_commit(facts.commit):
        return ok(f"{facts.model.revision} is commit {facts.commit[:8]}")
    kind = facts.info.headers.get("content-type", "no content type").partition(";")[0]
    if kind == "text/html":
        return fail(
            f"HTTP {facts.info.status} with a page where the Hub answers JSON",
            "Something else answers at this address: a proxy's or portal's page, or the address lacks a path.",
        )
    return fail(f"HTTP {facts.info.status}, {kind}, and no commit in it", _MIRROR)


def _listing(facts: MirrorFacts) -> Verdict:
    if facts.listing is None:
        return _NOT_ASKED
    if not facts.entries:
        return fail(f"HTTP {facts.listing.status}, and no files in it: {_shown(facts.listing)}", _MIRROR)
    odd = next((one.path for one in facts.entries if not (is_commit(one.git_sha1) or is_sha256(one.sha256))), "")
    if odd:
        return fail(f"{odd} is listed without git's id or a SHA-256, so that nothing can be verified", _MIRROR)
    lfs = sum(bool(one.sha256) for one in facts.entries)
    return ok(f"{len(facts.entries)} files, {lfs} of them in LFS")


def _metadata(facts: MirrorFacts) -> Verdict:
    told = facts.small_head.headers.get("x-repo-commit", "") if facts.small_head else ""
    if is_commit(told) and told != facts.commit:  # olah 0.5.4 does so for ten minutes after a branch has moved
        return warn(
            f"the API says that {facts.model.revision} is {facts.commit[:8]}, a file of it comes from {told[:8]}: the"
            " mirror remembers the one longer than the other",
            "Pin the commit: -p models org/name@COMMIT. Or have the mirror forget branches sooner.",
        )
    return _head(facts, facts.small_head, facts.small.git_sha1 if facts.small else "")


def _pinned(facts: MirrorFacts) -> Verdict:
    return _head(facts, facts.pinned_head, facts.small.git_sha1 if facts.small else "")


def _lfs(facts: MirrorFacts) -> Verdict:
    return _head(facts, facts.weights_head, facts.weights.sha256 if facts.weights else "")


def _head(facts: MirrorFacts, answer: Answer | None, etag: str) -> Verdict:
    """Judge what the client reads before it fetches: commit, etag, size (`get_hf_file_metadata`)."""
    if answer is None:
        return _NOT_ASKED
    if answer.status >= HTTPStatus.BAD_REQUEST or not answer.status:
        return fail(f"HEAD is answered with {_shown(answer)}", _MIRROR)
    if answer.headers.get("x-repo-commit") != facts.commit:
        seen = answer.headers.get("x-repo-commit", "no header")
        return fail(f"X-Repo-Commit: {seen[:60]}; the client raises FileMetadataError or files it wrongly", _MIRROR)
    if answer.etag() != etag:
        seen = answer.etag()[:70] or "none"
        return fail(f"the etag is {seen}, the listing says {etag[:12]}...: one content under two names", _MIRROR)
    if answer.size_bytes() is None:
        return fail("neither X-Linked-Size nor Content-Length tells the size", _MIRROR)
    return ok(f"commit, etag and size come with it ({answer.status})")


def _redirects(facts: MirrorFacts) -> Verdict:
    if facts.weights_head is None:
        return _NOT_ASKED
    if facts.weights_head.status not in _FOUND:
        return ok("weights are served by the mirror itself")
    own = urlsplit(facts.endpoint).netloc
    host = urlsplit(facts.weights_head.headers.get("location", "")).netloc
    if host in ("", own):
        return ok("weights are redirected within the mirror")
    return warn(
        f"weights are redirected to {host}, which has to be reachable as well",
        f"Let {host} through firewall and proxy, or let the mirror serve weights itself.",
    )


def _ranges(facts: MirrorFacts) -> Verdict:
    answer = facts.weights_range
    if answer is None:
        return _NOT_ASKED
    count = RANGE[1] - RANGE[0] + 1
    is_told = answer.headers.get("content-range", "").startswith(f"bytes {RANGE[0]}-{RANGE[1]}/")
    if answer.status == HTTPStatus.PARTIAL_CONTENT and is_told and len(answer.body) == count:
        return ok(f"{count} bytes were asked for, and came")
    return warn(
        f"bytes {RANGE[0]} to {RANGE[1]} were asked for, and {_shown(answer)} came with {len(answer.body)} bytes",
        "Expect interrupted downloads to start over; let the mirror pass Range on.",
    )


def _content(facts: MirrorFacts) -> Verdict:
    if facts.small_body is None or facts.small is None:
        return _NOT_ASKED
    if facts.body_is_right():
        return ok(f"{facts.small.path} is what the listing says")
    return fail(f"{facts.small.path} is not what the listing says ({_shown(facts.small_body)})", _MIRROR)


def _errors(facts: MirrorFacts) -> Verdict:
    """The client tells its errors apart by X-Error-Code (`hf_raise_for_status`)."""
    if facts.no_file is None:
        return _NOT_ASKED
    wrong = []
    for name, code in _CODES:
        answer: Answer = getattr(facts, name)
        if answer.headers.get("x-error-code") != code or answer.status not in _MISSING:
            told = answer.headers.get("x-error-code", "no X-Error-Code")
            wrong.append(f"{code}: HTTP {answer.status}, {told[:40]}")
    if not wrong:
        return ok("what there is not is answered as the Hub does")
    return warn(
        "; ".join(wrong),
        "Expect misleading errors: the client tells a missing file from a mirror that fails by X-Error-Code.",
    )


def _xet(facts: MirrorFacts) -> Verdict:
    """huggingface_hub fetches what is said to be in Xet from there alone, where hf_xet is installed."""
    if facts.weights is None or facts.weights_head is None:
        return _NOT_ASKED
    host, headers = urlsplit(facts.endpoint).hostname or "", facts.weights_head.headers
    if facts.xet_token is not None and facts.xet_token.status != HTTPStatus.OK:
        by = "in its listing" if facts.weights.xet else "by a header"
        return fail(
            f"{host} says {by} that {facts.weights.path} is in Xet, and answers {_shown(facts.xet_token)} for the token"
            " (xet-read-token): weights cannot be had",
            "Set HF_HUB_DISABLE_XET=1 for all programs that use this mirror; the environment of stage configure does.",
            fixed_by=FixedBy.CONFIGURE_ENV,
            quirk="mirror-without-xet",
        )
    if storage := _xet_host(facts):
        return warn(
            f"{host} passes Xet on: weights come from {storage}, which has to be reachable as well",
            f"Let {storage} through firewall and proxy, or set HF_HUB_DISABLE_XET=1.",
        )
    return judge_mirror(host, facts.weights.path if facts.weights.xet else "", headers)


def _xet_host(facts: MirrorFacts) -> str:
    """Return whom the mirror names as Xet's storage, when the headers of files say so, too; empty for the mirror."""
    if facts.xet_token is None or facts.weights_head is None or XET_HASH not in facts.weights_head.headers:
        return ""
    told = facts.xet_token.json()
    named = told.get("casUrl", "") if isinstance(told, dict) else ""
    storage = urlsplit(facts.xet_token.headers.get("x-xet-cas-url") or str(named)).netloc
    return "" if storage == urlsplit(facts.endpoint).netloc else storage[:100]


def _age(facts: MirrorFacts) -> Verdict:
    if facts.upstream_commit is None:
        told = facts.info.json()
        changed = str(told.get("lastModified", ""))[:10] if isinstance(told, dict) else ""
        return skip(f"not compared with the Hub (--upstream URL); last changed {changed or 'unknown'}")
    if not facts.upstream_commit:
        return skip("upstream does not tell what the branch stands for")
    if facts.upstream_commit == facts.commit:
        return ok(f"{facts.model.revision} stands for the same commit upstream")
    return warn(
        f"{facts.model.revision} is {facts.commit[:8]} here and {facts.upstream_commit[:8]} upstream",
        "Pin the commit, or let the mirror look for branches more often.",
    )


def _shown(answer: Answer) -> str:
    return f"HTTP {answer.status}" if answer.status else answer.headers.get("problem", "nothing")[:100]


_CHECKS: Final[tuple[tuple[str, str, str, Callable[[MirrorFacts], Verdict]], ...]] = (
    ("mirror-api", "the API tells what a branch stands for", "", _api),
    ("mirror-listing", "files are listed with their hashes", "", _listing),
    ("mirror-metadata", "a file of a branch comes with commit, etag and size", "", _metadata),
    ("mirror-pinned", "a file of a pinned commit does, too", "", _pinned),
    ("mirror-lfs", "weights are named by their SHA-256", "", _lfs),
    ("mirror-redirects", "weights come from the mirror", "", _redirects),
    ("mirror-ranges", "a download can be resumed", "", _ranges),
    ("mirror-content", "a file is what is listed", "", _content),
    ("mirror-errors", "what there is not is said as the Hub says it", "", _errors),
    ("mirror-xet", "the mirror is not passed by", "mirror-past-xet", _xet),
    ("mirror-age", "branches are as new as upstream", "", _age),
)

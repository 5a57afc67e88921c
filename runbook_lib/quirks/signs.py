"""Signs of failure and of success: words in which any program, in any of the common dialects, says how it went."""

import re
import tomllib
from importlib.resources import files

from runbook_lib.quirks.literals import literals_of

_WORDS: dict[str, tuple[str, ...]] = {
    name: tuple(words) for name, words in tomllib.loads((files(__package__) / "signs.toml").read_text("utf-8")).items()
}
FAILURE_WORDS, SUCCESS_WORDS = _WORDS["near_failure"], _WORDS["success"]

_HARMLESS = re.compile(
    r"""
      (?<![.\d])\b(?:0|no|No|without)\ (?:errors?|failures?|failed|exceptions?|warnings?)\b(?!\ to\b)
    | \b(?:errors?|failed|failures?|exceptions?)\s?[=:]\s?(?:0|None|null|\[\]|false)\b
    | Cannot\ locate\ TCMalloc | Token\ file\ not\ found | backend\ is\ switched\ to
    | Could\ not\ cache\ non-existence | Could\ not\ set\ the\ permissions\ on\ the\ file
    | ^(?!.{0,1000}"\ 5\d\d\b)\s{0,8}(?:\S{1,40}\s)?(?:\[?(?:INFO|DEBUG|TRACE)\b|"?level"?[=:]\s?"?(?:info|debug))
    | \bexited\ with\ code\ 0\b | \[notice\] | GPU\ device\ discovery\ failed | Could\ not\ collect
    | delaying\ package\ configuration | Unable\ to\ register\ cu\w{2,5}\ factory
    | \bstatus:\ NOERROR\b | \bWARN(?:ING)?\b | ^\s{0,8}[\w.]{0,40}[Ww]arning: | ^\S{0,200}:\d{1,6}:\ \w{0,40}Warning:
    | ^\s{0,8}[Hh]int: | ^\s{0,8}\[[DIW]\ \d | [Ff]alling\ back | \[Retry\ \d | \b[Rr]etrying\b | "\ (?:2|3)\d\d(?:\ |$)
    """,
    re.VERBOSE,
)
_QUIET = re.compile(
    r"""
      -{2,6}>(?!\s{1,4}\d{1,5}(?:\s|$)) | (?<=[^\s-])-{2,6}> | (?<=[^\s-]\ )-{2,6}>
    | ::[^\n]{1,300}?\ (?:PASSED|SKIPPED|XFAIL)\b(?:\ \(.{1,300}\))?
    | ^\s{0,8}PASSED\ [\w/.-]{1,200}::\S{0,300}
    | (?:^\s{0,8}|=\ )(?:SKIPPED|XFAIL)\ (?:\[\d{1,5}\]\ )?[\w/.-]{1,200}:[:\d](?:(?!\ (?:FAILED|ERROR)\ ).){0,1000}
    | ^.{1,300}\.\.\.\ (?:ok|skipped)\s{0,4}$ | ^\s{0,8}(?:[\u2713\u2714]|ok\ \d{1,6}\b|---\ PASS:)\s.{0,300}
    | ^\s{0,8}(?:Using\ cached|Requirement\ already\ satisfied)\b.{0,1000}
    | ^\s{0,8}Collecting\ \S{1,300}(?:\s{1,4}\(from\ [^()]{1,400}\))?
    | ^\s{0,8}Downloading\ \S{1,200}\.(?:whl|tar\.gz)\b\S{0,40}(?:\s?\([\d.]{1,9}\s?[kMG]?B\))?
    | ^\s{0,4}[+~-]\ [\w.-]{1,80}==\S.{0,300}
    | ^\s{0,8}(?:Installing\ collected\ packages|Successfully\ installed|Would\ install):?\ \S.{0,1900}
    | ^(?:<\ )?(?:link|location|access-control-[\w-]{1,40}|content-security-policy|vary|via):\ \S.{0,1900}
    """,
    re.VERBOSE,
)
_WARNING = re.compile(r"\bWARN(?:ING)?\b|[Ww]arnings?(?::|\.warn\b)|\bUserWarning\b|\bwarn\(")
_WARNED_BY_PYTHON = re.compile(r":\d{1,6}: \w{0,40}Warning:")
_REACH = 2000
_MAX_CHECKED = 300


def last_failure(text: str) -> int:
    """Return where the last line begins that tells of a failure; -1: no line does.

    A warning, an announced retry and a count of zero errors do not.
    """
    found = literals_of(_WORDS["failure"]).find(f"{text}\n")
    checked, start = 0, len(text) + 1
    for _, at, _ in reversed(found):
        if at >= start:
            continue
        first, end = _line(text, at)
        line = text[first : min(end, first + _REACH)]
        if any(word in line for word in _WORDS["warned"]):
            return first
        harmless = _HARMLESS.search(line) is not None
        if not harmless and not is_quiet(line, at - first):
            return first
        start = first if harmless else at
        checked += 1
        if checked > _MAX_CHECKED:
            break
    return -1


def last_success(text: str) -> int:
    """Return where the last word of success stands; -1: there is none."""
    return max((text.rfind(word) for word in SUCCESS_WORDS), default=-1)


def _line(text: str, at: int) -> tuple[int, int]:
    end = text.find("\n", at)
    return text.rfind("\n", 0, at) + 1, len(text) if end < 0 else end


def is_quiet(line: str, at: int) -> bool:
    """Say whether this place of a line only names things: a test that passed, a package, a header of an answer."""
    if not any(word in line for word in _WORDS["quiet"]):
        return False
    return any(found.start() <= at < found.end() for found in _QUIET.finditer(line[:_REACH]))


def is_warning(line: str) -> bool:
    """Say whether a line calls itself a warning."""
    return _WARNING.search(line[:_REACH]) is not None


def is_warned_by_python(line: str) -> bool:
    """Say whether a line is of Python's `warnings`, after which the program goes on."""
    return _WARNED_BY_PYTHON.search(line[:_REACH]) is not None

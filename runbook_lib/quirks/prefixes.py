"""What containers, schedulers, CI systems, terminals and test runners put before (and behind) each line.

A prefix is taken off where most lines of a stretch have it: the time stamp of a single log record marks where a
record begins, and stays.
"""

import re
from collections.abc import Sequence

TRACEBACK = "Traceback (most recent call last)"

_MAX_ROUNDS = 3
_MOST = 0.6

_STAMP = r"\d{4}-\d\d-\d\d[T ,]{1,2}\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:\s?(?:Z|UTC|[+-]\d\d:?\d\d))?"
_SYSLOG_STAMP = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,6})?"
_RICH_HEAD = r"(?:\[\d\d/\d\d/\d\d \d\d:\d\d:\d\d\]| {19}) (?:DEBUG|INFO|WARNING|ERROR|CRITICAL) {1,5}"
_PREFIXES = tuple(
    re.compile(pattern)
    for pattern in (
        # Airflow: [2026-03-01, 10:00:00 UTC] {subprocess.py:93} INFO -
        rf"\[{_STAMP}\] \{{[\w.]{{1,80}}:\d{{1,6}}\}} (?:INFO|WARNING|ERROR|DEBUG|CRITICAL) - ",
        rf"{_STAMP} [\w.-]{{1,80}} [\w@.:/-]{{1,80}}\[\d{{1,8}}\]:(?: |$)",  # journald -o short-iso
        rf"{_SYSLOG_STAMP} [\w.-]{{1,80}} [\w@.:/-]{{1,80}}(?:\[\d{{1,8}}\])?:(?: |$)",  # journald
        # docker, Kubernetes (with stream and flag), GitHub, GitLab, Jenkins
        rf"\[?{_STAMP}\]?(?: (?:stdout|stderr) [FP]| \d\d[OE]\+?)?(?: |$)",
        r"\[\s{0,8}\d{1,9}\.\d{1,9}\] ",  # dmesg
        r"[\w.@/-]{1,80}\s{0,40}\| ?",  # docker compose
        r"[\w.-]{1,60}\t[^\t\n]{1,80}\t(?=\d{4}-)",  # gh run view --log
        r"##\[\w{1,12}\]",
        r"#\d{1,4} \d{1,6}\.\d{1,3} ",  # docker buildx
        r"\[(?:rank\d{1,4}|pod/[\w./-]{1,120}|\w{1,20}/[\w.-]{1,80}|stdout|stderr)\]:? ?",
        r"\(\w{1,60}[^()\n]{0,40}pid=\d{1,8}[^()\n]{0,60}\) ?",  # ray
        r"\d{1,6}\.\d{1,3}s ?\| ?\d{1,6} ?\| |\d{1,6}\.\d{1,3}s\s{1,6}\d{1,6}\s",  # Kaggle
        rf"{_RICH_HEAD}| {{29}}",
        r"[\u2502\u2503]",  # a box of rich; the space after it tells its content from what stands below the box
        r"E {3}|> ",
    )
)
_BEHIND = re.compile(r"\s{0,200}[\u2502\u2503]\s{0,8}$")
_BORDER = re.compile(r"^[\u256d\u2570\u250c\u2514\u250f\u2517][\u2500\u2501].{0,400}$")
_CORNERS = ("\u256d", "\u2570", "\u250c", "\u2514", "\u250f", "\u2517")
_RICH_PLACE = re.compile(r"^(\[\d\d/\d\d/\d\d \d\d:\d\d:\d\d\]| {15,30}).{20,200}?(\s[\w.<>-]{2,60}:\d{1,6})\s{0,4}$")
_RECORD = re.compile(
    rf"""\s{{0,40}}(?:
        \[?(?:{_STAMP}|{_SYSLOG_STAMP}|\d\d[:/]\d\d[:/]\d\d)
      | \[?(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL|NOTICE)\b[\]:\s]
      | \[[DIWEC]\ \d
      | Traceback\ \(most | File\ " | Caused\ by | During\ handling | The\ above\ exception | Cell\ In\[
      | [-=~_^\u2500]{{3}} | \+\ \s? | \$\  | >>>\  | PS\ [A-Z]:\\ | [A-Z]:\\[^>\n]{{0,120}}> | \d{{1,3}}:\  | \{{"
      | [|*][ ] | HTTP/\d | -{{1,6}}>\s | \u2771\s
      | (?:(?:access-control|content|x)-[a-z-]{{1,40}}|link|location|vary|etag|date|server):(?:\ |$)
    )""",
    re.VERBOSE,
)
_RICH_RECORD = re.compile(_RICH_HEAD)
_CODE = re.compile(r"\s{0,8}(?:-{1,6}>|\u2771)?\s{0,8}(\d{1,5})(?:\s|$)")


def without_prefixes(lines: Sequence[str]) -> list[str]:
    """Return the lines without what stands before most of them, and without the sides of boxes."""
    bare = [_inside(line) for line in lines]
    for _ in range(_MAX_ROUNDS):
        texts = [line for line in bare if line.strip()]
        prefix = next((prefix for prefix in _PREFIXES if _is_common(prefix, texts)), None)
        if prefix is None:
            break
        bare = [line[match.end() :] if (match := prefix.match(line)) else line for line in bare]
        bare = [_inside(line) for line in bare]
    return bare


def is_record_start(bare: str, line: str) -> bool:
    """Say whether something new begins with this line, so that it cannot be the rest of the one before."""
    return _RECORD.match(bare) is not None or _RICH_RECORD.match(line) is not None


def is_code(lines: Sequence[str], index: int) -> bool:
    """Say whether a line is source code that a traceback shows: numbered, as the line before or after it."""
    number = _code_number(lines, index)
    return number > 0 and (_code_number(lines, index - 1) == number - 1 or _code_number(lines, index + 1) == number + 1)


def _code_number(lines: Sequence[str], index: int) -> int:
    found = _CODE.match(lines[index]) if 0 <= index < len(lines) else None
    return int(found[1]) if found else -1


def _is_common(prefix: re.Pattern[str], lines: Sequence[str]) -> bool:
    found, without = 0, 0
    for line in lines:
        if prefix.match(line):
            found += 1
            if found >= _MOST * len(lines):
                return True
        else:
            without += 1
            if len(lines) - without < _MOST * len(lines):
                return False
    return False


def _inside(line: str) -> str:
    """Return the line without the right side of a box, and without the place that rich writes at the right edge."""
    if line.startswith(_CORNERS) and _BORDER.match(line):
        return TRACEBACK if TRACEBACK in line else ""
    if line.endswith(("\u2502", "\u2503")) or "\u2502" in line[-10:]:
        line = _BEHIND.sub("", line)
    if (place := _RICH_PLACE.match(line)) is not None:
        line = line[: place.start(2)]
    return line

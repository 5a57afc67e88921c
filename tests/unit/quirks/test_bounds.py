"""Whatever the log, the work is bounded."""

import random
import re
import subprocess
import sys
import time
import tracemalloc
from io import BytesIO, RawIOBase
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.quirks.diagnosis import diagnose
from runbook_lib.quirks.log_text import CONTEXT_CHARS
from runbook_lib.quirks.model import Clue
from runbook_lib.quirks.patterns import check_bounds, check_literal, required_literals, squeezed, squeezed_literals

MEGABYTE = 1_000_000
LINE_LIMIT_S = 8.0


def patterns() -> list[str]:
    clues = [clue for quirk in load_catalogue() for clue in quirk.clues]
    lines = [pattern for quirk in load_catalogue() for pattern in quirk.patterns]
    company = [pattern for clue in clues for pattern in (clue.near, clue.unless) if pattern]
    return lines + [clue.line for clue in clues] + company


def literals() -> list[str]:
    return sorted({literal for pattern in patterns() for literal in required_literals(pattern)})


@pytest.mark.parametrize("pattern", [r"a+", r"a*", r"(?:a{0,5}b){2,9}", r"abcde(?=f)", r"(a)\1", r"a{0,2000}"])
def test_a_pattern_outside_of_the_dialect_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|bound"):
        check_bounds(pattern)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r"\[WinError 1314\]", ("[WinError 1314]",)),
        (r"(?:header too large|header too small)!", ("header too ",)),
        (r"one thing|another thing", ("one thing", "another thing")),
        (r"a.{0,9}(?:second literal){1,2}", ("second literal",)),
        (r".{0,9}", ()),
        (r"(?:maybe this){0,1}", ()),
    ],
)
def test_the_literals_of_a_pattern_are_found(pattern: str, found: tuple[str, ...]) -> None:
    assert required_literals(pattern) == found


def test_a_short_literal_is_not_enough() -> None:
    with pytest.raises(ValueError, match="literal"):
        check_literal(r"abc\d{1,3}|a long literal")


@settings(deadline=None)
@given(st.sampled_from([pattern for quirk in load_catalogue() for pattern in quirk.patterns]), st.data())
def test_what_a_pattern_matches_holds_one_of_its_literals(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(re.compile(pattern)))
    assert any(literal in text for literal in required_literals(pattern))


@settings(deadline=None)
@given(st.sampled_from([clue for quirk in load_catalogue() for clue in quirk.every_clue]), st.data())
def test_what_a_squeezed_pattern_matches_holds_one_of_its_literals(clue: Clue, data: st.DataObject) -> None:
    literals = squeezed_literals(clue.line)
    assert bool(literals) == bool(squeezed(clue.line))
    if literals:
        assert min(map(len, literals)) >= 4
        text = data.draw(st.from_regex(re.compile(squeezed(clue.line))))
        assert any(literal in text for literal in literals)


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-02 08:14:10,120 INFO app.worker finished item 3 status=200 elapsed=0.0003",
        'INFO:     10.0.0.7:51234 - "POST /v1/convert/source HTTP/1.1" 200 OK',
        '10.0.0.7 - - [02/Mar/2026:08:14:10 +0000] "GET /health HTTP/1.1" 200 2 "-" "kube-probe/1.31"',
        "INFO:docling.document_converter:Finished converting document a.pdf in 12.31 sec.",
        "model.safetensors:  48%|####8     | 120M/250M [00:12<00:13, 9.9MB/s]",
        "  Downloading torch-2.6.0-cp312-cp312-manylinux1_x86_64.whl (766.7 MB)",
    ],
)
def test_what_millions_of_ordinary_lines_hold_leads_to_no_pattern(line: str) -> None:
    leading = {
        literal for quirk in load_catalogue() for clue in quirk.every_clue for literal in required_literals(clue.line)
    }
    assert [literal for literal in leading if literal in line] == []


def adversarial_lines() -> list[tuple[str, str]]:
    generator = random.Random(20260302)
    known = literals()
    mixed = "".join(generator.choice(known) + generator.choice(["", "'", "/", "C:\\", " ", "x"]) for _ in range(60_000))
    return [
        ("nothing", "x" * MEGABYTE),
        ("quotes", "PermissionError: [Errno 13]'C:" + "'" * MEGABYTE),
        ("almost-path", "[WinError 3]'" * (MEGABYTE // 13)),
        ("long-path", "[WinError 3] '" + "a" * MEGABYTE),
        ("escapes", "\x1b[" * (MEGABYTE // 2)),
        ("parameters", "\x1b[" + "1;" * (MEGABYTE // 2)),
        ("hyperlinks", "\x1b]8;;" * (MEGABYTE // 5)),
        ("tracebacks", "Traceback (most recent call last)" * (MEGABYTE // 33)),
        ("links", "The above exception was the direct cause of the following exception" * (MEGABYTE // 66)),
        ("dots", "a." * (MEGABYTE // 2)),
        ("spaces", "Authorization:" + " " * MEGABYTE),
        ("secrets", "token=" * (MEGABYTE // 6) + "[WinError 1314]"),
        ("addresses", "://" * (MEGABYTE // 3) + "[WinError 1314]"),
        ("all-literals", mixed[:MEGABYTE]),
        ("all-literals-in-lines", mixed[:MEGABYTE].replace("x", "\n")),
        ("traceback-lines", "Traceback (most recent call last):\n  [Errno 2]\n" * (MEGABYTE // 47)),
        ("carriage-returns", "[WinError 5]\r" * (MEGABYTE // 13)),
    ]


@pytest.mark.parametrize("line", [pytest.param(text, id=name) for name, text in adversarial_lines()])
def test_a_megabyte_made_to_hurt_is_read_in_seconds(line: str) -> None:
    started = time.process_time()
    diagnosis = diagnose(line)
    assert time.process_time() - started < LINE_LIMIT_S
    assert diagnosis.size_bytes == len(line.encode())


@pytest.mark.parametrize("literal", literals())
def test_a_line_of_nothing_but_one_literal_is_read_in_seconds(literal: str) -> None:
    line = (literal * (20_000 // len(literal) + 1)).encode()
    started = time.process_time()
    diagnose(BytesIO(line))
    assert time.process_time() - started < LINE_LIMIT_S


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=4000))
def test_any_bytes_can_be_diagnosed_and_shown(data: bytes) -> None:
    diagnosis = diagnose(BytesIO(data))
    assert diagnosis.size_bytes == len(data)
    assert str(diagnosis)
    assert diagnosis.model_dump_json()


class Repeated(RawIOBase):
    """A log of any size that is nowhere stored."""

    def __init__(self, piece: bytes, size_bytes: int) -> None:
        self._piece, self._left = piece, size_bytes

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        count = min(size, self._left)
        self._left -= count
        return (self._piece * (count // len(self._piece) + 1))[:count]


def test_memory_does_not_grow_with_the_log() -> None:
    piece = b"2026-03-02 08:14:55,120 INFO app.worker finished item 4711 status=200 [Errno 2] \xc3\xa4\n" * 100
    load_catalogue()
    peaks_bytes = []
    for size_bytes in (3 * MEGABYTE, 6 * MEGABYTE):
        tracemalloc.start()
        diagnose(Repeated(piece, size_bytes))  # type: ignore[arg-type]  # a raw stream that reads like a binary one
        peaks_bytes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks_bytes[1] < peaks_bytes[0] + MEGABYTE
    assert peaks_bytes[1] < 16 * MEGABYTE + 8 * CONTEXT_CHARS


@pytest.mark.slow
def test_a_hundred_megabytes_take_less_than_ten_seconds(fixtures_dir: Path) -> None:
    plain = b"".join(
        b"2026-03-02 08:14:%02d,120 INFO app.worker finished item %d status=200 elapsed=0.%04d\n" % (n % 60, n, n)
        for n in range(2000)
    )
    failures = b"".join(
        (fixtures_dir / f"{name}.log").read_bytes() for name in ("tls-interception", "quirk-001", "kernel-dead")
    )
    started = time.process_time()
    diagnosis = diagnose(Repeated(plain + failures, 100 * MEGABYTE))  # type: ignore[arg-type]  # as above
    elapsed_s = time.process_time() - started
    assert {finding.quirk.id for finding in diagnosis.findings} == {"tls-interception", "quirk-001", "kernel-dead"}
    assert diagnosis.size_bytes == 100 * MEGABYTE
    assert elapsed_s < 10


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, runbook_lib.quirks.diagnosis;"
        "heavy = {'huggingface_hub', 'docling', 'torch', 'transformers', 'papermill', 'ipywidgets', 'matplotlib'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == "[]"

"""Logs to read: 100 MB each, the same bytes every time."""

import random
from pathlib import Path

SIZE_BYTES = 100_000_000
_WORDS = tuple(
    word
    for words in (
        "request handler served model cache layer upload convert page document pipeline error warning retry user",
        "session token path /srv/app/data https://example.org/api/v1 failed connection closed timeout ok found",
        "not missing file",
    )
    for word in words.split()
)
_FAILURES = b"""\
Traceback (most recent call last):
  File "/srv/app/.venv/lib/python3.11/site-packages/httpcore/_sync/connection.py", line 154, in _connect
httpcore.ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate
OSError: [WinError 1314] A required privilege is not held by the client: 'a' -> 'b'
nbclient.exceptions.DeadKernelError: Kernel died
"""


def write_service_log(path: Path) -> None:
    """A service that does the same again and again, and fails after every 2,000 lines."""
    lines = b"".join(
        b"2026-03-02 08:14:%02d,120 INFO app.worker finished item %d status=200 elapsed=0.%04d\n" % (n % 60, n, n)
        for n in range(2000)
    )
    piece = lines + _FAILURES
    path.write_bytes((piece * (SIZE_BYTES // len(piece) + 1))[:SIZE_BYTES])


def write_mixed_log(path: Path) -> None:
    """Lines of which no two are alike, full of words of failure that mean nothing."""
    generator = random.Random(20260302)
    written = 0
    with path.open("wb") as file:
        while written < SIZE_BYTES:
            level = generator.choice(("INFO", "INFO", "WARNING", "ERROR", "DEBUG"))
            unit = f"{generator.choice(('app', 'db'))}[{generator.randint(1, 9999)}]"
            words = " ".join(generator.choices(_WORDS, k=generator.randint(4, 14)))
            day, hour, minute = generator.randint(1, 28), generator.randint(0, 23), generator.randint(0, 59)
            stamp = f"2026-03-{day:02d}T{hour:02d}:{minute:02d}:00Z"
            line = f"{stamp} {level} {unit}: {words} id={generator.getrandbits(128):032x}\n"
            written += file.write(line.encode())

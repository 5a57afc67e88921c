"""The faults the practice hub plays on request."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

from runbook_lib.errors import SettingsError

FaultKind = Literal[
    "stall",
    "reset",
    "hang_up",
    "truncate",
    "corrupt",
    "wrong_length",
    "slow",
    "block_page",
    "401",
    "403",
    "gated",
    "404",
    "429",
    "500",
    "503",
]
FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

_BODY_KINDS: frozenset[FaultKind] = frozenset({"truncate", "corrupt", "wrong_length", "slow"})
_ANYWHERE_KINDS: frozenset[FaultKind] = frozenset({"stall", "reset"})


@dataclass(frozen=True)
class Fault:
    """One misbehaviour of the practice hub.

    stall         accepts the request and never answers, or never goes on after `after_bytes` of the body
    reset         ends the connection with a TCP reset, at once or after `after_bytes` of the body
    hang_up       ends the connection in good order and answers nothing
    truncate      announces the whole body, sends `after_bytes` of it and ends the connection in good order
    corrupt       changes the byte of the file at `after_bytes`; the length stays right
    wrong_length  sends the last byte less than the metadata promised, as a well-formed answer
    slow          sends the body at `bytes_per_s`
    block_page    answers 200 with a proxy's HTML page
    gated         answers 403 as the Hub does for a gated repository
    401 ... 503   answers with that status; 429 also says to come back after `retry_after_s`

    `truncate`, `corrupt`, `wrong_length`, `slow`, and `stall` and `reset` with `after_bytes`, strike answers that carry
    a body; the others strike before anything is sent, HEAD requests and redirects included.

    With `percent` below 100 only that share of the requests is struck, as on a bad line. Chance is drawn from `seed`,
    the path and how often it was asked for, so that one seed strikes the same requests whatever order they come in.
    """

    kind: FaultKind
    path_glob: str = "*"
    """Which URL paths are struck; `*` also matches slashes."""
    times: int | None = None
    """How many requests are struck before the hub behaves again; None: all."""
    after_bytes: int = 0
    bytes_per_s: int = 65_536
    retry_after_s: int = 1
    percent: int = 100
    seed: int = 0

    def is_due(self, path: str, request: int) -> bool:
        """Whether chance has the fault strike when `path` is asked for the `request`-th time."""
        drawn = hashlib.sha256(f"{self.seed} {request} {path}".encode()).digest()
        return int.from_bytes(drawn[:8]) % 100 < self.percent

    @property
    def strikes_body(self) -> bool:
        """Whether the fault plays while the body is sent, not in place of the answer."""
        return self.kind in _BODY_KINDS or (self.kind in _ANYWHERE_KINDS and self.after_bytes > 0)

    @property
    def cuts_body(self) -> bool:
        """Whether the body ends after `after_bytes`."""
        return self.kind == "truncate" or (self.kind in _ANYWHERE_KINDS and self.after_bytes > 0)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Return the fault written as `KIND[:GLOB][:NAME=NUMBER]...`, as in `corrupt:*.safetensors:times=1`.

        Raises:
            SettingsError: The kind or a name is unknown, or a value is not a number in its range.
        """
        kind_text, *rest = text.split(":")
        kind = next((known for known in FAULT_KINDS if known == kind_text), None)
        if kind is None:
            known = ", ".join(FAULT_KINDS)
            raise SettingsError(f"The practice hub knows no fault '{kind_text}'.", remedy=f"Use one of: {known}.")
        path_glob = rest.pop(0) if rest and "=" not in rest[0] else "*"
        numbers = dict(_parse_number(text, part) for part in rest)
        return cls(kind, path_glob or "*", **numbers)


def _parse_number(text: str, part: str) -> tuple[str, int]:
    name, _, digits = part.partition("=")
    if name not in _RANGES:
        known = ", ".join(_RANGES)
        raise SettingsError(f"The fault '{text}' has an unknown part '{part}'.", remedy=f"Use one of: {known}.")
    allowed = _RANGES[name]
    if not (digits.isascii() and digits.isdigit()) or int(digits) not in allowed:
        most = f", at most {allowed[-1]}" if name == "percent" else ""
        remedy = f"Give a whole number, at least {allowed[0]}{most}."
        raise SettingsError(f"The fault '{text}' has a wrong value for {name}: '{digits}'.", remedy=remedy)
    return name, int(digits)


_ENDLESS = 2**62
_RANGES = {
    "times": range(1, _ENDLESS),
    "after_bytes": range(_ENDLESS),
    "bytes_per_s": range(1, _ENDLESS),
    "retry_after_s": range(_ENDLESS),
    "percent": range(1, 101),
    "seed": range(_ENDLESS),
}


class FaultScript:
    """The faults in play, and how often each has struck; may be used from any thread."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: Sequence[Fault] = ()
        self._struck: list[int] = []
        self.play(faults)

    def play(self, faults: Iterable[Fault]) -> None:
        """Replace the faults in play and forget how often the old ones struck."""
        with self._lock:
            self._faults = tuple(faults)
            self._struck = [0] * len(self._faults)
            self._asked: Counter[tuple[int, str]] = Counter()

    def take_answer(self, path: str) -> Fault | None:
        """Return the fault to play in place of the answer, if any, and count it as struck."""
        return self._take(path, lambda fault: not fault.strikes_body)

    def take_body(self, path: str) -> Fault | None:
        """Return the fault to play while the body is sent, if any, and count it as struck."""
        return self._take(path, lambda fault: fault.strikes_body)

    def _take(self, path: str, fits: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for number, fault in enumerate(self._faults):
                spent = fault.times is not None and self._struck[number] >= fault.times
                if spent or not fits(fault) or not fnmatchcase(path, fault.path_glob):
                    continue
                self._asked[number, path] += 1
                if fault.is_due(path, self._asked[number, path]):
                    self._struck[number] += 1
                    return fault
        return None

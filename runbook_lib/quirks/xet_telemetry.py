"""What hf-xet reports to the Hub's storage service unasked, from which version on, and what stops it."""

from collections.abc import Mapping
from typing import Final

from packaging.version import Version

from runbook_lib.system.variables import is_true

SINCE: Final = Version("1.7.0")
"""The strings of its telemetry are in the wheel of 1.7.0 and not in that of 1.6.0."""
OWN_SWITCH: Final = "HF_XET_TELEMETRY_ENABLED"
_SWITCHES: Final = (
    *("HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK"),
    *("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
)
_FALSE: Final = {"0", "false", "off", "no"}


def told(xet: Version) -> str:
    """Say what this version sends."""
    return (
        f"hf-xet {xet} sends byte counts, throughput and operating system after each transfer, no names of repositories"
        " or files"
    )


def switched_off_by(environ: Mapping[str, str]) -> str:
    """Return the variable that stops it; empty when none does."""
    if environ.get(OWN_SWITCH, "").lower() in _FALSE:
        return OWN_SWITCH
    return next((name for name in _SWITCHES if is_true(environ.get(name, ""))), "")


def is_sent(xet: Version | None, environ: Mapping[str, str]) -> bool:
    """Whether this installation reports transfers."""
    return xet is not None and xet >= SINCE and not switched_off_by(environ)

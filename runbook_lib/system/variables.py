"""The variables that steer huggingface_hub and docling: which are set, what they mean, and putting them in place."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.errors import LateConfigurationError

_INTEREST = re.compile(
    r"(HF|HUGGING_?FACE|TRANSFORMERS|DOCLING|HUGGINGFACE)_\w+|XDG_CACHE_HOME"
    r"|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|PYTHONUTF8",
    re.IGNORECASE,
)
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|API_?KEY", re.IGNORECASE)
_LEADING_CREDENTIALS = re.compile(r"^\S*@")
"""A proxy may be named without a scheme."""
_TRUE = frozenset({"1", "ON", "YES", "TRUE"})
HUB_DEFAULT_ENDPOINT = "https://huggingface.co"

_FROZEN_AT_IMPORT = {
    "HF_ENDPOINT": "ENDPOINT",
    "HF_HUB_CACHE": "HF_HUB_CACHE",
    "HF_HUB_DISABLE_SYMLINKS": "HF_HUB_DISABLE_SYMLINKS",
    "HF_HUB_DISABLE_XET": "HF_HUB_DISABLE_XET",
    "HF_HUB_DOWNLOAD_TIMEOUT": "HF_HUB_DOWNLOAD_TIMEOUT",
    "HF_HUB_ETAG_TIMEOUT": "HF_HUB_ETAG_TIMEOUT",
    "HF_HUB_OFFLINE": "HF_HUB_OFFLINE",
}
"""Variable to the attribute of `huggingface_hub.constants` that holds it from the import on (1.33)."""


_DEFAULT_TIMEOUT_S = "10"
"""What huggingface_hub 1.33 takes for a timeout that is not set."""


@dataclass(frozen=True)
class _Applied:
    """What became of a variable in this process; None stands for not set."""

    before: str | None
    ours: str | None


_applied: dict[str, _Applied] = {}
"""What `apply` changed, for the process and not for a run: a kernel may open one run after another."""

_put_back: set[str] = set()
"""What was changed once and is no longer: a huggingface_hub imported in between holds it still."""


def variables_of_interest(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what is set of `HF_*`, `DOCLING_*`, proxies and certificates, free of secrets."""
    environ = os.environ if environ is None else environ
    return {name: masked(name, value) for name, value in sorted(environ.items()) if _INTEREST.fullmatch(name)}


def masked(name: str, value: str) -> str:
    """Hide a value that is a secret by its name, and credentials inside a URL."""
    if _SECRET.search(name):
        return f"(set, {len(value)} characters)"
    if name.upper().endswith("_PROXY") and "://" not in value:
        return _LEADING_CREDENTIALS.sub("***@", value)
    return mask_url_credentials(value)


def is_true(value: str) -> bool:
    """Read a flag as huggingface_hub does: only 1, ON, YES and TRUE count, in any case (quirk Q13)."""
    return value.upper() in _TRUE


def hub_cache_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the cache huggingface_hub 1.33 would use: the order of quirk Q12, without importing it.

    Like hub it takes empty values literally; detect warns about them.
    """
    environ = os.environ if environ is None else environ
    home = _expanded(environ.get("HF_HOME", str(Path(environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface"))))
    cache = environ.get("HF_HUB_CACHE", environ.get("HUGGINGFACE_HUB_CACHE", str(Path(home, "hub"))))
    return Path(_expanded(cache))


def _expanded(path: str) -> str:
    """Expand as hub does, `~` before variables; an unknown `~user` stays."""
    return os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises for an unknown user


def docling_artifacts_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return docling's artifacts folder: `DOCLING_ARTIFACTS_PATH`, else where `docling-tools` downloads to."""
    environ = os.environ if environ is None else environ
    given = environ.get("DOCLING_ARTIFACTS_PATH")
    return Path(given or Path(environ.get("DOCLING_CACHE_DIR") or "~/.cache/docling", "models")).expanduser()


def hub_endpoint(environ: Mapping[str, str] | None = None) -> str:
    """Return the endpoint huggingface_hub would use."""
    environ = os.environ if environ is None else environ
    return (environ.get("HF_ENDPOINT") or HUB_DEFAULT_ENDPOINT).rstrip("/")


def as_found() -> dict[str, str]:
    """Return this process's variables without what `apply` set; what somebody has changed since then is theirs."""
    found = dict(os.environ)
    for name, applied in _applied.items():
        if found.get(name) == applied.ours:
            found.pop(name, None)
            found |= {} if applied.before is None else {name: applied.before}
    return found


def put_back() -> None:
    """Take back what `apply` set in this process, so that another run does not inherit it; says nothing of hub."""
    found = as_found()
    _put_back.update(_applied)
    for name in tuple(_applied):
        _set(name, found.get(name), found.get(name))


def apply(variables: Mapping[str, str]) -> None:
    """Set variables in this process, before huggingface_hub is imported; an empty value removes one.

    Raises `LateConfigurationError`, and sets nothing, when huggingface_hub is imported already under other values,
    those of a run that was put back among them.
    """
    found = as_found()
    after = {**os.environ, **variables}
    late = _late(after, {*variables, *_put_back})
    if late:
        raise LateConfigurationError(
            f"{', '.join(late)} cannot be set any more in this process.",
            why="huggingface_hub is imported already, and it reads its variables once, at import.",
            remedy="Restart the kernel and run the notebook from the top; import nothing of Hugging Face before it.",
        )
    for name, value in variables.items():
        _set(name, value or None, found.get(name))


@contextmanager
def applied(variables: Mapping[str, str]) -> Iterator[None]:
    """Have variables set while the block runs; see `apply`."""
    found, before = as_found(), {name: os.environ.get(name) for name in variables}
    apply(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            _set(name, value, found.get(name))


@contextmanager
def inherited(variables: Mapping[str, str]) -> Iterator[None]:
    """Give variables, none that huggingface_hub reads, to the processes that are started while the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ |= variables
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _set(name: str, value: str | None, before: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
    _applied.pop(name, None)
    if value != before:
        _applied[name] = _Applied(before, value)


def _late(environ: Mapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
    """Return which of the names an imported huggingface_hub holds otherwise than it would under these variables."""
    expected = {
        "HF_ENDPOINT": hub_endpoint(environ),
        "HF_HUB_CACHE": str(hub_cache_dir({name: value for name, value in environ.items() if value})),
        **dict.fromkeys(("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"), _DEFAULT_TIMEOUT_S),
    }
    frozen = sorted(_FROZEN_AT_IMPORT.keys() & set(names))
    return late_variables({name: environ.get(name) or expected.get(name, "") for name in frozen})


def late_variables(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that an already imported huggingface_hub holds with another value."""
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is None:
        return ()
    return tuple(
        name
        for name, value in variables.items()
        if name in _FROZEN_AT_IMPORT and not _same(getattr(constants, _FROZEN_AT_IMPORT[name], None), value)
    )


def _same(constant: object, value: str) -> bool:
    if isinstance(constant, bool):
        return constant == is_true(value)
    return str(constant) == value.rstrip("/")

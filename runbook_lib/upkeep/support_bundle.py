"""One zip to attach when asking for help: what a run recorded, what the doctor sees now, which versions; no secrets.

What a document says stays out: no pictures, no converted text, no executed notebook.
"""

import io
import json
import os
import platform
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from runbook_lib.checks.doctor import examine
from runbook_lib.checks.probes.tokens import find_token
from runbook_lib.core import atomic
from runbook_lib.core.log import LOG_NAME
from runbook_lib.core.masking import mask_secrets, mask_url_credentials
from runbook_lib.core.value import Value
from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes
from runbook_lib.run.folder import HEADER_NAME, REPORT_NAME, STAGES, Run, stage_file_stem
from runbook_lib.run.interpreter import packages_of, versions_of
from runbook_lib.run.settings import Settings
from runbook_lib.system.filesystem import refusals_told
from runbook_lib.system.variables import variables_of_interest

MEMBER_LIMIT_BYTES: Final = 2_000_000
"""Of a longer file the end is taken: what went wrong stands there."""
_PICTURE: Final = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]*")
_SECRET_NAME: Final = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY", re.IGNORECASE)
_LEAST_SECRET: Final = 6
"""A shorter value may stand anywhere by chance, and starring it out would make everything unreadable."""


class SupportBundle(Rendered, Value):
    """Which file was written, and what is in it."""

    file: str
    size_bytes: int
    members: tuple[tuple[str, int], ...]
    """Each name with its bytes."""

    def sections(self) -> Sequence[Section]:
        """Return the members and where the file is."""
        rows = tuple((name, format_bytes(size_bytes)) for name, size_bytes in self.members)
        return (
            Table("Support bundle", ("file", "size"), rows),
            Note(
                "Written",
                (
                    f"{self.file}, {format_bytes(self.size_bytes)}",
                    "Secrets are starred out; no text or picture of a document is in it. Paths and names are.",
                    "Look into it before you send it.",
                ),
            ),
        )


@dataclass(frozen=True)
class Redaction:
    """Takes out what nobody else should read: secrets by their form, those this machine is known to hold, the home."""

    secrets: tuple[str, ...]
    home: str

    @classmethod
    def of_this_machine(cls, environ: Mapping[str, str]) -> "Redaction":
        """Know the values of variables whose names say secret, and the Hub's token, wherever it is kept."""
        named = [value for name, value in environ.items() if _SECRET_NAME.search(name)]
        token = find_token(environ)
        known = {value.strip() for value in (*named, token.value if token else "")}
        longest_first = sorted((value for value in known if len(value) >= _LEAST_SECRET), key=len, reverse=True)
        return cls(tuple(longest_first), str(Path.home()))

    def text(self, text: str) -> str:
        """Return text without them."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        if len(self.home) > 1:
            text = text.replace(self.home, "~")
        return "\n".join(mask_url_credentials(mask_secrets(line)) for line in text.split("\n"))

    def value(self, value: object) -> object:
        """Return what JSON holds with each string in it redacted, keys too."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                return {self.text(str(key)): self._named(str(key), item) for key, item in value.items()}
        return value

    def _named(self, name: str, value: object) -> object:
        """Star out a value whose name says that it is secret, whatever it looks like."""
        return "***" if isinstance(value, str) and value and _SECRET_NAME.search(name) else self.value(value)


def write_support_bundle(run: Run | None, settings: Settings, file: Path) -> SupportBundle:
    """Write the zip; raises `UsageError` for a file that is there already.

    Only files of known names are taken from the run's folder, and no links.
    """
    if os.path.lexists(file):
        raise UsageError(f"{file} already exists; nothing was written.", remedy="Name another: --out FILE.")
    redaction = Redaction.of_this_machine(os.environ)
    members = dict(_members(run, settings, redaction))
    content = _zipped(members)
    with refusals_told(f"{file} cannot be written.", "Name a place where it can be: --out FILE."):
        atomic.write_bytes(file, content)
    sizes = tuple((name, len(member)) for name, member in members.items())
    return SupportBundle(file=str(file), size_bytes=len(content), members=sizes)


def _members(run: Run | None, settings: Settings, redaction: Redaction) -> Iterator[tuple[str, bytes]]:
    yield "versions.json", _json(_versions(settings), redaction)
    yield "doctor.json", _json(_doctor(settings), redaction)
    if run is None:
        return
    for name in (HEADER_NAME, *(f"{stage_file_stem(stage)}.json" for stage in STAGES)):
        if (text := _text_of(run.folder / name)) is not None:
            yield f"run/{name}", _json_text(text, redaction)
    if (page := _text_of(run.folder / REPORT_NAME, limit_bytes=None)) is not None:
        yield f"run/{REPORT_NAME}", _bounded(redaction.text(_PICTURE.sub("", page)))
    if (log := _text_of(run.folder / LOG_NAME)) is not None:
        yield f"run/{LOG_NAME}", _bounded(redaction.text(log))


def _doctor(settings: Settings) -> object:
    """Return what the doctor sees; where it cannot look, why: that is worth knowing, too."""
    try:
        return json.loads(examine(settings).model_dump_json())
    except RunbookError as error:
        return {"error": error.lines()}


def _versions(settings: Settings) -> object:
    try:
        packages: object = dict(versions_of(packages_of(settings)))
    except RunbookError as error:
        packages = {"error": error.lines()}
    return {
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "python": sys.version,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": packages,
        "variables": variables_of_interest(),
    }


def _text_of(path: Path, *, limit_bytes: int | None = MEMBER_LIMIT_BYTES) -> str | None:
    """Return the text of a file, of a long one the end; None for a link, which may lead anywhere, and for no file."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        if limit_bytes is not None:
            file.seek(max(path.stat().st_size - limit_bytes, 0))
        return file.read().decode("utf-8", errors="replace")


def _json_text(text: str, redaction: Redaction) -> bytes:
    try:
        return _json(json.loads(text), redaction)
    except ValueError:  # damaged, or only its end
        return _bounded(redaction.text(text))


def _json(value: object, redaction: Redaction) -> bytes:
    return _bounded(json.dumps(redaction.value(value), indent=2) + "\n")


def _bounded(text: str) -> bytes:
    content = text.encode("utf-8")
    return (
        content
        if len(content) <= MEMBER_LIMIT_BYTES
        else b"(the beginning is left out)\n" + content[-MEMBER_LIMIT_BYTES:]
    )


def _zipped(members: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()

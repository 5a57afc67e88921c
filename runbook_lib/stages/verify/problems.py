"""What can be wrong with a file: how much it matters, which quirk explains it and what helps."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import field_validator

from runbook_lib.cache.content_signs import Sign
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.value import Value


class ProblemKind(StrEnum):
    """What can be wrong with a file or a folder; the kinds that a content tells have the words of `Sign`."""

    MISSING = "missing"
    DANGLING = "dangling link"
    ESCAPING = "link that leaves the folder"
    FOREIGN = "link into another model's folder"
    NOT_A_FILE = "not a file"
    WRONG_SIZE = "wrong size"
    WRONG_HASH = "wrong hash"
    WRITTEN_THROUGH = "written through a hard link"
    UNREADABLE = "unreadable"
    UNSAFE_NAME = "unsafe name in the listing"
    EMPTY = Sign.EMPTY.value
    NUL_FILLED = Sign.NUL_FILLED.value
    LFS_POINTER = Sign.LFS_POINTER.value
    LINK_TEXT = Sign.LINK_TEXT.value
    HTML_PAGE = Sign.HTML_PAGE.value
    BAD_SAFETENSORS = Sign.BAD_SAFETENSORS.value
    BAD_JSON = Sign.BAD_JSON.value
    PICKLE = Sign.PICKLE.value
    UNVERIFIED = "no hash known"
    NOT_LOCKED = "not in the lock file"
    BAD_LISTING = "damaged listing"
    PRIVATE_LISTING = "listing that this user may not read"
    BAD_REF = "damaged ref"
    BAD_STAMP = "damaged stamp"
    FALSE_NOTE = "note of huggingface_hub that is not true"
    OTHER_COMMIT = "made from another commit"
    OTHER_DOCLING = "made for another docling"
    OLD_FOLDER = "folder of an older docling"
    INCOMPLETE = "incomplete file of an interrupted download"
    UNEXPECTED = "not part of the model"
    SHARED = "in the shared store"
    MOVED_ON = "a newer commit is known"
    NOT_CACHED = "not in the Hub cache"


class Severity(StrEnum):
    """How much a problem matters."""

    SERIOUS = "serious"
    """The model cannot be trusted or does not load."""
    DOUBTFUL = "doubtful"
    """It loads, but something about it deserves a decision."""
    EXTRA = "extra"
    """It takes room or surprises, and harms nothing."""
    NOTE = "note"
    """Worth knowing; nothing has to be done."""


@dataclass(frozen=True)
class Meaning:
    """What a kind of problem means."""

    severity: Severity
    remedy: str = ""
    quirk: str = ""
    fixed_by: FixedBy = FixedBy.NOTHING


_DOWNLOAD: Final = FixedBy.DOWNLOAD
_REPAIR: Final = FixedBy.REPAIR
_REPAIR_FILE = (
    "Run runbook repair: it moves the file aside and takes an intact copy from this machine, or fetches it again."
)
_REPAIR_COPY = (
    "Run runbook repair: it takes an intact copy where this machine has one, and fetches the file otherwise. Let only "
    "runbook run update this folder."
)
_ANSWERED = (
    "A proxy or portal answered in place of the Hub. Use a mirror with -p hub URL or have the Hub allowed; then run "
    "runbook repair."
)


def _damaged(quirk: str, remedy: str = _REPAIR_FILE) -> Meaning:
    return Meaning(Severity.SERIOUS, remedy, quirk, _REPAIR)


MEANINGS: Final = {
    ProblemKind.MISSING: Meaning(
        Severity.SERIOUS, "Run stage download: it fetches what is missing.", "offline-cache-miss", _DOWNLOAD
    ),
    ProblemKind.DANGLING: _damaged("win-symlink-dangling"),
    ProblemKind.ESCAPING: _damaged("", "Run runbook repair: it replaces the link, and leaves what it leads to alone."),
    ProblemKind.FOREIGN: Meaning(
        Severity.DOUBTFUL, "It breaks when the other model is removed; run runbook repair.", "", _REPAIR
    ),
    ProblemKind.NOT_A_FILE: _damaged("cache-copied-dangling"),
    ProblemKind.WRONG_SIZE: _damaged("consistency-check"),
    ProblemKind.WRONG_HASH: _damaged("consistency-check"),
    ProblemKind.WRITTEN_THROUGH: _damaged("local-dir-writes-through", _REPAIR_COPY),
    ProblemKind.UNREADABLE: Meaning(
        Severity.SERIOUS,
        "Let this user read the file, or choose another cache: -p cache_dir PATH.",
        "cache-not-writable",
    ),
    ProblemKind.UNSAFE_NAME: Meaning(
        Severity.SERIOUS, "The listing names a file outside its folder: do not use it; make a new one.", "", _DOWNLOAD
    ),
    ProblemKind.EMPTY: _damaged("safetensors-header"),
    ProblemKind.NUL_FILLED: _damaged("safetensors-header"),
    ProblemKind.LFS_POINTER: _damaged("safetensors-header"),
    ProblemKind.LINK_TEXT: _damaged("cache-copied-dangling"),
    ProblemKind.HTML_PAGE: _damaged("proxy-blockpage", _ANSWERED),
    ProblemKind.BAD_SAFETENSORS: _damaged("safetensors-header"),
    ProblemKind.BAD_JSON: _damaged("consistency-check"),
    ProblemKind.PICKLE: Meaning(
        Severity.DOUBTFUL, "Loading a pickle can run code: prefer a revision with safetensors. It was not loaded here."
    ),
    ProblemKind.UNVERIFIED: Meaning(
        Severity.DOUBTFUL, "Run stage download once online: it keeps what the Hub lists.", "", _DOWNLOAD
    ),
    ProblemKind.NOT_LOCKED: Meaning(Severity.DOUBTFUL, "Make a new lock file with runbook lock.", "", FixedBy.LOCK),
    ProblemKind.BAD_LISTING: Meaning(
        Severity.DOUBTFUL, "Run runbook repair: it lets huggingface_hub list them again.", "", _REPAIR
    ),
    ProblemKind.PRIVATE_LISTING: Meaning(
        Severity.DOUBTFUL,
        "Nothing is damaged: let its owner, or root, give it the mode of the files beside it (chmod g+r, or a+r). "
        "Until then huggingface_hub takes an incomplete snapshot for a complete one here.",
        "tree-listing-private",
    ),
    ProblemKind.BAD_REF: Meaning(
        Severity.SERIOUS,
        "Run runbook repair: it lets the name point to the commit that stands here again.",
        "ref-damaged",
        _REPAIR,
    ),
    ProblemKind.BAD_STAMP: Meaning(Severity.DOUBTFUL, "Run runbook repair: it writes a new stamp.", "", _REPAIR),
    ProblemKind.FALSE_NOTE: Meaning(
        Severity.DOUBTFUL,
        "Run runbook repair: it removes the note, so that the next download to this folder looks at the file.",
        "local-dir-trusts-times",
        _REPAIR,
    ),
    ProblemKind.OTHER_COMMIT: Meaning(
        Severity.DOUBTFUL,
        "Run stage download: it places the commit that is cached.",
        "docling-artifacts-renamed",
        _DOWNLOAD,
    ),
    ProblemKind.OTHER_DOCLING: Meaning(
        Severity.DOUBTFUL,
        "Run stage download with the docling that will read the folder: it places what that one wants.",
        "docling-artifacts-renamed",
        _DOWNLOAD,
    ),
    ProblemKind.OLD_FOLDER: Meaning(
        Severity.EXTRA,
        "docling 2.61.2 and later never read it; remove it when no older one does.",
        "docling-artifacts-renamed",
    ),
    ProblemKind.INCOMPLETE: Meaning(
        Severity.EXTRA,
        "runbook repair removes incomplete files once they are an hour old.",
        "incomplete-no-resume",
        _REPAIR,
    ),
    ProblemKind.UNEXPECTED: Meaning(Severity.EXTRA, "It only takes space; remove it if nobody recognises it."),
    ProblemKind.SHARED: Meaning(Severity.NOTE, "", "shared-blobs-escape"),
    ProblemKind.MOVED_ON: Meaning(Severity.NOTE),
    ProblemKind.NOT_CACHED: Meaning(Severity.NOTE),
}


class FileProblem(Value):
    """One file that is not as it should be."""

    path: str
    """Relative to its folder, with forward slashes; bytes that are no text are shown as escapes."""
    kind: ProblemKind
    evidence: str
    quirk: str = ""
    """Explains this one better than the quirk of its kind; `quirk_id` joins both."""
    etag: str = ""
    """The blob the file should be, for what is listed."""

    @field_validator("path", "evidence", mode="after")
    @classmethod
    def _is_encodable(cls, value: str) -> str:
        """Names on disk may hold bytes that are no text, which Python keeps as surrogates and JSON refuses."""
        return value.encode("utf-8", "backslashreplace").decode("utf-8")

    @property
    def meaning(self) -> Meaning:
        """How much it matters and what helps."""
        return MEANINGS[self.kind]

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return self.meaning.severity

    @property
    def quirk_id(self) -> str:
        """The quirk that explains it; empty when the catalogue has none."""
        return self.quirk or self.meaning.quirk

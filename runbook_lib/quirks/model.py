"""What the catalogue says about one quirk; values only, checked when they are loaded."""

from enum import StrEnum
from typing import Annotated, Self

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, model_validator

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.value import StrictValue
from runbook_lib.quirks.patterns import check_bounds, check_literal


class Severity(StrEnum):
    """How much the failure costs; the order is the order in which findings are shown."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NOISE = "noise"

    @property
    def rank(self) -> int:
        """Return 0 for the worst."""
        return list(Severity).index(self)


class Area(StrEnum):
    """Where the failure happens; `docs/quirks.md` has one chapter for each."""

    FILES = "files"
    DOWNLOADS = "downloads"
    NETWORK = "network"
    DOCLING = "docling"
    OCR = "ocr"
    PACKAGES = "packages"
    GPU = "gpu"
    SERVICES = "services"
    WINDOWS = "windows"
    NOTEBOOKS = "notebooks"


class Platform(StrEnum):
    """An operating system on which the failure was seen."""

    WINDOWS = "windows"
    LINUX = "linux"
    MACOS = "macos"


class Grade(StrEnum):
    """How a statement of the catalogue is known."""

    REPRODUCED = "V"
    CODE = "C"
    BINARY = "W"
    ISSUE = "I"
    DOCUMENTED = "D"
    HYPOTHESIS = "K"

    @property
    def words(self) -> str:
        """Return the grade in words."""
        return _GRADE_WORDS[self]


_GRADE_WORDS = {
    Grade.REPRODUCED: "reproduced",
    Grade.CODE: "read in the code",
    Grade.BINARY: "found in the shipped binary",
    Grade.ISSUE: "reported in issues",
    Grade.DOCUMENTED: "documented by the project",
    Grade.HYPOTHESIS: "hypothesis: nobody reproduced this",
}


def _checked_specifier(versions: str) -> str:
    try:
        SpecifierSet(versions)
    except InvalidSpecifier as error:
        raise ValueError(str(error)) from error
    return versions


SHIPPED = "shipped"
"""The context in which the package reads its own catalogue: tests hold its patterns to the dialect, no start does."""


def _checked_bounds(pattern: str, info: ValidationInfo) -> str:
    if info.context != SHIPPED:
        check_bounds(pattern)
    return pattern


def _checked_literal(pattern: str, info: ValidationInfo) -> str:
    if info.context != SHIPPED:
        check_literal(pattern)
    return pattern


def _checked_words(text: str) -> str:
    if not text.isascii():
        raise ValueError(f"our own words are ASCII: {text!r}")
    return text


Specifier = Annotated[str, AfterValidator(_checked_specifier)]
"""A version range as `packaging` reads it; empty means every version."""

Bounded = Annotated[str, AfterValidator(_checked_bounds)]
"""A bounded regular expression; `runbook_lib.quirks.patterns` says what is allowed."""

Pattern = Annotated[Bounded, AfterValidator(_checked_literal)]
"""A bounded regular expression with a literal that can be looked for first."""

Words = Annotated[str, Field(min_length=1), AfterValidator(_checked_words)]


class _Written(StrictValue):
    """What people write into the catalogue: the ends of a text mean nothing."""

    model_config = ConfigDict(str_strip_whitespace=True)


class Affected(_Written):
    """A package whose versions decide whether the quirk can occur."""

    package: str
    versions: Specifier = ""
    fixed_in: str = ""

    def contains(self, version: str) -> bool:
        """Say whether this version, pre-releases included, is affected."""
        return SpecifierSet(self.versions).contains(version, prereleases=True)

    @property
    def words(self) -> str:
        """Return which versions are affected, in words."""
        versions = f" {self.versions.replace(',', ', ')}" if self.versions else ", every version"
        return f"{self.package}{versions}" + (f", fixed in {self.fixed_in}" if self.fixed_in else "")


class Remedy(_Written):
    """What to do; for every machine, or for some versions of one package, or for some platforms."""

    text: Words
    package: str = ""
    versions: Specifier = ""
    platforms: tuple[Platform, ...] = ()

    @model_validator(mode="after")
    def _versions_belong_to_a_package(self) -> Self:
        if bool(self.package) != bool(self.versions):
            raise ValueError("`package` and `versions` of a remedy go together")
        return self


class Elsewhere(_Written):
    """What is true of the same failure in another program than the one the quirk is about."""

    cause: Words
    remedy: Words
    dont: Words


class Clue(_Written):
    """A line that means the quirk only in some company.

    The company is the event: the whole chain of tracebacks the line stands in, or else the lines around it.
    """

    line: Pattern
    beside: Bounded | None = None
    """Must be found in the same line."""
    near: Bounded | None = None
    """Must be found in the event."""
    unless: Bounded | None = None
    """Must not be found in the event."""
    last: bool = False
    """The log says next to nothing after this line: a process that hangs."""
    note: Words | None = None
    """What is to be added to the cause where this clue is the evidence."""
    elsewhere: bool = False
    """Another program failed so: where this clue is the evidence, `elsewhere` of the quirk is told."""


class Quirk(_Written):
    """One way in which models fail to reach a machine, and what is known about it."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    number: str = Field(pattern=r"^Q\d{2,3}$")
    aliases: tuple[str, ...] = ()
    title: Words
    area: Area
    severity: Severity
    platforms: tuple[Platform, ...] = tuple(Platform)
    patterns: tuple[Pattern, ...] = ()
    """Each of them, found in one line, is enough to name the quirk."""
    clues: tuple[Clue, ...] = ()
    packages: tuple[Affected, ...] = ()
    """The quirk can occur if every package named here that is installed has an affected version."""
    temporary: bool = False
    """It may go away by itself: the same command can go through later."""
    cause: Words
    remedies: tuple[Remedy, ...] = Field(min_length=1)
    """In order of preference; the first that fits the installed versions and the platform is given."""
    dont: Words
    otherwise: Words | None = None
    """What else the same words can mean, and the question that decides."""
    elsewhere: Elsewhere | None = None
    """What is told instead where a clue says that another program failed in this way."""
    surprise: Words | None = None
    """What one would not have guessed, in one sentence."""
    since: str = "0.1.0"
    """The version of the runbook that knew it first."""
    probe: str = ""
    """The id of the check in `detect` that foresees it; empty if nothing can."""
    fixed_by: FixedBy = FixedBy.NOTHING
    """The notebook or command that fixes it; empty if only people can."""
    evidence: tuple[Grade, ...] = Field(min_length=1)
    hypotheses: tuple[Words, ...] = ()
    """Statements of this entry that nobody reproduced."""
    references: tuple[str, ...] = ()
    """`owner/repository#number` or a URL."""

    @model_validator(mode="after")
    def _can_be_recognised(self) -> Self:
        if not self.patterns and not self.clues:
            raise ValueError("a quirk needs a pattern or a clue")
        if Grade.HYPOTHESIS in self.evidence and not self.hypotheses:
            raise ValueError("grade K needs a sentence in `hypotheses`")
        if any(clue.elsewhere for clue in self.clues) != (self.elsewhere is not None):
            raise ValueError("`elsewhere` of a clue and `elsewhere` of its quirk go together")
        return self

    @property
    def every_clue(self) -> tuple[Clue, ...]:
        """Return patterns and clues alike as clues."""
        were_checked = (Clue.model_validate({"line": pattern}, context=SHIPPED) for pattern in self.patterns)
        return (*were_checked, *self.clues)

    def told_by(self, clue: Clue) -> Self:
        """Return the quirk as this clue tells it: of another program nothing that holds for the packages alone."""
        if not clue.elsewhere or self.elsewhere is None:
            return self
        of_another = {
            "cause": self.elsewhere.cause,
            "remedies": (Remedy(text=self.elsewhere.remedy),),
            "dont": self.elsewhere.dont,
            "packages": (),
            "surprise": None,
            "hypotheses": (),
            "probe": "",
            "fixed_by": FixedBy.NOTHING,
            "references": (),
        }
        return self.model_validate(dict(self) | of_another, context=SHIPPED)

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name the quirk can be asked for by."""
        return (self.id, self.number, *self.aliases)

    @property
    def evidence_words(self) -> str:
        """Return the evidence grades in words, best first."""
        order = list(Grade)
        return "; ".join(grade.words for grade in sorted(self.evidence, key=order.index))


def reference_url(reference: str) -> str:
    """Turn `owner/repository#number` into the address of that issue or pull request; a URL stays as it is."""
    if "://" in reference:
        return reference
    repository, _, number = reference.partition("#")
    return f"https://github.com/{repository}/issues/{number}"

"""One line of the history: what is remembered of a run when its folder is gone."""

from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import Field, JsonValue, ValidationError

from runbook_lib.core.value import Masked, Value
from runbook_lib.run.check import Status

FORMAT: Final = 1
"""Version of a line. Readers take what they know of any version; docs/decisions/history-is-a-log.md."""
SKIPPED: Final = "skipped"
"""State of a run that did not begin because another one was at work."""
DIED: Final = "died"
LEFT: Final = "left"
"""State of a run that was begun in a notebook whose kernel has ended since."""


class StageLine(Value):
    """How a stage ended."""

    stage: str
    status: str
    elapsed_s: float = 0.0


class CheckLine(Value):
    """How a check was answered; evidence is kept where somebody should have acted."""

    id: str
    stage: str = ""
    status: str
    title: Masked = ""
    evidence: Masked = ""


class HistoryEntry(Value):
    """What is remembered of a run. Fields that this version does not know are passed over, missing ones are empty."""

    format: int = FORMAT
    runbook: str = ""
    """Version of the package that wrote the line."""
    id: str
    """Name of the run folder."""
    folder: str = ""
    seen_ns: int = 0
    """Time of change of `run.json` when it was read: another one means that the run went on since."""
    host: str = ""
    began_at: datetime
    ended_at: datetime | None = None
    state: str = ""
    """`finished`, `failed`, `interrupted`, `running`; `died` without a word; `left` with its notebook; `skipped` for
    another one's sake."""
    status: str = Status.SKIP.value
    said: Masked = ""
    """Why it did not end well, in a few words."""
    practice: bool = False
    proved: bool = False
    """Whether a document was converted with the network cut off."""
    stages: tuple[StageLine, ...] = ()
    checks: tuple[CheckLine, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    variables: dict[str, Masked] = Field(default_factory=dict)
    revisions: dict[str, str] = Field(default_factory=dict)
    """Model to commit."""
    sizes: dict[str, int] = Field(default_factory=dict)
    """What was measured, in bytes, by name."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """The settings that were given, without those that are defaults."""
    copied_to: tuple[str, ...] = ()
    """The addresses that hold the folder as it is; none any more once the run goes on."""

    @property
    def elapsed_s(self) -> float:
        """What the stages took together."""
        return sum(stage.elapsed_s for stage in self.stages)

    @property
    def worked(self) -> bool:
        """Whether the run ended well and a document was converted."""
        return self.proved and self.state == "finished" and self.status != Status.FAIL

    @property
    def has_folder(self) -> bool:
        """Whether the run folder is still there."""
        return bool(self.folder) and Path(self.folder).is_dir()

    @property
    def outcome(self) -> str:
        """How it ended, in a few words."""
        if self.said.startswith(self.state):
            return self.said
        if self.said:
            return f"{self.state}: {self.said}"
        return "a document converts" if self.worked else self.state

    def line(self) -> str:
        """Return the line as it is written; raises `ValueError` for what could not be read back."""
        text = self.model_dump_json()
        if HistoryEntry.model_validate_json(text) != self:
            raise ValueError(f"the line of run {self.id} would not be read back as it is")
        return text


class UnreadableLine(Value):
    """A line that says nothing to this version."""

    number: int
    why: str


def read_line(number: int, text: str) -> HistoryEntry | UnreadableLine:
    """Read a line of any version."""
    try:
        return HistoryEntry.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        return UnreadableLine(number=number, why=f"{'.'.join(map(str, first['loc']))}: {first['msg']}".strip(": "))

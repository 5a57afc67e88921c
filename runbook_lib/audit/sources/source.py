"""A text in one language, and where its lines stand in the file it comes from."""

from dataclasses import dataclass

from runbook_lib.audit.sources.kinds import Kind


@dataclass(frozen=True)
class Origin:
    """A line of a file; `place` names the notebook cell it belongs to."""

    line: int
    place: str = ""


@dataclass(frozen=True)
class Source:
    """A whole file, or the part of a notebook or Markdown file that is in one language."""

    path: str
    kind: Kind
    text: str
    origins: tuple[Origin, ...] = ()
    """Per line of `text`; empty where the text is the whole file."""
    compiled: str = ""
    """What Python gets in place of `text`, line for line: IPython's own syntax turned into calls; empty: the same."""

    @property
    def is_whole_file(self) -> bool:
        """Whether the lines are those of the file."""
        return not self.origins

    def origin(self, line: int) -> Origin:
        """Return where a line (from 1) of `text` stands in the file."""
        if not self.origins:
            return Origin(line)
        return self.origins[min(line, len(self.origins)) - 1]

"""How a model is named: a repository at a revision."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelRef:
    """A model repository at a revision: `org/name@revision`."""

    repo_id: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}"

    @property
    def is_repository(self) -> bool:
        """Whether the Hub has it: an OCR engine's folder bears a name without an organisation."""
        return "/" in self.repo_id

    @property
    def folder_name(self) -> str:
        """Name of the folder docling expects below `artifacts_path`: `org--name`."""
        return self.repo_id.replace("/", "--")

    @classmethod
    def parse(cls, text: str) -> "ModelRef":
        """Read `org/name` or `org/name@revision`; anything else is a `ValueError` that says so."""
        repo_id, _, revision = text.strip().partition("@")
        organisation, _, name = repo_id.partition("/")
        words = (organisation, name)
        if not all(word and all(c.isalnum() or c in "-_." for c in word) for word in words) or ".." in repo_id:
            raise ValueError(f"{text.strip()!r} is not of the form org/name or org/name@revision")
        return cls(repo_id, revision or "main")

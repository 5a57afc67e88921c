"""What a person names by `org/name` or `org/name@revision`, among the revisions a cache holds."""

from collections.abc import Sequence

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import UsageError
from runbook_lib.upkeep.deletion.facts import CachedRevision

_SHORTEST_COMMIT = 7


def revisions_named(text: str, present: Sequence[CachedRevision]) -> tuple[ModelRef, ...]:
    """Return the revisions of the named repository: all of them, or the one that a branch, tag or commit names.

    Raises `UsageError` when the words cannot be read or name nothing, or more than one commit.
    """
    try:
        wanted = ModelRef.parse(text)
    except ValueError as error:
        raise UsageError(f"{error}.", remedy="Name a model as org/name or org/name@revision.") from error
    own = [revision for revision in present if revision.repo_id == wanted.repo_id]
    if not own:
        held = ", ".join(sorted({revision.repo_id for revision in present})) or "nothing"
        raise UsageError(f"The cache does not hold {wanted.repo_id}.", why=f"It holds {held}.", remedy=_LOOK)
    _, at, revision = text.strip().partition("@")
    if not at:
        return tuple(revision.model for revision in own)
    found = [one.model for one in own if _is_named(one, revision)]
    if len(found) == 1:
        return tuple(found)
    held = "; ".join(f"{one.commit[:12]} ({one.known_as})" for one in own)
    what = "names more than one revision" if found else "names no revision"
    raise UsageError(f"{text} {what} in the cache.", why=f"It holds {held}.", remedy=_LOOK)


_LOOK = "runbook delete, without a model, lists what the cache holds."


def _is_named(one: CachedRevision, name: str) -> bool:
    return name in one.names or (len(name) >= _SHORTEST_COMMIT and one.commit.startswith(name))

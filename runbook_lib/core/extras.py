"""Extras: what the core does without, and the one sentence for when it is wanted all the same."""

from importlib.util import find_spec

from runbook_lib.errors import UsageError


def require_extra(extra: str, package: str, *, purpose: str) -> None:
    """Raise `UsageError` naming the extra when `package`, which comes with it, cannot be imported; imports nothing."""
    if not _is_there(package):
        raise UsageError(
            f"{purpose} needs the extra {extra!r}, which is not installed.",
            why=f"There is no package {package} in this environment: the core does not bring it.",
            remedy=f'pip install "docling-runbook[{extra}]"',
        )


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # a package that it would be in
        return False

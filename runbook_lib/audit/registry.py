"""All rules by id, in the order in which they are documented."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from runbook_lib.audit.rule import Rule
from runbook_lib.audit.rules import (
    artifacts,
    code,
    downloads,
    environment,
    images,
    outdated,
    ownership,
    privilege,
    requirements,
    secrets,
    service,
    volumes,
)
from runbook_lib.audit.suppression import UNUSED_SUPPRESSION
from runbook_lib.errors import UsageError

_FAMILIES = (
    *(privilege, environment, outdated, downloads, code, service),
    *(images, artifacts, ownership, volumes, requirements, secrets),
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {rule.id: rule for rule in (*(rule for family in _FAMILIES for rule in family.RULES), UNUSED_SUPPRESSION)}
)


def select_rules(ids: Iterable[str] | None) -> tuple[Rule, ...]:
    """Return the named rules, or all for None.

    Raises:
        UsageError: An id names no rule.
    """
    wanted = set(RULES) if ids is None else set(ids)
    unknown = sorted(wanted - set(RULES))
    if unknown:
        raise UsageError(
            f"There is no audit rule named {', '.join(unknown)}.",
            remedy=f"The rules are: {', '.join(RULES)}.",
        )
    return tuple(rule for rule in RULES.values() if rule.id in wanted)

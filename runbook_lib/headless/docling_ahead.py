"""docling, imported while the first stages work: detect asks that process, and convert converts in it."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from runbook_lib.errors import RunbookError
from runbook_lib.run.environment_plan import plan_from_scratch
from runbook_lib.run.folder import Run
from runbook_lib.run.interpreter import docling_of
from runbook_lib.run.opening import places_of
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import resolve_target

_log = logging.getLogger(__name__)
_CONVERT: Final = "convert"


@contextmanager
def docling_ahead(run: Run, settings: Settings, stages: Sequence[str], folder: Path) -> Iterator[None]:
    """Import docling in a process of its own while the block runs, under the variables that are planned.

    Not where it would not be what the stages start themselves: a drill has a machine of its own, and the service's own
    code may want to be imported before docling. What keeps it from starting is left to the stages to say.
    """
    with ExitStack() as stack:
        if _CONVERT in stages and not settings.drill and not settings.pipeline_spec.code:
            try:
                target = resolve_target(settings, places_of(run))
                docling = docling_of(target, plan_from_scratch(target).values())
                stack.enter_context(docling.standing("convert_document", folder))
            except (RunbookError, OSError) as error:
                _log.info("docling is not imported ahead: %s", error)
        yield

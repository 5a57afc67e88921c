"""Documents on their way through a worker, which may die on one of them."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from runbook_lib.core.masking import mask_secrets
from runbook_lib.errors import DeadlineExceeded, RunbookError
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.run.interpreter import ASKING
from runbook_lib.stages.convert.facts import CRASH, LIMIT, NOT_TRIED, ConvertedDocument
from runbook_lib.workers.failure import WorkerFailed
from runbook_lib.workers.host import Interpreter, Worker

_log = logging.getLogger(__name__)

MOST_PICTURES: Final = 8
"""Pages that are drawn in a run: enough to look at, and a document of 500 pages fills no disk."""
_MOST_DEATHS: Final = 3
"""How often a worker that died is started again: each start loads the models."""
_ASKING_LIMIT_S: Final = 60.0
"""docling is imported by then, and answers in half a second."""


class Conversions:
    """Converts documents one after the other; when native code takes the worker down, the rest get a new one."""

    def __init__(
        self, interpreter: Interpreter, request: Mapping[str, Any], names: Sequence[str], *, ask_models: bool = False
    ) -> None:
        self._interpreter = interpreter
        self._asks_models = ask_models
        self._request = request
        self._tracebacks: dict[str, str] = {}
        self._begun: int | None = None
        self._pictures_left = MOST_PICTURES
        self.documents = [ConvertedDocument(name=name, fault=NOT_TRIED, said="not tried") for name in names]
        self.timings_s: dict[str, float] = {}
        self.refused: list[str] = []
        self.peak_memory_bytes = 0
        self.failure: WorkerFailed | None = None
        """What kept the pipeline from starting; a death on a document is told by the document."""
        self.late: DeadlineExceeded | None = None
        self.wanted: Wanted | None = None
        """What docling says its pipeline takes: asked with `ask_models` where it has converted, as its last request."""

    @property
    def was_begun(self) -> bool:
        """Whether the pipeline was ready and a document was begun."""
        return self._begun is not None

    def traceback_of(self, document: ConvertedDocument) -> str:
        """Return what docling raised on a document; empty when it raised nothing."""
        return self._tracebacks.get(document.name, "")

    def run(self, limit_s: float) -> None:
        """Convert all that can be converted within the limit; fills the attributes and raises nothing of a worker."""
        deadline = time.monotonic() + limit_s
        first = 0
        for _ in range(_MOST_DEATHS):
            stopped_at = self._attempt(first, limit_s, deadline)
            if stopped_at is None or stopped_at + 1 >= len(self.documents):
                return
            first = stopped_at + 1

    def _attempt(self, first: int, limit_s: float, deadline: float) -> int | None:
        """Convert from the document of this number on; returns the number of the one the worker died on."""
        before = self._begun
        with self._interpreter.worker() as worker:
            try:
                self._ask(worker, first, deadline)
            except DeadlineExceeded as late:
                self.late = DeadlineExceeded("The conversion", limit_s, why=late.why)
                if self._begun is not None and self.documents[self._begun].fault == NOT_TRIED:
                    self._note(self._begun, LIMIT, f"was not done when the limit of {limit_s:g} s was reached")
            except WorkerFailed as failure:
                if self._begun == before:
                    self.failure = failure
                    return None
                return self._died(failure)
            if self.late is None and self._asks_models:
                self._ask_for_models(worker)
        return None

    def _ask_for_models(self, worker: Worker) -> None:
        try:
            answer = worker.run(ASKING, {"pipeline": self._request["pipeline"]}, limit_s=_ASKING_LIMIT_S)
        except RunbookError as error:
            _log.info("docling could not be asked after it has converted: %s", error)
        else:
            self.wanted = Wanted.model_validate(answer.value)

    def _ask(self, worker: Worker, first: int, deadline: float) -> None:
        asked = {
            **self._request,
            "documents": self._request["documents"][first:],
            "pictures": self._pictures_left,
        }
        answer = worker.run(
            "convert_document",
            asked,
            limit_s=max(0.0, deadline - time.monotonic()),
            on_event=lambda event: self._hear(event, first),
        )
        self.timings_s |= answer.value["timings_s"]
        self.refused = answer.value["refused_connections"]
        self.peak_memory_bytes = max(self.peak_memory_bytes, answer.peak_memory_bytes)

    def _hear(self, event: Mapping[str, Any], first: int) -> None:
        match event:
            case {"begun": int(number)}:
                self._begun = first + number
            case {"step": str(), "elapsed_s": float()}:
                pass
            case {"number": int(number), "document": dict(told), "refused": list(refused)}:
                name = self.documents[first + number].name
                self._tracebacks[name] = told.pop("traceback")
                listed = {key: tuple(map(mask_secrets, told[key])) for key in ("errors", "warnings")}
                words = {"said": mask_secrets(told["said"]), **listed}
                done = ConvertedDocument.model_validate({**told, **words, "name": name})
                self.documents[first + number] = done
                self._pictures_left -= len(done.pictures)
                self.refused = refused
                self.peak_memory_bytes = max(self.peak_memory_bytes, done.peak_memory_bytes)

    def _died(self, failure: WorkerFailed) -> int:
        begun = self._begun or 0
        last = failure.innermost
        words = f"{last.type}: {last.message}" if last else " ".join(failure.log.split())
        self._note(begun, CRASH, f"docling's process died on it: {words}"[:400])
        return begun

    def _note(self, number: int, fault: str, said: str) -> None:
        self.documents[number] = ConvertedDocument(name=self.documents[number].name, fault=fault, said=said)

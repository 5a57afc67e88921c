"""Stands in for everything docling fetches models with, and notes what it is asked for; nothing is fetched."""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable

FETCHING_FROM_THE_HUB = ("snapshot_download", "hf_hub_download")
WATCHED = "_runbook_watched"


class Asked:
    """What was asked for while a pipeline was built."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="runbook-asked-"))
        self.repositories: list[dict[str, str]] = []
        self.files: list[dict[str, str]] = []
        """File name and URL of what does not come from the Hub."""
        self.missing: list[dict[str, str]] = []
        self.ocr_models: list[Any] = []
        """docling's OCR stages in the order they were made: `auto` before the one it chose."""
        self.said: list[str] = []
        self._under_way: list[Any] = []

    @property
    def count(self) -> int:
        """How much was asked for so far."""
        return len(self.repositories) + len(self.files)

    def repository(self, repo_id: str, revision: str | None) -> None:
        """Note a repository of the Hub."""
        stage = type(self._under_way[0]).__name__ if self._under_way else ""
        entry = {"repo_id": repo_id, "revision": revision or "main", "stage": stage}
        if all((known["repo_id"], known["revision"]) != (repo_id, entry["revision"]) for known in self.repositories):
            self.repositories.append(entry)

    def file(self, name: str, url: str, **more: str) -> None:
        """Note a file from elsewhere."""
        if all(known["url"] != url for known in self.files):
            self.files.append({"name": name, "url": url, **more})

    def problem(self, stage: str, error: BaseException) -> None:
        """Note what keeps a stage from being built, with the module that is missing, if that is it.

        That the stage found nothing in the empty folder it was given is no problem.
        """
        if str(self.folder) in str(error):
            return
        entry = {"stage": stage, "type": type(error).__name__, "message": first_line(error), "module": absent(error)}
        if entry not in self.missing:
            self.missing.append(entry)

    def build_pipeline(self, pipeline: Any, settings: Any) -> None:  # noqa: ANN401
        """Build a pipeline; once more when that brought stages along which could not be watched before."""
        while True:
            before, known = self.count, len(self.missing)
            try:
                pipeline(settings)
            except Exception as error:  # noqa: BLE001 - see `build`
                if watch_stages(self):
                    del self.missing[known:]
                    continue
                if self.count == before:
                    self.problem(pipeline.__name__, error)
            return

    def build(self, stage: Any, original: Callable[..., None], args: Any, kwargs: Any) -> None:  # noqa: ANN401
        """Run a stage's constructor; it may end in loading what was never fetched, and the next stage is built."""
        if self._under_way:
            original(stage, *args, **kwargs)
            return
        before = self.count
        self._under_way.append(stage)
        try:
            original(stage, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - what the models it has not got make it raise
            if self.count == before:
                self.problem(type(stage).__name__, error)
        finally:
            self._under_way.pop()


def first_line(error: BaseException) -> str:
    """Return the message's first line that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:400]


def absent(error: BaseException | None) -> str:
    """Return the name of the package that the error, or what it came from, misses; empty when it is something else."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name.partition(".")[0]
        error = error.__cause__ or error.__context__
    return ""


def stand_in(asked: Asked) -> None:
    """Replace what fetches, whether docling is imported already or not."""
    os.environ["EASYOCR_MODULE_PATH"] = str(asked.folder)  # easyocr makes folders there when it is asked
    hub = import_or_none("huggingface_hub")
    if hub is not None:
        for name in FETCHING_FROM_THE_HUB:
            original, instead = getattr(hub, name), hub_function(asked, name)
            setattr(hub, name, instead)
            replace_in_docling(name, original, instead)
    listen(asked)


def replace_in_docling(name: str, original: Any, instead: Any) -> None:  # noqa: ANN401
    """Replace a function in what of docling has imported it by name already."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("docling") and vars(module).get(name) is original:
            setattr(module, name, instead)


def hub_function(asked: Asked, name: str) -> Callable[..., str]:
    """Return what notes the repository and answers with an empty folder."""

    def note(repo_id: str, *_args: object, revision: str | None = None, **_options: object) -> str:
        asked.repository(repo_id, revision)
        return str(asked.folder if name == "snapshot_download" else asked.folder / "not-fetched")

    return note


def listen(asked: Asked) -> None:
    """Keep what docling says about the OCR engine it chooses."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "ocr" in record.name:
                asked.said.append(record.getMessage())

    logger = logging.getLogger("docling")
    logger.setLevel(logging.INFO)
    logger.addHandler(Ear())
    logger.propagate = False


def watch_stages(asked: Asked) -> int:
    """Let every stage be built although it finds no model: wraps the constructors that are told where models are.

    Returns how many were not wrapped yet; docling imports some stages only while a pipeline is built.
    """
    found = [
        entry
        for name, module in list(sys.modules.items())
        if name.startswith("docling.models")
        for entry in list(vars(module).values())
        if isinstance(entry, type) and entry.__module__ == name and loads_models(entry)
    ]
    for stage in found:
        watch(asked, stage)
    return len(found)


def loads_models(found: type) -> bool:
    """Whether the constructor takes what docling's stages take."""
    if "__init__" not in vars(found) or hasattr(found.__init__, WATCHED):  # type: ignore[misc]
        return False
    try:
        names = inspect.signature(found.__init__).parameters  # type: ignore[misc]
    except (TypeError, ValueError):
        return False
    return "artifacts_path" in names or {"enabled", "options"} <= names.keys()


def watch(asked: Asked, stage: type) -> None:
    """Wrap one constructor."""
    original = stage.__init__  # type: ignore[misc]

    @functools.wraps(original)
    def build(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        if "Ocr" in type(self).__name__ and self not in asked.ocr_models:
            asked.ocr_models.append(self)
        asked.build(self, original, args, kwargs)

    setattr(build, WATCHED, True)
    stage.__init__ = build  # type: ignore[misc]


def import_or_none(name: str) -> Any:  # noqa: ANN401
    """Import a module that need not be there."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None

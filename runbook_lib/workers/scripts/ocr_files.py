"""Which files an OCR engine loads, where they come from and what their hashes are: asked of the engine itself."""

from __future__ import annotations

import inspect
import io
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from asked_models import Asked, import_or_none  # type: ignore[import-not-found]  # the folder of the workers is on sys.path


class AnyHash(str):
    """Equal to every hash: easyocr compares what it believes it has fetched."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, _other: object) -> bool:
        return True

    def __ne__(self, _other: object) -> bool:
        return False


class ReaderNotMade:
    """In place of `RapidOCR`, which before 3.10 loads and fetches its models when it is made."""

    def __init__(self, *_args: object, **_options: object) -> None:
        """Do nothing."""


def stand_in_for_engines(asked: Asked) -> None:
    """Replace what the engines fetch with; an engine that is not installed is left to docling to find out."""
    for name in ("rapidocr", "rapidocr_onnxruntime"):
        module = import_or_none(name)
        if module is not None:
            module.RapidOCR = ReaderNotMade
    easyocr = import_or_none("easyocr.easyocr")
    if easyocr is not None:

        def note(url: str, filename: str, *_rest: object, **_options: object) -> None:
            asked.file(filename, url, md5=md5_of(easyocr, url))

        easyocr.download_and_unzip = note
        easyocr.calculate_md5 = lambda _path: AnyHash("")


def md5_of(easyocr: Any, url: str) -> str:  # noqa: ANN401
    """Return easyocr's own hash of the file that is in the archive at this address."""
    models = list(easyocr.detection_models.values())
    models += [model for generation in easyocr.recognition_models.values() for model in generation.values()]
    return next((model["md5sum"] for model in models if model["url"] == url), "")


def note_rapidocr_files(asked: Asked, stage: Any) -> None:  # noqa: ANN401
    """Have docling's own download of RapidOCR's models run, with the network replaced: it names files and addresses.

    docling 2.143 knows language and size, older ones only the backend; before `download_models` existed the models
    were those of the wheel, and there is nothing to place.
    """
    download = getattr(stage, "download_models", None)
    if download is None:
        return
    home: Any = sys.modules[type(stage).__module__]
    original = home.download_url_with_progress
    home.download_url_with_progress = lambda url, **_: io.BytesIO(url.encode())
    folder = asked.folder / "rapidocr"
    try:
        download(**known_arguments(download, stage.options, folder))
    finally:
        home.download_url_with_progress = original
    hashes = rapidocr_hashes()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        url = path.read_text(encoding="utf-8")
        name = path.relative_to(folder).as_posix()
        asked.file(name, url, sha256=hashes.get(url, ""), shipped=shipped_with_rapidocr(path.name))


def known_arguments(download: Any, options: Any, folder: Path) -> dict[str, Any]:  # noqa: ANN401
    """Return the arguments this docling's `download_models` has."""
    languages = list(getattr(options, "lang", None) or ())
    values = {
        "backend": getattr(options, "backend", None),
        "local_dir": folder,
        "lang": languages[0] if languages else None,
        "model_size": getattr(options, "model_size", None),
    }
    names = inspect.signature(download).parameters
    return {name: value for name, value in values.items() if name in names and value is not None}


def rapidocr_hashes() -> dict[str, str]:
    """Return address to SHA-256, from the list of models that rapidocr brings along."""
    folder, yaml = rapidocr_folder(), import_or_none("yaml")
    listing = folder / "default_models.yaml" if folder else None
    if yaml is None or listing is None or not listing.is_file():
        return {}
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 0.25 s of CPU less than what is written in Python
    return dict(hashes_in(yaml.load(listing.read_text(encoding="utf-8"), Loader=fast)))


def hashes_in(node: Any) -> Any:  # noqa: ANN401
    """Yield address and hash of every model below a node: one file, or a folder with a hash for each file."""
    if not isinstance(node, dict):
        return
    home = node.get("model_dir")
    if isinstance(home, str):
        if node.get("SHA256"):
            yield home, str(node["SHA256"]).lower()
        for name, value in node.items():
            if "." in name and isinstance(value, str):
                yield f"{home.rstrip('/')}/{name}", value.lower()
    for value in node.values():
        yield from hashes_in(value)


def shipped_with_rapidocr(name: str) -> str:
    """Return where the installed rapidocr has the file already; empty when it has not."""
    folder = rapidocr_folder()
    path = folder / "models" / name if folder else None
    return str(path) if path is not None and path.is_file() else ""


def rapidocr_folder() -> Path | None:
    """Return the folder of the package."""
    spec = find_spec("rapidocr")
    return Path(spec.origin).parent if spec is not None and spec.origin else None

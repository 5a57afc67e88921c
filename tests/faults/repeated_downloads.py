"""Downloads a repository again and again, each time into a fresh cache, with the huggingface_hub of this interpreter.

    python repeated_downloads.py bare|ours REPO_ID COUNT FOLDER [SYMLINKS]

`bare` calls `snapshot_download`, `ours` the function that the worker of stage download calls in its process. What
huggingface_hub remembers of a folder's symlinks it remembers by folder, so that each cache starts afresh. Prints JSON:
how many ended without a file missing, and the errors of the others. Standard library only, beside huggingface_hub.
"""

import json
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

WORKERS = Path(__file__).parents[2] / "runbook_lib" / "workers" / "scripts"


def main() -> None:
    """Download COUNT times and print what came of it."""
    how, repo_id, count, folder, *symlinks = sys.argv[1:]
    warnings.simplefilter("ignore")
    failures = []
    for number in range(int(count)):
        cache = Path(folder, str(number))
        try:
            snapshot = bare(repo_id, cache) if how == "bare" else ours(repo_id, cache, bool(symlinks))
            list(map(Path.read_bytes, snapshot.iterdir()))
        except Exception as error:  # noqa: BLE001 - the failures are what is counted
            failures.append([type(error).__name__, getattr(error, "errno", None), str(error)[:200]])
        shutil.rmtree(cache)
    json.dump({"failures": failures}, sys.stdout)


def bare(repo_id: str, cache: Path) -> Path:
    """Download as anybody would."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(repo_id, cache_dir=cache, max_workers=8))


def ours(repo_id: str, cache: Path, symlinks: bool) -> Path:
    """Download as the worker does; its cache is the one the environment named when hub was imported."""
    from huggingface_hub import constants

    sys.path.insert(0, str(WORKERS))
    import fetch_snapshot  # type: ignore[import-not-found]  # found in the folder added above

    constants.HF_HUB_CACHE = str(cache)
    request: dict[str, Any] = {"repo_id": repo_id, "revision": "main", "connections": 8, "symlinks": symlinks}
    return Path(fetch_snapshot.run(request, lambda *_event, **_values: None)["folder"])


if __name__ == "__main__":
    main()

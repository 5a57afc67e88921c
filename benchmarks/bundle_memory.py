"""What a bundle of 10 GiB takes of memory: `python -m benchmarks.bundle_memory [GIB]`; needs twice its size on disk."""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Cost, run_command
from benchmarks.places import PYTHON, REPO_ID, bare_download, served_weights
from runbook_lib.render.values import format_bytes, format_seconds

MOST_BYTES = 100_000_000
"""What each of the three may hold at its peak, however large the bundle is."""
MOST_WRITTEN = 0.01
"""Share of the weights that an export to a folder may write where the cache shares its volume."""


def main() -> None:
    """Share with a folder, pack into a file, take it into an empty cache; exit code 1 when one is over its limit."""
    size_bytes = int(sys.argv[1] if sys.argv[1:] else 10) << 30
    with tempfile.TemporaryDirectory(prefix="runbook-bench-") as name, served_weights(Path(name), size_bytes) as place:
        home = Path(name)
        bare_download(place)
        source = [str(place.cache_dir), str(home / "artifacts"), REPO_ID, place.hub.url]
        shared = _ours("bundle_export", *source, str(home / "folder"))
        own_bytes = sum(
            path.stat().st_blocks * 512
            for path in (home / "folder").rglob("*")
            if path.is_file() and path.stat().st_nlink == 1
        )
        shutil.rmtree(home / "folder")
        packed = _ours("bundle_export", *source, str(home / "bundle.tar"))
        shutil.rmtree(place.cache_dir)
        there = [str(home / "there" / folder) for folder in ("hub", "artifacts")]
        taken = _ours("bundle_import", str(home / "bundle.tar"), *there, place.hub.url)
    costs = {"to a folder": shared, "to a file": packed, "out of the file": taken}
    for what, cost in costs.items():
        told = f"{format_bytes(cost.peak_memory_bytes)}, {format_seconds(cost.elapsed_s)}, CPU {cost.cpu_s:.1f} s"
        sys.stdout.write(f"{format_bytes(size_bytes)} {what}: {told}\n")
    sys.stdout.write(f"the folder's own blocks: {own_bytes} bytes\n")
    holds = all(cost.peak_memory_bytes < MOST_BYTES for cost in costs.values())
    raise SystemExit(0 if holds and own_bytes <= MOST_WRITTEN * size_bytes else 1)


def _ours(verb: str, *arguments: str) -> Cost:
    return run_command([PYTHON, "-m", "benchmarks.ours", verb, *arguments])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes docs/filesystems.md from whole runs on real file systems, mounted here; takes minutes, and root.

python tools/make_filesystem_docs.py            # runs and writes
python tools/make_filesystem_docs.py --check    # says whether every file system of the lane has its rows
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.filesystems.mounting import (  # noqa: E402 - the script also runs from a clone that is not installed
    FILE_SYSTEMS,
    HOW_TO_GET,
    in_namespaces,
    why_no_namespaces,
)
from tests.filesystems.whole_run import FILE_BYTES  # noqa: E402

TARGET = ROOT / "docs" / "filesystems.md"
KINDS = ("one name", "two names")
Seen = Mapping[str, Any]

HEAD = f"""\
# File systems

<!-- Written by tools/make_filesystem_docs.py from whole runs on these file systems; run it instead of editing. -->

What the file systems do that a cache may stand on, measured: each was mounted from an image, by FUSE, or as a
container's layers are, and the whole run was made on it (`tests/filesystems`, the *file system lane*): two
revisions downloaded, verified, deduped, a byte changed and repaired, a download killed and run again. Every run
ended whole on every one of them.

The lane needs root, or user namespaces, and Debian's packages: `{HOW_TO_GET}`. What cannot be mounted is
left out with the reason.

The model has four files of {FILE_BYTES // 1_000_000} MB, of which the second revision changes one.
"""

LINKS = """\
## Links

*Names a file may have*: hard links to one file before the system refuses the next. *Inode kept*: whether a file is
the same inode after it was linked, when it had one name, and when it had two; then whether the other name still
stands for the same file. *Grew by*: what linking a file of 4 MiB took on the disk.
"""

RUNS = """\
## A second revision, and deduplication

*Symbolic links* and *hard links*: what a second revision fetched, and by what the file system grew (`links =
symlink`, `links = hardlink`; where neither works, copies). *Copied up*: what the record of stage download says that
a container's upper layer took for hard links. *Placed from the image*: by what the file system grew when docling's
artifacts folder was made from a cache that the image holds; planned beforehand, and said. *Dedupe*: what `runbook
dedupe` freed of 7 MB that two revisions without links hold twice. In a container that is what was copied there; of
what the image itself holds twice it frees nothing, and leaves it alone.
"""

READING = """\
## What follows

- **Containers.** An image's files stand in lower layers. A hard link to one copies it up first: the upper layer
  grows by the whole file, except where the file system below has reflinks, or with `metacopy=on`. With `index=off`,
  the default, a file of several names comes out as another inode, and the other names stay behind. Stage download
  says what was copied up; it links all the same, for fetching would take as much, and the network.
- **`runbook dedupe` leaves an image's files alone**: it would free nothing of the image, and grow the container.
  Dedupe where the image is made, in the same `RUN` that downloads. With fuse-overlayfs, and with Linux before 6.6,
  nothing tells which layer holds a file; there it leaves all alone, and says so. A cache on a volume of its own has
  no layers.
- **`runbook delete` counts nothing as freed that stands in a lower layer**: it is hidden, not gone.
- **Replacing costs, too.** With `index=on`, and with fuse-overlayfs, removing one of several names of an image's
  file copies the file up: replacing a model in the artifacts folder takes its old size on top.
- **exfat-fuse has no links at all**, and numbers the inode of a file anew once the kernel has forgotten it. `links
  = auto` copies there, and dedupe says beforehand that it can free nothing.
- **xfs gives the room of removed files back a moment later.**
"""


def main() -> int:
    """Run everywhere and write, or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the names only; runs nothing")
    if parser.parse_args().check:
        return check(TARGET.read_text(encoding="utf-8"))
    if reason := why_no_namespaces():
        sys.stderr.write(f"Nothing can be mounted here: {reason}\n")
        return 1
    seen = dict(runs())
    TARGET.write_text(document(seen), encoding="utf-8")
    return 0


def check(text: str) -> int:
    """Say which file systems of the lane the page does not name; the figures are those of one machine and one day."""
    absent = [name for name in FILE_SYSTEMS if text.count(f"| {name} |") != 2]  # noqa: PLR2004 - one row in each table
    for name in absent:
        sys.stderr.write(f"{TARGET.relative_to(ROOT)} has no rows for {name}: run tools/make_filesystem_docs.py\n")
    return 1 if absent else 0


def runs() -> Iterator[tuple[str, Seen]]:
    """Yield what was seen on each file system; what cannot be mounted is said and left out."""
    for name in FILE_SYSTEMS:
        with tempfile.TemporaryDirectory(prefix="runbook-filesystems-") as folder:
            command = [sys.executable, "-m", "tests.filesystems.whole_run", name, f"{folder}/mounts", "--limits"]
            done = subprocess.run(in_namespaces(command), cwd=ROOT, capture_output=True, text=True, check=False)
        sys.stderr.write(f"{name}: {'done' if not done.returncode else (done.stdout or done.stderr)[-500:]}\n")
        if not done.returncode:
            yield name, json.loads(done.stdout)


def document(seen: Mapping[str, Seen]) -> str:
    """Return the page as Markdown."""
    system = f"Linux {platform.release().split('-')[0]}"
    measured = f"Measured with {system}; one run, no medians: these are facts of the file systems, not speeds.\n"
    links = table(
        ("file system", "symbolic links", "hard links", "names a file may have", "reflinks", "inode kept", "grew by"),
        (links_row(name, facts) for name, facts in seen.items()),
    )
    results = table(
        ("file system", "symbolic links", "hard links", "copied up", "placed from the image", "dedupe"),
        (runs_row(name, facts) for name, facts in seen.items()),
    )
    return f"{HEAD}\n{measured}\n{LINKS}\n{links}\n{RUNS}\n{results}\n{READING}"


def links_row(name: str, facts: Seen) -> tuple[str, ...]:
    """Return what links do on one file system."""
    links, limit = facts["links"], facts["names a file may have"]
    kept = [
        _words(links[kind]["same inode"]) if "same inode" in links[kind] else "-" for kind in ("one name", "two names")
    ]
    twin = links["two names"].get("twin follows")
    return (
        name,
        _words("read back" in facts["symlinks"]),
        _words("read back" in facts["hardlinks"]),
        f"{limit['names']:,}" if limit["names"] else f"over {limit['tried'] // 1000 * 1000:,}",
        _words(links["reflinks"]),
        ", ".join(kept) + ("" if twin in (True, None) else "; the other name stays behind"),
        _megabytes(links["two names"].get("grew_bytes", 0)) if "grew_bytes" in links["two names"] else "-",
    )


def runs_row(name: str, facts: Seen) -> tuple[str, ...]:
    """Return what a second revision and dedupe cost and brought on one file system."""
    did, dedupe = facts["second revision"], facts["dedupe"]
    costs = {
        mode: f"{_megabytes(one['fetched'])}, grew by {_megabytes(one['grew_bytes'])}" for mode, one in did.items()
    }
    copies = f"copies: {costs['copy']}" if "copy" in costs else ""
    copied_up = max(one["copied up"] for one in did.values())
    reason = next((f"nothing: {why}" for words, why in _REASONS.items() if words in str(dedupe["kept back"])), "")
    return (
        name,
        costs.get("symlink", copies or "-"),
        costs.get("hardlink", "-"),
        _megabytes(copied_up) if copied_up else "-",
        _megabytes(facts["placing"]["grew_bytes"]),
        reason or _megabytes(-dedupe["grew_bytes"]),
    )


_REASONS = {
    "no hard link can be made": "no hard links",
    "does not tell in which one": "a file's layer cannot be told",
}
"""By what dedupe says of the names that it keeps back."""


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = (columns, tuple("---" for _ in columns), *rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _words(answer: object) -> str:
    return "yes" if answer else "no"


def _megabytes(size_bytes: int) -> str:
    return f"{round(size_bytes / 1_000_000, 1):g} MB" if abs(size_bytes) >= 50_000 else "0"  # noqa: PLR2004 - rounds to 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Writes the tables of docs/integrity.md from real runs: real clients, real file systems; takes root, and half an hour.

`--modes ID ...` runs only these columns and keeps the others as they are recorded; `--page` writes the page from
docs/integrity.json alone, and `--check` says whether it is current. `--try ACT ...` prints the cells of these acts and
writes nothing. The cells are those of tools/integrity.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from integrity.acts import HUB_ACTS, OVERWRITE, TOOLS  # noqa: E402 - the script also runs from a clone that is not installed
from integrity.clients import VERSIONS, client_python  # noqa: E402

from runbook_lib.practice import denied_calls  # noqa: E402

PAGE = ROOT / "docs" / "integrity.md"
RECORD = ROOT / "docs" / "integrity.json"
_BEGIN, _END = "<!-- begin: written by tools/make_integrity_docs.py -->", "<!-- end -->"
_IMAGE_BYTES = 400_000_000
_WITHOUT_RIGHTS = "-dac_override,-dac_read_search,-fowner"


@dataclass(frozen=True)
class Mode:
    """A column: how the runbook shares weights there, and what the system refuses."""

    id: str
    title: str
    filesystem: str
    links: str = "symlink"
    ordinary_user: bool = False
    """Without root's right to pass over file modes."""
    symlinks: bool = True

    def command(self, home: Path, clients: str, acts: Sequence[str]) -> list[str]:
        """Return the command line that runs the column's cells."""
        command = [sys.executable, "-m", "integrity.cell", str(home), self.links, clients, *acts]
        if not self.symlinks:
            command = [sys.executable, str(denied_calls.__file__), "--errno", "1", "--calls", "symlink", "--", *command]
        if self.ordinary_user:
            dropped = (f"--bounding-set={_WITHOUT_RIGHTS}", f"--inh-caps={_WITHOUT_RIGHTS}")
            command = ["setpriv", *dropped, *command]
        return command


MODES = (
    Mode("reflink-btrfs", "reflinks: btrfs", "btrfs"),
    Mode("reflink-xfs", "reflinks: xfs", "xfs"),
    Mode("hardlink-user", "hard links, ordinary user: ext4", "ext4", ordinary_user=True),
    Mode("hardlink-root", "hard links, root: ext4", "ext4"),
    Mode(
        "hardlink-everywhere",
        "hard links in the cache too, no symlinks, ordinary user: tmpfs",
        "tmpfs",
        "hardlink",
        True,
        False,
    ),
    Mode("copy", "copies: ext4", "ext4", "copy"),
)


@contextmanager
def mounted(filesystem: str) -> Iterator[Path]:
    """Mount a fresh file system of that type."""
    with tempfile.TemporaryDirectory(prefix="integrity-") as name:
        point, image = Path(name, "volume"), Path(name, "image")
        point.mkdir()
        if filesystem == "tmpfs":
            mount = ["mount", "-t", "tmpfs", "-o", f"size={_IMAGE_BYTES}", "tmpfs", str(point)]
        else:
            with image.open("wb") as file:
                file.truncate(_IMAGE_BYTES)
            subprocess.run([f"mkfs.{filesystem}", "-q", str(image)], check=True, stdout=subprocess.DEVNULL)
            mount = ["mount", "-o", "loop", str(image), str(point)]
        subprocess.run(mount, check=True)
        try:
            yield point
        finally:
            subprocess.run(["umount", "--lazy", str(point)], check=True)


def run_column(mode: Mode, acts: Sequence[str] = ()) -> list[list[str]]:
    """Run every cell of a column, or those of some acts; returns client, act and outcome of each."""
    clients = json.dumps({version: str(client_python(version)) for version in VERSIONS})
    with mounted(mode.filesystem) as home:
        command, here = mode.command(home, clients, acts), ROOT / "tools"
        done = subprocess.run(command, cwd=here, stdout=subprocess.PIPE, text=True, check=True, env=_environment())
    return [json.loads(line) for line in done.stdout.splitlines()]


def _environment() -> dict[str, str]:
    """Let the cells import this clone, installed or not."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def tables(columns: dict[str, list[list[str]]]) -> str:
    """Return both tables as Markdown: what huggingface_hub does, version by version, and what other programs do."""
    modes = [mode for mode in MODES if mode.id in columns]
    outcomes = {(mode.id, client, act): outcome for mode in modes for client, act, outcome in columns[mode.id]}
    head = [f"| | {' | '.join(mode.title for mode in modes)} |", "|---" * (len(modes) + 1) + "|"]
    hub = [
        _row(act.title, [_joined([outcomes[mode.id, version, act.id] for version in VERSIONS]) for mode in modes])
        for act in HUB_ACTS
    ]
    tools = [f"| {title} | {' | '.join(outcomes[mode.id, title, OVERWRITE] for mode in modes)} |" for title in TOOLS]
    versions = ", ".join(VERSIONS)
    return "\n".join(
        [
            f"### huggingface_hub {versions}",
            "",
            "One word stands for all six versions; where they differ, each is named.",
            "",
            *head,
            *hub,
            "",
            "### Other programs, writing over the weights in the artifacts folder",
            "",
            *head,
            *tools,
        ]
    )


def _row(title: str, cells: Sequence[str]) -> str:
    return f"| {title} | {' | '.join(cells)} |"


def _joined(outcomes: Sequence[str]) -> str:
    if len(set(outcomes)) == 1:
        return outcomes[0]
    return "; ".join(f"{version}: {outcome}" for version, outcome in zip(VERSIONS, outcomes, strict=True))


def page(text: str, columns: dict[str, list[list[str]]]) -> str:
    """Return the page with its tables exchanged."""
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}\n\n{tables(columns)}\n\n{_END}{after}"


def main() -> int:
    """Run the columns that are asked for, record them, and write the page; exit code 1 when a cell is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modes", nargs="*", default=[mode.id for mode in MODES])
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--try", nargs="+", default=[], dest="acts")
    given = parser.parse_args()
    if given.acts:
        for mode in MODES:
            for cell in run_column(mode, given.acts) if mode.id in given.modes else ():
                sys.stdout.write(json.dumps([mode.id, *cell]) + "\n")
        return 0
    columns = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    for mode in MODES:
        if mode.id in given.modes and not (given.page or given.check):
            sys.stderr.write(f"{mode.title} ...\n")
            columns[mode.id] = run_column(mode)
            RECORD.write_text(json.dumps(columns, indent=1) + "\n", encoding="utf-8")
    before = PAGE.read_text(encoding="utf-8")
    now = page(before, columns)
    if given.check:
        return int(now != before)
    PAGE.write_text(now, encoding="utf-8")
    return 1 if any(outcome == "LOST" for cells in columns.values() for _, _, outcome in cells) else 0


if __name__ == "__main__":
    sys.exit(main())

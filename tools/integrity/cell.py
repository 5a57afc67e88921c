"""One cell of the table: a cache and an artifacts folder as the runbook made them, one act of a client, a judgement.

python -m integrity.cell FOLDER LINKS CLIENTS [ACT ...], from tools/: runs all acts, or those named, in one way of
sharing and writes one JSON line a cell. CLIENTS is a JSON object: version -> interpreter; other programs `overwrite`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integrity.acts import HUB_ACTS, OVERWRITE, SCRIPT, TOOLS, Command, HubAct
from runbook_lib.cache.layout import CachedRepo
from runbook_lib.practice.content import Content
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.repository import Commit, Repository, RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.problems import Severity
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair

REPO_ID = "acme/model"
CHANGED = "w1.bin"
_CLIENT_LIMIT_S = 180.0
_KEPT, _DETECTED, _LOST = "kept", "detected", "LOST"


def repository() -> Repository:
    """Return two revisions that share one file of weights and differ in another and in the config."""

    def tree(revision: int) -> tuple[RepositoryFile, ...]:
        return (
            RepositoryFile("config.json", Content.of_bytes(b'{"revision": %d}' % revision)),
            RepositoryFile("w0.bin", Content.of_padding(200_000, "same"), lfs=True),
            RepositoryFile(CHANGED, Content.of_padding(200_000, f"revision {revision}"), lfs=True),
        )

    return linear_history(REPO_ID, tree(1), tree(2))


@dataclass(frozen=True)
class Bench:
    """A hub, a link mode, and a folder that holds what the runbook makes of the pinned revision."""

    hub: PracticeHub
    links: str
    home: Path

    @property
    def commits(self) -> tuple[Commit, ...]:
        """The pinned revision, and the newer one."""
        return self.hub.repositories[0].commits

    def run_in(self, folder: Path) -> OpenRun:
        """Open a run over the cache and artifacts folder there, for the pinned revision."""
        return open_run(
            run_dir=str(folder / "run"),
            hub=self.hub.url,
            models=f"{REPO_ID}@{self.commits[0].id}",
            cache_dir=str(folder / "hub"),
            artifacts_dir=str(folder / "artifacts"),
            links=self.links,
            download_limit_s=60.0,
        )

    def fill(self, folder: Path) -> OpenRun:
        """Download and place the pinned revision."""
        run = self.run_in(folder)
        record = download(run)
        if record.status is not Status.OK:
            raise RuntimeError(str(record))
        return run

    @contextmanager
    def cell(self, head: str = "second") -> Iterator[Path]:
        """Copy the prepared folder, links and shared blocks included; the Hub stands at `head`."""
        folder = self.home / "cell"
        template = self.home / "template"
        if not template.exists():
            self.hub.move_head("first")
            self.fill(template)
        subprocess.run(("cp", "-a", "--reflink=auto", str(template), str(folder)), check=True)
        shutil.rmtree(folder / "run")
        self.hub.move_head("second" if head == "second" else "first")
        try:
            yield folder
        finally:
            self.hub.play()
            shutil.rmtree(folder)

    def by_hub(self, python: Path, act: HubAct) -> str:
        """Let a client act, and judge."""
        with self.cell() as folder:
            if act.before:
                shutil.rmtree(folder / "artifacts")
                self.hub.move_head("second" if act.head_before == "second" else "first")
                _require(self._client(python, folder, act.before))
                self.fill(folder)
                self.hub.move_head("second")
            if act.breaks_off:
                self.hub.play(Fault("truncate", f"*{CHANGED}", after_bytes=1_000))
            done = self._client(python, folder, act.act)
            self.hub.play()
            return self._judged(folder, refused=done.returncode != 0, own_doing=False)

    def by_tool(self, command: Command) -> str:
        """Let a program write over the changed file in the artifacts folder, and judge."""
        with self.cell() as folder:
            work = folder / "work"
            work.mkdir()
            new = work / "new.bin"
            newer = next(file for file in self.commits[1].files if file.path == CHANGED)
            new.write_bytes(b"".join(newer.content.read()))
            os.utime(new, (1_600_000_000, 1_600_000_000))
            target = folder / "artifacts" / REPO_ID.replace("/", "--") / CHANGED
            done = _ran(command(new, target, work))
            return self._judged(folder, refused=done.returncode != 0, own_doing=True)

    def _client(self, python: Path, folder: Path, act: str) -> subprocess.CompletedProcess[str]:
        artifacts = folder / "artifacts" / REPO_ID.replace("/", "--")
        command = (python, SCRIPT, act, folder / "hub", artifacts, self.commits[0].id)
        variables = {
            "HF_ENDPOINT": self.hub.url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
            "HF_HUB_DISABLE_SYMLINKS": "0" if self.links == "symlink" else "1",
            "NO_PROXY": "127.0.0.1",
        }
        return _ran(command, **variables)

    def _judged(self, folder: Path, *, refused: bool, own_doing: bool) -> str:
        """Say what became of the pinned revision in the cache and of the folder's being one revision.

        `own_doing`: the file in the folder was replaced on purpose; then only the cache has to be as it was, and verify
        has to see that the folder is not.
        """
        run = self.run_in(folder)
        pinned, newer = self.commits
        repo = CachedRepo(run.cache_dir, REPO_ID)
        snapshot, artifacts = repo.snapshot(pinned.id), run.artifacts_dir / REPO_ID.replace("/", "--")
        intact = _holds(snapshot, pinned)
        one_revision = _holds(artifacts, pinned) or _holds(artifacts, newer)
        noticed = any(
            folder.of_severity(Severity.SERIOUS, Severity.DOUBTFUL) for folder in collect_verification(run).folders
        )
        if not noticed and not (intact and one_revision):
            return _LOST
        if intact and (one_revision or own_doing):
            return f"{_KEPT}, refused" if refused and _holds(artifacts, pinned) else _KEPT
        plan = plan_repair(run)
        result = apply_repair(run, plan)
        if result.status is Status.FAIL or not (_holds(snapshot, pinned) and _holds(artifacts, pinned)):
            return _LOST
        return f"{_DETECTED}, fetched again" if plan.fetches else f"{_DETECTED}, repaired here"


def _holds(folder: Path, commit: Commit) -> bool:
    try:
        return all((folder / file.path).read_bytes() == b"".join(file.content.read()) for file in commit.files)
    except OSError:
        return False


def _ran(command: Sequence[str | Path], **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        env=environment,
        stdin=subprocess.DEVNULL,
        timeout=_CLIENT_LIMIT_S,
        check=False,
    )


def _require(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(done.stderr)


def cells(bench: Bench, clients: dict[str, Path], acts: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield client, act and outcome of every cell, or of those whose act is named."""
    for version, python in clients.items():
        for act in HUB_ACTS:
            if not acts or act.id in acts:
                yield version, act.id, bench.by_hub(python, act)
    for title, command in TOOLS.items() if not acts or OVERWRITE in acts else ():
        yield title, OVERWRITE, bench.by_tool(command)


def main(home: str, links: str, clients: str, *acts: str) -> None:
    """Run the cells below `home`, one JSON line each."""
    pythons = {version: Path(python) for version, python in json.loads(clients).items()}
    with PracticeHub(repositories=[repository()]) as hub:
        for cell in cells(Bench(hub, links, Path(home)), pythons, acts):
            sys.stdout.write(json.dumps(cell) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

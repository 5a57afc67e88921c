"""A cache through everything that happens to one: whatever comes after whatever, nothing undamaged changes.

hypothesis chooses the acts and makes the shortest story of one that goes wrong. The cache is a real one: the unmodified
client downloads it from the practice hub, and the runbook's own functions share, repair and delete.
"""

import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runbook_lib.cache.artifacts import STAMP_NAME
from runbook_lib.cache.inventory import LOCAL_NOTES, Role, inventory
from runbook_lib.cache.layout import repo_of
from runbook_lib.cache.sharing import shares_without_links
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import HubError
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import Repository, RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.run.check import Status
from runbook_lib.run.interpreter import interpreter_of
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.run.target import Target
from runbook_lib.stages.download import hub_access
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify.problems import ProblemKind
from runbook_lib.stages.verify.stage import verify
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe
from runbook_lib.upkeep.deletion import plan as deletion_plan
from runbook_lib.upkeep.deletion.apply import apply_deletion
from runbook_lib.upkeep.deletion.plan import plan_deletion
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair
from runbook_lib.workers.host import Answer, Worker
from tests.faults.killed_acts import ACTS, Killer

EXAMPLES = 12
STEPS = 12
LINKS = ("symlink", "hardlink", "copy")
WEIGHTS_BYTES = 30_000
EVERY_ACT = {"add", "flip", "cut", "empty", "remove the name", "remove the content", "dedupe", "delete", "repair"} | {
    f"kill {act}" for act in ACTS
}
MOST_CHANGES = 20
"""As many as an act makes on caches as small as these, or more: a child that is to die later ends by itself."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="children are killed by POSIX signals"),
]


def weights(path: str, seed: str) -> RepositoryFile:
    return RepositoryFile(path, Content.of_padding(WEIGHTS_BYTES, seed), lfs=True)


def config(words: str) -> RepositoryFile:
    return RepositoryFile("config.json", Content.of_bytes(words.encode()))


def repositories() -> tuple[Repository, Repository]:
    """One with three revisions, of which each changes something else, and one that shares weights with it."""
    return (
        linear_history(
            "acme/model",
            (config('{"n": 1}'), weights("a.bin", "a1"), weights("part/b.bin", "b")),
            (config('{"n": 2}'), weights("a.bin", "a1"), weights("part/b.bin", "b")),
            (config('{"n": 2}'), weights("a.bin", "a3"), weights("c.bin", "b")),
        ),
        linear_history("acme/other", (config('{"n": 2}'), weights("shared.bin", "b"))),
    )


CONTENTS = {
    (repository.repo_id, commit.id): {file.path: b"".join(file.content.read()) for file in commit.files}
    for repository in repositories()
    for commit in repository.commits
}
MODELS = tuple(CONTENTS)


class Workers:
    """Keeps workers from act to act; importing the client anew for each would be most of the time of this test."""

    def __init__(self) -> None:
        self._kept: dict[str, Worker] = {}

    def interpreter_of(self, target: Target, variables: Mapping[str, str] | None = None) -> "KeptInterpreter":
        """Stand in for the function of this name."""
        real = interpreter_of(target, variables)
        return KeptInterpreter(self._kept.setdefault(repr(sorted(real.variables.items())), Worker(real)))

    def end(self) -> None:
        """Start afresh: the client remembers which listings it has written, though they are deleted by now."""
        for worker in self._kept.values():
            worker.end()


@dataclass(frozen=True)
class KeptInterpreter:
    """An interpreter whose worker is there already and stays."""

    kept: Worker

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        yield self.kept

    def run(self, verb: str, request: Mapping[str, Any], *, limit_s: float) -> Answer:
        return self.kept.run(verb, request, limit_s=limit_s)


def content_of(path: Path) -> bytes | None:
    """Return what a name leads to; None when that is nothing."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def used_bytes(*folders: Path, notes: bool) -> int:
    """Return what the files below take on disk, each once; without `notes`, what is only said about models is not."""
    found: dict[tuple[int, int], int] = {}
    for folder in folders:
        for parent, _, names in os.walk(folder):
            if not notes and LOCAL_NOTES in Path(parent).parts:
                continue
            for name in names:
                facts = Path(parent, name).lstat()
                if stat.S_ISREG(facts.st_mode) and (notes or name != STAMP_NAME):
                    found[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return sum(found.values())


@dataclass
class Known:
    """What must stand where; the model of the cache."""

    intact: dict[Path, bytes] = field(default_factory=dict)
    broken: dict[Path, bytes] = field(default_factory=dict)
    """What ought to stand there, of names that were damaged."""

    def everything(self) -> dict[Path, bytes]:
        return {**self.intact, **self.broken}

    def require(self) -> None:
        changed = [str(path) for path, content in self.intact.items() if content_of(path) != content]
        assert changed == [], "an undamaged file changed"

    def look_again(self) -> None:
        """Take for intact what was repaired."""
        for path, content in list(self.broken.items()):
            if content_of(path) == content:
                self.intact[path] = self.broken.pop(path)

    def learn(self, wanted: Mapping[Path, bytes]) -> None:
        """Take over what has to stand there now; what cannot be right, because its content was damaged, may be."""
        doubtful = {*self.broken.values()}
        for path, content in wanted.items():
            self.intact.pop(path, None)
            self.broken.pop(path, None)
            right = content_of(path) == content
            assert right or content in doubtful, f"{path} is damaged, and nothing damaged such a content"
            (self.intact if right else self.broken)[path] = content

    def forget(self, folder: Path) -> None:
        for names in (self.intact, self.broken):
            for path in [path for path in names if path.is_relative_to(folder)]:
                del names[path]


@dataclass(frozen=True)
class Workshop:
    """What all examples share."""

    hub: PracticeHub
    base: Path
    killer: Killer
    fetching: Workers
    performed: Counter[str]


class CacheMachine(RuleBasedStateMachine):
    """The acts, each with what must be true after it."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._shop = workshop
        workshop.fetching.end()
        for name in ("hub", "artifacts", "run"):
            shutil.rmtree(workshop.base / name, ignore_errors=True)
        self._cache, self._artifacts = workshop.base / "hub", workshop.base / "artifacts"
        self._known = Known()
        self._downloaded: dict[tuple[str, str], str] = {}

    # ------------------------------------------------------------------------------------------------ what stands where

    def _run(self, model: tuple[str, str], links: str, *, offline: bool = False) -> OpenRun:
        shutil.rmtree(self._shop.base / "run", ignore_errors=True)
        return open_run(
            run_dir=str(self._shop.base / "run"),
            hub=self._shop.hub.url,
            models=f"{model[0]}@{model[1]}",
            cache_dir=str(self._cache),
            artifacts_dir=str(self._artifacts),
            links=links,
            offline=offline,
        )

    def _snapshot(self, model: tuple[str, str]) -> Path:
        return repo_of(self._cache, ModelRef(*model)).snapshot(model[1])

    def _placed(self, model: tuple[str, str]) -> Path:
        return self._artifacts / ModelRef(*model).folder_name

    def _wanted(self, model: tuple[str, str]) -> dict[Path, bytes]:
        folders = (self._snapshot(model), self._placed(model))
        return {folder / name: content for folder in folders for name, content in CONTENTS[model].items()}

    def _used_bytes(self, *, notes: bool) -> int:
        return used_bytes(self._cache, self._artifacts, notes=notes)

    def _pick(self, data: st.DataObject) -> tuple[tuple[str, str], str]:
        model = data.draw(st.sampled_from(sorted(self._downloaded)), label="model")
        return model, self._downloaded[model]

    # ------------------------------------------------------------------------------------------------------------- acts

    @initialize(first=st.sampled_from(LINKS), second=st.sampled_from(LINKS))
    def begin_with_two_revisions(self, first: str, second: str) -> None:
        self.add_a_revision(0, first)
        self.add_a_revision(2, second)

    @rule(number=st.integers(0, len(MODELS) - 1), links=st.sampled_from(LINKS))
    def add_a_revision(self, number: int, links: str) -> None:
        model = MODELS[number]
        record = download(self._run(model, links))
        if record.failed():
            assert set(CONTENTS[model].values()) & set(self._known.broken.values()), str(record)
            self._settle(model)
        else:
            self._known.forget(self._placed(model))
            self._known.learn(self._wanted(model))
        self._downloaded[model] = links
        self._shop.performed["add"] += 1

    @precondition(lambda self: self._known.intact)
    @rule(data=st.data(), kind=st.sampled_from(["flip", "cut", "empty", "remove the name", "remove the content"]))
    def break_a_file(self, data: st.DataObject, kind: str) -> None:
        path = data.draw(st.sampled_from(sorted(self._known.intact)), label="file")
        file = path.resolve()
        if kind == "remove the name":
            path.unlink()
        elif kind == "remove the content":
            file.unlink()
        else:
            file.chmod(0o644)
            content = file.read_bytes()
            place = len(content) // 2
            flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            damaged = {"flip": flipped, "cut": content[:place], "empty": b""}[kind]
            with file.open("r+b") as stream:  # in place, under all its names
                stream.write(damaged)
                stream.truncate()
        for name, content in list(self._known.intact.items()):
            if content_of(name) != content:
                self._known.broken[name] = self._known.intact.pop(name)
        assert path in self._known.broken
        self._shop.performed[kind] += 1

    @rule()
    def dedupe_everything(self) -> None:
        before = self._used_bytes(notes=False)
        plan = plan_dedupe(self._cache, self._artifacts)
        result = apply_dedupe(plan)
        assert result.skipped == ()
        assert result.freed_bytes == plan.frees_bytes
        if not shares_without_links(self._shop.base):  # blocks that two files share are counted with both
            assert before - self._used_bytes(notes=False) == plan.frees_bytes
        assert plan_dedupe(self._cache, self._artifacts).is_empty
        self._shop.performed["dedupe"] += bool(plan.replacements)

    @precondition(lambda self: self._downloaded)
    @rule(data=st.data())
    def delete_a_revision(self, data: st.DataObject) -> None:
        model, links = self._pick(data)
        run = self._run(model, links)
        before = self._used_bytes(notes=True)
        plan = plan_deletion(run, [ModelRef(*model)])
        result = apply_deletion(run, plan)
        assert result.left == ()
        assert before - self._used_bytes(notes=True) == result.freed_bytes == plan.frees_bytes
        if plan.unknown:  # huggingface_hub reads no repository with a link to nothing
            assert plan.is_empty
            return
        assert not self._snapshot(model).exists()
        self._shop.fetching.end()
        self._known.forget(self._snapshot(model))
        del self._downloaded[model]
        self._shop.performed["delete"] += 1

    @precondition(lambda self: self._downloaded)
    @rule(data=st.data(), offline=st.booleans())
    def repair_a_revision(self, data: st.DataObject, offline: bool) -> None:
        model, links = self._pick(data)
        run = self._run(model, links, offline=offline)
        plan = plan_repair(run)
        if plan.fetches and offline:
            with pytest.raises(HubError, match="offline; nothing was moved"):
                apply_repair(run, plan)
            return
        result = apply_repair(run, plan)
        left = {problem.kind for folder in result.verification.facts.folders for problem in folder.problems}
        assert left <= {ProblemKind.INCOMPLETE}, str(result)  # of an act that was killed; it stays for an hour
        assert result.status is (Status.WARN if left else Status.OK), str(result)
        assert plan_repair(run).is_empty
        self._known.look_again()
        self._known.forget(self._placed(model))
        self._known.learn(self._wanted(model))
        assert not set(self._wanted(model)) & set(self._known.broken)
        self._shop.performed["repair from copies" if plan.copies else "repair"] += bool(plan.moves or plan.models)

    @precondition(lambda self: self._downloaded)
    @rule(data=st.data(), act=st.sampled_from(sorted(ACTS)), before_change=st.integers(1, MOST_CHANGES))
    def kill(self, data: st.DataObject, act: str, before_change: int) -> None:
        """Kill an act in its middle; a download replaces what was placed of another revision."""
        if act == "download":
            model = data.draw(st.sampled_from(MODELS), label="model")
            links = data.draw(st.sampled_from(LINKS), label="links")
        else:
            model, links = self._pick(data)
        killed = self._shop.killer.kill(act, self._run(model, links), before_change=before_change)
        self._settle(model)
        if act == "download":
            self._downloaded.setdefault(model, links)
        self._shop.performed[f"kill {act}"] += killed

    def _settle(self, model: tuple[str, str]) -> None:
        """Take over what an act did until it was killed: of each name the old content or the new one, nothing else."""
        self._known.look_again()
        home, anew = self._placed(model), self._wanted(model)
        for path, content in list(self._known.intact.items()):
            found = content_of(path)
            if found == content or not path.is_relative_to(home):
                continue
            assert found == anew.get(path), f"{path} is neither what it was nor what it was to become"
            del self._known.intact[path]
            if path in anew:
                self._known.intact[path] = anew[path]

    # ------------------------------------------------------------------------------------------------ what is always so

    @invariant()
    def every_undamaged_path_keeps_its_bytes(self) -> None:
        self._known.require()

    def teardown(self) -> None:
        """Whatever happened: sharing, then repairing each revision, leaves a cache that is whole and holds no rest."""
        apply_dedupe(plan_dedupe(self._cache, self._artifacts))
        for model, links in self._downloaded.items():
            run = self._run(model, links)
            result = apply_repair(run, plan_repair(run))
            assert result.status is Status.OK, str(result)
            assert {path for path, content in self._wanted(model).items() if content_of(path) != content} == set()
            verified = verify(run)
            assert verified.status is Status.OK, str(verified)
        rests = {Role.TEMPORARY, Role.INCOMPLETE}
        assert [entry.path for entry in inventory(self._cache, self._artifacts) if entry.role in rests] == []


@pytest.mark.enable_socket  # the fork server talks over a socket file
def test_whatever_happens_to_a_cache_undamaged_files_keep_their_bytes_and_plans_keep_their_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching, deleting = Workers(), Workers()
    monkeypatch.setattr(hub_access, "interpreter_of", fetching.interpreter_of)
    monkeypatch.setattr(deletion_plan, "interpreter_of", deleting.interpreter_of)
    performed: Counter[str] = Counter()
    with PracticeHub(repositories=list(repositories())) as hub:
        shop = Workshop(hub, tmp_path, Killer(), fetching, performed)
        bounds = settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            report_multiple_bugs=False,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        try:
            run_state_machine_as_test(lambda: CacheMachine(shop), settings=bounds)  # type: ignore[arg-type]  # any factory will do
        finally:
            fetching.end()
            deleting.end()
    assert {act for act, count in performed.items() if count} >= EVERY_ACT, "a story that lacks an act proves little"

"""Comparing real folders with their listings, in every link mode."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from runbook_lib.cache.layout import ListedFile, Listing
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.run.check import Status
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.download.plan import wanted_by
from runbook_lib.stages.download.stage import download
from runbook_lib.stages.verify import collect
from runbook_lib.stages.verify.checks import judge_verification
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.compare import verify_folder
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind, Severity
from runbook_lib.stages.verify.stage import verify
from tests.unit.stages.verify.real_caches import (
    FOLDER_NAME,
    MODES,
    REPO_ID,
    WEIGHTS,
    Install,
    Installed,
    flip_bit,
    move_into_shared_store,
)

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX file kinds and names")


def problems_of(installed: Installed, role: str = "snapshot") -> tuple[FileProblem, ...]:
    facts = collect_verification(installed.run)
    return next(folder.problems for folder in facts.folders if folder.role == role)


def kinds_of(installed: Installed, role: str = "snapshot") -> dict[str, ProblemKind]:
    return {problem.path: problem.kind for problem in problems_of(installed, role)}


@pytest.mark.parametrize("mode", MODES)
def test_a_fresh_download_is_whole_in_every_link_mode_and_each_content_is_read_once(
    install: Install, mode: str
) -> None:
    installed = install(mode)
    record = verify(installed.run)
    assert record.status is Status.OK, str(record)
    assert [check.id for check in record.checks] == [
        f"snapshot-{FOLDER_NAME}",
        f"artifacts-{FOLDER_NAME}",
        "nothing-extra",
    ]
    small = sum(file.size_bytes for file in installed.listing.files if file.sha256 is None)
    shared = installed.listing.size_bytes + small  # the weights are one inode, small files are always copies
    assert record.facts.hashed_bytes == (2 * installed.listing.size_bytes if mode == "copy" else shared)


def test_the_rate_of_reading_does_not_count_what_docling_takes_to_say_what_it_needs(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = install("copy")
    waited_s = 0.0

    def slowly(run: OpenRun) -> Wanted:
        nonlocal waited_s
        waited_s += 1000.0
        return wanted_by(run)

    clock = time.perf_counter
    monkeypatch.setattr(collect, "wanted_by", slowly)
    monkeypatch.setattr(time, "perf_counter", lambda: clock() + waited_s)
    facts = collect_verification(installed.run)
    assert waited_s == 1000.0
    assert 0 < facts.elapsed_s < 1000.0


@pytest.mark.parametrize("mode", MODES)
def test_one_flipped_bit_in_the_weights_fails_the_check_and_names_the_file(install: Install, mode: str) -> None:
    installed = install(mode)
    flip_bit(installed.snapshot / WEIGHTS, 8 * 500_000)
    record = verify(installed.run)
    (check, *_) = record.checks
    assert (check.status, check.quirk, check.fixed_by) == (Status.FAIL, "consistency-check", FixedBy.REPAIR)
    what = "wrong hash (" if mode == "copy" else "written through a hard link (written under one of its "
    assert f"{WEIGHTS}: {what}" in check.evidence
    assert "sha256 " in check.evidence
    artifacts = next(check for check in record.checks if check.id.startswith("artifacts-"))
    assert artifacts.status is (Status.OK if mode == "copy" else Status.FAIL)


def test_a_missing_file_and_a_file_nobody_listed_are_told_apart(install: Install) -> None:
    installed = install()
    (installed.snapshot / "config.json").rename(installed.snapshot / "config.json.bak")
    assert kinds_of(installed) == {"config.json": ProblemKind.MISSING, "config.json.bak": ProblemKind.UNEXPECTED}


def test_a_snapshot_that_is_gone_is_missing_and_artifacts_are_judged_all_the_same(install: Install) -> None:
    installed = install()
    shutil.rmtree(installed.snapshot)
    assert list(kinds_of(installed).values()) == [ProblemKind.MISSING]
    assert problems_of(installed, "artifacts") == ()


@posix
def test_a_dangling_link_is_explained_by_where_it_ends(install: Install) -> None:
    installed = install("symlink")
    blob = Path(os.path.realpath(installed.snapshot / "config.json"))
    blob.unlink()
    (problem,) = problems_of(installed)
    assert (problem.kind, problem.quirk_id) == (ProblemKind.DANGLING, "win-symlink-dangling")
    shutil.rmtree(installed.repo.blobs)
    problems = problems_of(installed)
    assert {(problem.kind, problem.quirk_id) for problem in problems} == {
        (ProblemKind.DANGLING, "cache-copied-dangling")
    }
    assert len(problems) == len(installed.listing.files)


@posix
def test_links_into_the_shared_store_are_a_note_and_their_loss_is_quirk_shared_blobs_escape(install: Install) -> None:
    installed = install("symlink")
    store = move_into_shared_store(installed)
    (problem,) = problems_of(installed)
    assert (problem.kind, problem.severity) == (ProblemKind.SHARED, Severity.NOTE)
    checks = judge_verification(collect_verification(installed.run))
    assert {check.status for check in checks} == {Status.OK}
    assert "copying this folder alone is not enough" in checks[0].evidence
    shutil.rmtree(store.parent)
    (problem,) = problems_of(installed)
    assert (problem.kind, problem.quirk_id) == (ProblemKind.DANGLING, "shared-blobs-escape")


@posix
def test_a_link_out_of_the_cache_fails_and_one_into_another_repository_warns(install: Install, tmp_path: Path) -> None:
    installed = install()
    inside = installed.snapshot / "config.json"
    outside = tmp_path / "elsewhere.json"
    inside.rename(outside)
    inside.symlink_to(outside)
    (problem,) = problems_of(installed)
    assert (problem.kind, problem.severity) == (ProblemKind.ESCAPING, Severity.SERIOUS)
    other = installed.run.cache_dir / "models--a--b" / "blobs" / "x"
    other.parent.mkdir(parents=True)
    outside.rename(other)
    inside.unlink()
    inside.symlink_to(other)
    (problem,) = problems_of(installed)
    assert (problem.kind, problem.severity) == (ProblemKind.FOREIGN, Severity.DOUBTFUL)


@posix
def test_links_in_a_circle_are_dangling(install: Install) -> None:
    installed = install()
    path = installed.snapshot / "config.json"
    path.unlink()
    path.symlink_to("config.json")
    assert kinds_of(installed) == {"config.json": ProblemKind.DANGLING}


@posix
@pytest.mark.timeout(20)
def test_what_is_no_file_is_named_and_never_opened(install: Install) -> None:
    installed = install()
    for name in ("config.json", "README.md", ".gitattributes"):
        (installed.snapshot / name).unlink()
    (installed.snapshot / "config.json").mkdir()
    os.mkfifo(installed.snapshot / "README.md")
    os.mkfifo(installed.snapshot / "not-listed.bin")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(installed.snapshot)  # a socket's path may have 108 bytes
        try:
            listener.bind(".gitattributes")
        finally:
            os.chdir(here)
        problems = problems_of(installed)
    assert {problem.path: problem.evidence for problem in problems if problem.kind is ProblemKind.NOT_A_FILE} == {
        "config.json": "a folder stands there",
        "README.md": "a named pipe stands there",
        ".gitattributes": "a socket stands there",
    }
    assert "not-listed.bin" in {problem.path for problem in problems}


@posix
def test_a_file_below_a_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "sub").write_bytes(b"x")
    file = ListedFile(path="sub/config.json", size_bytes=1, git_sha1="0" * 40)
    listing = Listing(repo_id="a/b", revision="main", commit="0" * 40, files=(file,))
    assert [problem.kind for problem in verify_folder(tmp_path, listing)] == [
        ProblemKind.MISSING,
        ProblemKind.UNEXPECTED,
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("../outside", "/etc/passwd", "C:\\x", "sub/D:x", "\\\\server\\share", "a/../../b", "nul\0byte", ""),
        pytest.param("half\ud800", marks=pytest.mark.skipif(os.name == "nt", reason="a name like any other there")),
    ],
)
def test_a_listed_name_that_would_leave_its_folder_is_refused_unread(tmp_path: Path, name: str) -> None:
    file = ListedFile(path=name, size_bytes=1, git_sha1="0" * 40)
    (problem,) = verify_folder(tmp_path, Listing(repo_id="a/b", revision="main", commit="0" * 40, files=(file,)))
    assert (problem.kind, problem.severity) == (ProblemKind.UNSAFE_NAME, Severity.SERIOUS)


def test_a_name_too_long_for_the_system_is_reported_and_does_not_raise(tmp_path: Path) -> None:
    file = ListedFile(path="x" * 5000, size_bytes=1, git_sha1="0" * 40)
    (problem,) = verify_folder(tmp_path, Listing(repo_id="a/b", revision="main", commit="0" * 40, files=(file,)))
    assert problem.kind in (ProblemKind.UNREADABLE, ProblemKind.MISSING)


@posix
def test_names_that_are_no_plain_text_survive_into_the_record(install: Install) -> None:
    installed = install()
    names = ("new\nline.bin", "\u00fcber \u6f22.json", os.fsdecode(b"latin-\xe9"))
    for name in names:
        (installed.snapshot / name).write_bytes(b"x")
    record = verify(installed.run)
    text = installed.run.record_path("verify").read_text(encoding="utf-8")
    extra = {problem["path"] for problem in json.loads(text)["facts"]["folders"][0]["problems"]}
    assert extra == {"new\nline.bin", "\u00fcber \u6f22.json", "latin-\\udce9"}
    assert "new / line.bin" in str(record)


def test_incomplete_files_and_folders_of_an_older_docling_only_warn(install: Install) -> None:
    installed = install()
    installed.repo.blobs.mkdir(exist_ok=True)
    (installed.repo.blobs / f"{'a' * 64}.0123abcd.incomplete").write_bytes(b"half")
    (installed.run.artifacts_dir / "ds4sd--docling-models").mkdir()
    record = verify(installed.run)
    extra = record.checks[-1]
    assert (extra.id, extra.status) == ("nothing-extra", Status.WARN)
    assert "incomplete file of an interrupted download" in extra.evidence
    assert "docling-project--docling-models now" in extra.evidence
    assert record.status is Status.WARN


def test_artifacts_made_for_another_docling_warn(install: Install) -> None:
    installed = install()
    stamp = installed.artifacts / ".runbook-artifacts.json"
    content = json.loads(stamp.read_text(encoding="utf-8"))
    stamp.write_text(json.dumps({**content, "docling": "2.9.0", "checksum": ""}), encoding="utf-8")
    (problem,) = problems_of(installed, "artifacts")
    assert (problem.kind, problem.quirk_id) == (ProblemKind.OTHER_DOCLING, "docling-artifacts-renamed")


def test_artifacts_that_docling_tools_made_are_verified_by_their_own_notes(install: Install, tmp_path: Path) -> None:
    """As docling 2.143 does it (`download_hf_model`): `local_dir`, which leaves nothing in the Hub cache."""
    installed = install()
    shutil.rmtree(installed.run.cache_dir)
    shutil.rmtree(installed.run.artifacts_dir)
    script = "import sys; from huggingface_hub import snapshot_download as get; get(sys.argv[1], local_dir=sys.argv[2])"
    subprocess.run(
        [sys.executable, "-c", script, REPO_ID, str(installed.artifacts)],
        env={**os.environ, "HF_ENDPOINT": installed.hub.url, "HF_HOME": str(tmp_path / "home")},
        check=True,
        capture_output=True,
        timeout=60,
    )
    record = verify(installed.run)
    assert [check.status for check in record.checks] == [Status.SKIP, Status.OK, Status.OK]
    assert "the listing in the folder" in record.checks[1].evidence
    shutil.rmtree(installed.artifacts / ".cache" / "huggingface" / "trees")  # before huggingface_hub 1.22
    assert verify(installed.run).facts.folders[1].source == "the metadata in the folder"
    flip_bit(installed.artifacts / WEIGHTS, 12_345)
    assert kinds_of(installed, "artifacts") == {WEIGHTS: ProblemKind.WRONG_HASH}


@posix
def test_without_any_listing_the_names_of_the_blobs_are_the_hashes(install: Install) -> None:
    installed = install("symlink")
    snapshot = installed.snapshot
    shutil.rmtree(installed.repo.folder / "trees")
    facts = collect_verification(installed.run)
    assert facts.folders[0].source == "the names of the blobs"
    assert [problem.kind for problem in facts.folders[0].problems] == [ProblemKind.UNVERIFIED]
    flip_bit(snapshot / WEIGHTS, 8 * 500_000)
    assert kinds_of(installed)[WEIGHTS] is ProblemKind.WRITTEN_THROUGH


def test_without_any_hash_the_contents_speak_and_the_check_warns(install: Install) -> None:
    installed = install()
    snapshot = installed.snapshot
    shutil.rmtree(installed.repo.folder / "trees")
    (installed.artifacts / ".runbook-artifacts.json").unlink()
    record = verify(installed.run)
    assert [check.status for check in record.checks] == [Status.WARN, Status.WARN, Status.OK]
    (snapshot / WEIGHTS).write_bytes(b"<!DOCTYPE html><html><body>blocked</body></html>")
    assert kinds_of(installed)[WEIGHTS] is ProblemKind.HTML_PAGE
    assert verify(installed.run).checks[0].quirk == "proxy-blockpage"


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\0" * 600,
        b"[]",
        b'{"format_version": 1, "files": []}',
        b'{"format_version": 1, "files": {"config.json": {"size": "many", "blob_id": null}}}',
        b'{"format_version": 7, "files": {}}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_damaged_listing_is_named_and_nothing_raises(install: Install, damage: bytes) -> None:
    installed = install()
    tree = installed.repo.folder / "trees" / f"{installed.listing.commit}.json"
    tree.write_bytes(damage)
    assert ProblemKind.BAD_LISTING in {problem.kind for problem in problems_of(installed)}
    assert verify(installed.run).checks[0].status is Status.WARN


@pytest.mark.parametrize("damage", [b"", b"../../..", b"\xff\xfe", b"nul\0", b"z" * 40])
def test_a_damaged_reference_is_named_and_the_snapshot_verified_all_the_same(install: Install, damage: bytes) -> None:
    installed = install()
    (installed.repo.folder / "refs" / "main").write_bytes(damage)
    record = verify(installed.run)
    assert record.facts.folders[0].commit == installed.listing.commit
    assert kinds_of(installed) == {"refs/main": ProblemKind.BAD_REF}
    assert (record.checks[0].status, record.checks[0].quirk) == (Status.FAIL, "ref-damaged")
    assert record.facts.folders[1].problems == ()


def test_one_flipped_bit_or_a_line_feed_in_a_reference_is_found(install: Install) -> None:
    installed = install()
    reference, commit = installed.repo.folder / "refs" / "main", installed.listing.commit
    for text in (f"{commit}\n", ("1" if commit[0] == "0" else "0") + commit[1:]):
        reference.write_bytes(text.encode())
        assert kinds_of(installed) == {"refs/main": ProblemKind.BAD_REF}
        assert problems_of(installed, "artifacts") == ()


def test_a_newer_commit_that_is_not_fetched_yet_is_no_damage(install: Install) -> None:
    installed = install()
    (installed.repo.folder / "refs" / "main").write_text("f" * 40, encoding="utf-8")
    assert ProblemKind.BAD_REF not in kinds_of(installed).values()


def test_the_download_record_stands_in_for_a_listing(install: Install) -> None:
    installed = install()
    download(installed.run)
    shutil.rmtree(installed.repo.folder / "trees")
    assert collect_verification(installed.run).folders[0].source == "the record of stage download"


_HF = shutil.which("hf", path=sysconfig.get_path("scripts"))


@pytest.mark.skipif(_HF is None, reason="packages laid beside each other have no commands")
def test_hf_cache_verify_agrees(install: Install) -> None:
    installed = install()
    command = [str(_HF), "cache", "verify", REPO_ID, "--cache-dir", str(installed.run.cache_dir)]
    environment = {**os.environ, "HF_ENDPOINT": installed.hub.url, "HF_HOME": str(installed.run.cache_dir.parent)}
    flip_bit(installed.snapshot / "README.md", 7)
    assert subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60).returncode == 1
    assert kinds_of(installed) == {"README.md": ProblemKind.WRONG_HASH}
    flip_bit(installed.snapshot / "README.md", 7)
    assert subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60).returncode == 0
    assert problems_of(installed) == ()


def test_verify_repair_and_lock_import_neither_huggingface_hub_nor_docling() -> None:
    code = "import runbook_lib.stages.verify.stage, runbook_lib.upkeep.repair.apply, runbook_lib.upkeep.lock, sys;"
    code += "sys.exit('huggingface_hub' in sys.modules or 'docling' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

"""What a folder can do, tried for real; only the faults that cannot be made here are made up."""

import os
import sys
from pathlib import Path

import pytest

from runbook_lib.system.filesystem import (
    describe_os_error,
    examine_folder,
    filesystem_type,
    free_bytes,
    nearest_existing,
    probe_hardlink,
    probe_symlink,
)

NO_PRIVILEGE = "A required privilege is not held by the client"


@pytest.mark.skipif(os.name == "nt", reason="needs a privilege there")
def test_both_kinds_of_link_work_in_an_ordinary_folder(tmp_path: Path) -> None:
    facts = examine_folder("cache", tmp_path)
    assert (facts.writable, facts.symlink.works, facts.hardlink.works) == (True, True, True)
    assert facts.symlink.evidence == "made and read back"
    assert facts.free_bytes > 0


def test_probing_leaves_nothing_behind(tmp_path: Path) -> None:
    examine_folder("cache", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_not_created_and_its_parent_is_tried(tmp_path: Path) -> None:
    wanted = tmp_path / "not" / "there"
    facts = examine_folder("cache", wanted)
    assert (facts.path, facts.probed) == (wanted, tmp_path)
    assert facts.writable
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert nearest_existing(tmp_path / "file" / "below") == tmp_path


@pytest.mark.parametrize("below", ["", "below/far"])
def test_what_is_no_folder_cannot_be_written_though_its_parent_can(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    facts = examine_folder("cache", tmp_path / "file" / below)
    assert (facts.writable, facts.write_evidence) == (False, f"{tmp_path / 'file'} is no folder")
    assert not facts.symlink.works


@pytest.mark.skipif(os.name == "nt", reason="links take a privilege there")
@pytest.mark.parametrize("target", ["unmounted/hub", "link"], ids=["leads nowhere", "leads to itself"])
def test_a_link_that_leads_to_no_folder_cannot_be_written(tmp_path: Path, target: str) -> None:
    (tmp_path / "link").symlink_to(target)
    assert examine_folder("cache", tmp_path / "link").write_evidence == f"{tmp_path / 'link'} is no folder"


@pytest.mark.parametrize(
    ("kind", "module", "name"), [("symlink", Path, "symlink_to"), ("hardlink", os, "link")], ids=["symlink", "hardlink"]
)
def test_a_call_that_reports_success_and_makes_nothing_is_seen_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: object, name: str
) -> None:
    monkeypatch.setattr(module, name, lambda *_arguments: None)
    facts = examine_folder("cache", tmp_path)
    probe = facts.symlink if kind == "symlink" else facts.hardlink
    assert not probe.works
    assert probe.evidence == "the call reported success but made no link"
    assert probe.deceives
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_is_a_copy_is_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(source: Path, link: Path) -> None:
        link.write_bytes(source.read_bytes())

    monkeypatch.setattr(os, "link", copy)
    monkeypatch.setattr(Path, "symlink_to", lambda link, name: copy(link.with_name(name), link))
    for probe in (probe_hardlink(tmp_path), probe_symlink(tmp_path)):
        assert (probe.works, probe.evidence) == (False, "the link was made but does not lead to the file")
        assert probe.deceives


def test_a_link_that_may_not_be_followed_is_named_by_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_read = Path.read_text

    def refuse(path: Path, **options: str) -> str:
        if path.name == "link":
            raise OSError(22, "The path cannot be traversed", str(path))
        return real_read(path, **options)

    monkeypatch.setattr(Path, "symlink_to", lambda link, _target: link.touch())
    monkeypatch.setattr(Path, "read_text", refuse)
    probe = probe_symlink(tmp_path)
    assert (probe.works, probe.evidence, probe.deceives) == (False, "errno 22: The path cannot be traversed", True)


def test_the_windows_refusal_is_named_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(link: Path, _target: str) -> None:
        error = OSError(22, NO_PRIVILEGE, str(link))
        error.winerror = 1314  # type: ignore[attr-defined]  # an attribute of Windows only
        raise error

    monkeypatch.setattr(Path, "symlink_to", refuse)
    probe = probe_symlink(tmp_path)
    assert (probe.works, probe.evidence, probe.deceives) == (False, f"WinError 1314: {NO_PRIVILEGE}", False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_hard_links_is_told_by_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: Path, _link: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert probe_hardlink(tmp_path).evidence == "errno 1: Operation not permitted"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system nobody can write to")
def test_where_nobody_may_write_no_link_is_tried() -> None:
    facts = examine_folder("cache", Path("/proc/self/runbook"))
    assert not facts.writable
    assert facts.write_evidence.startswith("errno ")
    assert facts.symlink.evidence == facts.hardlink.evidence == "not tried: the folder cannot be written"


def test_a_parent_that_may_not_be_read_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_stat = os.stat

    def refuse(path: object, **options: object) -> os.stat_result:
        if "secret" in str(path):
            raise PermissionError(13, "Permission denied")
        return real_stat(path, **options)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(os, "stat", refuse)
    assert nearest_existing(tmp_path / "secret" / "hub") == tmp_path


@pytest.mark.skipif(os.name != "nt", reason="only Windows has volumes that are not there")
def test_a_volume_that_is_not_there_is_a_fact_and_no_crash() -> None:
    facts = examine_folder("cache", Path("Q:\\hub"))
    assert (facts.writable, facts.free_bytes) == (False, 0)


def test_free_space_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not there") > 0


@pytest.mark.skipif(sys.platform != "linux", reason="the type of /proc is known")
def test_the_type_of_the_innermost_mount_counts() -> None:
    assert filesystem_type(Path("/proc/self")) == "proc"


def test_an_error_without_words_is_still_described() -> None:
    assert describe_os_error(OSError("odd")) == "OSError: odd"
    assert describe_os_error(TimeoutError()) == "TimeoutError"


def test_the_probe_folder_is_named_so_that_people_know_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(os, "link", lambda _source, _link: seen.extend(path.name for path in tmp_path.iterdir()))
    probe_hardlink(tmp_path)
    assert len(seen) == 1
    assert seen[0].startswith(".runbook-probe-")

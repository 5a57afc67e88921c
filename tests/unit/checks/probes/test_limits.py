"""Limits of the surroundings."""

import sys
from pathlib import Path

import pytest

from runbook_lib.checks.probes.limits import (
    judge_commit,
    judge_lingering,
    judge_memory,
    judge_policies,
    judge_quota,
    read_policies,
)
from runbook_lib.run.check import Status
from runbook_lib.system.limits import Quota, commit_limit_bytes, memory_limit_bytes, user_quota

GIB = 1 << 30


def group(root: Path, path: str, name: str, text: str) -> None:
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="ascii")


def test_the_smallest_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("0::/pod/app\n", encoding="ascii")
    root = tmp_path / "root"
    group(root, "pod/app", "memory.max", "max\n")
    assert memory_limit_bytes(own, root) is None
    group(root, "pod", "memory.max", f"{2 * GIB}\n")
    group(root, "", "memory.max", f"{8 * GIB}\n")
    assert memory_limit_bytes(own, root) == 2 * GIB


def test_control_groups_of_version_1_and_their_word_for_none(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("4:cpu,cpuacct:/x\n9:memory:/docker/1\n", encoding="ascii")
    group(tmp_path / "root" / "memory", "docker/1", "memory.limit_in_bytes", "9223372036854771712\n")
    assert memory_limit_bytes(own, tmp_path / "root") is None
    group(tmp_path / "root" / "memory", "docker/1", "memory.limit_in_bytes", f"{GIB}\n")
    assert memory_limit_bytes(own, tmp_path / "root") == GIB
    assert memory_limit_bytes(tmp_path / "none", tmp_path / "root") is None


def test_a_container_inside_its_own_namespace_sees_its_limit_at_the_root(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("0::/\n", encoding="ascii")
    group(tmp_path / "root", "", "memory.max", f"{GIB}\n")
    assert memory_limit_bytes(own, tmp_path / "root") == GIB


def test_little_memory_is_named_with_what_a_conversion_takes() -> None:
    assert judge_memory(None).status is Status.OK
    assert judge_memory(4 * GIB).status is Status.OK
    little = judge_memory(GIB)
    assert little.status is Status.WARN
    assert "137" in little.remedy


def test_a_quota_that_is_nearly_used_up_is_named() -> None:
    assert judge_quota(None).status is Status.OK
    assert judge_quota(Quota(limit_bytes=100 * GIB, used_bytes=GIB)).status is Status.OK
    full = judge_quota(Quota(limit_bytes=10 * GIB, used_bytes=11 * GIB))
    assert full.status is Status.WARN
    assert "0 bytes" in full.evidence or "0 B" in full.evidence


@pytest.mark.skipif(sys.platform != "linux", reason="quotactl is Linux's")
def test_the_quota_is_asked_without_harm_where_there_is_none(tmp_path: Path) -> None:
    assert user_quota(tmp_path / "not" / "yet") is None


def test_the_commit_limit_of_windows() -> None:
    assert judge_commit(None).status is Status.SKIP
    assert judge_commit((32 * GIB, 8 * GIB)).status is Status.OK
    used = judge_commit((16 * GIB, 15 * GIB))
    assert used.status is Status.WARN
    assert "1455" in used.evidence
    assert (commit_limit_bytes() is None) is (sys.platform != "win32")


def test_policies_are_named_with_ways_around_them() -> None:
    assert judge_policies({}).status is Status.OK
    found = judge_policies({"x": "AppLocker has rules for programs"})
    assert found.status is Status.WARN
    assert "python -m jupyterlab" in found.remedy
    assert sys.platform == "win32" or read_policies() == {}


def test_timers_of_a_user_without_lingering() -> None:
    def said(*, runs_systemd: bool = True, is_root: bool = False, lingers: bool = False) -> str:
        return judge_lingering(runs_systemd=runs_systemd, is_root=is_root, user="anna", lingers=lingers).evidence

    assert "loginctl enable-linger anna" in said()
    assert "go on without a login" in said(lingers=True)
    assert "outlive" in said(is_root=True)
    assert "does not run" in said(runs_systemd=False)

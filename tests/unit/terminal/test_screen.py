"""Where output goes, and whether what goes to two streams is read as one."""

from pathlib import Path

from runbook_lib.terminal.screen import is_one_place


def test_one_log_for_both_streams_is_one_place(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as first, (tmp_path / "log").open("a") as second:
        assert is_one_place(first, second)


def test_two_logs_are_two_places(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as first, (tmp_path / "err").open("w") as second:
        assert not is_one_place(first, second)
        assert not is_one_place(first, None)
    assert not is_one_place(first, second), "closed streams cannot say"

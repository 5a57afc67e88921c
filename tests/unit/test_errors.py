"""The tree of errors."""

import pytest

from runbook_lib import errors
from runbook_lib.errors import (
    BundleError,
    DeadlineExceeded,
    DiskError,
    FleetError,
    HubError,
    HubUnavailable,
    LateConfigurationError,
    LockHeld,
    PracticeError,
    RecordError,
    RegistryUnavailable,
    RunbookError,
    RunBusy,
    SchedulerUnavailable,
    SettingsError,
    StageFailed,
    UsageError,
)

EXIT_CODES: dict[type[RunbookError], int] = {
    RunbookError: 1,
    UsageError: 2,
    SettingsError: 2,
    RecordError: 2,
    LateConfigurationError: 1,
    DeadlineExceeded: 1,
    HubError: 1,
    HubUnavailable: 75,
    DiskError: 74,
    LockHeld: 75,
    RunBusy: 75,
    PracticeError: 1,
    BundleError: 1,
    RegistryUnavailable: 75,
    FleetError: 1,
    SchedulerUnavailable: 75,
    StageFailed: 1,
}


def make(kind: type[RunbookError]) -> RunbookError:
    if kind is DeadlineExceeded:
        return DeadlineExceeded("the look-up", 2.5, why="nobody answered", remedy="try a mirror")
    return kind("It broke.", why="the cause", remedy="the remedy")


def test_the_table_names_every_class_of_the_module() -> None:
    defined = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, RunbookError)}
    assert defined == set(EXIT_CODES)


def test_ids_are_unique() -> None:
    assert len({kind.id for kind in EXIT_CODES}) == len(EXIT_CODES)


@pytest.mark.parametrize("kind", EXIT_CODES, ids=lambda kind: kind.__name__)
def test_every_error_says_what_why_and_what_to_do(kind: type[RunbookError]) -> None:
    error = make(kind)
    what, why, remedy = error.lines()
    assert what == error.what
    assert why == f"why: {error.why}"
    assert remedy == f"what to do: {error.remedy}"
    assert str(error).splitlines() == [what, why, remedy]
    assert error.exit_code == EXIT_CODES[kind]


def test_lines_leave_out_what_is_not_known() -> None:
    assert RunbookError("It broke.").lines() == ["It broke."]


def test_a_deadline_names_the_step_and_the_limit() -> None:
    error = DeadlineExceeded("the look-up", 2.5)
    assert (error.what, error.step, error.limit_s) == ("the look-up was stopped after 2.5 s.", "the look-up", 2.5)


@pytest.mark.parametrize("kind", EXIT_CODES, ids=lambda kind: kind.__name__)
def test_a_notebook_shows_the_short_form(kind: type[RunbookError]) -> None:
    error = make(kind)
    assert error._render_traceback_() == [f"{kind.__name__} ({kind.id})", *error.lines()]


def test_the_debug_variable_brings_the_whole_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOK_DEBUG", "1")
    with pytest.raises(HubError) as caught:
        raise HubError("It broke.", why="the cause") from ValueError("underneath")
    shown = "\n".join(caught.value._render_traceback_())
    assert "Traceback (most recent call last)" in shown
    assert "ValueError: underneath" in shown
    assert "why: the cause" in shown


def test_ipython_shows_only_our_lines() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell, shown = InteractiveShell(), list[str]()  # type: ignore[no-untyped-call]  # traitlets leave it untyped
    shell._showtraceback = lambda _kind, _value, lines: shown.extend(lines)  # type: ignore[method-assign,assignment]  # the hook front ends replace
    error = StageFailed("Stage detect: check hub-reachable failed.", remedy="Use a mirror.")
    shell.showtraceback((StageFailed, error, None))
    assert shown == [
        "StageFailed (stage-failed)",
        "Stage detect: check hub-reachable failed.",
        "what to do: Use a mirror.",
    ]

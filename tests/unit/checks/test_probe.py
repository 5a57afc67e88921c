"""What holds for every probe, whatever it asks."""

import threading
import time
from collections.abc import Callable

import pytest

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import NotReached, Probe, run_probes
from runbook_lib.checks.registry import PROBES
from runbook_lib.quirks.catalogue import load_catalogue
from runbook_lib.run.check import Check, Status, Verdict, ok, warn

MakeContext = Callable[..., ProbeContext]
QUICK_S = 0.2


def made(run: Callable[[ProbeContext], Verdict], **options: object) -> Probe:
    return Probe("one", "one is so", "quirk-001", run, **options)  # type: ignore[arg-type]


def test_ids_are_unique() -> None:
    ids = [probe.id for probe in PROBES]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("quirk", sorted({probe.quirk for probe in PROBES if probe.quirk}))
def test_every_quirk_that_is_named_is_in_the_catalogue(quirk: str) -> None:
    assert load_catalogue().quirk(quirk).id == quirk


def test_a_probe_that_hangs_is_a_warning_at_its_limit(context: MakeContext) -> None:
    release = threading.Event()

    def hang(_context: ProbeContext) -> Verdict:
        release.wait(30)
        return ok("late")

    started = time.monotonic()
    check = made(hang, limit_s=QUICK_S).check(context())
    release.set()
    assert check.status is Status.WARN
    assert check.evidence == "no answer within 0.2 s"
    assert check.quirk == "quirk-001"
    assert check.remedy
    assert time.monotonic() - started < 5


def test_a_probe_that_raises_is_a_warning_that_names_the_error(context: MakeContext) -> None:
    def broken(_context: ProbeContext) -> Verdict:
        raise ZeroDivisionError("nothing to divide by")

    check = made(broken).check(context())
    assert check.status is Status.WARN
    assert "ZeroDivisionError: nothing to divide by" in check.evidence


def test_an_os_error_is_named_by_its_number(context: MakeContext) -> None:
    def refused(_context: ProbeContext) -> Verdict:
        raise OSError(22, "localised words")

    assert "errno 22" in made(refused).check(context()).evidence


def test_a_host_that_is_not_reached_leaves_the_question_open(context: MakeContext) -> None:
    def lost(_context: ProbeContext) -> Verdict:
        raise NotReached("huggingface.co")

    check = made(lost, needs_network=True).check(context())
    assert (check.status, check.quirk) == (Status.SKIP, "")
    assert "hub-reachable" in check.evidence


def test_the_network_is_left_alone_in_offline_mode(context: MakeContext) -> None:
    asked: list[str] = []
    probe = made(lambda _context: asked.append("asked") or ok(""), needs_network=True)  # type: ignore[func-returns-value]
    assert probe.check(context(offline=True)).status is Status.SKIP
    assert asked == []


def test_a_probe_of_another_system_is_skipped(context: MakeContext) -> None:
    check = made(lambda _context: ok(""), systems=("Plan 9",)).check(context())
    assert (check.status, check.evidence) == (Status.SKIP, f"does not occur on {context().system}")


def test_probes_run_at_the_same_time_and_answer_in_their_order(context: MakeContext) -> None:
    both_there = threading.Barrier(2, timeout=10)

    def meet(word: str) -> Probe:
        return Probe(word, word, "quirk-001", lambda _context: ok(f"{word} {both_there.wait()}"))

    checks = run_probes(context(), (meet("first"), meet("second")))
    assert [check.id for check in checks] == ["first", "second"]
    assert {check.status for check in checks} == {Status.OK}


def test_no_probe_asks_nothing(context: MakeContext) -> None:
    assert run_probes(context(), ()) == ()


def test_a_verdict_names_its_quirk_only_when_somebody_should_act() -> None:
    good = Check.answered("one", "one is so", ok("fine"), quirk="quirk-001")
    bad = Check.answered("one", "one is so", warn("bad", "fix it", quirk="win-max-path"), quirk="quirk-001")
    assert (good.quirk, bad.quirk) == ("", "win-max-path")


def test_what_real_probes_find_fault_with_comes_with_quirk_and_remedy(context: MakeContext) -> None:
    bad = context(offline=True, environ={"SSL_CERT_FILE": "/nowhere/ca.pem", "HF_HUB_ENABLE_HF_TRANSFER": "1"})
    checks = run_probes(bad, PROBES)
    trouble = {check.id: check for check in checks if check.status in (Status.WARN, Status.FAIL)}
    assert {"ca-bundle", "obsolete-variables"} <= trouble.keys()
    assert all(check.remedy for check in trouble.values())
    assert all(trouble[name].quirk for name in ("ca-bundle", "obsolete-variables"))
    assert len(checks) == len(PROBES)


def test_every_check_that_the_catalogue_names_is_made_here() -> None:
    known = {probe.id for probe in PROBES}
    assert {quirk.probe for quirk in load_catalogue() if quirk.probe} <= known

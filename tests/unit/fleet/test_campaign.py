"""What becomes of every host is decided without a cluster: workers, events and clocks in, attempts and rows out."""

from runbook_lib.fleet.campaign import ASLEEP_S, Campaign, Limits, Phase
from runbook_lib.fleet.dask_workers import DaskWorker, Roster, worker_of
from runbook_lib.fleet.inventory import Host, resource_of
from runbook_lib.fleet.messages import Ended, Event
from runbook_lib.fleet.table import table_of

LIMITS = Limits(attempts=2, run_s=100, appear_s=30, campaign_s=1000)


def worker(host: str, *, port: int = 1, silent_s: float = 0.0) -> DaskWorker:
    return DaskWorker(f"tls://10.0.0.1:{port}", host, "10.0.0.1", frozenset({resource_of(host)}), silent_s)


def campaign(*names: str, limits: Limits = LIMITS) -> Campaign:
    return Campaign([Host(name=name, home="", parameters={}) for name in names], limits, "c", 0.0)


def event(host: str, attempt: int, kind: str, **more: object) -> Event:
    return Event.model_validate({"campaign": "c", "host": host, "attempt": attempt, "kind": kind, **more})


def ended(status: str = "ok") -> dict[str, object]:
    return {"ended": {"status": status, "why": "run", "reason": "said"}}


def why(told: Campaign, host: str) -> str:
    end = told.standings[host].ended
    return end.why if end else ""


def test_a_host_is_sent_one_attempt_and_ends_by_its_own_word() -> None:
    told = campaign("a")
    told.saw([worker("a")], 1)
    assert [(one.host.name, one.number) for one in told.due(1)] == [("a", 1)]
    told.saw([worker("a")], 2)
    assert list(told.due(2)) == []
    told.heard(event("a", 1, "stage", stage="detect"), 3)
    assert table_of(told.standings.values(), 4).hosts[0].stage == "detect"
    told.heard(event("a", 1, "ended", **ended()), 5)
    assert told.over()
    assert why(told, "a") == "run"


def test_a_host_that_never_appears_is_missing_once_no_other_runs() -> None:
    told = campaign("a", "b")
    told.saw([worker("a")], 0)
    assert len(list(told.due(0))) == 1
    told.saw([worker("a")], 90)
    assert list(told.due(90)) == []
    assert why(told, "b") == ""
    told.heard(event("a", 1, "ended", **ended()), 90)
    assert list(told.due(121)) == []
    assert why(told, "b") == "missing"


def test_a_host_that_dies_is_tried_again_when_it_is_back_and_given_up_after_so_many_times() -> None:
    told = campaign("a")
    for number in (1, 2):
        told.saw([worker("a", port=number)], number)
        assert [one.number for one in told.due(number)] == [number]
        told.heard(event("a", number, "stage", stage="convert"), number)
        told.saw([], number + 0.5)
    assert told.over()
    assert why(told, "a") == "died"
    end = told.standings["a"].ended
    assert end
    assert "left the cluster in stage convert" in end.reason


def test_what_an_attempt_that_was_given_up_still_tells_is_passed_over() -> None:
    told = campaign("a")
    told.saw([worker("a")], 0)
    list(told.due(0))
    told.saw([], 1)
    told.saw([worker("a", port=2)], 2)
    list(told.due(2))
    told.heard(event("a", 1, "ended", **ended("fail")), 3)
    assert not told.over()
    other = Event.model_validate({**event("a", 2, "ended", **ended()).model_dump(), "campaign": "another"})
    told.heard(other, 3)
    assert not told.over()


def test_a_scheduler_that_goes_away_costs_no_attempt() -> None:
    told = campaign("a", limits=Limits(1, 100, 30, 1000))
    for number in (1, 2, 3):
        told.saw([worker("a", port=number)], number)
        assert [one.number for one in told.due(number)] == [number]
        told.lost_scheduler(number + 0.5)
    assert not told.over()


def test_a_host_that_sleeps_is_said_to_and_may_wake_until_its_time_is_over() -> None:
    told = campaign("a")
    told.saw([worker("a")], 0)
    list(told.due(0))
    told.saw([worker("a", silent_s=ASLEEP_S + 1)], 25)
    assert table_of(told.standings.values(), 25).hosts[0].status == "asleep"
    told.heard(event("a", 1, "stage", stage="verify"), 26)
    assert table_of(told.standings.values(), 26).hosts[0].status == "running"
    told.saw([worker("a", silent_s=170)], 199)
    assert list(told.due(199)) == []
    assert why(told, "a") == "asleep"


def test_a_host_asleep_from_the_beginning_is_sent_nothing() -> None:
    told = campaign("a")
    told.saw([worker("a", silent_s=ASLEEP_S + 1)], 0)
    assert list(told.due(0)) == []
    told.saw([worker("a", silent_s=60)], 40)
    assert list(told.due(40)) == []
    assert why(told, "a") == "asleep"


def test_nothing_outlasts_the_deadline_of_the_campaign() -> None:
    told = campaign("a", "b", "c")
    told.saw([worker("a"), worker("b", silent_s=ASLEEP_S + 1)], 990)
    list(told.due(990))
    assert list(told.due(1000)) == []
    assert told.over()
    assert (why(told, "a"), why(told, "b"), why(told, "c")) == ("late", "asleep", "missing")


def test_a_task_that_dask_could_not_start_is_a_row_with_dask_s_words() -> None:
    told = campaign("a")
    told.saw([worker("a")], 0)
    list(told.due(0))
    told.stopped("a", "ModuleNotFoundError: No module named 'runbook_lib'", 1)
    end = told.standings["a"].ended
    assert end
    assert end.why == "broken"
    assert "No module named 'runbook_lib'" in end.reason


def test_records_that_did_not_arrive_whole_are_asked_for_again() -> None:
    host = Host(name="a", home="", parameters={})
    told = Campaign([host], LIMITS, "c", 0.0, lambda standing, _: "" if standing.pieces else "a piece is lacking")
    told.saw([worker("a")], 0)
    list(told.due(0))
    told.heard(event("a", 1, "ended", **ended()), 1)
    assert told.standings["a"].phase is Phase.WAITING
    told.saw([worker("a")], 2)
    assert [one.number for one in told.due(2)] == [2]
    told.heard(event("a", 2, "piece", number=0, content="eA=="), 3)
    told.heard(event("a", 2, "ended", **ended()), 3)
    assert told.over()


def test_a_worker_is_found_by_resource_then_name_then_machine_and_the_one_heard_last_counts() -> None:
    named = DaskWorker("tls://10.0.0.2:1", "a", "10.0.0.2", frozenset(), 0.0)
    assert worker_of("a", [named, worker("a", port=9)]) == worker("a", port=9)
    assert worker_of("a", [named]) == named
    assert worker_of("10.0.0.2", [named]) == named
    assert worker_of("a", [worker("a", port=1, silent_s=50), worker("a", port=2)]) == worker("a", port=2)
    assert worker_of("b", [named]) is None


def test_silence_is_measured_by_this_machine_s_clock_alone() -> None:
    roster = Roster()
    told = {"tls://h:1": {"name": "a", "host": "h", "last_seen": 5.0, "resources": {"host-a": 1}}}
    assert roster.read(told, 1000.0)[0].silent_s == 0
    assert roster.read(told, 1030.0)[0].silent_s == 30
    assert roster.read({"tls://h:1": {**told["tls://h:1"], "last_seen": 5.5}}, 1031.0)[0].silent_s == 0


def test_a_row_says_the_reason_in_one_line() -> None:
    told = campaign("a")
    told.standings["a"].ended = Ended(status="fail", why="disk", reason="no\nroom")
    told.standings["a"].phase = Phase.ENDED
    assert table_of(told.standings.values(), 0).hosts[0].cells() == ("fail", "a", "", "", "disk: no room")

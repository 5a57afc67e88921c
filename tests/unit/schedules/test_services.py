"""GitHub Actions, GitLab CI, Kubernetes, Airflow, Prefect, Jupyter Scheduler."""

import ast
import json
import shlex
from dataclasses import replace
from datetime import date, time
from typing import Any

import nbformat
import pytest
import yaml

from runbook_lib.schedules.formats import FORMATS
from runbook_lib.schedules.in_orchestrators import airflow, jupyter, prefect
from runbook_lib.schedules.in_services import github, gitlab, kubernetes
from runbook_lib.schedules.schedule import DAYS, Schedule


def read(schedule: Schedule, name: str, place: int = 0) -> Any:
    return yaml.safe_load(FORMATS[name](schedule)[place].text)


def test_every_format_holds_the_same_command_line(hostile: Schedule) -> None:
    own, service = hostile.words(delays=True), hostile.words("runbook", delays=True)
    steps = read(hostile, "github")["jobs"]["run"]["steps"]
    assert tuple(shlex.split(steps[3]["run"])) == service
    assert tuple(shlex.split(read(hostile, "gitlab")["docling-runbook"]["script"][1])) == service
    _claim, job = yaml.safe_load_all(kubernetes(hostile)[0].text)
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert tuple(container["command"]) == service
    flow = ast.parse(prefect(hostile)[0].text)
    (command,) = [node.value for node in flow.body if isinstance(node, ast.Assign)]
    assert tuple(ast.literal_eval(command)) == own
    cell = nbformat.reads(jupyter(hostile)[0].text, as_version=4).cells[0].source
    (call,) = [node for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Call)]
    assert tuple(ast.literal_eval(call.args[0])) == own
    bash = bash_command(hostile)
    assert bash.startswith("{% raw %}")
    assert bash.endswith("{% endraw %}")
    inner = bash.removeprefix("{% raw %}").removesuffix("{% endraw %}")
    assert tuple(shlex.split(inner)[3:]) == own


def bash_command(schedule: Schedule) -> str:
    tree = ast.parse(airflow(schedule)[0].text)
    (value,) = [
        keyword.value for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords
        if keyword.arg == "bash_command"
    ]  # fmt: skip
    return str(ast.literal_eval(value))


def test_limits_retention_zone_and_overlap_are_said_in_each_format_s_words(hostile: Schedule) -> None:
    workflow = read(hostile, "github")
    assert workflow["concurrency"]["cancel-in-progress"] is False
    assert workflow["jobs"]["run"]["timeout-minutes"] == 240
    assert workflow["jobs"]["run"]["steps"][4]["with"]["retention-days"] == 14
    assert workflow["jobs"]["run"]["steps"][4]["if"] == "always()"
    job = read(hostile, "gitlab")["docling-runbook"]
    assert (job["timeout"], job["resource_group"], job["interruptible"]) == ("4h", "docling-runbook", False)
    assert job["artifacts"]["expire_in"] == "14 days"
    assert "cron timezone Europe/Berlin" in gitlab(hostile)[0].text
    _claim, cron_job = yaml.safe_load_all(kubernetes(hostile)[0].text)
    spec = cron_job["spec"]
    assert (spec["timeZone"], spec["concurrencyPolicy"]) == ("Europe/Berlin", "Forbid")
    assert spec["startingDeadlineSeconds"] >= 10
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 4 * 3600
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    deployment = yaml.safe_load(prefect(hostile)[1].text)["deployments"][0]
    assert deployment["schedules"] == [{"cron": "20 4 * * 1,2,3,4,5", "timezone": "Europe/Berlin", "active": True}]
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    definition = json.loads(jupyter(hostile)[1].text)
    assert (definition["schedule"], definition["timezone"]) == ("20 4 * * 1,2,3,4,5", "Europe/Berlin")
    for file in airflow(hostile):
        assert "timezone='Europe/Berlin'" in file.text
        assert "max_active_runs=1" in file.text
        compile(file.text, file.name, "exec")


def test_github_s_time_is_in_utc_with_the_days_that_go_with_it(hostile: Schedule) -> None:
    assert github(hostile)[0].text.count("20 3 * * 1,2,3,4,5") == 1
    early = replace(hostile, at=time(0, 30))
    assert early.in_utc(date(2026, 1, 15)) == (time(23, 30), ("mon", "tue", "wed", "thu", "sun"))
    assert early.in_utc(date(2026, 7, 15)) == (time(22, 30), ("mon", "tue", "wed", "thu", "sun"))
    late = replace(hostile, at=time(20, 0), zone="America/New_York")
    assert late.in_utc(date(2026, 1, 15)) == (time(1, 0), ("tue", "wed", "thu", "fri", "sat"))


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("Europe/Berlin", time(2, 30), [(date(2026, 3, 29), "does not exist"), (date(2026, 10, 25), "comes twice")]),
        ("Europe/Berlin", time(4, 20), []),
        ("UTC", time(2, 30), []),
    ],
)
def test_a_night_in_which_the_clock_changes_is_known(
    hostile: Schedule, zone: str, at: time, expected: list[tuple[date, str]]
) -> None:
    found = list(replace(hostile, zone=zone, at=at).clock_changes(date(2026, 1, 1)))
    assert found[:2] == expected


def test_days_of_the_week_are_cron_s(hostile: Schedule) -> None:
    assert replace(hostile, days=DAYS).cron() == "20 4 * * *"
    assert replace(hostile, days=("sat", "sun")).cron() == "20 4 * * 6,0"

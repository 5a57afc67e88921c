"""Formats of orchestrators: Airflow 3, Prefect 3, Jupyter Scheduler."""

import json
import shlex
from typing import Any

import nbformat
import yaml

from runbook_lib.notebooks import NOTEBOOKS
from runbook_lib.run.folder import STAGES, stage_file_stem
from runbook_lib.schedules.schedule import NAME, TITLE, Printed, Schedule, comment, quoted_words


def airflow(schedule: Schedule) -> tuple[Printed, ...]:
    """Return two DAGs for Airflow 3: the command line as one task, and the notebooks one task each.

    A bash_command is a Jinja template: braces of ours are kept from it. Exit code 75 alone is worth another try.
    """
    return (
        Printed("docling_runbook_command.py", _command_dag(schedule)),
        Printed("docling_runbook_notebooks.py", _notebook_dag(schedule)),
    )


def _command_dag(schedule: Schedule) -> str:
    command = f"cd {shlex.quote(schedule.folder)} && {shlex.join(schedule.words(delays=True))}"
    raw = f"{{% raw %}}{command}{{% endraw %}}"
    return f'''"""{TITLE}: the command line as one task."""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

{_dag("docling_runbook_command", schedule)}    BashOperator(
        task_id="run",
        bash_command={raw!r},
        append_env=True,
        skip_on_exit_code=None,
        retries=0,
    )
'''


def _dag(dag_id: str, schedule: Schedule) -> str:
    """Return the head of a DAG, the same for both: the tasks follow, indented."""
    return f"""with DAG(
    dag_id="{dag_id}",
    schedule=CronTriggerTimetable({schedule.cron()!r}, timezone={schedule.zone!r}),
    start_date=pendulum.datetime(2026, 1, 1, tz={schedule.zone!r}),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours={schedule.limit_h}),
    tags=["docling"],
):
"""


def _notebook_dag(schedule: Schedule) -> str:
    stems = tuple(stage_file_stem(stage) for stage in STAGES)
    return f'''"""{TITLE}: the six notebooks, a task each; state is handed on through the run folder."""

from datetime import timedelta

import pendulum
from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.sdk import DAG, chain
from airflow.timetables.trigger import CronTriggerTimetable

NOTEBOOKS = {str(NOTEBOOKS)!r}
RUN_DIR = {schedule.folder + "/runs/airflow-"!r} + "{{{{ ts_nodash }}}}"

{_dag("docling_runbook_notebooks", schedule)}    chain(
        *(
            PapermillOperator(
                task_id=stem,
                input_nb=f"{{NOTEBOOKS}}/{{stem}}.ipynb",
                output_nb=f"{{RUN_DIR}}/{{stem}}.ipynb",
                parameters={{"run_dir": RUN_DIR}},
                retries=0,
            )
            for stem in {quoted_words(stems)}
        )
    )
'''


def prefect(schedule: Schedule) -> tuple[Printed, ...]:
    """Return a flow and a `prefect.yaml`. Prefect passes over keys it does not know, so a misspelt one is not told."""
    flow = f'''"""{TITLE}: a flow of one command."""

import subprocess

from prefect import flow, get_run_logger

COMMAND = {quoted_words(schedule.words(delays=True))}


@flow(name="docling-runbook", timeout_seconds={schedule.limit_h * 3600}, retries=0)
def nightly() -> None:
    """Run the stages; any exit code but 0 fails the flow."""
    done = subprocess.run(COMMAND, cwd={schedule.folder!r}, capture_output=True, text=True, check=False)
    get_run_logger().info("%s\\n%s", done.stdout, done.stderr)
    done.check_returncode()
'''
    deployment: dict[str, Any] = {
        "name": "docling-runbook",
        "prefect-version": "3.0.0",
        "deployments": [
            {
                "name": "nightly",
                "entrypoint": "docling_runbook_flow.py:nightly",
                "schedules": [{"cron": schedule.cron(), "timezone": schedule.zone, "active": True}],
                "concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
                "work_pool": {"name": "default"},
            }
        ],
    }
    head = comment(
        "prefect deploy --prefect-file prefect.yaml --name nightly",
        "Keys that are misspelt here are passed over without a word.",
    )
    text = head + yaml.safe_dump(deployment, sort_keys=False)
    return (Printed("docling_runbook_flow.py", flow), Printed("prefect.yaml", text))


def jupyter(schedule: Schedule) -> tuple[Printed, ...]:
    """Return a notebook of one cell, and the job definition that Jupyter Scheduler's REST interface takes."""
    words = quoted_words(schedule.words(delays=True))
    cell = f"import subprocess\n\nsubprocess.run({words}, cwd={json.dumps(schedule.folder)}, check=True)"
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, id="run")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    definition = {
        "input_filename": f"{NAME}.ipynb",
        "runtime_environment_name": "",
        "name": NAME,
        "output_formats": ["ipynb"],
        "schedule": schedule.cron(),
        "timezone": schedule.zone,
        "active": True,
    }
    return (
        Printed(f"{NAME}.ipynb", nbformat.writes(notebook) + "\n"),
        Printed("job-definition.json", json.dumps(definition, indent=2) + "\n"),
    )

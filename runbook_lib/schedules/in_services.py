"""Formats of CI services and clusters: GitHub Actions, GitLab CI, Kubernetes."""

import shlex
from datetime import UTC, date, datetime
from typing import Any, Final

import yaml

from runbook_lib.schedules.schedule import NAME, TITLE, Printed, Schedule, comment

_INSTALL: Final = 'pip install "docling-runbook[notebooks]"'
_IMAGE: Final = "registry.example.org/docling-runbook:1"


def github(schedule: Schedule) -> tuple[Printed, ...]:
    """Return a workflow; GitHub runs schedules by UTC, and late at full hours."""
    at, days = schedule.in_utc(_january())
    workflow: dict[str, Any] = {
        "name": TITLE,
        "on": {"schedule": [{"cron": schedule.cron(at, days)}], "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
        "concurrency": {"group": NAME, "cancel-in-progress": False},
        "jobs": {
            "run": {
                "runs-on": "ubuntu-latest",
                "timeout-minutes": schedule.limit_h * 60,
                "steps": [
                    {"uses": "actions/checkout@v4"},
                    {"uses": "actions/setup-python@v5", "with": {"python-version": "3.11"}},
                    {"run": _INSTALL},
                    {"run": shlex.join(schedule.words("runbook", delays=True)), "env": _TOKEN_OF_GITHUB},
                    {
                        "if": "always()",
                        "uses": "actions/upload-artifact@v4",
                        "with": {"name": "runs", "path": "runs/", "retention-days": schedule.keep_days},
                    },
                ],
            }
        },
    }
    head = comment(
        f".github/workflows/{NAME}.yml",
        f"{schedule.at:%H:%M} {schedule.zone} in January; the schedule is in UTC and follows no change of the clock.",
        "GitHub starts late when many do, and ends the schedules of a repository after 60 days without a commit.",
    )
    return (Printed(f"{NAME}.yml", head + _yaml(workflow)),)


_TOKEN_OF_GITHUB: Final = {"HF_TOKEN": "${{ secrets.HF_TOKEN }}"}


def gitlab(schedule: Schedule) -> tuple[Printed, ...]:
    """Return a job; the time itself stands in the project's settings, where GitLab keeps it."""
    pipeline = {
        NAME: {
            "image": "python:3.11",
            "rules": [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}],
            "timeout": f"{schedule.limit_h}h",
            "resource_group": NAME,
            "interruptible": False,
            "script": [_INSTALL, shlex.join(schedule.words("runbook", delays=True))],
            "artifacts": {
                "when": "always",
                "paths": ["runs/"],
                "reports": {"junit": "runs/*/junit.xml"},
                "expire_in": f"{schedule.keep_days} days",
            },
        }
    }
    head = comment(
        ".gitlab-ci.yml",
        "The time is set in Build > Pipeline schedules:",
        f'  interval pattern "{schedule.cron()}", cron timezone {schedule.zone}',
        "HF_TOKEN, where one is needed, is a masked variable of the project.",
    )
    return (Printed(".gitlab-ci.yml", head + _yaml(pipeline)),)


def kubernetes(schedule: Schedule) -> tuple[Printed, ...]:
    """Return a CronJob and the claim that keeps cache and runs.

    Below ten seconds of startingDeadlineSeconds it would never start; without it, a hundred missed starts end it.
    """
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": NAME},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}},
    }
    container = {
        "name": "run",
        "image": _IMAGE,
        "command": list(schedule.words("runbook", delays=True)),
        "workingDir": "/work",
        "env": [
            {"name": "HOME", "value": "/work"},
            {
                "name": "HF_TOKEN",
                "valueFrom": {"secretKeyRef": {"name": "huggingface", "key": "token", "optional": True}},
            },
        ],
        "volumeMounts": [{"name": "work", "mountPath": "/work"}],
        "resources": {"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {"memory": "8Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000},
        "terminationGracePeriodSeconds": 30,
        "containers": [container],
        "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": NAME}}],
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": NAME},
        "spec": {
            "schedule": schedule.cron(),
            "timeZone": schedule.zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 7,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 0,
                    "activeDeadlineSeconds": schedule.limit_h * 3600,
                    "ttlSecondsAfterFinished": schedule.keep_days * 86400,
                    "template": {"spec": pod},
                }
            },
        },
    }
    head = comment(
        f"kubectl apply -f {NAME}.yaml",
        'The image is yours: FROM python:3.11, RUN pip install "docling-runbook[notebooks]".',
    )
    return (Printed(f"{NAME}.yaml", f"{head}{_yaml(claim)}---\n{_yaml(job)}"),)


def _january() -> date:
    """Return the day whose distance from UTC a schedule without zones is given."""
    return date(datetime.now(UTC).year, 1, 15)


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10_000)

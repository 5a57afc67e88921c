"""The formats by name."""

from collections.abc import Callable
from typing import Final

from runbook_lib.schedules.in_orchestrators import airflow, jupyter, prefect
from runbook_lib.schedules.in_services import github, gitlab, kubernetes
from runbook_lib.schedules.on_this_machine import cron, launchd, systemd, windows
from runbook_lib.schedules.schedule import Printed, Schedule

FORMATS: Final[dict[str, Callable[[Schedule], tuple[Printed, ...]]]] = {
    "airflow": airflow,
    "cron": cron,
    "github": github,
    "gitlab": gitlab,
    "jupyter": jupyter,
    "kubernetes": kubernetes,
    "launchd": launchd,
    "prefect": prefect,
    "systemd": systemd,
    "windows": windows,
}

"""Runs stages of one run and prints their records as one JSON object: `stage_process.py SETTINGS_JSON STAGE...`.

A stage that raises ends the run, with the words of its error under the name `error`.
"""

import json
import sys
from typing import Any

import runbook_lib
from runbook_lib.errors import RunbookError
from runbook_lib.run.opening import open_run


def main() -> None:
    """Run the stages named on the command line, in their order."""
    settings, stages = json.loads(sys.argv[1]), sys.argv[2:]
    records: dict[str, Any] = {}
    try:
        for stage in stages:
            records[stage] = getattr(runbook_lib, stage)(open_run(**settings)).model_dump(mode="json")
    except RunbookError as error:
        records["error"] = {"type": type(error).__name__, "what": error.what, "why": error.why, "remedy": error.remedy}
    json.dump(records, sys.stdout)


if __name__ == "__main__":
    main()

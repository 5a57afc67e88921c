"""`runbook run` to a converted document, with all it writes on one file system: `python -m ... NAME FOLDER`."""

import json
import subprocess
import sys
from pathlib import Path

from tests.filesystems.mounting import FILE_SYSTEMS, NotMountable
from tests.filesystems.whole_run import NOT_MOUNTABLE


def main() -> None:
    """Mount, run, tell how it ended."""
    folder = Path(sys.argv[2])
    try:
        place = FILE_SYSTEMS[sys.argv[1]].mount(folder)
        place.lay()
    except NotMountable as reason:
        sys.stdout.write(str(reason))
        sys.exit(NOT_MOUNTABLE)
    try:
        home = place.root
        places = ("-p", "cache_dir", str(home / "hub"), "-p", "artifacts_dir", str(home / "artifacts"))
        command = [sys.executable, "-m", "runbook_lib", "run", "--practice", *places, "--run-dir", str(home / "run")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        report = home / "run" / "report.html"
        told = {"exit code": done.returncode, "said": done.stdout + done.stderr, "report": report.is_file()}
    finally:
        place.unmount()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()

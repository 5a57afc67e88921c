"""Says which lanes of the tests are left out on this machine, and how to get them; a failure where CI=true."""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.filesystems.mounting import (
    FILE_SYSTEMS,
    HOW_TO_GET,
    STICKS,
    why_no_namespaces,
)

LANES = {
    "Windows": (
        ("wine", "x86_64-w64-mingw32-gcc"),
        "apt-get install --no-install-recommends wine wine64 gcc-mingw-w64-x86-64",
    ),
    "browser": (("chromium",), "apt-get install --no-install-recommends chromium"),
    "registry": (("skopeo", "docker-registry"), "apt-get install --no-install-recommends skopeo docker-registry"),
}
FILE_SYSTEM_LANE = (
    tuple(dict.fromkeys(program for one in (*FILE_SYSTEMS.values(), *STICKS.values()) for program in one.programs)),
    HOW_TO_GET,
)


def main() -> int:
    """Print a line for each lane that is left out; exit code 1 when that is not allowed."""
    left_out, lanes = 0, dict(LANES)
    if reason := why_no_namespaces():  # nothing that could be installed changes this, so that it is no failure
        sys.stdout.write(f"left out: the file system lane, for nothing can be mounted here: {reason}\n")
    else:
        lanes["file system"] = FILE_SYSTEM_LANE
    for lane, (programs, how) in lanes.items():
        absent = [program for program in programs if shutil.which(program) is None]
        if absent:
            left_out += 1
            sys.stdout.write(f"left out: the {lane} lane needs {', '.join(absent)}; get it with: {how}\n")
    return 1 if left_out and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())

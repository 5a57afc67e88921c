"""Says which lanes of the tests are left out on this machine, and how to get them; a failure where CI=true."""

import os
import shutil
import sys

LANES = {
    "Windows": (
        ("wine", "x86_64-w64-mingw32-gcc"),
        "apt-get install --no-install-recommends wine wine64 gcc-mingw-w64-x86-64",
    ),
    "browser": (("chromium",), "apt-get install --no-install-recommends chromium"),
}


def main() -> int:
    """Print a line for each lane that is left out; exit code 1 when that is not allowed."""
    left_out = 0
    for lane, (programs, how) in LANES.items():
        absent = [program for program in programs if shutil.which(program) is None]
        if absent:
            left_out += 1
            sys.stdout.write(f"left out: the {lane} lane needs {', '.join(absent)}; get it with: {how}\n")
    return 1 if left_out and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())

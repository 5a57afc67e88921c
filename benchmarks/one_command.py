"""Runs one command and tells its cost as JSON: `python one_command.py COMMAND ...`.

A process of its own because it is small: Linux counts the peak memory of whoever starts a command as the command's.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run the command of the arguments to its end; prints seconds, seconds of CPU, peak memory, exit code, output."""
    started = time.perf_counter()
    with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    elapsed_s = time.perf_counter() - started
    cpu_s = usage.ru_utime + usage.ru_stime
    told = (elapsed_s, cpu_s, usage.ru_maxrss * 1024, process.returncode, output.decode(errors="replace"))
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()

"""Forks itself into workers: a process that has imported what huggingface_hub imports. Linux alone.

    python worker_forks.py FOLDER_OF_WORKERS

Each line on stdin asks for one worker: its whole environment and working directory, and where its streams and its
`fate` are, as paths below /proc. The worker writes its process id to the fate once it has its streams, this process
its exit code when it has ended. Ends with stdin. Standard library only, beside huggingface_hub.
"""

import importlib
import json
import os
import runpy
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress

LIBRARY = "huggingface_hub"
_MODULES = ("_snapshot_download", "errors", "file_download", "hf_api", "utils", "utils._http")
_HIGHEST_HANDLE = 1024

fates: dict[int, int] = {}
"""The handle to tell the end of each living worker to, by process id."""


def import_what_the_library_imports() -> None:
    """Leave the modules of others alone: the library reads its variables when it is imported, so each worker does."""
    for name in _MODULES:
        with suppress(Exception):  # another version, or a variable that it cannot read: each worker says so itself
            importlib.import_module(f"{LIBRARY}.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == LIBRARY]:
        del sys.modules[name]


def tell_ends(*_: object) -> None:
    """Tell of all that have ended, and let the system forget them."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            fate = fates.pop(ended[0])
            with suppress(OSError):  # nobody wants to know
                os.write(fate, f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())
            os.close(fate)


def fork(asked: dict[str, object], folder: str) -> None:
    """Start one worker."""
    try:
        fate = os.open(str(asked["fate"]), os.O_WRONLY)
    except OSError:  # who asked is gone
        return
    ends = {signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # until it is known whose end it is
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
            become_worker(asked, fate, folder)
            code = 0
        except BaseException:  # noqa: BLE001 - it must not go on as a second copy
            traceback.print_exc()
        finally:
            os._exit(code)
    fates[child] = fate
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)


def become_worker(asked: dict[str, object], fate: int, folder: str) -> None:
    """Go on as the interpreter does that is started with the folder of the workers."""
    for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        stream = os.open(str(asked["streams"][number]), flags)  # type: ignore[index]
        os.dup2(stream, number)
        os.close(stream)
    os.write(fate, f"{os.getpid()}\n".encode())
    os.closerange(3, _HIGHEST_HANDLE)
    os.environ.clear()
    os.environ.update(asked["environment"])  # type: ignore[call-overload]
    os.chdir(str(asked["cwd"]))
    time.tzset()
    tempfile.tempdir = None
    sys.argv = [folder]
    runpy.run_path(folder, run_name="__main__")


def main() -> None:
    """Fork until stdin ends."""
    import_what_the_library_imports()
    signal.signal(signal.SIGCHLD, tell_ends)
    for line in sys.stdin:
        fork(json.loads(line), sys.argv[1])


if __name__ == "__main__":
    main()

#!/bin/bash
# Versions: filelock 4.2.11, CPython 3.11, Linux x86_64 and aarch64; flock(2) made to fail by a seccomp filter, as some network file
#   systems and security modules make it fail.
# Seen: where flock answers EACCES, FileLock on a file that was made a moment ago, and that nobody else knows, waits for its whole
#   timeout and raises Timeout, or waits for ever without one. With ENOSYS the same call succeeds at once, by a lock of another kind,
#   and with ENOLCK it raises OSError at once.
# Why good guesses are wrong: EACCES is known as "permission denied", a lasting refusal, and filelock is known to fall back or to
#   raise where a file system cannot lock. What looks like another process that never ends is no process at all; looking for the
#   holder finds nobody. (POSIX allows EACCES for a held fcntl lock, which is why it is counted as one.)
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
export PIP_ROOT_USER_ACTION=ignore
"$PYTHON" -m venv "$WORK/venv"
"$WORK/venv/bin/python" -m pip install --quiet --disable-pip-version-check filelock==4.2.11
cat > "$WORK/try.py" <<'PY'
import ctypes, errno, os, platform, struct, sys, time, warnings
warnings.simplefilter("ignore")
name, path = sys.argv[1], sys.argv[2]
architecture, flock = {"x86_64": (0xC000003E, 73), "aarch64": (0xC00000B7, 32)}.get(platform.machine()) or sys.exit(3)
def step(code, value, yes=0, no=0): return struct.pack("=HBBI", code, yes, no, value)
program = b"".join([step(0x20, 4), step(0x15, architecture, no=2), step(0x20, 0), step(0x15, flock, yes=1), step(6, 0x7FFF0000), step(6, 0x50000 | getattr(errno, name))])
class Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))
library = ctypes.CDLL(None, use_errno=True)
if library.prctl(38, 1, 0, 0, 0) or library.prctl(22, 2, ctypes.byref(Filter(len(program) // 8, program)), 0, 0):
    sys.exit(3)
import filelock
began = time.monotonic()
try:
    with filelock.FileLock(path, timeout=2):
        ended = "had"
except filelock.Timeout:
    ended = "Timeout"
except OSError as error:
    ended = "OSError"
print(ended, "after the timeout" if time.monotonic() - began >= 2 else "at once")
PY
for name in EACCES ENOSYS ENOLCK; do
  seen=$("$WORK/venv/bin/python" "$WORK/try.py" "$name" "$WORK/$name.lock") || { echo "skip: no seccomp filter can be set here"; exit 0; }
  echo "flock answers $name: lock of a new file: $seen"
  case "$name $seen" in
    "EACCES Timeout after the timeout" | "ENOSYS had at once" | "ENOLCK OSError at once") ;;
    *) echo "CHANGED: $name $seen"; exit 1 ;;
  esac
done
echo "as described: a refused lock counts as held by somebody"

"""A Linux "without the symlink privilege": symlink(2) and symlinkat(2) fail with the errno given, here or in a command.

    python runbook_lib/practice/denied_calls.py [--errno 22] [--calls symlink] -- COMMAND [ARGUMENT]...

A seccomp filter (seccomp(2), `SECCOMP_SET_MODE_FILTER` through prctl) that holds for the command and all its children,
whichever language they are written in. 22 (EINVAL) is what Windows maps WinError 1314 to, 1 (EPERM) what FAT answers.
`--calls symlink,link` is a file system without any links, `--calls flock` one that cannot lock (37 ENOLCK, 38 ENOSYS).
Standard library only, so that any interpreter can be put under it; exit code 125 when the filter cannot be set.
"""

import argparse
import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator, Sequence

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000  # SECCOMP_RET_ALLOW
_FAIL = 0x00050000  # SECCOMP_RET_ERRNO, the errno in the low 16 bits

_NUMBER_OFFSET, _ARCHITECTURE_OFFSET = 0, 4  # of struct seccomp_data

_MACHINES: dict[str, tuple[int, dict[str, tuple[int, ...]]]] = {
    "x86_64": (0xC000003E, {"symlink": (88, 266), "link": (86, 265), "flock": (73,)}),  # AUDIT_ARCH_X86_64
    "aarch64": (0xC00000B7, {"symlink": (36,), "link": (37,), "flock": (32,)}),  # AUDIT_ARCH_AARCH64: only ...at
}
"""Audit architecture, and for each call the numbers of itself and of its `...at` form."""

CANNOT_DENY = 125


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def deny(calls: Sequence[str], errno_number: int) -> None:
    """Make every later such call of this thread, and of all threads and processes it starts, fail; cannot be undone.

    Raises `KeyError` or `AttributeError` where the system or the processor is another, `OSError` where it refuses.
    """
    architecture, known = _MACHINES[platform.machine()]
    numbers = [number for call in calls for number in known[call]]
    instructions = b"".join(_instructions(architecture, numbers, errno_number))
    program = _Program(len(instructions) // 8, instructions)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, None)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))


def _instructions(architecture: int, numbers: Sequence[int], errno_number: int) -> Iterator[bytes]:
    """Yield the filter as `struct sock_filter`: the denied numbers jump to the last instruction but one."""
    yield _instruction(_LOAD_WORD, _ARCHITECTURE_OFFSET)
    yield _instruction(_JUMP_IF_EQUAL, architecture, if_false=len(numbers) + 1)
    yield _instruction(_LOAD_WORD, _NUMBER_OFFSET)
    for position, number in enumerate(numbers):
        yield _instruction(_JUMP_IF_EQUAL, number, if_true=len(numbers) - position)
    yield _instruction(_RETURN, _ALLOW)
    yield _instruction(_RETURN, _FAIL | errno_number)


def _instruction(code: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def _prctl(option: int, argument: int, pointer: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, ctypes.c_ulong(argument), pointer, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Set the filter, then become the command."""
    parser = argparse.ArgumentParser(description="Run a command that may not create symlinks.")
    parser.add_argument("--errno", type=int, default=22)
    parser.add_argument("--calls", type=lambda text: text.split(","), default=["symlink"])
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("name a command after --")
    try:
        deny(options.calls, options.errno)
        os.execvp(command[0], command)  # noqa: S606 - the command line is the caller's
    except (KeyError, AttributeError, OSError) as error:
        sys.stderr.write(f"denied_calls: {type(error).__name__}: {error}\n")
    return CANNOT_DENY


if __name__ == "__main__":
    raise SystemExit(main())

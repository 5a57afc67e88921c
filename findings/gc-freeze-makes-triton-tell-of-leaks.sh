#!/bin/bash
# Versions: triton 3.9.0 (the compiler that the CUDA builds of torch bring along and import), CPython 3.11, Linux on x86-64.
# Seen: a program that imports triton ends without a word. The same program with one call of `gc.freeze()` after the import, which
#   CPython's documentation advises before a fork, writes some 30 lines to stderr when it ends: "nanobind: leaked 4 instances", 64
#   types and 513 functions, and that a reference counting issue in the binding code is the likely cause. Nothing leaked: what is
#   frozen is left out of the collection at the interpreter's end as well, and nanobind counts what is still there. With
#   `gc.unfreeze()` at exit, or with `gc.disable()` in place of `gc.freeze()`, it is silent.
# Why good guesses are wrong: freezing sounds like a hint to the collector about when to look, and the message blames a library's
#   reference counts; a service that freezes after importing torch, and then forks its workers, logs it at the end of every one.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export PIP_ROOT_USER_ACTION=ignore
"$PYTHON" -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps triton==3.9.0
lines() { "$WORK/venv/bin/python" -c "import atexit, gc, triton; $1" 2>&1 >/dev/null | grep -c nanobind: || true; }
plain=$(lines "pass")
frozen=$(lines "gc.freeze()")
unfrozen=$(lines "gc.freeze(); atexit.register(gc.unfreeze)")
disabled=$(lines "gc.disable()")
echo "lines of nanobind at the end: $plain without a call, $frozen after gc.freeze(), $unfrozen when it is undone at exit, $disabled after gc.disable()"
[ "$plain" = 0 ] && [ "$frozen" -ge 3 ] && [ "$unfrozen" = 0 ] && [ "$disabled" = 0 ] || { echo "CHANGED: see the line above"; exit 1; }
echo "As stated: what is frozen is there at the end, and is told of as a leak."

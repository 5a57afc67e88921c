"""What the benchmarks call the peak memory of a command."""

import sys

import pytest

from benchmarks.measure import run_command

MIB = 1 << 20
FORKING = """
import os, time
held = bytearray(b"x") * (200 << 20)
child = os.fork()
if not child:
    {in_child}
    time.sleep(1)
    os._exit(0)
os.waitpid(child, 0)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what processes share")


@pytest.mark.parametrize(("in_child", "peak_mib"), [("pass", 200), ("held[::4096] = bytes(len(held) // 4096)", 400)])
def test_pages_that_a_fork_shares_are_counted_once_until_it_writes_them(in_child: str, peak_mib: int) -> None:
    cost = run_command([sys.executable, "-I", "-S", "-c", FORKING.format(in_child=in_child)])
    assert peak_mib * MIB < cost.peak_memory_bytes < (peak_mib + 40) * MIB

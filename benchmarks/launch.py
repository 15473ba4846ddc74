"""`launch.py COMMAND...`: runs it, for ten minutes at most; prints its exit code, wall and CPU seconds, peak MiB, and
MiB read from disks; all with what it starts.

Linux counts the memory of whoever starts a process towards its peak, hence this smallest of Pythons in between. Of one
process the peak is what Linux says; of several at a time it is the most that they had together when asked, five times
a second, shared memory counted once. What was read is what Linux adds up for all that were waited for."""

from __future__ import annotations

import os
import select
import signal
import sys
import time


def content(path: str) -> bytes:
    """Of a file in /proc; nothing when its process is over."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - to import pathlib would make this larger
            return file.read()
    except OSError:
        return b""


def number(path: str, name: bytes) -> int:
    return int((content(path).partition(b"\n" + name + b":")[2].split() or [b"0"])[0])


def family(process: str) -> list[str]:
    """The process and all that come from it; it is in /proc until it is waited for."""
    found = [process]
    for one in found:  # grows meanwhile
        threads = os.scandir(f"/proc/{one}/task") if os.access(f"/proc/{one}/task", os.R_OK) else ()
        for thread in threads:
            found += content(f"{thread.path}/children").decode().split()
    return found


quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
together, before, started = 0, number("/proc/self/io", b"read_bytes"), time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
signal.alarm(600)
over = select.poll()
over.register(os.pidfd_open(child))
while not over.poll(200):
    if len(processes := family(str(child))) > 1:
        together = max(together, sum(number(f"/proc/{one}/smaps_rollup", b"Pss") for one in processes))
_, status, usage = os.wait4(child, 0)
wall, read = time.perf_counter() - started, number("/proc/self/io", b"read_bytes") - before
print(os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime)
print(max(usage.ru_maxrss, together) / 1024, read / 2**20)

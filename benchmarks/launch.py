"""`launch.py COMMAND...`: runs it, for ten minutes at most; prints its exit code, wall and CPU seconds and peak MiB.
Linux counts the memory of whoever starts a process towards its peak, hence this smallest of Pythons in between."""

import os
import signal
import sys
import time

quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
started = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
signal.alarm(600)
_, status, usage = os.wait4(child, 0)
wall, code = time.perf_counter() - started, os.waitstatus_to_exitcode(status)
print(code, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

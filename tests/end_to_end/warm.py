"""A process that has imported everything and forks a child for each command: its own process in all but the second
that imports take. So tests are quick, and an instant at which a child is killed falls into its work."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

WARM_UP = """
import gc, json, os, signal, sys, time
from contextlib import redirect_stderr, redirect_stdout
import app.doctor, app.eligibility, app.outputs.csv_files, app.outputs.json_file, app.shapes, app.sources.fetch
import app.sources.experiments_json, app.sources.filesystem, app.sources.species, app.terminal
import app.store.engine, app.store.lock, app.store.migrations, app.store.writing
import app.tracker, alembic.command, sqlalchemy.dialects.postgresql.psycopg2, sqlalchemy.dialects.sqlite.pysqlite
from app.cli import main
with open(os.devnull, "w") as nobody, redirect_stdout(nobody), redirect_stderr(nobody):
    main(["--config", os.devnull, "config", "check"])  # what is imported on the way
gc.freeze()  # so that a child's collector does not copy what it shares with its parent
"""

# The parent kills before it asks how the child ended: until then its number cannot be another's.
PARENT = """
def child(arguments, cwd, environment, out, err):
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    try:
        code = main(arguments)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

for line in sys.stdin:
    *errand, kill_after = json.loads(line)
    began = time.monotonic()
    if (pid := os.fork()) == 0:
        child(*errand)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - began]), flush=True)
"""


class Ended(NamedTuple):
    """How a command ended. A killed one has the code -9."""

    code: int
    out: str
    err: str
    seconds: float


class Warm:
    def __init__(self, parent: subprocess.Popen[str], folder: tempfile.TemporaryDirectory[str]) -> None:
        self._parent, self._folder = parent, folder  # which is removed with it
        self._out, self._err = Path(folder.name) / "out", Path(folder.name) / "err"

    def run(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], kill_after: float | None = None
    ) -> Ended:
        """`kill_after`: seconds after which it is killed, if it is still there."""
        errand = [arguments, str(cwd), dict(environment), str(self._out), str(self._err), kill_after]
        assert self._parent.stdin is not None and self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(errand) + "\n")
        self._parent.stdin.flush()
        code, seconds = json.loads(self._parent.stdout.readline())
        return Ended(code, self._out.read_text(), self._err.read_text(), seconds)


@cache
def warm(also: str = "") -> Warm:
    """One for all tests. It ends when its input does, which is when they do. `also`: what else it does beforehand, and
    if it likes, another `main`."""
    parent = subprocess.Popen(
        [sys.executable, "-c", WARM_UP + also + PARENT],
        cwd="/",
        env={"PYTHONPATH": str(ROOT)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    return Warm(parent, tempfile.TemporaryDirectory(prefix="warm-"))

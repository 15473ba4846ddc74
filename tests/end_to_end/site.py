"""A site to run whole processes on: a tree, its configuration, a store, and the commands as a person gives them."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import app
from tests.end_to_end.warm import ROOT, warm

PROGRAM = [sys.executable, "-m", "app.cli"]
SCRIPT = [sys.executable, str(ROOT / "workflows" / "run_status_crawler.py")]

IDF = "Investigation Title\tA study of {0}\nComment[AEExperimentType]\tRNA-seq of coding RNA\n"
SDRF = "Source Name\tCharacteristics[organism]\nsample of {0}\tHomo sapiens\n"

TABLES = (
    "rnaseq_atlas_eligibility (ae2_acc text, status text)",
    "experiment (accession text, private boolean, access_key text)",
)


@dataclass(frozen=True)
class Done:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which must be one JSON document and nothing else."""
        return json.loads(self.out)

    @property
    def message(self) -> str:
        """The one line on stderr, which must be all that was said."""
        assert self.out == "" and self.err.count("\n") == 1, self
        assert self.err.startswith("ingest-tracker: "), self
        return self.err.removeprefix("ingest-tracker: ").rstrip("\n")


@dataclass(frozen=True)
class Site:
    """All of it lies below `root`, which is where commands run."""

    root: Path

    # ----------------------------------------------------------------------- what lies there

    def write(self, name: str, content: Any) -> Path:
        """Text as it is, anything else as JSON."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def configure(self, sources: Mapping[str, Any]) -> None:
        self.write("sources_config.json", dict(sources))

    def fill(self, place: str, accessions: Iterable[str]) -> None:
        """Folders with an IDF and an SDRF each."""
        for accession in accessions:
            self.write(f"{place}/{accession}/{accession}.idf.txt", IDF.format(accession))
            self.write(f"{place}/{accession}/{accession}.sdrf.txt", SDRF.format(accession))

    def move(self, accession: str, place: str, to: str) -> None:
        (self.root / to).mkdir(exist_ok=True)
        (self.root / place / accession).rename(self.root / to / accession)

    def remove(self, place: str) -> None:
        path = self.root / place
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def curation(
        self,
        verdicts: Mapping[str, str | None],
        production: Iterable[tuple[str, bool, str]] = (),
        name: str = "gxpatlaspro.db",
    ) -> Path:
        """An SQLite curation database. `production`: accession, whether it is private, its access key."""
        with closing(sqlite3.connect(self.root / name)) as connection, connection:
            for table in TABLES:
                connection.execute(f"DROP TABLE IF EXISTS {table.split()[0]}")
                connection.execute(f"CREATE TABLE {table}")
            connection.executemany("INSERT INTO rnaseq_atlas_eligibility VALUES (?, ?)", verdicts.items())
            connection.executemany("INSERT INTO experiment VALUES (?, ?, ?)", production)
        return self.root / name

    # ----------------------------------------------------------------------- what is run

    def run(self, *arguments: str | Path, **more: str) -> Done:
        """A command, in a process that has its imports behind it. `more`: as for `start`."""
        ended = warm().run([*map(str, arguments)], self.root, self._environment(more))
        return self._done(ended.code, ended.out, ended.err)

    def killed(self, *arguments: str | Path, after: float) -> int:
        """The exit code of a command that is killed after so many seconds; -9 unless it was quicker."""
        return warm().run([*map(str, arguments)], self.root, self._environment({}), after).code

    def start(
        self,
        *arguments: str | Path,
        program: list[str] = PROGRAM,
        before: Callable[[], None] | None = None,
        **more: str,
    ) -> subprocess.Popen[str]:
        """A whole process of its own. `more`: the environment, which holds little else. `before`: done in the new
        process first."""
        return subprocess.Popen(
            [*program, *map(str, arguments)],
            cwd=self.root,
            env=self._environment(more),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=before,
        )

    def end(self, process: subprocess.Popen[str]) -> Done:
        out, err = process.communicate(timeout=120)
        return self._done(process.returncode, out, err)

    def whole(self, *arguments: str | Path, before: Callable[[], None] | None = None, **more: str) -> Done:
        """A command in a whole process of its own."""
        return self.end(self.start(*arguments, before=before, **more))

    def told(self, given: str, *arguments: str | Path) -> Done:
        """The same, which reads this."""
        done = subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            cwd=self.root,
            env=self._environment({}),
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        return self._done(done.returncode, done.stdout, done.stderr)

    def script(self, *arguments: str | Path) -> Done:
        """workflows/run_status_crawler.py"""
        return self.end(self.start(*arguments, program=SCRIPT))

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        scratch = str(self.root / "scratch")
        Path(scratch).mkdir(exist_ok=True)
        # A process that may write little must not leave half a module compiled for all that come after it.
        quiet = {"PYTHONDONTWRITEBYTECODE": "1"}
        return {"PATH": os.defpath, "HOME": scratch, "TMPDIR": scratch, "PYTHONPATH": str(ROOT), **quiet, **more}

    def _done(self, code: int, out: str, err: str) -> Done:
        """Whatever happened, nobody is shown a traceback, and nothing is left in the temporary folder."""
        done = Done(code, out, err)
        assert "Traceback" not in out + err and "fault of the program" not in err, done
        assert not list((self.root / "scratch").glob("ingest-tracker-*")), done
        return done

    def crawl(self, *arguments: str | Path, **more: str) -> Done:
        return self.run("crawl", "--json", *arguments, **more)

    # ----------------------------------------------------------------------- what is known

    def overview(self, *arguments: str | Path, **more: str) -> Any:
        return self.run("overview", "--format", "json", *arguments, **more).json

    def standing(self, store: str | None = None) -> Any:
        """All that the store says of datasets and their history, as `without_remarks`. Read in this process, which is
        quicker."""
        config = app.load(store=store, environ={}, cwd=self.root)
        with app.open_tracker(config) as tracker:
            known, tables = tracker.overview()
            return without_remarks(json.loads(app.render(tables, "json", known.at, config.time_zone)))


def without_remarks(overview: Mapping[str, Any]) -> Any:
    """The tabs with datasets and their history, but for the remark that what a source showed is stale, and for the
    clock that says when a check was last asked."""
    tabs = ("Discover Experiments", "Track Ingested Experiments", "Changes", "Duplicates")
    return {
        tab: [
            {title: cell for title, cell in row.items() if title not in ("Problems", "Eligibility Checked")}
            for row in overview["tables"][tab]["rows"]
        ]
        for tab in tabs
    }


def states(standing: Mapping[str, Any]) -> dict[str, str]:
    """accession -> state, of a `Site.standing`"""
    rows = [*standing["Discover Experiments"], *standing["Track Ingested Experiments"]]
    return {row["Accession"]: row["Status"] for row in rows}


def without_privileges() -> None:
    """For `before`: from then on root, too, is held to the permissions of files. Root keeps what is its own, so that
    it still reaches an interpreter below its home. An ordinary user has nothing to lose."""
    drop, may_read_all, may_list_all = 24, 1, 2  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    for capability in (may_read_all, may_list_all):
        ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0)


@contextmanager
def closed(path: Path) -> Iterator[Path]:
    """A folder or file that its owner may not use."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        yield path
    finally:
        path.chmod(mode)

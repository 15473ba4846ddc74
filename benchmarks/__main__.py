"""Measures whole processes: crawls of a made-up tree, beside what a part of the same work costs at least, and what all
of it costs when it is written without a thought of speed; the same where each answer takes its time; looks through
very many files; questions to a large store; the search for identical files, beside the programs that others have for
it; records of catalogues that are stored; and the daemon. The commands of one subject run in turn, round after round;
the first round warms the caches and is not counted. What is measured cold comes after it: each time after emptying the
machine's caches."""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from app.domain.model import Lifecycle
from app.store import open_store
from benchmarks import catalogues, contents, daemon, large, store
from benchmarks.tree import PLACES, Tree, kept
from tests.servers.postgres import Postgres
from tests.servers.slowfs import SlowFs, SlowFsError

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "benchmarks.md"
CACHES = Path("/proc/sys/vm/drop_caches")
CHANGED = 10
DELAY, FEW = 0.001, 2
"""Of the slow file system: seconds that each call takes, and in how many rounds it is measured at most."""
BELIEVED = 60.0
"""Seconds for which the kernel need not ask it again: as long as NFS may leave directories alone."""
OURS, ANOTHERS = 4, 301
"""Seconds after which a crawl trusts the times of files: of this machine's, and of another's."""

CRAWL = "ingest-tracker --config tracker.yaml crawl"
WHOLE = "ingest-tracker --config whole.yaml crawl"
READ = "python benchmarks/reference.py PLACES"
FAR = "ingest-tracker --config far.yaml crawl"
SCAN = "python -m benchmarks.scan LARGE"
LOOK = r"-printf '%s %T@ %i\n'"

CHECK = "ingest-tracker --config asked.yaml duplicates check"
FILES = "ingest-tracker --config files.yaml duplicates files TREE"
HARVEST = "python -m benchmarks.harvests"
CATALOGUE = "ingest-tracker --config catalogues.yaml"
OTHERS = ("jdupes", "fdupes", "rdfind", "rmlint")


class Step(NamedTuple):
    """A command, the steps it is measured against, what is done before it, its exit code, and what it is given on
    standard input."""

    command: str
    peers: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    code: int = 0
    given: str = ""


CRAWLS = {
    "reference": Step(READ),
    "find": Step(r"find PLACES -type f -printf '%s\n'"),
    "fd": Step("fd --unrestricted --type file . PLACES"),
    "whole": Step(WHOLE, ("reference",), ("no store",)),
    "first": Step(CRAWL, ("reference",), ("no store",)),
    "unchanged": Step(CRAWL, ("reference", "find"), ("store", "settled")),
    "changed": Step(CRAWL, ("reference", "unchanged"), ("store", "change")),
    "why": Step("ingest-tracker --config tracker.yaml why ACCESSION", ("typer",), ("store",)),
    "help": Step("ingest-tracker --help", ("typer",)),
    "typer": Step("python -c 'import typer'"),
    "python": Step("python -c pass"),
    "nothing": Step("true"),
    "cold reference": Step(READ, (), ("cold",)),
    "cold first": Step(CRAWL, ("cold reference",), ("no store", "cold")),
}
SLOW = {
    "slow reference": Step("python benchmarks/reference.py FAR", (), ("mounted",)),
    "slow find": Step(f"find FAR -type f {LOOK}", (), ("mounted",)),
    "slow fd": Step("fd -u -j 16 -S +0b . FAR", (), ("mounted",)),
    "slow first": Step(FAR, ("slow reference", "slow find", "slow fd"), ("no store", "mounted")),
    "slow unchanged": Step(FAR, ("slow reference", "slow find", "slow fd"), ("store", "mounted")),
}
LARGE = {
    "fd large": Step("fd -u -S +0b . LARGE"),
    "find large": Step(f"find LARGE {LOOK}"),
    "scan large": Step(SCAN, ("fd large", "find large")),
    "scan large unchanged": Step(f"{SCAN} --kept TRACES", ("find large",), ("traces",)),
}
QUESTIONS = {
    "check": Step(f"{CHECK} KNOWN", (), (), 1),
    "check many": Step(f"{CHECK} -", ("check",), (), 1, "BATCH"),
}
IDENTICAL = {
    **{name: Step(contents.PEERS[name]) for name in OTHERS},
    "find files": Step(contents.PEERS["find"]),
    "files": Step(FILES, OTHERS, ("no hashes",)),
    "files again": Step(FILES, ("find files",)),
    **{f"cold {name}": Step(contents.PEERS[name], (), ("cold",)) for name in OTHERS},
    "cold files": Step(FILES, tuple(f"cold {name}" for name in OTHERS), ("no hashes", "cold")),
}
HARVESTS = {
    f"{how} {kind}": Step(f"{HARVEST} {how.split()[-1]} {kind} RECORDS", peers, before)
    for kind in ("sqlite", "postgresql")
    for how, peers, before in (
        ("plain", (), ("no records",)),
        ("engine", (f"plain {kind}",), ("no records",)),
        ("engine again", (f"engine {kind}",), ("records",)),
    )
}
CATALOGUES = {
    "ijson": Step("python -m benchmarks.catalogues iterate JSON"),
    "fetch json": Step(f"{CATALOGUE} fetch json", ("ijson",), ("no harvests",)),
    "harvest json": Step(f"{CATALOGUE} harvest json", ("fetch json",), ("no harvests",)),
    "harvest json again": Step(f"{CATALOGUE} harvest json", ("fetch json",), ("harvest json",)),
    "wget": Step("wget -q -r -np -P COPY FOLDER", (), ("no harvests",)),
    "harvest folder": Step(f"{CATALOGUE} harvest folder", ("wget",), ("no harvests",)),
    "harvest folder again": Step(f"{CATALOGUE} harvest folder", ("wget",), ("harvest folder",)),
}
SUBJECTS = (CRAWLS, SLOW, LARGE, QUESTIONS, IDENTICAL, HARVESTS, CATALOGUES)
STEPS = {name: step for subject in SUBJECTS for name, step in subject.items()}
ALL = (*STEPS, "daemon")

LIMITS = {
    "first": "reading and understanding each file, by all cores; then one row a dataset, written by one.",
    "unchanged": "starting Python and the drivers (see python and help), then one look at each folder and known file.",
    "changed": "the same; then what was decided of all is read again, for what is decided of one may bear on others.",
    "slow first": "one look, one open and one read a file, of which so many wait at once as `at_once` says (16); the "
    "file system itself, a process of this machine, takes its share of the cores.",
    "slow unchanged": "one look at each folder and known file, so many at once; the file system itself, as before.",
    "scan large": "a look at each file from Python; what each folder holds is sent from the process that looked.",
    "engine sqlite": "what the database does for each row; hashing and deflating, as the plain script does.",
    "engine postgresql": "the same, and one question and answer a statement.",
    "fetch json": "understanding each record and holding it against DCAT-US, by one core; then telling them apart.",
    "harvest folder": "the same of documents, by the cores that nginx leaves; then what the database does for each.",
    "scan large unchanged": "what was kept is read from a file, then one look at each folder and known file.",
}

ABOUT = f"""\
- `tracker.yaml` names the {len(PLACES)} `PLACES` of the tree, a store and the overview as JSON. In `whole.yaml` all of
  each SDRF is read; otherwise a crawl reads the first 64 KiB, and says where there may be more.
- reference reads all of each IDF, SDRF and analysis-methods file, line by line, and writes nothing
  (`benchmarks/reference.py`). Its titles, organisms and curators are those that a crawl finds.
- check: is the study of an accession here; many: {store.BATCH:,} accessions on standard input, of which one in ten is
  known.
- files: identical files in `TREE`, of which the store knows nothing yet; again: of which it knows all. `jdupes` finds
  the same ones: a test compares them.
- engine: records of a catalogue, of 2 KB each, into a store, 500 a transaction, as a harvest does; plain: a script that
  does the same inserts (`benchmarks/harvests.py`); again: all are found unchanged.
- json, folder: on nginx on this machine; harvested into SQLite, each record understood and held against its standard's
  rules, no dataset of them tracked. ijson (yajl2_c) iterates over the same elements and does nothing with them; wget
  keeps files.
- changed: {CHANGED} datasets have other IDFs than before. cold: the machine's caches were emptied just before.
- peak MiB is of all processes together, and cannot be told below that of nothing. read MiB came from disks, by
  read_bytes in /proc/PID/io of all processes. Ratios are the medians of those within each round."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--dir", type=Path, help="a folder to keep the tree in, for the next time; else it is removed")
    parser.add_argument("--datasets", type=int, default=20_000, help="in the tree that is crawled")
    parser.add_argument("--far", type=int, default=4_000, help="datasets on the slow file system")
    parser.add_argument("--folders", type=int, default=100_000, help="of ten files each, which are looked through")
    parser.add_argument("--known", type=int, default=200_000, help="datasets in the store that is asked")
    parser.add_argument("--files", type=int, default=200_000, help="among which identical ones are looked for")
    parser.add_argument("--gib", type=float, default=8, help="what those files come to")
    parser.add_argument("--records", type=int, default=100_000, help="of a catalogue that is harvested")
    parser.add_argument("--elements", type=int, default=1_000_000, help="of a data.json on a web server")
    parser.add_argument("--documents", type=int, default=20_000, help="in a folder on a web server")
    parser.add_argument("--events", type=int, default=100, help="that the daemon is told")
    parser.add_argument("--cycles", type=int, default=1_000, help="over which its memory is watched")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--hasty", action="store_true", help="do not wait until times are trusted: what is unchanged is read again then"
    )
    parser.add_argument("--only", default=",".join(ALL), help="measure only some: " + ",".join(ALL))
    parser.add_argument("--write", action="store_true", help="write the figures to docs/benchmarks.md")
    given = parser.parse_args()
    names = [name.strip() for name in given.only.split(",")]
    numbers = [given.datasets, given.far, given.folders, given.known, given.files, given.events, given.runs]
    numbers += [given.records, given.elements, given.documents]
    least = min(*numbers, given.gib * 2**30, given.cycles / 5, given.folders / 5)
    if least < 1 or not (given.dir or Path()).is_dir() or not {*ALL} >= {*names}:
        parser.error(
            f"numbers begin at 1, of folders and cycles at 5; --dir is a folder; --only is some of {','.join(ALL)}"
        )
    with TemporaryDirectory(prefix="ingest-tracker-bench-") as temporary, ExitStack() as stack:
        root = (given.dir or Path(temporary)).resolve() / "ingest-tracker-bench"
        root.mkdir(exist_ok=True)
        bench = Bench(hasty=given.hasty)
        impossible = bench.impossible(names)
        possible = [name for name in STEPS if name in names and name not in impossible]
        try:
            if CRAWLS.keys() & {*possible}:
                bench.crawl(kept(root / "crawled", given.datasets))
            if SLOW.keys() & {*possible}:
                stack.enter_context(bench.wait_for(kept(root / "behind", given.far), root / "far"))
            if LARGE.keys() & {*possible}:
                bench.look_through(large.kept(root / "large", given.folders))
            if QUESTIONS.keys() & {*possible}:
                bench.ask(store.kept(root / "asked", given.known), given.known)
            if IDENTICAL.keys() & {*possible}:
                bench.compare(contents.kept(root / "compared", given.files, int(given.gib * 2**30)))
            if HARVESTS.keys() & {*possible}:
                bench.harvest(stack.enter_context(Postgres(durable=True)), root / "harvested", given.records)
            if CATALOGUES.keys() & {*possible}:
                there = catalogues.shown(root / "catalogues", given.elements, given.documents)
                bench.fetch(stack.enter_context(there), given.elements, given.documents)
        except (OSError, SlowFsError) as error:
            sys.exit(f"benchmarks: {error}")
        figures = bench.measured(possible, given.runs)
        always = "daemon" in names and [*daemon.measured(root / "daemon", given.folders, given.events, given.cycles)]
        page = "\n".join(report(bench, figures, impossible, given.runs, always or [])) + "\n"
    print(page, end="")
    if given.write:
        PAGE.write_text(f"# What it costs\n\nMeasured and written by `./run bench --write`.\n\n{page}", "utf-8")


# --------------------------------------------------------------------------- measuring

Figures = Mapping[str, Sequence["Cost"]]
"""step -> what it cost in each round"""


class Cost(NamedTuple):
    """Of one process and all that it starts: seconds and MiB."""

    wall: float
    cpu: float
    peak: float
    read: float


class Bench:
    """Steps on what it is given first: a tree to crawl, one to crawl slowly, a large one to look through, a store to
    ask, files to compare. Stores that it makes itself are removed to begin with. `calls`: step -> what the slow file
    system was asked the last time."""

    def __init__(self, *, hasty: bool = False) -> None:
        self.about: list[str] = []
        self.calls: dict[str, Counter[str]] = {}
        self.revision = self.settled = 0
        self.stored = ""
        self.hasty = hasty
        self.words = {"python": [sys.executable]}
        self.words["ingest-tracker"] = [str(Path(sys.executable).with_name("ingest-tracker"))]
        self.words["fd"] = [name for name in ("fd", "fdfind") if shutil.which(name)][:1]
        self.words |= {name: [name] * bool(shutil.which(name)) for name in OTHERS}

    def crawl(self, tree: Tree) -> None:
        self.tree = tree
        self.about.append(f"{len(tree.accessions):,} datasets, {tree.files:,} files, {tree.size / 2**20:,.0f} MiB")
        self.words |= {"PLACES": tree.places, "ACCESSION": tree.accessions[-1:]}
        self.words |= {name: [str(tree.root / name)] for name in ("tracker.yaml", "whole.yaml")}
        shutil.rmtree(tree.root / "var", ignore_errors=True)

    def wait_for(self, tree: Tree, at: Path) -> SlowFs:
        """Its places are shown in another folder, slowly, once they are mounted there."""
        shutil.rmtree(at / "var", ignore_errors=True)
        (at / "nfs").mkdir(parents=True, exist_ok=True)
        for name in ("tracker.yaml", "tracker.json"):
            shutil.copy(tree.root / name, at / name)
        self.far, self.behind = tree._replace(root=at), tree
        self.about.append(f"{len(tree.accessions):,} datasets, {tree.files:,} files where an answer takes 1 ms")
        self.words |= {"FAR": self.far.places, "far.yaml": [str(self.far.config)]}
        self.fs = SlowFs(tree.root / "nfs", at / "nfs", DELAY, BELIEVED, BELIEVED)
        return self.fs

    def look_through(self, place: large.Large) -> None:
        self.large = place
        self.about.append(f"{place.files:,} files to look through")
        self.words |= {"LARGE": [str(place.place)], "TRACES": [str(place.traces)]}
        place.traces.unlink(missing_ok=True)

    def ask(self, asked: store.Asked, known: int) -> None:
        self.about.append(f"a store of {known:,} datasets")
        self.words |= {"asked.yaml": [str(asked.config)], "KNOWN": [asked.one], "BATCH": [str(asked.many)]}

    def compare(self, files: contents.Tree) -> None:
        self.files = files
        self.about.append(f"{files.files:,} files of {files.size / 2**30:.1f} GiB to compare")
        self.words |= {"files.yaml": [str(files.config)], "TREE": [str(files.place)]}
        shutil.rmtree(files.root / "var", ignore_errors=True)
        open_store(f"sqlite:///{files.root}/var/files.db", Lifecycle.of(), create=True).close()

    def harvest(self, postgres: Postgres, root: Path, records: int) -> None:
        self.about.append(f"{records:,} records of a catalogue")
        self.postgres, self.harvested = postgres, root
        self.words |= {"RECORDS": [str(records)], "sqlite": [f"sqlite:///{root}/store.db"]}

    def fetch(self, shown: catalogues.Catalogues, elements: int, documents: int) -> None:
        self.catalogues, self.stored = shown, ""
        self.about.append(f"a data.json of {elements:,} records ({shown.size / 2**20:,.0f} MiB)")
        self.about.append(f"a folder of {documents:,} documents")
        self.words |= {"catalogues.yaml": [str(shown.config)], "JSON": [shown.json], "FOLDER": [shown.folder]}
        self.words |= {"COPY": [str(shown.root / "copy")]}

    def _empty(self, kind: str) -> None:
        """A store of this kind without anything in it."""
        if kind == "postgresql":
            self.words[kind] = [self.postgres.create_database()]
            return
        shutil.rmtree(self.harvested, ignore_errors=True)
        self.harvested.mkdir(parents=True)

    def _forget(self) -> None:
        with closing(sqlite3.connect(self.files.root / "var" / "files.db", isolation_level=None)) as made:
            made.execute("DELETE FROM content")

    def measured(self, names: Sequence[str], runs: int) -> Figures:
        found: dict[str, list[Cost]] = {}
        for subject in SUBJECTS:
            here = [name for name in names if name in subject]
            cold = [name for name in here if {"cold", "mounted"} & {*STEPS[name].before}]
            warm = [name for name in here if name not in cold]
            rounds = [{name: self.cost(name) for name in warm} for _ in told(range(runs + 1) if warm else ())][1:]
            found |= {name: [costs[name] for costs in rounds] for name in warm}
            counted = min(runs, FEW) if subject is SLOW else runs
            rounds = [{name: self.cost(name) for name in cold} for _ in told(range(counted) if cold else ())]
            found |= {name: [costs[name] for costs in rounds] for name in cold}
        return found

    def impossible(self, names: Sequence[str]) -> dict[str, str]:
        """Those that cannot be measured here, and why."""
        steps = {name: STEPS[name] for name in names if name in STEPS}
        programs = {name: shlex.split(step.command)[0] for name, step in steps.items()}
        without = {name: "it is not installed" for name, program in programs.items() if self.words.get(program) == []}
        if (cold := [name for name, step in steps.items() if "cold" in step.before]) and (why := empty_caches()):
            without |= dict.fromkeys(cold, why)
        if not (shutil.which("fusermount3") and os.access("/dev/fuse", os.R_OK | os.W_OK)):
            without |= dict.fromkeys(SLOW.keys() & {*names}, "there is no FUSE")
        return without

    def cost(self, name: str) -> Cost:
        for what in STEPS[name].before:
            if what == "no store":
                shutil.rmtree(self._crawled(name) / "var", ignore_errors=True)
            elif what == "store" and not (self._crawled(name) / "var" / "tracker.db").exists():
                self.cost("slow first" if name in SLOW else "first")
            elif what == "change":
                self.revision += 1
                self.tree.change(CHANGED, self.revision)
            elif what == "settled" and self.settled != self.revision:  # what changed is read once more when it is older
                time.sleep(0 if self.hasty else OURS)
                self._run(STEPS[name])
                self.settled = self.revision
            elif what == "mounted":
                self._settle(self.behind.root / "complete.json", ANOTHERS)
                self.fs.unmount()
                self.fs.mount()
            elif what == "traces" and not self.large.traces.exists():
                self._settle(self.large.note, OURS)
                self._run(STEPS[name])
            elif what == "no records":
                self._empty(name.split()[-1])
            elif what == "records" and self.stored != name.split()[-1]:
                self.cost(f"engine {name.split()[-1]}")
            elif what == "no harvests":
                catalogues.empty(self.catalogues)
            elif what in CATALOGUES and self.stored != what:
                self.cost(what)
            elif what == "no hashes":
                self._forget()
            elif what == "cold":
                empty_caches()
        cost = self._run(STEPS[name])
        self.stored = name.split()[-1] if name.startswith("engine") else name.removesuffix(" again")
        if name in SLOW:
            self.calls[name] = self.fs.calls()
        return cost

    def _crawled(self, name: str) -> Path:
        return (self.far if name in SLOW else self.tree).root

    def _settle(self, note: Path, seconds: float) -> None:
        """Waits until what was made is so old."""
        if not self.hasty:
            time.sleep(max(note.stat().st_mtime + seconds - time.time(), 0))

    def _run(self, step: Step) -> Cost:
        """Nothing in its environment names a real site's store, or keeps it from being compiled but once."""
        command = [part for word in shlex.split(step.command) for part in self.words.get(word, [word])]
        launch = [sys.executable, "-IS", str(Path(__file__).with_name("launch.py")), *command]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INGEST_TRACKER_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with open(self.words[step.given][0] if step.given else os.devnull, "rb") as given:  # noqa: PTH123
            done = subprocess.run(
                launch, cwd=PROJECT, env=environment, stdin=given, capture_output=True, text=True, check=False
            )
        code, *figures = done.stdout.split() or ["?"]
        if code != str(step.code):
            sys.exit(f"benchmarks: {step.command}: exit code {code}: {''.join(done.stderr.splitlines()[-1:])}")
        return Cost(*map(float, figures))


def empty_caches() -> str:
    """Empties the machine's; or says why not."""
    os.sync()
    try:
        CACHES.write_text("3")
    except OSError as error:
        return f"{CACHES} cannot be written ({error.strerror})"
    return ""


def told(rounds: Sequence[int]) -> Iterator[int]:
    for number in rounds:
        if sys.stderr.isatty():
            print(f"benchmarks: round {number + 1} of {len(rounds)}", file=sys.stderr)
        yield number


# --------------------------------------------------------------------------- telling


def report(
    bench: Bench, figures: Figures, impossible: Mapping[str, str], runs: int, always: Sequence[str]
) -> Iterator[str]:
    cpu = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in cpu if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{'; '.join(bench.about)}. Medians of {runs}."
    yield f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.platform()}, Python"
    yield f"{platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}.\n"
    yield "| what | wall s | CPU s | peak MiB | read MiB | wall to its peers' |\n|---|--:|--:|--:|--:|--:|"
    for name, costs in figures.items():
        wall, cpu_time, peak, read = map(median, zip(*costs, strict=True))
        pairs = {peer: zip(costs, figures[peer], strict=True) for peer in STEPS[name].peers if peer in figures}
        ratios = [f"{median(one.wall / other.wall for one, other in both):.2f} {peer}" for peer, both in pairs.items()]
        yield f"| {name} | {wall:.3f} | {cpu_time:.3f} | {peak:.1f} | {read:.1f} | {', '.join(ratios)} |"
    yield from (f"\nNot measured: {name}, for {why}." for name, why in impossible.items())
    for name, calls in bench.calls.items():
        said = ", ".join(f"{count:,} {operation}" for operation, count in calls.most_common())
        yield f"\nCalls of {name}: {said}."
    if limits := [f"- {name}: {LIMITS[name]}" for name in figures if name in LIMITS]:
        yield "\nWhat limits them:\n"
        yield from limits
    if always:
        yield "\nThe daemon:\n"
        yield from always
    yield "\nThe commands:\n"
    yield from (f"- {name}: `{STEPS[name].command}`" for name in figures)
    yield ABOUT


if __name__ == "__main__":
    main()

"""Whatever happens to files: what is known from looking at what has changed is what looking at everything shows."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from pprint import pformat
from threading import Timer
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from app.domain.history import Policy
from app.domain.model import Code, Lifecycle, Recording, Report, Sighting, SourceConfig
from app.domain.overview import Layout
from app.domain.presence import HoldLimits
from app.eligibility import Databases
from app.ports import Lock, Store
from app.sources import filesystem, tree
from app.sources.filesystem import FilesystemSource
from app.store import open_store
from app.tracker import Tracker
from app.triggers import keeper
from app.triggers.events import Place, Watcher
from tests.fakes import MemoryStore
from tests.servers.slowfs import OPERATIONS, SlowFs
from tests.sources.places import ACCESSION, fill

STATES = Lifecycle.of()
MEMORY = next((folder for folder in ("/dev/shm",) if Path(folder).is_dir()), None)
NEVER = timedelta(hours=1)

# --------------------------------------------------------------------------- what may happen to files

PLACES = ("external", "loading")
ANCHOR = "E-GEOD-9"
"""Is always in each place: one that lost all it had would wait for a person."""
FOLDERS = ("E-MTAB-1", "E-MTAB-2", "e-mtab-2")
INSIDE = ("{}.idf.txt", "{}.sdrf.txt", "named.sdrf.txt", ".curator.ada", "{}-analysis-methods.tsv", "E-MTAB-1.idf.tsv")
FLAT = (
    *("E-MTAB-1.idf.txt", "E-MTAB-1.sdrf.txt", "E-MTAB-2.idf.txt", "E-MTAB-2.sdrf.txt", "named.sdrf.txt"),
    *("E-MTAB-2-analysis-methods.tsv", "E-MTAB-1.old.idf.txt", "E-MTAB-2.merged.sdrf.txt"),
)
PATHS = tuple(
    f"{place}/{path}"
    for place in PLACES
    for path in (*FOLDERS, *(f"{folder}/{name.format(folder)}" for folder in FOLDERS for name in INSIDE), *FLAT)
)
ASIDE = ("aside/E-MTAB-1", "aside/E-MTAB-2.idf.txt", "aside/named.sdrf.txt", "aside/elsewhere")
TEXTS = {
    ".idf.t": [
        b"Investigation Title\tHow flies sleep\nSDRF File\tnamed.sdrf.txt\nComment[SecondaryAccession]\tGSE7\n",
        b"Investigation Title\tHow birds fly \nSDRF File\tnamed.sdrf.txt\nComment[SecondaryAccession]\tGSE8\n",
        b"Investigation Title\tHow flies sleep on the walls of wind tunnels\nComment[EACurator]\tgrace\n",
        b"",
    ],
    "sdrf": [
        b"Source Name\tCharacteristics[organism]\none\tHomo sapiens\n",
        b"Source Name\tCharacteristics[organism]\none\tMus musculus\n",
    ],
    "": [b"Read Mapping\tAgainst genome reference (Ensembl release: 104) tophat2 version: 2.1.1\n"],
}
LONG_AGO = 1_000_000_000, 1_000_000_000


class Change(NamedTuple):
    """Paths are below the root. `what`: which text, mode or time."""

    how: str
    path: str
    to: str
    what: int


changes = st.builds(
    Change,
    st.deferred(lambda: st.sampled_from([*HAPPENINGS, "write", "write", "rename", "move"])),
    st.sampled_from([*PATHS, *ASIDE]),
    st.sampled_from([*PATHS, *ASIDE]),
    st.integers(0, 3),
)


def text(path: str, number: int) -> bytes:
    texts = next(texts for part, texts in TEXTS.items() if part in path)
    return texts[number % len(texts)]


def happen(root: Path, change: Change) -> None:
    """What cannot happen, as things are, does not. Where there is nothing to befall by a name, it befalls the next."""
    paths = [root / change.path, root / change.to]
    if not all((root / place_of(root, path)).is_dir() for path in paths):
        return
    if change.how not in MAKING:
        paths[0] = there(root, change.path)
    if change.how == "swap":
        paths[1] = there(root, change.to)
    with suppress(OSError, shutil.Error):
        HAPPENINGS[change.how](root, *paths, change.what)


def there(root: Path, name: str) -> Path:
    at = PATHS.index(name) if name in PATHS else 0
    return next((root / path for path in (*PATHS[at:], *PATHS[:at]) if os.path.lexists(root / path)), root / name)


def write(root: Path, path: Path, to: Path, what: int) -> None:
    if path.name in FOLDERS:
        for end in ("idf", "sdrf"):
            write(root, path / f"{path.name}.{end}.txt", to, what)
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text(path.name, what))


def rewrite(root: Path, path: Path, to: Path, what: int) -> None:
    """Other bytes, as many as there were, at the same time."""
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(turned(content))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def turned(content: bytes) -> bytes:
    return content.translate(bytes.maketrans(b"HsFMB", b"MzGHA"))


def replaced(root: Path, path: Path, to: Path, what: int) -> None:
    """By another file of the same size and time."""
    before, new = path.stat(), path.with_name(".new")
    new.write_bytes(turned(path.read_bytes()))
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(path)


def append(root: Path, path: Path, to: Path, what: int) -> None:
    with path.open("ab") as file:
        file.write(b"Comment[SecondaryAccession]\tPRJNA5\n")


def restore(root: Path, path: Path, to: Path, what: int) -> None:
    path.write_bytes(text(path.name, what))
    os.utime(path, ns=LONG_AGO)


def delete(root: Path, path: Path, to: Path, what: int) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def rename(root: Path, path: Path, to: Path, what: int) -> None:
    path.lstat()
    if path.parent != to and to not in path.parents:
        with suppress(OSError):
            delete(root, to, to, 0)
        to.parent.mkdir(exist_ok=True)
    path.rename(to)


def move(root: Path, path: Path, to: Path, what: int) -> None:
    """To another place, by the same name."""
    rename(root, path, root / place_of(root, to) / path.relative_to(root / place_of(root, path)), what)


def place_of(root: Path, path: Path) -> str:
    return path.relative_to(root).parts[0]


def copied(root: Path, path: Path, to: Path, what: int) -> None:
    """With its times."""
    to.parent.mkdir(exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, dirs_exist_ok=True)
    else:
        shutil.copy2(path, to)


def to_folder(root: Path, path: Path, to: Path, what: int) -> None:
    """What lies flat becomes a folder."""
    name = FOLDERS[what % 2]
    place = root / place_of(root, path)
    (place / name).mkdir()
    for file in place.glob(f"{name}?*"):
        file.rename(place / name / file.name)


def to_flat(root: Path, path: Path, to: Path, what: int) -> None:
    place = root / place_of(root, path)
    folder = place / FOLDERS[what % 2]
    for file in folder.iterdir():
        file.rename(place / file.name)
    folder.rmdir()


def swap(root: Path, path: Path, to: Path, what: int) -> None:
    path.lstat()
    to.lstat()
    between = root / "between"
    path.rename(between)
    to.rename(path)
    between.rename(to)


def touch(root: Path, path: Path, to: Path, what: int) -> None:
    os.utime(path) if what % 2 else os.utime(path, ns=LONG_AGO)


def chmod(root: Path, path: Path, to: Path, what: int) -> None:
    path.chmod(0o755 if what else 0)


def symlink(root: Path, path: Path, to: Path, what: int) -> None:
    with suppress(OSError):
        to.unlink()
    to.symlink_to(os.path.relpath(path, to.parent))


def link(root: Path, path: Path, to: Path, what: int) -> None:
    with suppress(OSError):
        to.unlink()
    to.hardlink_to(path)


HAPPENINGS: Mapping[str, Callable[[Path, Path, Path, int], object]] = {
    "write": write, "rewrite": rewrite, "replace": replaced, "append": append, "restore": restore, "delete": delete,
    "rename": rename, "move": move, "copy": copied, "folder": to_folder, "flat": to_flat, "swap": swap, "touch": touch,
    "chmod": chmod, "symlink": symlink, "link": link,
}  # fmt: skip
MAKING = ("write", "append", "restore", "symlink", "folder", "flat")
"""For these a path need not be there."""


def has_untold_names(root: Path) -> bool:
    """Whether a file can be changed by a name of which no event in its place tells: another hard link of it, or where a
    link leads. Only a look at everything finds that."""
    for folder, folders, files in os.walk(root):
        paths = [Path(folder, name) for name in (*folders, *files)]
        if any(path.is_symlink() or (path.is_file() and path.stat().st_nlink > 1) for path in paths):
            return True
    return False


# --------------------------------------------------------------------------- who looks

SENTINELS = tuple(f".sentinel-{number}" for number in range(40))
CACHED = 0.02
"""Seconds for which the file system may tell what was, as NFS does."""
TICK = 0.011
"""Seconds in which the time of a file changes."""
PATIENCE = 0.4
"""Seconds after which a place is said not to answer."""


class Site:
    """Two places, and what is known of them. `polling`: they are on another machine's file system, and looked at at
    intervals; else the kernel tells of changes. `blank`: a store."""

    def __init__(self, folder: Path, blank: Path, *, polling: bool, opened: ExitStack) -> None:
        self.root, self.polling = folder / "root", polling
        self.marker = folder / "marker"
        self.root.mkdir()
        (self.root / "aside").mkdir()
        for place in PLACES:
            fill(self.root / place, start(place))
        self.at = self.root
        if polling:
            self.at = folder / "at"
            self.at.mkdir()
            self.fs = opened.enter_context(SlowFs(self.root, self.at, 0, CACHED, CACHED))
        options = {"timeout": PATIENCE, "at_once": 4}
        self.sources = tuple(
            SourceConfig(
                n, n, f"{self.at}/{n}", "filesystem", STATES.stage([n]), ("bulk",), options=options if polling else {}
            )
            for n in PLACES
        )
        shutil.copy(blank, folder / "store.db")
        self.store = open_store(f"sqlite:///{folder / 'store.db'}", STATES, create=False)
        opened.callback(self.store.close)
        self.watcher = self._watcher()
        opened.callback(self.watcher.stop)
        self.settled = 0
        self.tracker(self.store).crawl()
        self.watcher.start()
        self.settle()

    def _watcher(self) -> Watcher:
        every = timedelta(seconds=0.05) if self.polling else timedelta(seconds=0.1)
        places = [Place(name, self.at / name, not self.polling, every) for name in PLACES]
        quick = timedelta(seconds=0.01)
        return Watcher(places, debounce=quick, longest=10 * quick, patience=timedelta(seconds=PATIENCE / 2))

    def tracker(self, store: Store) -> Tracker:
        limits = HoldLimits(more_than=10**6)
        return Tracker(
            sources=self.sources,
            open_source=lambda config: FilesystemSource(config, ACCESSION),
            store=store,
            eligibility=Databases((), ()),
            supported_species=lambda: None,
            outputs=(),
            policy=Policy(STATES, limits),
            layout=Layout(STATES),
            version="1",
        )

    # ----------------------------------------------------------------------- what happens

    def happen(self, change: Change, *, here: bool = False) -> None:
        """`here`: by this machine, and not another."""
        time.sleep(TICK)
        happen(self.at if here else self.root, change)

    def crawl(self, touched: Mapping[str, Collection[str] | None]) -> Report:
        """As the daemon does: what does not answer is not asked."""
        silent = {name: mode.why for name, mode in self.watcher.modes().items() if mode.how == "silent"}
        return self.tracker(self.store).crawl(touched=touched, silent=silent)

    def settle(self) -> None:
        """Until each change that there was has been told, and looked at."""
        self.settled += 1
        sentinel = SENTINELS[self.settled % len(SENTINELS)]
        time.sleep(CACHED + TICK)
        if not self.polling:
            for place in PLACES:
                os.utime(self.root / place / sentinel)
        waiting, deadline = {*PLACES}, time.monotonic() + 20
        while waiting:
            assert time.monotonic() < deadline, f"nothing is told of {waiting}: {self.watcher.modes()}"
            if (batch := self.watcher.wait(1)) is None:
                continue
            touched: dict[str, Collection[str] | None] = dict.fromkeys(batch.whole)
            for name, names in batch.touched.items():
                if sentinel in names:
                    waiting.discard(name)
                if names := names - {*SENTINELS}:
                    touched[name] = names
            if touched:
                report = self.crawl(touched)
                waiting -= batch.whole.keys() - {s.name for s in report.sources if s.status == "failed"}
        if not self.polling and has_untold_names(self.root):
            self.crawl(dict.fromkeys(PLACES))

    @contextmanager
    def at_step(self, step: str, number: int, change: Change) -> Iterator[None]:
        """It happens while somebody looks: before the step of that number, by whichever process."""
        real, count = getattr(tree, step), iter(range(10**6))

        def stepping(*arguments: Any, **more: Any) -> Any:
            if next(count) == number:
                with suppress(FileNotFoundError):
                    self.marker.unlink()
                    happen(self.root, change)
            return real(*arguments, **more)

        self.marker.touch()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tree, step, stepping)
            yield
        self.marker.unlink(missing_ok=True)

    @contextmanager
    def ailing(self, fault: str, path: str, failing: str) -> Iterator[Collection[str]]:
        """So long it cannot be read. Gives the places of which nothing can be."""
        place, operations = path.partition("/")[0], OPERATIONS_THAT_FAIL[failing]
        if fault == "away" or not self.polling:
            away = self.root / "away"
            (self.root / place).rename(away)
            time.sleep(2 * CACHED)
            yield {place}
            away.rename(self.root / place)
        elif fault in ("unmount", "empty"):
            self.fs.unmount(lazy=True)
            for name in PLACES if fault == "empty" else ():
                (self.at / name).mkdir()
            yield PLACES
            shutil.rmtree(self.at, ignore_errors=True)
            self.at.mkdir(exist_ok=True)
            self.fs.mount()
        else:
            healing = Timer(30, self.fs.heal)  # who waits all the same is to end, and to fail
            healing.start()
            if fault == "hang":
                self.fs.hang("/" + path, below=True, operations=operations)
            else:
                self.fs.fail("/" + path, getattr(errno, fault), below=True, operations=operations)
            time.sleep(2 * CACHED)
            yield {place} if path == place and failing == "all" else ()
            healing.cancel()
            self.fs.heal()

    # ----------------------------------------------------------------------- what is known

    def check(self) -> None:
        fresh, again = MemoryStore(), Unwritten(self.store)
        self.tracker(fresh).crawl(full=True)
        agree(seen_in(self.store, readable=True), seen_in(fresh, readable=True))
        if not any(entry.problem.code is Code.UNREADABLE for entry in fresh.known().problems):
            assert decided_in(self.store) == decided_in(fresh)
        self.tracker(again).crawl(full=True)
        news = again.news()
        assert not news, pformat(news, width=200)


class Unwritten:
    """A store in which nothing is recorded; `news` is what would have been."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: Recording | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def record(self, recording: Recording, lock: Lock) -> int:
        self._told = recording
        return recording.run.id

    def news(self) -> dict[str, object]:
        """But for what nobody sees: that a file system has been mounted, and so has another number."""
        told, known = self._told, self._store.known()
        assert told is not None
        amended = [s for s in told.sightings.amended if plain(s) != plain(known.sightings[s.source][s.dataset])]
        found = {
            "sightings": (told.sightings.opened, told.sightings.closed, tuple(amended)),
            "decisions": told.decisions,
            "problems": told.problems,
            "holds": told.holds,
            "groups": told.groups,
            "changes": told.changes,
        }
        return {name: news for name, news in found.items() if news and news != ((), (), ())}


def seen_in(store: Store, *, readable: bool = False) -> dict[tuple[str, str], Sighting]:
    """`readable`: only what could be read, for the rest depends on what was known before."""
    return {
        (source, dataset): plain(seen)
        for source, found in store.known().sightings.items()
        for dataset, seen in found.items()
        if not readable or all(problem.code is not Code.UNREADABLE for problem in seen.problems)
    }


def agree(known: Mapping[Any, object], there: Mapping[Any, object]) -> None:
    differ = {k: (known.get(k), there.get(k)) for k in known.keys() | there.keys() if known.get(k) != there.get(k)}
    assert not differ, pformat(differ, width=200)


def plain(seen: Sighting) -> Sighting:
    files = tuple(replace(file, identity=file.identity._replace(device=0)) for file in seen.files)
    return replace(seen, files=files, problems=tuple(sorted(seen.problems, key=lambda problem: problem.identity)))


def decided_in(store: Store) -> tuple[object, ...]:
    """But for what depends on how it was before."""
    known = store.known()
    return (
        {d: s.decision for d, s in known.standings.items() if s.decision.state is not None},
        {e.problem.identity for e in known.problems if e.problem.code is not Code.WENT_BACKWARDS},
        {(known.group, known.evidence) for known in store.groups()},
    )


def start(place: str) -> dict[str | bytes, bytes]:
    """One dataset of each kind; another one in each place."""
    folder, flat = FOLDERS[:2] if place == PLACES[0] else FOLDERS[1::-1]
    paths = [f"{ANCHOR}/{ANCHOR}.idf.txt", f"{folder}/{folder}.idf.txt", f"{folder}/{folder}.sdrf.txt"]
    paths += [f"{folder}/named.sdrf.txt", f"{flat}.idf.txt", f"{flat}.sdrf.txt"]
    return {**{path: text(path, len(path) % 3) for path in paths}, **dict.fromkeys(SENTINELS, b"")}


# --------------------------------------------------------------------------- all of it

FAULTS = ("EIO", "ESTALE", "EACCES", "ENOTCONN", "hang", "unmount", "empty", "away")
OPERATIONS_THAT_FAIL = {
    "all": OPERATIONS, "looking": {"getattr"}, "listing": {"opendir", "readdir"}, "opening": {"open"},
    "reading": {"read"},
}  # fmt: skip
STEPS = ("listed", "identity", "folder_identity", "head", "same", "may_be_folder")


class Life(RuleBasedStateMachine):
    """`trusted`: all times seem to be old, so that nothing but them tells what has changed. Else all that happens here
    is so young that it is read once more, whatever its times say; then it may happen at any moment, too."""

    blank: Path
    polling: bool
    trusted: bool

    def __init__(self) -> None:
        super().__init__()
        self.opened = ExitStack()
        try:
            folder = Path(self.opened.enter_context(tempfile.TemporaryDirectory(dir=MEMORY)))
            patch = self.opened.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(keeper, "_PAUSE", 0.02)
            ahead = NEVER.total_seconds() if self.trusted else 0
            patch.setattr(filesystem, "time", SimpleNamespace(time_ns=lambda: time.time_ns() + round(ahead * 10**9)))
            self.site = Site(folder, self.blank, polling=self.polling, opened=self.opened)
        except BaseException:
            self.opened.close()
            raise

    def teardown(self) -> None:
        try:
            self.site.settle()
            self.site.check()
        finally:
            self.opened.close()

    @rule(changes=st.lists(changes, min_size=1, max_size=4), here=st.booleans())
    def things_happen(self, changes: list[Change], here: bool) -> None:
        for change in changes:
            self.site.happen(change, here=here)
        self.site.settle()
        self.site.check()

    @rule(changes=st.lists(changes, min_size=1, max_size=4), step=st.sampled_from(STEPS), number=st.integers(0, 8))
    def something_happens_while_somebody_looks(self, changes: list[Change], step: str, number: int) -> None:
        for change in changes[1:]:
            self.site.happen(change)
        if self.trusted:
            self.site.happen(changes[0])
            self.site.settle()
        else:
            with self.site.at_step(step, number, changes[0]):
                self.site.settle()
            self.site.settle()
        self.site.check()

    @rule(
        fault=st.sampled_from(FAULTS),
        path=st.sampled_from(PLACES) | st.sampled_from(PATHS),
        failing=st.sampled_from([*OPERATIONS_THAT_FAIL]),
        meanwhile=st.lists(changes, max_size=3),
    )
    def a_place_does_not_answer_well(self, fault: str, path: str, failing: str, meanwhile: list[Change]) -> None:
        before = seen_in(self.site.store)
        with self.site.ailing(fault, path, failing) as whole:
            self.site.crawl(dict.fromkeys(PLACES))
            there = seen_in(self.site.store)
            agree(*({key: kept(seen) for key, seen in found.items()} for found in (before, there)))
            for change in meanwhile:
                self.site.happen(change)
            if whole:
                self.site.crawl(dict.fromkeys(PLACES))
                now = seen_in(self.site.store)
                agree(*({key: seen for key, seen in found.items() if key[0] in whole} for found in (there, now)))
        self.site.settle()
        self.site.check()


def kept(seen: Sighting) -> tuple[object, ...]:
    """What stays while it cannot be read."""
    return seen.location, seen.modified, seen.metadata, seen.files


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "blank.db"
    open_store(f"sqlite:///{path}", STATES, create=True).close()
    return path


WAYS = [
    pytest.param(polling, trusted, id=f"{'polling' if polling else 'events'}, {'old' if trusted else 'young'} times")
    for polling in (False, True)
    for trusted in (False, True)
]


@pytest.mark.parametrize("polling, trusted", WAYS)
def test_what_is_known_is_what_there_is(blank: Path, polling: bool, trusted: bool) -> None:
    live(blank, polling, trusted, max_examples=2 if polling else 3, steps=4 if polling else 6)


@pytest.mark.long
@pytest.mark.parametrize("polling, trusted", WAYS)
def test_what_is_known_is_what_there_is_for_hundreds_of_lives(blank: Path, polling: bool, trusted: bool) -> None:
    live(blank, polling, trusted, max_examples=150, steps=20)


def live(blank: Path, polling: bool, trusted: bool, *, max_examples: int, steps: int) -> None:
    machine = type("Life", (Life,), {"blank": blank, "polling": polling, "trusted": trusted})
    # A life takes a second: what fails is shown as it was, and not made shorter for minutes.
    how = settings(max_examples=max_examples, stateful_step_count=steps, deadline=None, phases=[Phase.generate])
    run_state_machine_as_test(machine, settings=how)  # type: ignore[no-untyped-call]

"""Files that hold the same, wherever they are: by size, then by how they begin and end, then by all of it.

What was once read is not read again as long as the file stays as it is. Two files whose hashes (XXH3, 128 bits) are
the same are taken for the same: by chance that never happens, but one could make such a pair on purpose.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias

from xxhash import xxh3_128, xxh3_128_digest

from app.domain.contents import Digests, Found, Identical, Identity, Unreadable
from app.errors import SourceError
from app.sources import forked, tree
from app.sources.forked import AT_ONCE, WORTH_IT, mapped

ENDS = 16 * 2**10
"""How much is read of the beginning and of the end of a file; all of one that is not longer than both. What the store
keeps holds for this number only."""
BLOCK = 2**18
SETTLED = 2 * 10**9
"""Nanoseconds. A file that was changed so shortly ago might change again and look the same: what was read of it is not
kept. Git calls that racy; clocks of file systems go in steps, of as much as two seconds."""
A_BATCH, PATIENCE = 20_000, 5
"""What was read is kept when it is so many files, or after so many seconds."""
A_SAMPLE = 50
MUCH = 2**26
"""Bytes that are worth several processes, however few the files."""

Known: TypeAlias = Callable[[Collection[Identity]], Mapping[Identity, Digests]]
Keep: TypeAlias = Callable[[Mapping[Identity, Digests]], object]


def identical(
    paths: Sequence[bytes],
    known: Known,
    keep: Keep,
    progress: Callable[[str], object] = lambda doing: None,
    clock: Callable[[], int] = time.time_ns,
) -> Found:
    """Groups of two files or more; each file counts once, whatever its names and however it is reached. Below the
    paths no link is followed; a path itself may be one. Empty files are in no group. What cannot be read, or changes
    meanwhile, is told in `unreadable`, and the rest goes on. Raises SourceError when a process that reads is killed.

    `known` gives what `keep` was given, of those that it has. `clock`: nanoseconds since 1970."""
    settled = clock() - SETTLED
    progress("looking for files")
    try:
        place = _Place()
        place.look(paths)
        sizes = Counter(map(itemgetter(2), place.names))
        alike = sorted(file for file in place.names if file[2] and sizes[file[2]] > 1)  # as disks have them, nearly
        reading = _Reading(place, alike, [*map(known(alike).get, alike)])
        unknown = reading.unknown()
        progress(f"reading how {len(unknown):,} files begin and end")
        _keep(reading.read(_ends, unknown), keep, settled)
        undecided = reading.undecided()
        progress(f"reading {len(undecided):,} files in full")
        _keep(reading.read(_whole, _mixed(undecided, alike)), keep, settled)
    except ChildProcessError as error:
        raise SourceError("", "", f"the files could not be read in full: {error}") from error
    return Found(
        groups=tuple(sorted(reading.groups(), key=lambda group: (-group.wasted, group.files))),
        files=len(place.names),
        bytes=sum(map(itemgetter(2), place.names)),
        read=len({*unknown, *undecided}),
        unreadable=tuple(sorted(place.unreadable, key=lambda one: one.path)),
    )


def _keep(read: Iterable[tuple[Identity, Digests]], keep: Keep, settled: int) -> None:
    """Now and then, so that a run that ends early was not for nothing."""
    fresh: dict[Identity, Digests] = {}
    due = time.monotonic() + PATIENCE
    for file, digests in read:
        mtime, ctime = file[3:]
        if ctime < settled and not settled <= mtime < settled + 2 * SETTLED:
            fresh[file] = digests
        if len(fresh) >= A_BATCH or time.monotonic() > due:
            keep(fresh)
            fresh, due = {}, time.monotonic() + PATIENCE
    if fresh:
        keep(fresh)


# --------------------------------------------------------------------------- looking


@dataclass(slots=True)
class _Place:
    """Everything below the paths. Of a file that has several names the further ones are in `more`."""

    names: dict[Identity, bytes] = field(default_factory=dict)
    more: dict[Identity, list[bytes]] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    folders: set[tuple[int, int]] = field(default_factory=set)

    def look(self, paths: Iterable[bytes]) -> None:
        """Level by level: those of a level are listed by several processes."""
        given = [(path, _inside(path, through_link=True)) for path in paths]
        level = [(path, said) for path, said in given if said is not None]
        while level:
            below = [path for folder, said in level for path in self._enter(folder, said)]
            level = [(path, said or "") for path, said in zip(below, mapped(_inside, below), strict=True)]
        singles = {}
        for path in (path for path, said in given if said is None):
            try:
                one = tree.single(path)
            except OSError as error:
                self.unreadable.append(Unreadable(path, tree.reason(error)))
            else:
                singles[one.place] = one
        for (*folder, _), one in singles.items():
            if tuple(folder) not in self.folders:
                self._add([one.identity], [one.path])

    def _enter(self, folder: bytes, said: tree.Inside | str) -> list[bytes]:
        """Returns the folders in it; none the second time, whichever way one came."""
        if isinstance(said, str):
            self.unreadable.append(Unreadable(folder, said))
            return []
        if said.folder in self.folders:
            return []
        self.folders.add(said.folder)
        prefix = folder if folder.endswith(b"/") else folder + b"/"
        self.unreadable += [Unreadable(prefix + name, reason) for name, reason in said.unknown]
        self._add(said.identities, [prefix + name for name in said.names])
        return [prefix + name for name in said.folders]

    def _add(self, files: Iterable[Identity], paths: Iterable[bytes]) -> None:
        names = self.names
        for file, path in zip(files, paths, strict=True):
            if names.setdefault(file, path) is not path:
                self.more.setdefault(file, []).append(path)

    def names_of(self, file: Identity) -> tuple[bytes, ...]:
        return tuple(sorted((self.names[file], *self.more[file]))) if file in self.more else (self.names[file],)


def _inside(folder: bytes, *, through_link: bool = False) -> tree.Inside | str | None:
    """Why it cannot be listed, if it cannot; None: it is no folder."""
    try:
        return tree.inside(folder, through_link=through_link)
    except NotADirectoryError as error:
        return None if through_link else tree.reason(error)
    except OSError as error:
        return tree.reason(error)


# --------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class _Reading:
    """Files that may be the same as another, by number, and what is known of each by now. To look them up by what
    they are instead takes longer than anything else that is done with them."""

    place: _Place
    files: Sequence[Identity]
    digests: list[Digests | None]

    def unknown(self) -> list[int]:
        return [number for number, known in enumerate(self.digests) if known is None]

    def undecided(self) -> list[int]:
        """Those that are as another as far as is known, and of which not all is known."""
        counts = Counter(known[0] for known in self.digests if known)
        return [n for n, known in enumerate(self.digests) if known and known[1] is None and counts[known[0]] > 1]

    def read(self, step: Step, numbers: Sequence[int | None]) -> Iterator[tuple[Identity, Digests]]:
        def done(number: int | None) -> Digests | str | None:
            if number is None:
                return None
            file = self.files[number]
            try:
                return step(self.place.names[file], file, self.digests[number])
            except OSError as error:
                return tree.reason(error)

        for number, said in zip(numbers, mapped(done, numbers, self._processes(numbers)), strict=True):
            if number is None or said is None:
                continue
            file = self.files[number]
            if isinstance(said, str):
                self.place.unreadable.append(Unreadable(self.place.names[file], said))
            else:
                self.digests[number] = said
                yield file, said

    def _processes(self, numbers: Sequence[int | None]) -> int:
        """As many as there are cores where there is no disk to wait for."""
        if len(numbers) < WORTH_IT:
            return 1
        some = [number for number in numbers if number is not None][:: max(len(numbers) // A_SAMPLE, 1)]
        at_hand = all(tree.is_in_memory(self.place.names[self.files[number]]) for number in some)
        return min(forked.fitting(), max(os.cpu_count() or 1, 2)) if at_hand else forked.fitting()

    def groups(self) -> Iterator[Identical]:
        counts = Counter(known[1] for known in self.digests if known)
        same: dict[bytes, list[Identity]] = defaultdict(list)
        for file, known in zip(self.files, self.digests, strict=True):
            if known and (whole := known[1]) and counts[whole] > 1:
                same[whole].append(file)
        for files in same.values():
            # Of a file that changed while we looked, two names may have been seen as two.
            files = [*{file[1::-1]: file for file in files}.values()]
            if len(files) > 1:
                yield Identical(files[0][2], tuple(sorted(map(self.place.names_of, files))))


Step: TypeAlias = Callable[[bytes, Identity, Digests | None], Digests]


def _ends(path: bytes, file: Identity, _known: object) -> Digests:
    """Its size is in it: of files of other sizes that begin and end like it nothing more needs to be read."""
    digest = xxh3_128_digest(tree.ends(path, file, ENDS), file[2])
    return digest, digest if file[2] <= 2 * ENDS else None


def _whole(path: bytes, file: Identity, known: Digests | None) -> Digests:
    digest = xxh3_128()
    for block in tree.blocks(path, file, BLOCK):
        digest.update(block)
    return known[0] if known else b"", digest.digest()


def _mixed(numbers: Sequence[int], files: Sequence[Identity]) -> list[int | None]:
    """Such that each part that a process is given has some of the large ones. Few that are large are filled up with
    nothing to as many as are worth processes."""
    given: list[int | None] = [*sorted(numbers, key=lambda number: files[number][2], reverse=True)]
    if sum(files[number][2] for number in numbers) >= MUCH:
        given += [None] * (WORTH_IT - len(given))
    parts = max(len(given) // AT_ONCE, 1)
    return [number for first in range(parts) for number in given[first::parts]]

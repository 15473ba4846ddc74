"""A made-up tree with identical files in it, as large as wanted; others' programs that find them; and whether they
find the same.

Some files are told apart by their size, many only by how they begin, some only in the middle or at the very end."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable
from hashlib import sha256
from math import exp
from pathlib import Path
from typing import Any, NamedTuple

COPIES, LINKS, EMPTY = 30, 1, 1  # of all files, in per cent: as an earlier one, hard links of one, nothing in it
ALIKE, USUAL = 4, 25  # of the others, in per cent: as an earlier one but for 8 bytes, one of USUAL_SIZES sizes
USUAL_SIZES, LARGE = 60, 5_000  # one of so many of the others is large
SPREAD = 1.7  # of the other sizes, which are lognormal: their mean is four times their median
A_FOLDER, FOLDERS = 40, 25  # files in a folder, folders in one of folders
LEFT_FREE = 5 * 2**30

PEERS = {
    "find": r"find TREE -type f -printf '%s %T@ %i\n'",
    "jdupes": "jdupes -q -r TREE",
    "fdupes": "fdupes -q -r TREE",
    "rdfind": "rdfind -dryrun true -makeresultsfile false TREE",
    "rmlint": "rmlint -o fdupes:stdout --types=duplicates --hidden TREE",
}
"""All but the first find identical files. jdupes and fdupes tell of hard links but once, as ours counts them."""


class Tree(NamedTuple):
    """What was made below the folder `root`: so many files, of so many bytes (hard links counted once)."""

    root: Path
    files: int
    size: int

    @property
    def place(self) -> Path:
        return self.root / "files"

    @property
    def config(self) -> Path:
        return self.root / "files.yaml"


def kept(root: Path, files: int, size: int, seed: int = 1) -> Tree:
    """The tree that is in this folder, if it is whole and as it would be made now; else it is made anew. Raises
    OSError where the disk is too small for it."""
    note, wanted = root / "complete.json", [sha256(Path(__file__).read_bytes()).hexdigest(), files, size, seed]
    try:
        noted: dict[str, Any] = json.loads(note.read_text())
    except (OSError, ValueError):
        noted = {}
    if noted.get("made") == wanted:
        return Tree(root, *noted["tree"])
    shutil.rmtree(root, ignore_errors=True)
    needed, free = size * 5 // 4 + files * 8192 + LEFT_FREE, shutil.disk_usage(root.parent).free
    if free < needed:
        raise OSError(
            f"{root.parent} has {free / 2**30:.1f} GiB free; {files:,} files of {size / 2**30:.1f} GiB need "
            f"{needed / 2**30:.1f}, of which 5 are left so: name another --dir, or fewer files"
        )
    tree = make(root, files, size, seed)
    note.write_text(json.dumps({"made": wanted, "tree": tree[1:]}))
    return tree


def make(root: Path, files: int = 200_000, size: int = 8 * 2**30, seed: int = 1) -> Tree:
    """Makes it in an empty or new folder; equal arguments give equal bytes. `size` is what it comes to, about."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "sources.json").write_text('{"files": {"stage": ["external"]}}')
    (root / "files.yaml").write_text("sources: sources.json\nstore: var/files.db\n")
    rng = random.Random(seed)
    contents = _contents(rng, files, size)
    noise = rng.randbytes(2**24)
    noise *= max(content.size for content in contents) // len(noise) + 1
    made: list[Path] = []
    total = 0
    for number, content in enumerate(contents):
        folder = root / "files" / f"{number // A_FOLDER // FOLDERS:03}" / f"{number // A_FOLDER:05}"
        if number % A_FOLDER == 0:
            folder.mkdir(parents=True)
        path = folder / f"{rng.choice(NAMES)}_{number}.{rng.choice(ENDINGS)}"
        if made and rng.randrange(100) < LINKS:
            path.hardlink_to(rng.choice(made))
            continue
        path.write_bytes(content.of(noise))
        made.append(path)
        total += content.size
    return Tree(root, files, total)


NAMES, ENDINGS = ("reads", "counts", "E-MTAB", "README", "matrix"), ("fastq.gz", "tsv", "txt", "bam", "idf.txt")


class _Content(NamedTuple):
    """Noise that begins with a number; another number may stand `at` a later place."""

    size: int
    number: int
    at: int = 0
    other: int = 0

    def of(self, noise: bytes) -> bytes:
        data = self.number.to_bytes(8, "little") + noise[8 : self.size]
        if self.at:
            data = data[: self.at] + self.other.to_bytes(8, "little") + data[self.at + 8 :]
        return data[: self.size]


def _contents(rng: random.Random, files: int, size: int) -> list[_Content]:
    """What is in the files. Their sizes are drawn as parts of one another, and then made to come to `size`."""
    mean = exp(SPREAD**2 / 2)
    usual = [rng.lognormvariate(0, SPREAD) for _ in range(USUAL_SIZES)]
    drawn: list[tuple[float, int, float]] = []  # size, number of what it begins with, place where it differs from that
    for number in range(files):
        kind = rng.randrange(100)
        if drawn and kind < COPIES:
            drawn.append(rng.choice(drawn))
        elif kind < COPIES + EMPTY:
            drawn.append((0, number, 0))
        elif drawn and rng.randrange(100) < ALIKE:
            drawn.append((*rng.choice(drawn)[:2], rng.choice((0.1, 0.5, 0.9, 1))))
        elif rng.randrange(LARGE) == 0:
            drawn.append((mean * rng.uniform(400, 2_500), number, 0))
        elif rng.randrange(100) < USUAL:
            drawn.append((rng.choice(usual), number, 0))
        else:
            drawn.append((rng.lognormvariate(0, SPREAD), number, 0))
    factor = size / sum(part for part, _, _ in drawn)
    sizes = [int(part * factor) + (part > 0) for part, _, _ in drawn]
    return [
        _Content(length, begin, max(int((length - 8) * at), 0), number if at else 0)
        for number, (length, (_, begin, at)) in enumerate(zip(sizes, drawn, strict=True))
    ]


# --------------------------------------------------------------------------- whether others say the same

Groups = frozenset[frozenset[tuple[int, int]]]
"""Of files by device and inode: of the names of one file, jdupes tells some."""


def ours(said: str) -> Groups:
    """Of what `ingest-tracker duplicates files --json TREE` says."""
    return _files([file["path"] for file in group["files"]] for group in json.loads(said)["groups"])


def theirs(said: str) -> Groups:
    """Of what `jdupes -q -r TREE` says, or fdupes: a path a line, an empty line after each group."""
    return _files(group.splitlines() for group in said.split("\n\n") if group.strip())


def _files(groups: Iterable[Iterable[str]]) -> Groups:
    """Names of one file alone are no group."""
    looked = (frozenset(map(_file, group)) for group in groups)
    return frozenset(group for group in looked if len(group) > 1)


def _file(path: str) -> tuple[int, int]:
    seen = Path(path).lstat()
    return seen.st_dev, seen.st_ino

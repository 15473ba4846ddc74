"""A made-up place with very many files: dataset folders with ten files each, and nothing in any of them. It is looked
through, and never read."""

from __future__ import annotations

import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from benchmarks.tree import ANALYSED

NAMES = ("{0}.idf.txt", "{0}.sdrf.txt", *ANALYSED[:8])
"""Half of them are a crawl's business."""
BYTES_A_FOLDER, LEFT_FREE = 4096 + 256 * (len(NAMES) + 1), 5 * 2**30


class Large(NamedTuple):
    """`place` holds the folders; `traces` is the file for what a look keeps of them; `note` was written when all of
    them were there."""

    place: Path
    traces: Path
    note: Path
    files: int


def kept(root: Path, folders: int) -> Large:
    """The place that is in this folder, if it is whole and as it would be made now; else it is made anew. Raises
    OSError where the disk is too small for it."""
    large = Large(root / "place", root / "traces", root / "complete", folders * len(NAMES))
    note, wanted = large.note, sha256(Path(__file__).read_bytes()).hexdigest() + f" {folders}"
    if note.exists() and note.read_text() == wanted:
        return large
    shutil.rmtree(root, ignore_errors=True)
    disk, needed = os.statvfs(root.parent), folders * BYTES_A_FOLDER + LEFT_FREE
    inodes = folders * (len(NAMES) + 1)
    if disk.f_bavail * disk.f_frsize < needed or (disk.f_files > 0 and disk.f_favail < inodes):
        raise OSError(
            f"{root.parent} is too full: {large.files:,} files need {needed / 2**30:.1f} GiB and {inodes:,} inodes "
            "free: name another --dir, or fewer --folders"
        )
    for number in range(1, folders + 1):
        accession = f"E-MTAB-{number}"
        folder = large.place / accession
        folder.mkdir(parents=True)
        for name in NAMES:
            os.mknod(folder / name.format(accession, curator="heron"))
    note.write_text(wanted)
    return large

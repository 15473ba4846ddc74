"""`python -m benchmarks.scan PLACE`: looks at every file below a folder, as `duplicates files` begins. With `--kept
TRACES`: looks whether anything in that place has changed since the traces in this file were kept, as a crawl begins;
where there is no such file yet all of it is read, and they are."""

from __future__ import annotations

import argparse
import gc
import marshal
import os
import re
from collections.abc import Iterator
from pathlib import Path

from app.domain.model import Lifecycle, SourceConfig
from app.sources import tree
from app.sources.filesystem import FilesystemSource
from app.sources.forked import mapped


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan", description=__doc__)
    parser.add_argument("place")
    parser.add_argument("--kept", type=Path, metavar="TRACES")
    given = parser.parse_args()
    gc.set_threshold(200_000, 50, 1_000)  # as ingest-tracker does
    if given.kept:
        print(altered(given.place, given.kept), "datasets to be read")
    else:
        files, size = map(sum, zip(*inside(os.fsencode(given.place)), strict=True))
        print(files, "files of", size, "bytes")


def inside(place: bytes) -> Iterator[tuple[int, int]]:
    """Of each folder: how many files there are in it, and of how many bytes."""
    level = [place]
    while level:
        below: list[bytes] = []
        for folder, found in zip(level, mapped(tree.inside, level), strict=True):
            yield len(found.names), sum(size for _, _, size, *_ in found.identities)
            below += [folder + b"/" + name for name in found.folders]
        level = below


def altered(place: str, file: Path) -> int:
    source = FilesystemSource(
        SourceConfig("large", "large", place, "filesystem", Lifecycle.of().stage(["external"])),
        re.compile(r"^E-[A-Z]{4}-\d+$"),
    )
    look = source.look(marshal.loads(file.read_bytes()) if file.exists() else {})
    for _ in look.read({}):
        pass
    if not file.exists():
        file.write_bytes(marshal.dumps(dict(look.kept())))
    return len(look.altered)


if __name__ == "__main__":
    main()

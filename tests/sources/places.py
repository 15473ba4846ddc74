"""Directories to read, and ways of looking at the reading."""

from __future__ import annotations

import os
import pickle
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from app.domain.model import Code, Lifecycle, Problem, Sighting, SourceConfig
from app.sources.filesystem import FilesystemSource

ACCESSION = re.compile(r"^E-[A-Z]{4}-\d+$")
REAL = Path(__file__).parents[3] / "shared" / "data"
NOBODY = 65534

IDF = b"Investigation Title\tA study\nComment[EACurator]\tada\nComment[AEExperimentType]\tRNA-seq of coding RNA\n"
SDRF = b"Source Name\tCharacteristics[organism]\nsample 1\tHomo sapiens\n"

T = TypeVar("T")


def config(location: str | Path, **given: Any) -> SourceConfig:
    given = {"name": "loading", "kind": "filesystem", "stage": Lifecycle.of().stage(["loading"]), **given}
    return SourceConfig(key=str(location), location=str(location), **given)


def fill(place: Path, files: Mapping[str | bytes, bytes]) -> Path:
    """Files by path below the place; a path that ends in / is a folder."""
    place.mkdir(exist_ok=True)
    for name, content in files.items():
        path = place / os.fsdecode(name)
        if os.fsdecode(name).endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return place


def dataset(accession: str, idf: bytes = IDF, sdrf: bytes = SDRF) -> dict[str | bytes, bytes]:
    return {f"{accession}/{accession}.idf.txt": idf, f"{accession}/{accession}.sdrf.txt": sdrf}


def source(place: str | Path, accession: re.Pattern[str] = ACCESSION) -> FilesystemSource:
    return FilesystemSource(config(place), accession)


def read(place: str | Path, known: Mapping[str, Sighting] | None = None) -> tuple[dict[str, Sighting], list[Problem]]:
    """Sightings by dataset, and the problems that are no dataset's own."""
    found = list(source(place).read(known or {}))
    sightings = {item.dataset: item for item in found if isinstance(item, Sighting)}
    return sightings, [item for item in found if isinstance(item, Problem)]


def codes(sighting: Sighting) -> list[Code]:
    return [problem.code for problem in sighting.problems]


def as_ordinary_user(work: Callable[[], T], inside: Path) -> T:
    """Does the work in a child process that is not root, and starts in a folder (which it could not reach
    from above, as pytest's folders are private)."""
    inside.chmod(0o755)
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.chdir(inside)
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            with os.fdopen(sending, "wb") as pipe:
                pickle.dump(work(), pipe)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(sending)
    with os.fdopen(receiving, "rb") as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0, "the child failed; what it wrote is above"
    result: T = pickle.loads(answer)
    return result


class Calls:
    """Counts what is asked of the file system: `scandir`, `is_dir`, `stat`, `open`, with the name asked about."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []

    def of(self, call: str) -> list[str]:
        return sorted(name for made, name in self.made if made == call)

    def note(self, call: str, path: str | bytes) -> None:
        self.made.append((call, Path(os.fsdecode(path)).name))


class _CountedEntry:
    def __init__(self, entry: os.DirEntry[bytes], calls: Calls) -> None:
        self._entry, self._calls = entry, calls
        self.name, self.path = entry.name, entry.path

    def is_symlink(self) -> bool:
        return self._entry.is_symlink()  # the listing tells; nothing is asked

    def is_dir(self) -> bool:
        if self._entry.is_symlink():
            self._calls.note("is_dir", self.path)
        return self._entry.is_dir()


@contextmanager
def counted(monkeypatch: Any) -> Iterator[Calls]:
    """Every listing, look and opening in this process, counted."""
    calls, scandir, opened, looked = Calls(), os.scandir, os.open, os.stat

    @contextmanager
    def counting_scandir(path: bytes) -> Iterator[Iterator[_CountedEntry]]:
        calls.note("scandir", path)
        with scandir(path) as entries:
            yield (_CountedEntry(entry, calls) for entry in entries)

    def counting_open(path: bytes, *arguments: Any, **more: Any) -> int:
        calls.note("open", path)
        return opened(path, *arguments, **more)

    def counting_stat(path: bytes, **more: Any) -> os.stat_result:
        calls.note("stat", path)
        return looked(path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", counting_scandir)
        patched.setattr(os, "open", counting_open)
        patched.setattr(os, "stat", counting_stat)
        yield calls

"""Whatever the bytes are, the readers answer: no exception, in time and memory that grow with what they are given."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.sources import magetab
from app.sources.magetab import CODES, SDRF_LIMIT, Said
from tests.sources.places import REAL

READERS: list[Callable[..., Said[Any]]] = [magetab.read_idf, magetab.read_sdrf, magetab.read_analysis_methods]
SCRAPS = [
    b"Investigation Title", b"Comment[EACurator]", b"Comment [SecondaryAccession]", b"SDRF File", b"Source Name",
    b"Characteristics[organism]", b"Comment[library construction]", b"Read Mapping", b"Gene Quantification",
    b"\t", b"\n", b"\r", b"\r\n", b'"', b'""', b"\t\"", b"\"\n", b"<FILL THIS>", b"<<<<<<< HEAD\n", b"=======\n",
    b">>>>>>> other\n", b"\x1f", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3\xa9", b"\xe9", b"\x81", b"#", b"[", b"]",
]  # fmt: skip


def check(data: bytes, complete: bool = True) -> None:
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for read in READERS:
        said = read(data, complete=complete)
        repr(said).encode("utf-8", "strict")  # fit to be stored: no half of a surrogate pair
        assert "\\x00" not in repr(said.values)
        codes = [note.code for note in said.notes]
        assert set(codes) <= CODES and len(set(codes)) == len(codes)
        assert all(0 <= line <= lines for line in [*(note.line for note in said.notes), *said.lines.values()])
        assert not any("\n" in note.text or "\t" in note.text for note in said.notes)


@given(some.lists(some.sampled_from(SCRAPS) | some.binary(max_size=40), max_size=60).map(b"".join), some.booleans())
def test_whatever_the_bytes_are_the_readers_answer(data: bytes, complete: bool) -> None:
    check(data, complete)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Something is cut, doubled, swapped, put in, or written in another encoding."""
    for _ in range(chance.randint(1, 5)):
        at, length = chance.randint(0, len(data)), chance.choice((1, 2, 10, 200))
        match chance.randint(0, 6):
            case 0:
                data = data[:at] + data[at + length :]
            case 1:
                data = data[:at] + data[at : at + length] * 2 + data[at + length :]
            case 2:
                data = data[:at] + chance.choice(SCRAPS) + data[at:]
            case 3:
                data = data[:at] + chance.randbytes(length) + data[at:]
            case 4:
                data = data.replace(chance.choice((b"\n", b"\t", b" ")), chance.choice(SCRAPS), chance.randint(1, 9))
            case 5:
                data = data[:at]
            case 6:
                data = data.decode("latin-1").encode(chance.choice(("utf-16", "utf-8", "utf-16-le", "utf-32-be")))
    return data[:SDRF_LIMIT]


def seeds() -> Iterator[bytes]:
    """The beginnings of real files where they are at hand, and of made-up ones."""
    row = b"".join(scrap + b"\tvalue of it\n" for scrap in SCRAPS[:9])
    yield row + b"\n".join(b"\t".join([b"cell"] * 9) for _ in range(20))
    files = [path for path in sorted(REAL.glob("magetab/**/*")) if path.is_file()]
    if not files:
        print(f"385 files were not mutated: there is no {REAL}")
    yield from (path.read_bytes()[:SDRF_LIMIT] for path in files)


def campaign(rounds: int) -> None:
    chance = random.Random(7)
    for data in seeds():
        for _ in range(rounds):
            check(mutated(data, chance), chance.random() < 0.8)


def test_mutated_files_are_read_or_refused() -> None:
    campaign(rounds=4)


@pytest.mark.long
def test_mutated_files_are_read_or_refused_at_length() -> None:
    campaign(rounds=200)


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "one long line": lambda n: b"x" * n,
    "tabs": lambda n: b"\t" * n,
    "blanks": lambda n: b" " * n + b"x",
    "blank cells": lambda n: b"a" + b"\t   " * (n // 4),
    "line ends": lambda n: b"a\n" + b"\n" * n,
    "CRs in one line": lambda n: b"a\tb\n" + b"\r" * n,
    "CRs between tabs": lambda n: b"a\tb\n" + b"\r\t" * (n // 2),
    "rows ended by CR": lambda n: b"Source Name\tb\n" + b"Investigation Title\tb\r" * (n // 22),
    "quotes": lambda n: b'"' * n,
    "opening quotes": lambda n: b'\t"' * (n // 2),
    "opening quotes on lines": lambda n: b'Source Name\n"x\t\n' + b'"a\n' * (n // 3),
    "unclosed quotes": lambda n: b'Investigation Title\t"a\n' * (n // 24),
    "doubled quotes": lambda n: b'\t"' + b'""\t' * (n // 3),
    "quoted lines": lambda n: b'Source Name\t"' + b"a\n" * (n // 2) + b'"',
    "many quoted lines": lambda n: b'Source Name\tb\n"a\nb"\t"c\nd"\n' * (n // 28),
    "opening brackets": lambda n: b"<" * n,
    "templates": lambda n: b"\t<a " * (n // 4),
    "merges": lambda n: b"<<<<<<< \n" * (n // 9),
    "half merges": lambda n: b"<<<<<<<" * (n // 7),
    "one field again and again": lambda n: b"Comment[EACurator]\ta\n" * (n // 21),
    "a field's name in one line": lambda n: b"Investigation Title\t" * (n // 20),
    "comments with brackets": lambda n: b"Comment[" * (n // 8),
    "almost a field": lambda n: b"Comment " + b" " * n,
    "organisms": lambda n: b"Source Name\t" + b"Characteristics[organism]\t" * (n // 52) + b"\n" + b"a\t" * (n // 4),
    "not UTF-8": lambda n: b"Investigation Title\t\xe9\n" * (n // 22),
    "not Windows-1252": lambda n: b"Investigation Title\t\x81\xe9\n" * (n // 23),
    "every second line UTF-8": lambda n: b"Source Name\t\xe9\nb\t\xc3\xa9\n" * (n // 19),
    "noughts between": lambda n: b"a\0" * (n // 2),
    "release": lambda n: b"Read Mapping\t" + b"(Ensembl " * (n // 9),
    "one long word": lambda n: b"Read Mapping\t" + b"a" * n,
    "version": lambda n: b"Read Mapping\t" + b"a " * (n // 2),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_and_memory_grow_with_the_bytes_and_no_faster(make: Callable[[int], bytes]) -> None:
    """Eight times the bytes may take sixteen times as long, where a square would take sixty-four (no clock is asked
    where both are done in no time), and some twenty times their size in memory."""
    small, large = make(1 << 14), make(1 << 17)
    for read in READERS:
        if (took := seconds(read, large)) > 0.25:
            assert took < 16 * seconds(read, small), read.__name__
    tracemalloc.start()
    try:
        for read in READERS:
            tracemalloc.reset_peak()
            read(large)
            assert tracemalloc.get_traced_memory()[1] < 100 * len(large), read.__name__
    finally:
        tracemalloc.stop()


def seconds(read: Callable[..., Any], data: bytes) -> float:
    """The better of two, so that another process does not count."""
    took = []
    for _ in range(2):
        started = time.process_time()
        read(data)
        took.append(time.process_time() - started)
    return min(took)

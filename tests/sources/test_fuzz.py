"""Whatever comes from outside, each reader answers in time: with what it read, or with an error that it may raise, and
never with what cannot be stored. Here with some hundred inputs a reader, the same each time; `./run fuzz` goes on with
others for as long as one likes. What fails is kept, and its place told."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import signal
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

from app.domain.catalogue import Fault, Record, as_json
from app.domain.model import Lifecycle, SourceConfig
from app.errors import RecordError, SourceError
from app.sources import fetch, listings, opener
from app.sources.json_stream import Document, NotJson
from app.sources.records import documents, xml
from app.sources.unpacking import BodyError, unpacked
from tests.sources import test_anything
from tests.sources.contract import Study, dcat_us, iso
from tests.sources.places import REAL
from tests.sources.test_documents import csdgm, full
from tests.sources.test_listings import bucket, page

ROUNDS = 250
"""Inputs a reader, where no time is given."""

MINUTES = float(os.environ.get("INGEST_TRACKER_FUZZ_MINUTES", "0"))
"""A reader."""

SECONDS = 10
"""In which a reader answers, whatever it is given."""

LARGEST = 200_000
"""Bytes of an input."""

SCRAPS = [
    b"<", b">", b"</", b"/>", b"&", b"&amp;", b"&x;", b"&#0;", b"&#xD800;", b"<!--", b"-->", b"<![CDATA[", b"]]>",
    b"<?", b"<!DOCTYPE a [<!ENTITY x 'y'>]>", b"xmlns=''", b'xmlns:gmd="urn:x"', b'<a href="', b'<a href="../">',
    b'<a href="//x/">', b"<pre>", b"</table>", b"<tr><td>", b"<time datetime='", b"2026-01-31 09:05",
    b"99/99/9999 99:99 PM", b"&lt;dir&gt;", b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"\\ud800",
    b"null", b"true", b"1e999", b"-0", b"1" * 400, b'"identifier": ', b'"title": null', b'"isPartOf": "a"',
    b'"spatial": ', b'"dataset": [', b'"@type": "dcat:Dataset"', b"\0", b"\n", b"\r\n", b"\t", b" ", b"\xff",
    b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x92\xa9", b"%00", b"%2e%2e/", b"http://[",
    b"NaN", b"Infinity", b"2026-13-45", b"0000-00-00", b"9999-12-31T23:59:59-23:59",
]  # fmt: skip


class Reader(NamedTuple):
    """`seeds`: inputs that it reads well; `rooms`: where real ones are, if they are at hand; `errors`: those that it
    may raise."""

    read: Callable[[bytes], object]
    seeds: list[bytes]
    rooms: tuple[str, ...] = ()
    errors: tuple[type[Exception], ...] = ()


# --------------------------------------------------------------------------- readers


def storable(value: Any) -> None:
    """As JSON, in a text column."""
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    written.encode()
    assert "\\u0000" not in written


def read_page(data: bytes) -> None:
    folder = "http://example.org/waf/"
    told = listings.understood(data, folder)
    for entry in told.entries:
        assert entry.url.isascii() and not set(' "<>\n\t') & set(entry.url)
        assert "/../" not in entry.url
        if b"ListBucketResult" not in data:
            assert entry.url.startswith(folder) and "?" not in entry.url
    storable([entry.stamp for entry in told.entries])


def read_document(data: bytes) -> None:
    storable(as_json(documents.understood(data)))


def read_elements(data: bytes) -> None:
    """The same, however it comes in pieces."""
    chance = random.Random(len(data))
    cuts = sorted({0, len(data), *(chance.randint(0, len(data)) for _ in range(chance.randint(0, 20)))})
    pieces = [data[begin:end] for begin, end in pairwise(cuts)]
    keys = ("dataset", "catalog")
    assert ended(Document(pieces).members(keys)) == ended(Document([data]).members(keys))


def ended(members: Iterator[object]) -> tuple[list[object], type[Exception] | None]:
    got: list[object] = []
    try:
        got.extend(members)
    except (NotJson, LookupError) as error:
        return got, type(error)
    return got, None


class Nobody:
    paced = False

    def wait(self) -> None: ...

    def known(self, identifiers: object) -> dict[str, Any]:
        return {}


def catalogue(kind: str, **options: Any) -> Callable[[bytes], None]:
    """Reads a whole one of this kind, from a server that sends just these bytes."""
    config = SourceConfig(
        "made", "made", "http://example.org/x", kind, Lifecycle.of().stage(["external"]), options=options
    )
    source: Any = opener(re.compile("E-[A-Z]{4}-[0-9]+"))(config)

    def read(data: bytes) -> None:
        @contextmanager
        def stream(client: fetch.Client, url: str, headers: Any = None) -> Iterator[fetch.Reply]:
            pieces = iter([data[at : at + 1_000] for at in range(0, len(data), 1_000)])
            yield fetch.Reply(200, {}, url, url, pieces, data)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fetch.Client, "stream", stream)
            for said in source.records(None, Nobody()):
                if isinstance(said, Fault):
                    said.message.encode()
                elif said.body is not None:
                    facts_of(source, said)

    return read


def facts_of(source: Any, record: Record) -> None:
    try:
        facts = source.facts(record)
    except RecordError as error:
        assert error.messages
    else:
        storable(as_json(facts))


def inflated(data: bytes) -> None:
    for coding in ("gzip", "deflate", "gzip, deflate"):
        try:
            assert sum(map(len, unpacked([data[:50], data[50:]], coding, 2**20))) <= 2**20
        except BodyError as error:
            assert str(error)


def catalogues() -> list[bytes]:
    told = [dcat_us(Study(f"S-{n}", f"Study {n}")) for n in range(3)]
    told[1]["isPartOf"] = "S-0"
    three = [{**told[2], "@type": "Dataset", "identifier": {"@id": "http://example.org/a"}, "inSeries": ["s"]}]
    series = [{"@type": "DatasetSeries", "@id": "s", "identifier": "s", "title": "All", "seriesMember": three}]
    return [
        json.dumps(each).encode()
        for each in (
            {"conformsTo": "https://project-open-data.cio.gov/v1.1/schema", "dataset": told},
            told,
            {
                "conformsTo": {"title": "DCAT-US 3.0"},
                "dataset": three,
                "datasetSeries": series,
                "catalog": [{"identifier": "c"}],
            },
        )
    ]


def pages() -> list[bytes]:
    nginx = page(*(f'<a href="{n}.xml">{n}.xml</a>   31-Jan-2026 09:05   4321' for n in range(3)))
    iis = page(*(f' 1/31/2026  9:05 AM  &lt;dir&gt; <A HREF="/waf/{n}/">{n}</A><br>' for n in range(3)))
    table = '<table><tr><td><a href="./a.xml">a</a><td><time datetime="2026-01-31T09:05:07Z">then</time></table>'
    return [nginx.encode(), iis.encode(), page(table).encode(), bucket("a.xml", "b/c.xml")]


LISTING = json.dumps({"studies": [{"id": f"S-{n}", "title": f"Study {n}", "links": ["E-MTAB-1"]} for n in range(3)]})
METADATA = [iso(Study("S-1", "Meadows")), full(), csdgm(), json.dumps(dcat_us(Study("S-1", "Meadows"))).encode()]

READERS = {
    "folder pages": Reader(read_page, pages(), ("waf_html",), (listings.NoListing,)),
    "metadata documents": Reader(read_document, METADATA, ("iso", "fgdc"), (RecordError,)),
    "XML": Reader(xml.parsed, METADATA[:3], ("iso",), (RecordError,)),
    "data.json": Reader(catalogue("data-json"), catalogues(), ("datajson/ckanext-datajson",), (SourceError,)),
    "JSON listings": Reader(
        catalogue("json-listing", items="studies", identifier="id", identifiers=["links"]),
        [LISTING.encode()],
        (),
        (SourceError,),
    ),
    "JSON elements": Reader(read_elements, [*catalogues(), LISTING.encode()]),
    "MAGE-TAB": Reader(test_anything.check, [next(test_anything.seeds())], ("magetab",)),
    "packed bodies": Reader(inflated, [gzip.compress(LISTING.encode() * 20), zlib.compress(LISTING.encode() * 20)]),
}


# --------------------------------------------------------------------------- campaigns


def mutated(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Something is cut, doubled, moved, put in, taken from another one, or written in another encoding."""
    for _ in range(chance.choice((1, 1, 2, 3, 5, 10))):
        at, length = chance.randint(0, len(data)), chance.choice((1, 2, 10, 100, 1_000))
        match chance.randint(0, 8):
            case 0:
                data = data[:at] + data[at + length :]
            case 1:
                data = data[:at] + data[at : at + length] * chance.choice((2, 2, 3, 100)) + data[at + length :]
            case 2:
                data = data[:at] + chance.choice(SCRAPS) + data[at:]
            case 3:
                data = data[:at] + chance.randbytes(min(length, 10)) + data[at + length :]
            case 4:
                other = chance.choice(others)
                begin = chance.randint(0, len(other))
                data = data[:at] + other[begin : begin + length] + data[at:]
            case 5:
                data = data[:at]
            case 6:
                data = data.replace(chance.choice(SCRAPS), chance.choice(SCRAPS), chance.randint(1, 9))
            case 7:
                data = data[:at] + chance.choice(SCRAPS) * chance.choice((10, 1_000)) + data[at:]
            case 8 if chance.random() < 0.2:
                data = data.decode("latin-1").encode(chance.choice(("utf-16", "utf-8", "utf-16-be", "utf-32")))
    return data[:LARGEST]


def seeds(reader: Reader) -> list[bytes]:
    real = [path for room in reader.rooms for path in sorted((REAL / room).rglob("*")) if path.is_file()]
    if reader.rooms and not real:
        print(f"real ones were not mutated: there is no {REAL}")
    return [*reader.seeds, *(path.read_bytes()[:LARGEST] for path in real)]


@contextmanager
def in_time() -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer in {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def tried(reader: Reader, data: bytes) -> None:
    try:
        with in_time():
            reader.read(data)
    except reader.errors as error:
        assert str(error) and "\n" not in str(error)
        str(error).encode()


@pytest.mark.parametrize("name", READERS)
def test_whatever_comes_the_reader_answers(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    reader, number = READERS[name], 0
    here = seeds(reader)
    seed = random.randrange(2**32) if MINUTES else 7
    chance, ends = random.Random(seed), time.monotonic() + 60 * MINUTES
    while number < ROUNDS or time.monotonic() < ends:
        data = mutated(chance.choice(here), here, chance)
        number += 1
        try:
            tried(reader, data)
        except BaseException:
            kept = tmp_path_factory.getbasetemp() / f"{name.replace(' ', '-')}-{seed}-{number}"
            kept.write_bytes(data)
            print(f"{name}: input {number} of seed {seed} is kept in {kept}")
            raise
    print(f"{name}: {number:,} inputs")


def test_what_a_reader_may_not_raise_is_found(tmp_path: Path) -> None:
    def read(data: bytes) -> None:
        raise KeyError(data)

    with pytest.raises(KeyError):
        tried(Reader(read, [b""], (), (RecordError,)), b"")

"""Catalogues on a web server of this machine: a data.json as large as one likes, and a folder of ISO 19139 documents.

    python -m benchmarks.catalogues iterate ADDRESS

passes over a data.json with ijson (yajl2_c), and makes nothing of what it finds.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from tests.servers.folders import Folders, served

VERSION = "https://project-open-data.cio.gov/v1.1/schema"
WORDS = [f"{number:x}" for number in range(4096, 8192)]


class Catalogues(NamedTuple):
    """`config` names both as sources, `json` and `folder`, whose datasets are not tracked; the store is in `root`."""

    root: Path
    config: Path
    json: str
    folder: str
    size: int


@contextmanager
def shown(root: Path, records: int, documents: int) -> Iterator[Catalogues]:
    """On nginx, as long as it is wanted."""
    with served("nginx") as server:
        size = write_json(server, records)
        for number in range(documents):
            server.write(f"folder/{number:06}.xml", document(number))
        yield configured(root, server, size)


def configured(root: Path, server: Folders, size: int) -> Catalogues:
    root.mkdir(parents=True, exist_ok=True)
    addresses = {"data-json": server.url("data.json"), "waf": server.url("folder/")}
    about = {"stage": "external", "tracked": 0, "allow_private_addresses": True}
    names = {"data-json": "json", "waf": "folder"}
    places = {address: {**about, "kind": kind, "name": names[kind]} for kind, address in addresses.items()}
    (root / "places.json").write_text(json.dumps(places))
    config = root / "catalogues.yaml"
    config.write_text("sources: places.json\nstore: var/tracker.db\noutputs: []\n")
    return Catalogues(root, config, addresses["data-json"], addresses["waf"], size)


def write_json(server: Folders, records: int) -> int:
    """Bytes."""
    server.write("data.json", b"")
    rng = random.Random(1)
    with (server.root / "data.json").open("w") as file:
        file.write(f'{{"conformsTo": "{VERSION}", "dataset": [')
        for number in range(records):
            file.write(f"{', ' if number else ''}{json.dumps(record(number, rng))}")
        return file.write("]}") and file.tell()


def record(number: int, rng: random.Random) -> dict[str, object]:
    """Of about 950 bytes, as DCAT-US 1.1 wants it."""
    return {
        "@type": "dcat:Dataset",
        "identifier": f"https://example.org/id/{number}",
        "title": f"Dataset number {number}",
        "description": " ".join(rng.choices(WORDS, k=90)),
        "keyword": ["soil", "water", f"k{number % 97}"],
        "modified": "2026-01-31",
        "publisher": {"@type": "org:Organization", "name": "A laboratory"},
        "contactPoint": {"@type": "vcard:Contact", "fn": "The desk", "hasEmail": "mailto:desk@example.org"},
        "accessLevel": "public",
        "distribution": [
            {
                "@type": "dcat:Distribution",
                "downloadURL": f"https://example.org/data/{number}.csv",
                "mediaType": "text/csv",
            }
        ],
    }


def document(number: int) -> bytes:
    """Of about 12,000 bytes, as ISO 19139 wants it: with 30 keywords, five parties and eight ways to the data."""
    rng = random.Random(number)
    words = " ".join(rng.choices(WORDS, k=200))
    keywords = "".join(f"<gmd:keyword>{_text(f'k{number % 97}-{key}')}</gmd:keyword>" for key in range(30))
    links = "".join(
        "<gmd:onLine><gmd:CI_OnlineResource><gmd:linkage>"
        f"<gmd:URL>https://example.org/{number}/{way}.csv</gmd:URL></gmd:linkage>"
        f"<gmd:protocol>{_text('WWW:LINK')}</gmd:protocol><gmd:name>{_text(f'Part {way}')}</gmd:name>"
        "</gmd:CI_OnlineResource></gmd:onLine>"
        for way in range(8)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">\n'
        f"<gmd:fileIdentifier>{_text(f'GD-{number}')}</gmd:fileIdentifier>\n{_party('contact')}\n"
        f"<gmd:dateStamp><gco:Date>2026-01-31</gco:Date></gmd:dateStamp>\n"
        f"<gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation>"
        f"<gmd:title>{_text(f'Dataset number {number}')}</gmd:title><gmd:date><gmd:CI_Date>"
        "<gmd:date><gco:Date>2026-01-30</gco:Date></gmd:date>"
        f"{_code('dateType', 'CI_DateTypeCode', 'publication')}"
        "</gmd:CI_Date></gmd:date></gmd:CI_Citation></gmd:citation>\n"
        f"<gmd:abstract>{_text(words)}</gmd:abstract>\n{_party('pointOfContact') * 4}\n"
        f"<gmd:descriptiveKeywords><gmd:MD_Keywords>{keywords}</gmd:MD_Keywords></gmd:descriptiveKeywords>\n"
        f"<gmd:language>{_text('eng')}</gmd:language></gmd:MD_DataIdentification></gmd:identificationInfo>\n"
        "<gmd:distributionInfo><gmd:MD_Distribution><gmd:transferOptions><gmd:MD_DigitalTransferOptions>"
        f"{links}</gmd:MD_DigitalTransferOptions></gmd:transferOptions></gmd:MD_Distribution></gmd:distributionInfo>\n"
        "</gmd:MD_Metadata>\n"
    ).encode()


def _text(said: str) -> str:
    return f"<gco:CharacterString>{said}</gco:CharacterString>"


def _code(name: str, kind: str, value: str) -> str:
    return f'<gmd:{name}><gmd:{kind} codeList="#{kind}" codeListValue="{value}">{value}</gmd:{kind}></gmd:{name}>'


def _party(name: str) -> str:
    return (
        f"<gmd:{name}><gmd:CI_ResponsibleParty><gmd:individualName>{_text('The desk')}</gmd:individualName>"
        f"<gmd:organisationName>{_text('A laboratory')}</gmd:organisationName><gmd:contactInfo><gmd:CI_Contact>"
        "<gmd:address><gmd:CI_Address><gmd:electronicMailAddress>"
        f"{_text('desk@example.org')}</gmd:electronicMailAddress></gmd:CI_Address></gmd:address></gmd:CI_Contact>"
        f"</gmd:contactInfo>{_code('role', 'CI_RoleCode', 'pointOfContact')}</gmd:CI_ResponsibleParty></gmd:{name}>"
    )


def empty(catalogues: Catalogues) -> None:
    """As if nothing had been harvested or copied."""
    for name in ("var", "copy"):
        shutil.rmtree(catalogues.root / name, ignore_errors=True)


def iterate(address: str) -> int:
    import ijson

    with urlopen(address) as reply:
        return sum(1 for _ in ijson.get_backend("yajl2_c").items(reply, "dataset.item"))


if __name__ == "__main__":
    _, how, where = sys.argv
    print({"iterate": iterate}[how](where))

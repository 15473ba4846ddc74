"""What catalogues say of datasets: records exactly as received, what is wrong with them, and what they are understood
to say."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.accessions import Ours, is_accession
from app.domain.harvest import DONE, Window
from app.domain.model import Counters, LogStatus, Metadata, Report, RunStatus, Severity, Sighting, SourceConfig

CHUNK = 500
"""Records that are stored at once."""


@dataclass(frozen=True, slots=True)
class Record:
    """`identifier` tells it from all others of its source; `body` are its bytes exactly as received (None: it is there,
    and the same as the last time). `canonical`: its bytes in a form in which what does not matter, such as the order of
    keys, is always the same; None: the body. `deleted`: the catalogue says that it is no more. Its datestamp is the
    catalogue's word for when it changed, `parent` the identifier of what it is a part of, `location` its address.
    `mark`: whatever its kind wants to be told of it the next time, to know whether it has changed. `facts`: what it
    says, where that was found out with the reading, by another process."""

    identifier: str
    body: bytes | None
    content_type: str = ""
    datestamp: datetime | None = None
    parent: str = ""
    location: str = ""
    canonical: bytes | None = field(default=None, repr=False)
    deleted: bool = False
    mark: str = ""
    facts: Facts | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with one record. `message` does not name it, so that the same fault of others is the same
    message. With an ERROR the record could not be used. `lost`: whose record it is cannot be told, so that none may be
    taken for gone."""

    identifier: str
    message: str
    severity: Severity = Severity.ERROR
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a record says of a dataset. `identifiers` are those that it gives beside its own, accessions among them."""

    title: str = ""
    description: str = ""
    identifiers: tuple[str, ...] = ()
    organisms: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    modified: datetime | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else there is, for those who read it: JSON"""
    warnings: tuple[str, ...] = ()
    """What is not as it should be, and did not keep it from being used; without names"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it is stored. `sha256`: of its body (empty where it has none); `change_key`: of its canonical
    form."""

    record: Record
    sha256: bytes
    change_key: bytes


@dataclass(frozen=True, slots=True)
class KeptDatum:
    """A record as it is kept: `size` bytes as received, `stored` as they are packed. `gone`: it is no longer there."""

    identifier: str
    sha256: str
    size: int
    stored: int
    content_type: str
    first_seen: datetime
    last_seen: datetime
    datestamp: datetime | None
    location: str
    gone: bool
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be: records as they were once, contents, problems, and logs."""

    data: int = 0
    contents: int = 0
    problems: int = 0
    logs: int = 0


@dataclass(frozen=True, slots=True)
class Understood:
    """What came of the attempt to understand a record: its facts as JSON, or why there are none; and all that was wrong
    with it."""

    facts: Mapping[str, Any] | None = None
    error: str = ""
    faults: tuple[Fault, ...] = ()


class Change(enum.Enum):
    """What a record is beside what was known of it."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REPEATED = "repeated"
    """its identifier stood there before in the same run"""
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """What was stored of a record the last time that it was read."""

    identifier: str
    sha256: bytes
    datestamp: datetime | None
    location: str
    gone: bool
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A record as it is shown now: what it was understood to say."""

    identifier: str
    facts: Facts
    location: str
    datestamp: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """How a source is to be harvested. `start`, `end`: which part of it; None: what is due. `limit`: so many records at
    most. `superfluous`: also what was read before; `transform`: records are understood as well; `ignore_disabled`,
    `force`: it is read though it is disabled, or whatever speaks against it; `split`, `optimize`: see
    `domain.harvest.plan`."""

    start: datetime | None = None
    end: datetime | None = None
    limit: int | None = None
    superfluous: bool = False
    transform: bool = True
    ignore_disabled: bool = False
    force: bool = False
    split: bool = True
    optimize: bool = True


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A log as it is kept. `whole`: nothing was left out of the read."""

    id: int
    source: str
    window: Window
    status: LogStatus
    counters: Counters = field(default_factory=Counters)
    completions: int = 0
    date_started: datetime | None = None
    date_modified: datetime | None = None
    error_type: str = ""
    error_message: str = ""
    harvester_version: str = ""
    whole: bool = True

    @property
    def seconds(self) -> float:
        """How long it took, or has taken until it was last heard of."""
        if self.date_started is None or self.date_modified is None:
            return 0.0
        return (self.date_modified - self.date_started).total_seconds()


@dataclass(frozen=True, slots=True)
class Harvested:
    """What a harvest did: the logs, source by source; the sources that were not read at all -> why; and what a crawl
    made of it (None: there was none)."""

    logs: tuple[LogEntry, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    locked: Mapping[str, str] = field(default_factory=dict)
    crawl: Report | None = None

    @property
    def empty(self) -> bool:
        return not (self.logs or self.refused or self.locked)

    @property
    def why_not(self) -> Mapping[str, str]:
        """The sources of which not all was read -> why."""
        return {log.source: log.error_message for log in self.logs if log.status not in DONE} | {
            **self.refused,
            **self.locked,
        }

    @property
    def exit_code(self) -> int:
        """As of a crawl: 0 all went well, 4 something is held, 3 a part failed, 1 nothing could be read, 75 all that
        was to be read is locked."""
        failed = {log.source for log in self.logs if log.status not in DONE} | self.refused.keys()
        well = {log.source for log in self.logs} - failed
        if self.crawl is not None and self.crawl.run.status is RunStatus.HELD:
            return self.crawl.exit_code
        if not failed and not self.locked:
            return self.crawl.exit_code if self.crawl is not None else 0
        if well:
            return 3
        return 1 if failed else 75


# --------------------------------------------------------------------------- datasets


LONGEST = 255
"""Characters of a dataset's key: longer ones do not fit every store's index."""


def sighted(
    source: SourceConfig, identifier: str, facts: Facts, location: str, modified: datetime | None, ours: Ours
) -> Sighting | None:
    """What a record says of which dataset: of the one whose accession it gives, else of one of its own, which is named
    by source and identifier. None: that would be too long."""
    names = [identifier, *facts.identifiers]
    dataset = next(filter(ours, names), f"{source.name}:{identifier}")
    if len(dataset) > LONGEST:
        return None
    return Sighting(
        dataset,
        source.name,
        location or source.location,
        source.tech,
        facts.modified or modified,
        Metadata(
            title=facts.title,
            experiment_types=facts.types,
            organisms=facts.organisms,
            secondary_accessions=tuple(n for n in dict.fromkeys(names) if n != dataset and is_accession(n, ours)),
        ),
    )


# --------------------------------------------------------------------------- facts as they are kept


def as_json(facts: Facts) -> dict[str, Any]:
    """Without what is empty."""
    told = {
        "title": facts.title,
        "description": facts.description,
        "identifiers": list(facts.identifiers),
        "organisms": list(facts.organisms),
        "types": list(facts.types),
        "modified": facts.modified.isoformat() if facts.modified else "",
        "more": dict(facts.more),
    }
    return {name: value for name, value in told.items() if value}


def from_json(told: Mapping[str, Any]) -> Facts:
    """What `as_json` made."""
    return Facts(
        told.get("title", ""),
        told.get("description", ""),
        tuple(told.get("identifiers", ())),
        tuple(told.get("organisms", ())),
        tuple(told.get("types", ())),
        datetime.fromisoformat(told["modified"]) if told.get("modified") else None,
        told.get("more", {}),
    )

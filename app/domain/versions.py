"""Which metadata files of a dataset are the latest, and which earlier ones there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.domain.lifecycle import Seen
from app.domain.model import File

ROLES = ("idf", "sdrf")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Version:
    """A metadata file as it was last seen. `latest`: of its role those in the place that is furthest, where work goes
    on; a copy further back may have been written later, as by a synchronisation."""

    role: str
    path: str
    source: str
    stage: str
    size: int
    modified: datetime
    latest: bool


def versions(seen: Sequence[Seen]) -> list[Version]:
    """`seen`: furthest first. The latest IDF, the latest SDRFs, then the earlier ones; of places of one stage that
    which was changed last comes first."""
    found = [version for role in ROLES for version in _of_role(role, seen)]
    return sorted(found, key=lambda version: not version.latest)


def _of_role(role: str, seen: Sequence[Seen]) -> Iterator[Version]:
    places = [(place, files) for place in seen if (files := [f for f in place.sighting.files if f.role == role])]
    places.sort(key=lambda item: (item[0].stage, max(map(_modified, item[1]))), reverse=True)
    for place, files in places:
        for file in files:
            sighting, latest = place.sighting, place is places[0][0]
            stage = place.stage.start.name
            yield Version(role, file.path, sighting.source, stage, file.identity.size, _modified(file), latest)


def _modified(file: File) -> datetime:
    return _EPOCH + timedelta(microseconds=file.identity.mtime_ns // 1000)

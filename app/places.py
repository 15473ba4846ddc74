"""The places that are tracked: those that the site's file names, which no command changes, and those that commands have
added to the store. What is private of the latter is sealed with the site's key."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import sources
from app.config import Config, understood, with_sources
from app.config.pages import Malformed, Unreadable, parse_json, read_text
from app.domain.model import Registered, Severity, SourceConfig
from app.domain.waiting import Rate
from app.errors import KeyMissing, RecordError, SourceError, StoreError, UsageError
from app.ports import Catalogue, Register
from app.store import open_store
from app.store.rows import entry, source_values
from app.store.sealing import Seal, new_key

if TYPE_CHECKING:
    from app.domain.catalogue import Facts, Fault, KnownRecord, Record


def tracked(config: Config) -> Config:
    """With the sources that the store names; without, where there is no store, or none that can be asked: whoever needs
    it will say so. Raises ConfigError for what is wrong with such a source, KeyMissing."""
    try:
        with _register(config, create=False) as register:
            registered = register.sources()
    except StoreError:
        return config
    return _with(config, registered) if registered else config


def _with(config: Config, registered: Sequence[Registered]) -> Config:
    named, seal = {source.name for source in config.sources}, Seal(config.harvest.keys)
    entries = {
        each.key: {**each.entry, **_opened(each, seal)} for each in registered if each.added and each.name not in named
    }
    disabled = {each.name for each in registered if not each.enabled}
    added = understood(entries, config, sources.Options(), "the store", Path("/"))
    known = (*config.sources, *(replace(source, added=True) for source in added))
    return with_sources(config, [replace(source, enabled=source.name not in disabled) for source in known])


def _opened(source: Registered, seal: Seal) -> Mapping[str, Any]:
    try:
        return seal.opened(source.sealed) if source.sealed is not None else {}
    except KeyMissing as error:
        raise KeyMissing(f"{source.name}: {error}") from None


@contextmanager
def _register(config: Config, *, create: bool) -> Iterator[Register]:
    with closing(open_store(config.store, config.lifecycle, create=create)) as store:
        yield store.register


def one(wanted: str, config: Config) -> SourceConfig:
    """The source of that name, directory or address. Raises UsageError."""
    names = {wanted, wanted.rstrip("/"), str(Path(wanted).absolute())}
    for source in config.sources:
        if names & {source.name, source.key}:
            return source
    there = ", ".join(sorted(source.name for source in config.sources))
    raise UsageError(f"no source is called {wanted!r}; there are: {there}")


# --------------------------------------------------------------------------- what is added


def read(entries: Mapping[str, Any], config: Config, where: str, folder: Path | None = None) -> list[SourceConfig]:
    """The sources that entries in the form of sources_config.json are, beside those that there are. Raises ConfigError
    with all mistakes: `where` is what they stand in."""
    found = understood(entries, config, sources.Options(), where, folder or Path.cwd())
    # The store is in no folder that a directory could be relative to.
    names = [entry.get("name") or source.location for source, entry in zip(found, entries.values(), strict=True)]
    return [
        replace(source, name=name, key=source.location, added=True) for source, name in zip(found, names, strict=True)
    ]


def guessed(place: str, entry: Mapping[str, Any], config: Config) -> tuple[str, str]:
    """The kind of source that an address seems to be, and what it looks like, in words: by what it begins with. Raises
    SourceError where it cannot be asked, UsageError where it looks like nothing that is known."""
    from app.sources import fetch

    asking = {name: value for name, value in entry.items() if name in fetch.FetchOptions.model_fields}
    source = read({place: {**asking, "stage": ["external"], "kind": "doc"}}, config, "the new source")[0]
    options = fetch.FetchOptions.model_validate({**source.options, **source.private})
    with fetch.Client(source, options, None).stream(place) as reply:
        begin, where = next(reply.pieces(), b""), reply.url
    if found := sources.recognised(begin, where):
        return found
    looks, advice = _look(begin.decode(errors="replace").lstrip("\ufeff \t\r\n"))
    known = ", ".join(sources.kinds())
    raise UsageError(f"{place} {looks}, which no kind takes for its own: {advice}; --kind names one of {known}")


def _look(text: str) -> tuple[str, str]:
    """What an address holds that nothing is known of, and what may help."""
    if text[:1] in ("{", "["):
        fields = list(dict.fromkeys(re.findall(r'"([\w.@-]+)"\s*:', text)))[:5]
        return (
            f"holds JSON with {', '.join(fields) or 'no field'}",
            "if it lists datasets, --kind json-listing reads it",
        )
    if "<html" in text[:2_000].lower():
        return "is a page, and not that of a folder", "is the address right?"
    return ("holds XML of another kind" if text.startswith("<") else "is neither JSON nor XML"), "is the address right?"


def replacing(entries: Mapping[str, Any], config: Config, where: str, folder: Path) -> list[SourceConfig]:
    """The same, but those that were added before may be among them."""
    named = [source for source in config.sources if not source.added]
    found = read(entries, replace(config, sources=tuple(named)), where, folder)
    again = {(source.name, source.location) for source in found}
    others = [each for each in config.sources if each.added and (each.name, each.location) not in again]
    return read(entries, replace(config, sources=(*named, *others)), where, folder)


def entries_in(file: Path) -> dict[str, Any]:
    """Raises UsageError."""
    try:
        found = parse_json(read_text(file))
    except (Unreadable, Malformed) as error:
        raise UsageError(f"{file} {error}") from None
    if not isinstance(found, dict) or not found:
        raise UsageError(f"{file} holds no sources; wanted is the form of sources_config.json")
    return found


def as_entry(source: SourceConfig) -> dict[str, Any]:
    """What `read` makes the same source of."""
    return {**entry(source_values(source)), **source.private}


def add(found: Sequence[SourceConfig], config: Config) -> None:
    """All of them, or none. What is there already becomes what it is here. Raises KeyMissing, StoreError."""
    seal = Seal(config.harvest.keys)
    sealed = [(source, seal.sealed(source.private) if source.private else None) for source in found]
    with _register(config, create=True) as register:
        register.add(sealed, datetime.now(UTC))


def withdraw(source: SourceConfig, config: Config) -> None:
    with _register(config, create=False) as register:
        register.withdraw(source.name, datetime.now(UTC))


def enable(source: SourceConfig, enabled: bool, config: Config) -> None:
    """Also one that the file names: whether it is read is not written there."""
    with _register(config, create=True) as register:
        register.enable(source, enabled, datetime.now(UTC))


# --------------------------------------------------------------------------- what is there


def fetched(
    wanted: str, config: Config, limit: int | None = None
) -> Iterator[Fault | tuple[Record, Facts | None, str]]:
    """The records of a catalogue, each with what it is understood to say, or why not; nothing is kept. Raises
    SourceError, UsageError."""
    source = one(wanted, config)
    there = sources.opener(re.compile(config.accession))(source)
    if not isinstance(there, Catalogue):
        raise UsageError(f"{source.name} is no catalogue; `sources check` says what is there")
    yield from islice(_read(there, source), limit)


def _read(there: Catalogue, source: SourceConfig) -> Iterator[Fault | tuple[Record, Facts | None, str]]:
    from app.domain.catalogue import Fault
    from app.domain.harvest import DAY, Window

    now = datetime.now(UTC)
    for said in there.records(Window(now - 36_500 * DAY, now), Alone(source.terms.rate)):
        if isinstance(said, Fault):
            yield said
            continue
        try:
            yield said, there.facts(said), ""
        except RecordError as error:
            yield said, None, str(error)


def analyse(source: SourceConfig, config: Config) -> dict[str, Any]:
    """`{"name", "kind", "status": "ok|failed", "records", "understood", "problems", "seconds", "found"}`: what comes of
    reading it, of which nothing is kept. Of what is no catalogue `found` alone tells; the numbers are None."""
    from app.domain.catalogue import Fault

    began = time.monotonic()
    row: dict[str, Any] = {"name": source.name, "kind": source.kind, "status": "ok"}
    counts = Counter[str]()
    there = sources.opener(re.compile(config.accession))(source)
    catalogue = there if isinstance(there, Catalogue) else None
    try:
        if catalogue:
            for said in _read(catalogue, source):
                understood = not isinstance(said, Fault) and said[1] is not None
                wrong = said.severity is Severity.ERROR if isinstance(said, Fault) else not understood
                counts.update(records=not isinstance(said, Fault), understood=understood, problems=wrong)
            found = f"{counts['records']:,} records"
        else:
            found = there.probe()
    except SourceError as error:
        row["status"], found = "failed", str(error)
    for name in ("records", "understood", "problems"):
        row[name] = counts[name] if catalogue else None
    return {**row, "seconds": round(time.monotonic() - began, 1), "found": found}


class Alone:
    """What a catalogue is read with where nothing is kept: see `app.ports.Session`."""

    def __init__(self, rate: Rate | None) -> None:
        self._every = rate.every.total_seconds() if rate else 0.0
        self._next = 0.0

    @property
    def paced(self) -> bool:
        return self._every > 0

    def wait(self) -> None:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._every

    def known(self, identifiers: Collection[str]) -> Mapping[str, KnownRecord]:
        return {}


# --------------------------------------------------------------------------- keys


def make_key(file: Path) -> None:
    """Raises UsageError where there is something already, or nothing can be."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
            made.write(new_key() + "\n")
    except FileExistsError:
        raise UsageError(f"{file} is there already; `keys rotate` puts another key into it") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be made: {error.strerror}") from None


def rotate(config: Config) -> str:
    """Seals everything anew, and says what was done. Whenever it is interrupted, the key file holds every key that
    anything is sealed with. Raises KeyMissing, StoreError, UsageError."""
    file, keys = config.harvest.key_file, config.harvest.keys
    if not keys:
        raise KeyMissing("there is no key yet: `keys new FILE` makes one; then set harvest > key_file")
    if file is not None:
        keys = (new_key(), *keys)
        _write(file, keys)
    seal = Seal(keys)
    with _register(config, create=False) as register:
        private = {each.name: each.sealed for each in register.sources() if each.sealed is not None}
        register.seal({name: seal.sealed(seal.opened(sealed)) for name, sealed in private.items()}, datetime.now(UTC))
    count = f"what is private of {len(private):,} {'source' if len(private) == 1 else 'sources'} is sealed anew"
    if file is None:
        return f"{count}, with the first of the keys in INGEST_TRACKER_KEYS; the others are of no use any more"
    _write(file, keys[:1])
    return f"{count}; {file} holds the new key alone"


def _write(file: Path, keys: Sequence[str]) -> None:
    beside = file.with_name(f".{file.name}.new")
    try:
        with suppress(FileNotFoundError):
            beside.unlink()
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write("\n".join(keys) + "\n")
            new.flush()
            os.fsync(new.fileno())
        beside.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}; nothing is changed") from None

"""Everything that can go wrong, one sentence a class. Errors carry what they are about and never act.

Only the tracker turns them into lines of a Report, and only a face turns them into an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class TrackerError(Exception):
    """Something that a person should be told in one message, without a traceback."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in a configuration file: where, what, and what is allowed there."""

    file: str
    key: str
    message: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"


class ConfigError(TrackerError):
    """The configuration has mistakes; `mistakes` holds all of them, not just the first."""

    exit_code = 2

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


class UsageError(TrackerError):
    """The command was asked for something that does not exist or does not go together."""

    exit_code = 2


class UnknownDataset(TrackerError):
    """The store has never heard of this dataset."""


class SourceError(TrackerError):
    """A source could not be read, or not completely; its datasets keep their last known state."""

    def __init__(self, source: str, where: str, message: str, *, permanent: bool = False) -> None:
        self.source, self.where, self.permanent = source, where, permanent
        super().__init__(message)


class RecordError(TrackerError):
    """A record of a catalogue is not to be understood; `messages` are all that keeps it from that, `warnings` what else
    is wrong with it."""

    def __init__(self, *messages: str, warnings: Iterable[str] = ()) -> None:
        self.messages, self.warnings = messages, tuple(warnings)
        super().__init__("; ".join(messages))


class Refused(TrackerError):
    """A source is not to be harvested, and nothing was done."""


class StoreError(TrackerError):
    """The store could not be opened, read or written."""


class KeyMissing(TrackerError):
    """There is no key, or not the right one, for what only we may read."""

    exit_code = 2


class StoreMissing(StoreError):
    """There is no store yet: nothing has been crawled."""


class StoreTooNew(StoreError):
    """The store was written by a newer version of ingest-tracker, and is left alone."""


class Locked(TrackerError):
    """Another run holds the lock."""

    exit_code = 75


class LockLost(StoreError):
    """The lock was lost while working (the lease ran out, or its connection broke); nothing was recorded."""


class OutputError(TrackerError):
    """An output could not be published; the others were."""

    def __init__(self, output: str, message: str) -> None:
        self.output = output
        super().__init__(message)

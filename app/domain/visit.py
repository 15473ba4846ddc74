"""What passes between the tracker and a document that people write in as well."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.model import OutputReport, Scalar

Annotations = Mapping[str, Mapping[str, Scalar]]
"""dataset -> column -> what curators have there"""


@dataclass(frozen=True, slots=True)
class Guestbook:
    """What must be known beside the tables. `gone`: datasets that are nowhere -> since when; `left_out`: datasets
    that the tables leave out; `annotations`: dataset -> column -> what curators had there when last it was read."""

    gone: Mapping[str, datetime] = field(default_factory=dict)
    left_out: Collection[str] = ()
    annotations: Annotations = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """One cell that changes."""

    tab: str
    key: str
    column: str
    before: Scalar
    after: Scalar


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of it. `annotations`: (dataset, column) -> what curators have there now, None where nothing; what is
    not there was not read. `left_alone`: what no program should decide, in sentences; `cells`: how many were written;
    `differences`: of a dry run, what would be."""

    where: str
    annotations: Mapping[tuple[str, str], Scalar | None] = field(default_factory=dict)
    left_alone: tuple[str, ...] = ()
    reads: int = 0
    writes: int = 0
    cells: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def effort(self) -> str:
        requests = f"{self.reads} read{'s' * (self.reads != 1)}, {self.writes} write{'s' * (self.writes != 1)}"
        return f"{self.cells:,} cell{'s' * (self.cells != 1)} written ({requests})"


@dataclass(frozen=True, slots=True)
class Published:
    """What was shown where; `visit`: what came, or would come, of the one to the document where we are a guest."""

    outputs: tuple[OutputReport, ...]
    visit: Visit | None = None

    @property
    def exit_code(self) -> int:
        failed = sum(output.status == "failed" for output in self.outputs)
        return 0 if not failed else 1 if failed == len(self.outputs) else 3


def noted(kept: Annotations, read: Mapping[tuple[str, str], Scalar | None]) -> Annotations:
    """What is known of it once this was read."""
    cells = {dataset: dict(columns) for dataset, columns in kept.items()}
    for (dataset, column), value in read.items():
        if value is None:
            cells.get(dataset, {}).pop(column, None)
        else:
            cells.setdefault(dataset, {})[column] = value
    return {dataset: columns for dataset, columns in cells.items() if columns}

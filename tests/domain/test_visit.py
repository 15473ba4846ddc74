"""What is kept of a visit to a document that people write in as well."""

from __future__ import annotations

import pytest

from app.domain.model import OutputReport, Scalar
from app.domain.visit import Annotations, Published, Visit, noted

KEPT: Annotations = {"A": {"Notes": "x", "Priority": 1.0}, "B": {"Notes": "y"}}


@pytest.mark.parametrize(
    ("read", "after"),
    [
        ({}, KEPT),
        ({("A", "Notes"): "z"}, {"A": {"Notes": "z", "Priority": 1.0}, "B": {"Notes": "y"}}),
        ({("A", "Notes"): None}, {"A": {"Priority": 1.0}, "B": {"Notes": "y"}}),
        ({("B", "Notes"): None}, {"A": {"Notes": "x", "Priority": 1.0}}),
        ({("C", "Notes"): False}, {**KEPT, "C": {"Notes": False}}),
        ({("C", "Notes"): None}, KEPT),
    ],
)
def test_what_was_not_read_stays(read: dict[tuple[str, str], Scalar | None], after: Annotations) -> None:
    before = {dataset: dict(columns) for dataset, columns in KEPT.items()}
    assert noted(KEPT, read) == after
    assert before == KEPT, "nothing is changed in place"


@pytest.mark.parametrize(
    ("visit", "said"),
    [
        (Visit("", reads=2), "0 cells written (2 reads, 0 writes)"),
        (Visit("", reads=1, writes=1, cells=1), "1 cell written (1 read, 1 write)"),
        (Visit("", reads=1, writes=16, cells=590_592), "590,592 cells written (1 read, 16 writes)"),
    ],
)
def test_the_effort_is_said_in_words(visit: Visit, said: str) -> None:
    assert visit.effort == said


@pytest.mark.parametrize(
    ("statuses", "code"),
    [([], 0), (["published"], 0), (["failed"], 1), (["published", "failed"], 3), (["failed", "failed"], 1)],
)
def test_the_exit_code_tells_none_some_and_all(statuses: list[str], code: int) -> None:
    assert Published(tuple(OutputReport(str(n), status, "") for n, status in enumerate(statuses))).exit_code == code

"""The JSON that scripts read, where no whole site is needed to see it."""

from __future__ import annotations

from app import shapes
from app.domain.model import Code, Known, KnownProblem, Problem
from tests.domain.builders import DAY, DAY_1, noted, sighting, standing


def test_why_names_the_fields_that_were_read_only_in_part() -> None:
    partly = sighting(source="loading", organisms=("Homo sapiens",), incomplete=("organisms",))
    seen = {"loading": {"E-MTAB-1": partly}, "external": {"E-MTAB-1": sighting(source="external")}}
    told = shapes.why(Known(sightings=seen, standings={"E-MTAB-1": standing("loading")}), "E-MTAB-1")
    assert [each["incomplete"] for each in told["sightings"]] == [["organisms"], []]


def test_why_has_what_curators_have_beside_a_dataset_as_it_is() -> None:
    cells = {"Notes": "=1+1", "Priority": 2, "Hold": True}
    assert shapes.why(noted(cells), "E-MTAB-1")["annotations"] == cells
    assert shapes.why(noted({}), "E-MTAB-1")["annotations"] == {}


def test_problems_beyond_the_limit_are_counted_and_those_that_last_have_no_end() -> None:
    lasting = KnownProblem(Problem(Code.PLACEHOLDER, "x", path="/a", line=3), DAY_1)
    over = KnownProblem(Problem(Code.NEAR_MISS, "y"), DAY_1, DAY_1 + DAY)
    told = shapes.problems([lasting, over, over], limit=2)
    assert told["counts"] == {"placeholder": 1, "near_miss": 2}
    assert [(p["line"], p["since"], p["last_seen"]) for p in told["problems"]] == [
        (3, "2026-03-02T06:30:00+00:00", None),
        (None, "2026-03-02T06:30:00+00:00", "2026-03-03T06:30:00+00:00"),
    ]

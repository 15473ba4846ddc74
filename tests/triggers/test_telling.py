"""What a run did, in sentences."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from app.domain.model import Lifecycle, OutputReport, Report, Run, RunStatus, SourceReport, StateChange
from app.triggers.telling import LISTED, News

STATES = Lifecycle.of()
NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)


def change(dataset: str, before: str | None, after: str | None) -> StateChange:
    sentence = "It is in /nfs/analysing/E-MTAB-1, a place for datasets that are analysing."
    return StateChange(
        dataset, before and STATES.state(before), after and STATES.state(after), "furthest_stage", sentence, NOW, 7
    )  # type: ignore[arg-type]


def report(
    *changes: StateChange, sources: tuple[SourceReport, ...] = (), status: RunStatus = RunStatus.SUCCEEDED
) -> Report:
    return Report(Run(NOW, NOW, status, {}, len(changes), id=7), sources, changes, ())


def source(status: str, error: str = "") -> SourceReport:
    return SourceReport("loading", "filesystem", status, 0, error)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "before, after, said",
    [
        (None, "loading", "E-MTAB-1 is new, and loading: it is in "),
        ("loading", "analysing", "E-MTAB-1 is now analysing: it is in "),
        ("loading", None, "E-MTAB-1 is gone: it is in "),
    ],
)
def test_a_change_is_a_sentence_and_the_same_as_facts(before: str | None, after: str | None, said: str) -> None:
    (level, sentence, facts), run = News().of(report(change("E-MTAB-1", before, after)), 0.25)
    assert (level, sentence.startswith(said)) == (logging.INFO, True)
    assert facts == {"dataset": "E-MTAB-1", "before": before, "after": after, "rule": "furthest_stage", "run": 7}
    assert run[:2] == (logging.INFO, "run 7 succeeded in 0.2 s: 1 change")


def test_of_very_many_changes_some_are_told_and_the_rest_is_counted() -> None:
    lines = [*News().of(report(*(change(f"E-{n}", "loading", "analysing") for n in range(LISTED + 1_000))), 1)]
    assert len(lines) == LISTED + 2
    assert [line[1] for line in lines[-2:]] == ["... and 1,000 changes more", "run 7 succeeded in 1.0 s: 1,025 changes"]


def test_a_run_that_changed_nothing_is_hardly_worth_a_line() -> None:
    assert [line[0] for line in News().of(report(), 1)] == [logging.DEBUG]


def test_what_goes_wrong_is_told_when_it_begins_when_it_is_something_else_and_when_it_is_over() -> None:
    news, said = News(), []
    for status, error in [
        ("failed", "it is not there"), ("failed", "it is not there"), ("failed", "no permission"),
        ("held", "it lost 7 of 9 datasets"), ("succeeded", ""), ("succeeded", ""),
    ]:  # fmt: skip
        lines = news.of(report(sources=(source(status, error),), status=RunStatus.PARTIAL), 1)
        said.append([(level, line) for level, line, _ in lines][:-1])
    assert said == [
        [(logging.ERROR, "loading cannot be read: it is not there")],
        [],
        [(logging.ERROR, "loading cannot be read: no permission")],
        [(logging.ERROR, "loading waits for a person: it lost 7 of 9 datasets")],
        [(logging.INFO, "loading can be read again")],
        [],
    ]


def test_so_it_is_with_outputs() -> None:
    news = News()
    told = [
        [line[1] for line in news.output(OutputReport("json", status, where))]
        for status, where in [("published", "x"), ("failed", "no space"), ("failed", "no space"), ("published", "x")]
    ]
    assert told == [[], ["json cannot be published: no space"], [], ["json is published again: x"]]

"""The last known verdict is kept until its check says something else; what it did not say changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.domain.history import renewed
from app.domain.model import Code, RunStatus, Verdict
from tests.domain.builders import DAY, DAY_1, Site, answer, place, sighting, verdict

TODAY = DAY_1 + 9 * DAY
KEY = ("E-MTAB-1", "rnaseq")


def kept(text: str, **more: Any) -> dict[tuple[str, str], Verdict]:
    return {KEY: verdict(text, checked=DAY_1, **more)}


@pytest.mark.parametrize(
    ("before", "said", "after", "checked", "current"),
    [
        ("PASS", {"E-MTAB-1": "PASS"}, "PASS", TODAY, True),
        ("PASS", {"E-MTAB-1": "FAIL score 3"}, "FAIL (score 3)", TODAY, True),
        ("FAIL score 3", {"E-MTAB-1": "FAIL score 4"}, "FAIL (score 4)", TODAY, True),
        ("FAIL score 3", {"E-MTAB-1": "PASS"}, "PASS", TODAY, True),
        ("PASS", None, "PASS", DAY_1, True),
        ("FAIL score 3", None, "FAIL (score 3)", DAY_1, True),
        ("PASS", {"E-MTAB-1": "UNKNOWN"}, "PASS", DAY_1, False),
        ("PASS", {}, "PASS", DAY_1, False),
        ("FAIL score 3", {"E-MTAB-2": "PASS"}, "FAIL (score 3)", DAY_1, False),
    ],
)
def test_an_answer_replaces_the_last_and_no_answer_keeps_it(
    before: str, said: dict[str, str] | None, after: str, checked: object, current: bool
) -> None:
    one = renewed(kept(before), [answer(said)], TODAY)[KEY]
    assert (str(one), one.checked, one.current) == (after, checked, current)


def test_a_check_that_was_not_asked_keeps_its_verdicts() -> None:
    assert renewed(kept("PASS"), [], TODAY) == kept("PASS")
    for said in ({"E-MTAB-1": "FAIL why"}, {}):
        assert renewed(kept("PASS"), [answer(said, check="autosubs")], TODAY)[KEY] == kept("PASS")[KEY]


def test_a_verdict_that_lost_its_answer_stays_as_old_as_it_is_until_it_returns() -> None:
    lost = renewed(kept("PASS"), [answer({})], DAY_1 + DAY)
    still = renewed(lost, [answer({})], DAY_1 + 2 * DAY)
    down = renewed(still, [answer(None)], DAY_1 + 3 * DAY)
    assert down == lost == kept("PASS", current=False)
    back = renewed(down, [answer({"E-MTAB-1": "PASS"})], TODAY)
    assert (back[KEY].checked, back[KEY].current) == (TODAY, True)


def test_what_was_never_answered_is_no_verdict() -> None:
    assert renewed({}, [answer({"E-MTAB-1": "UNKNOWN"}), answer(None, check="autosubs")], TODAY) == {}


def test_the_verdicts_given_are_not_touched() -> None:
    before = kept("PASS")
    renewed(before, [answer({"E-MTAB-1": "FAIL why"})], TODAY)
    assert before == kept("PASS")


@pytest.mark.parametrize("said", [None, {}, {"E-MTAB-1": "UNKNOWN"}])
def test_without_an_answer_the_state_stays_as_the_last_verdict_made_it(said: dict[str, str] | None) -> None:
    site = Site(place("external"))
    site.crawl({"external": ["E-MTAB-1"]}, answers=[answer({"E-MTAB-1": "PASS"})])
    silent = site.crawl({"external": ["E-MTAB-1"]}, answers=[answer(said)])
    assert (silent.states["E-MTAB-1"], silent.changes) == ("incoming", [])
    again = site.crawl({"external": ["E-MTAB-1"]}, answers=[answer(said)])
    assert not again.edits, "the second silence is nothing new"
    (one,) = again.settled.after.verdicts.values()
    assert one.checked == DAY_1


def test_a_verdict_that_is_asked_again_and_stands_writes_nothing_but_is_as_old_as_the_last_run() -> None:
    site = Site(place("external"))
    for _ in range(3):
        crawl = site.crawl({"external": ["E-MTAB-1"]}, answers=[answer({"E-MTAB-1": "PASS"})])
    assert not crawl.edits
    assert site.ledger.known().verdicts[KEY].checked == DAY_1 + timedelta(days=2)


@pytest.mark.parametrize(
    ("had", "said", "doubted"),
    [
        (6, {}, True),
        (6, {f"E-MTAB-{number}": "UNKNOWN" for number in range(6)}, True),
        (6, {"E-MTAB-5": "PASS"}, False),
        (5, {}, False),
        (6, None, True),
    ],
)
def test_a_check_that_knew_many_and_suddenly_knows_none_is_not_believed(
    had: int, said: dict[str, str] | None, doubted: bool
) -> None:
    """However often it says so; and once it answers again nobody doubts it."""
    names = [f"E-MTAB-{number}" for number in range(6)]
    full = answer({name: "PASS" for name in names[:had]})
    site = Site(place("external"))
    site.crawl({"external": names}, answers=[full])
    for _ in range(2):
        crawl = site.crawl({"external": names}, answers=[answer(said)])
        assert (crawl.settled.status is RunStatus.PARTIAL) == doubted
        assert [p.code for p in crawl.problems] == [Code.DATABASE_UNREADABLE] * doubted
        assert {v.current for v in crawl.settled.after.verdicts.values() if v.dataset != "E-MTAB-5"} == {doubted}
    if doubted and said is not None:
        (problem,) = crawl.problems
        assert problem.message.endswith("rnaseq_db answers, but knows none of the 6 datasets that it knew")
    assert site.crawl({"external": names}, answers=[full]).settled.status is RunStatus.SUCCEEDED


def test_a_changed_verdict_moves_an_external_dataset_there_and_back() -> None:
    site = Site(place("external"))
    said = ["UNKNOWN", "PASS", "FAIL no replicates", "PASS"]
    crawls = [site.crawl({"external": [sighting()]}, answers=[answer({"E-MTAB-1": text})]) for text in said]
    assert [crawl.states["E-MTAB-1"] for crawl in crawls] == ["external", "incoming", "external", "incoming"]


def test_one_database_being_down_does_not_silence_the_other() -> None:
    site = Site(place("external"))
    both = [answer({"E-MTAB-1": "PASS"}, "rnaseq"), answer({"E-MTAB-1": "PASS"}, "autosubs")]
    site.crawl({"external": ["E-MTAB-1"]}, answers=both)
    crawl = site.crawl({"external": ["E-MTAB-1"]}, answers=[answer(None), answer({"E-MTAB-1": "FAIL no"}, "autosubs")])
    assert crawl.states["E-MTAB-1"] == "external"
    assert str(crawl.settled.after.verdicts[KEY]) == "PASS"

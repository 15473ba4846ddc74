"""Where a dataset stands follows from where it was seen and what the checks say; the reason is kept in words."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from app.domain import lifecycle
from app.domain.lifecycle import Seen, Species, overall
from app.domain.model import Known, Lifecycle, Metadata, Outcome, Stage, Verdict
from app.domain.species import species_name
from tests.domain.builders import (
    DAY_1,
    STATES,
    UNREADABLE_LIST,
    Site,
    all_decided,
    answer,
    decided,
    place,
    seen,
    sighting,
    species,
    stage,
    standing,
    standings,
    state,
    verdict,
)

HUMAN: dict[str, Any] = {"organisms": ("Homo sapiens",)}
FISH: dict[str, Any] = {"organisms": ("Danio rerio",)}
PASS = verdict("PASS")

# --------------------------------------------------------------------------- states and their order


def test_the_states_are_ordered_as_the_lifecycle_is() -> None:
    names = ("external", "incoming", "loading", "analysing", "processed", "published_dev", "published")
    assert tuple(s.name for s in sorted(Lifecycle.of().states, reverse=True)) == names[::-1]
    assert [s.name for s in Lifecycle.of().states] == list(names)


def test_a_site_may_insert_states_of_its_own_anywhere() -> None:
    states = Lifecycle.of(("external", "incoming", "loading", "review", "analysing", "processed", "published"))
    places = [seen(at=name, states=states) for name in ("review", "loading")]
    assert all_decided(*places, states=states)["E-MTAB-1"].state == states.state("review")
    assert states.state("loading") < states.state("review") < states.state("analysing")


def test_a_retired_state_ranks_before_all_others() -> None:
    """A place that kept a state which the site no longer has never outranks one that is certain."""
    assert STATES.state("validating") < STATES.external
    assert decided(seen(at="validating"), seen(at="external")).state == STATES.external


@pytest.mark.parametrize(
    ("lesser", "greater"),
    [
        ("external..published", "loading"),
        ("external..published", "incoming"),
        ("external", "external..incoming"),
        ("loading", "loading..published"),
        ("loading..published", "analysing"),
        ("processed", "published_dev"),
        ("published_dev", "published"),
    ],
)
def test_a_stage_is_greater_that_starts_furthest_then_ends_furthest(lesser: str, greater: str) -> None:
    assert stage(lesser) < stage(greater)


def test_a_range_is_the_same_in_whatever_order_its_states_are_written() -> None:
    assert stage("published..external") == stage("external..published")


# --------------------------------------------------------------------------- rule 1: furthest_stage


@pytest.mark.parametrize(
    ("places", "at", "up_to"),
    [
        (["external"], "external", None),
        (["loading"], "loading", None),
        (["external..published"], "external", "published"),
        (["external..published", "loading"], "loading", None),
        (["loading", "external..published"], "loading", None),
        (["loading", "published"], "published", None),
        (["loading", "loading..published"], "loading", "published"),
        (["loading..published", "analysing"], "analysing", None),
        (["incoming..analysing", "external..published"], "incoming", "analysing"),
        (["external", "incoming", "loading", "analysing", "processed", "published"], "published", None),
        (["published_dev", "processed"], "published_dev", None),
    ],
)
def test_the_furthest_certain_stage_decides(places: list[str], at: str, up_to: str | None) -> None:
    for order in permutations(places) if len(places) < 4 else [places]:
        decision = decided(*(seen(at=each) for each in order))
        assert (decision.state, decision.up_to) == (state(at), state(up_to))
        assert decision.rule == "furthest_stage"


def test_the_deciding_sighting_is_kept() -> None:
    decision = decided(seen(at="external"), seen(at="loading", source="/nfs/loading", location="/nfs/loading/E-MTAB-1"))
    assert (decision.source, decision.location) == ("/nfs/loading", "/nfs/loading/E-MTAB-1")


def test_of_two_places_of_the_same_stage_the_first_configured_decides() -> None:
    decision = decided(seen(at="loading", source="b"), seen(at="loading", source="a"))
    assert decision.source == "b"


def test_every_dataset_seen_or_known_is_decided_once() -> None:
    known = standings(standing("loading", "E-MTAB-9"))
    decisions = all_decided(seen("E-MTAB-2", at="loading"), seen("E-MTAB-1", at="external"), known=known)
    assert list(decisions) == ["E-MTAB-1", "E-MTAB-2", "E-MTAB-9"]


# --------------------------------------------------------------------------- rule 2: eligible_should_be_imported


def test_an_eligible_external_dataset_should_be_imported() -> None:
    decision = decided(seen(at="external"), said=[PASS])
    assert (decision.state, decision.rule) == (STATES.incoming, "eligible_should_be_imported")


def test_a_dataset_that_may_already_be_further_is_incoming_up_to_there() -> None:
    decision = decided(seen(at="external..published"), said=[PASS])
    assert (decision.state, decision.up_to) == (STATES.incoming, state("published"))


@pytest.mark.parametrize("at", ["external", "external..incoming"])
def test_up_to_is_not_shown_where_it_says_nothing_more(at: str) -> None:
    assert decided(seen(at=at), said=[PASS]).up_to is None


@pytest.mark.parametrize("at", ["incoming", "loading", "analysing", "processed", "published_dev", "published"])
@pytest.mark.parametrize("said", ["PASS", "FAIL no replicates", "UNKNOWN"])
def test_a_verdict_moves_nothing_that_is_not_external(at: str, said: str) -> None:
    decision = decided(seen(at=at), said=[verdict(said)])
    assert (decision.state, decision.rule) == (state(at), "furthest_stage")


@pytest.mark.parametrize(
    ("said", "organisms", "listed", "words"),
    [
        (["FAIL no replicates"], HUMAN, None, ["rnaseq", "FAIL", "no replicates"]),
        (["UNKNOWN"], HUMAN, None, ["no eligibility check", "answer"]),
        ([], HUMAN, None, ["no eligibility check", "answer"]),
        (["PASS"], FISH, ["Homo sapiens"], ["organism", "Danio rerio", "not supported"]),
        (["PASS"], {}, ["Homo sapiens"], ["organism", "not known"]),
        (["PASS"], FISH, [], ["Danio rerio", "not supported"]),
        (
            ["FAIL no replicates"],
            FISH,
            ["Homo sapiens"],
            ["no replicates", "Danio rerio", "not supported"],
        ),
    ],
)
def test_with_an_objection_it_stays_external_and_every_objection_is_said(
    said: list[str], organisms: dict[str, Any], listed: list[str] | None, words: list[str]
) -> None:
    place = seen(at="external", **organisms)
    names = species(*listed) if listed is not None else Species()
    decision = decided(place, said=[verdict(each) for each in said], species=names)
    assert (decision.state, decision.rule) == (STATES.external, "furthest_stage")
    assert "not to be imported" in decision.sentence
    assert all(word in decision.sentence for word in words), decision.sentence


@pytest.mark.parametrize("other_at", ["loading", "analysing", "processed", "published_dev", "published"])
def test_a_study_that_is_here_under_another_accession_is_not_imported(other_at: str) -> None:
    mine = seen("E-GEOD-7", at="external")
    other = seen("E-MTAB-2", at=other_at, secondary_accessions=("GSE7",))
    decision = decided(mine, other, said=[verdict("PASS", "E-GEOD-7")])
    assert (decision.state, decision.ingested_as) == (STATES.external, ("E-MTAB-2",))
    assert "already here" in decision.sentence and "E-MTAB-2" in decision.sentence


@pytest.mark.parametrize("other_at", ["external", "incoming", "external..published", "incoming..published"])
def test_a_study_that_is_only_waiting_elsewhere_is_no_objection(other_at: str) -> None:
    """Ingested is what is certain to be in loading or later."""
    mine = seen("E-GEOD-7", at="external")
    other = seen("E-MTAB-2", at=other_at, secondary_accessions=("GSE7",))
    decision = decided(mine, other, said=[verdict("PASS", "E-GEOD-7")])
    assert (decision.state, decision.ingested_as) == (STATES.incoming, ())


def test_a_twin_that_is_gone_is_no_objection() -> None:
    known = standings(standing(None, "E-MTAB-2"))
    mine = seen("E-GEOD-7", at="external", secondary_accessions=("E-MTAB-2",))
    assert decided(mine, said=[verdict("PASS", "E-GEOD-7")], known=known).state == STATES.incoming


def test_all_accessions_that_it_is_ingested_under_are_named() -> None:
    others = [seen(f"E-MTAB-{n}", at="loading", secondary_accessions=("GSE7",)) for n in (3, 2)]
    assert decided(seen("E-GEOD-7", at="external"), *others).ingested_as == ("E-MTAB-2", "E-MTAB-3")


@pytest.mark.parametrize(
    ("organisms", "listed", "status"),
    [
        (("Homo sapiens",), ["homo_sapiens"], "Supported"),
        (("homo  sapiens",), ["Homo sapiens"], "Supported"),
        (("HOMO SAPIENS",), ["homo sapiens"], "Supported"),
        (("Danio rerio",), ["homo_sapiens"], "Not supported"),
        (("Homo sapiens", "Danio rerio"), ["homo_sapiens"], "Not supported"),
        (("Homo sapiens", "Danio rerio"), ["homo_sapiens", "danio_rerio"], "Supported"),
        ((), ["homo_sapiens"], "Unknown"),
        (("Homo sapiens",), None, ""),
        ((), None, ""),
    ],
)
def test_the_organism_is_looked_for_in_the_list_where_there_is_one(
    organisms: tuple[str, ...], listed: list[str] | None, status: str
) -> None:
    names = species(*listed) if listed is not None else Species()
    assert decided(seen(at="external", organisms=organisms), species=names).organism_status == status


@pytest.mark.parametrize(
    ("last", "after"),
    [("Supported", "incoming"), ("Not supported", "external"), ("Unknown", "external")],
)
def test_while_the_list_cannot_be_read_the_last_answer_stays(last: str, after: str) -> None:
    known = standings(standing("external", organism_status=last))
    decision = decided(seen(at="external", **FISH), said=[PASS], species=UNREADABLE_LIST, known=known)
    assert (decision.organism_status, decision.state) == (last, state(after))


def test_a_dataset_that_was_never_compared_with_the_list_waits_for_it() -> None:
    decision = decided(seen(at="external", **HUMAN), said=[PASS], species=UNREADABLE_LIST)
    assert (decision.organism_status, decision.state) == ("Unknown", STATES.external)


def test_a_dataset_that_comes_back_while_the_list_cannot_be_read_is_not_imported_unseen() -> None:
    site = Site(place("external"))
    fish = sighting(organisms=("Danio rerio",))
    human = species("Homo sapiens")
    site.crawl({"external": [fish, "E-MTAB-2"]}, answers=[answer({"E-MTAB-1": "PASS"})], species=human)
    site.crawl({"external": ["E-MTAB-2"]}, species=human)
    back = site.crawl({"external": [fish, "E-MTAB-2"]}, species=UNREADABLE_LIST)
    assert back.states["E-MTAB-1"] == "external"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Homo sapiens", "homo sapiens"),
        ("homo_sapiens", "homo sapiens"),
        ("  Homo \t sapiens ", "homo sapiens"),
        ("Homo sapiens (human)", "homo sapiens human"),
        ("Oryza sativa Indica-Group", "oryza sativa indica group"),
        ("escherichia_coli_k12", "escherichia coli k12"),
        ("", ""),
        ("—", ""),
    ],
)
def test_species_are_compared_in_lower_case_with_other_characters_as_one_space(text: str, name: str) -> None:
    assert species_name(text) == name


# --------------------------------------------------------------------------- verdicts together


@pytest.mark.parametrize(
    ("said", "together"),
    [
        ([], "UNKNOWN"),
        (["UNKNOWN"], "UNKNOWN"),
        (["PASS"], "PASS"),
        (["FAIL why"], "FAIL"),
        (["PASS", "UNKNOWN"], "PASS"),
        (["FAIL why", "UNKNOWN"], "FAIL"),
        (["PASS", "FAIL why"], "FAIL"),
        (["PASS", "PASS"], "PASS"),
        (["UNKNOWN", "PASS", "FAIL why"], "FAIL"),
    ],
)
def test_any_fail_outweighs_pass_and_pass_outweighs_unknown(said: list[str], together: str) -> None:
    for order in permutations(said):
        assert overall([verdict(text, check=f"c{n}") for n, text in enumerate(order)]) is Outcome(together)


def test_both_failed_checks_are_said() -> None:
    said = [verdict("FAIL score 3", check="autosubs"), verdict("FAIL no replicates", check="rnaseq")]
    sentence = decided(seen(at="external"), said=said).sentence
    assert all(word in sentence for word in ("autosubs", "score 3", "rnaseq", "no replicates"))


# --------------------------------------------------------------------------- reasons in words


@pytest.mark.parametrize(
    ("places", "said", "words"),
    [
        ([seen(at="loading")], [], ["/atlas/loading/E-MTAB-1", "loading"]),
        ([seen(at="external..published")], [], ["from external to published"]),
        ([seen(at="loading"), seen(at="external")], [], ["/atlas/loading/E-MTAB-1", "furthest", "2 places"]),
        ([seen(at="external", **HUMAN)], [PASS], ["should be imported", "rnaseq says PASS", "supported"]),
        ([seen(at="external")], [], ["not to be imported"]),
    ],
)
def test_the_sentence_says_where_and_why(places: list[Seen], said: list[Verdict], words: list[str]) -> None:
    sentence = decided(*places, said=said, species=species("Homo sapiens")).sentence
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence and sentence.endswith(".") and "None" not in sentence


def test_what_is_supported_is_not_said_where_no_list_was_asked() -> None:
    assert "supported" not in decided(seen(at="external"), said=[PASS]).sentence


def test_every_rule_says_in_its_docstring_what_it_does() -> None:
    assert all(rule.__doc__ for rule in lifecycle.RULES)


# --------------------------------------------------------------------------- gone, and back


def test_a_dataset_that_is_nowhere_any_more_is_gone() -> None:
    decision = all_decided(known=standings(standing("loading")))["E-MTAB-1"]
    assert (decision.state, decision.rule) == (None, "no_longer_seen")
    assert "no longer seen" in decision.sentence


def test_what_is_gone_stays_as_it_is() -> None:
    known = standings(standing(None))
    assert all_decided(known=known) == {"E-MTAB-1": known.standings["E-MTAB-1"].decision}


@pytest.mark.parametrize(
    ("was", "places", "change"),
    [
        ("new", ["loading"], (None, "loading")),
        ("loading", ["analysing"], ("loading", "analysing")),
        ("analysing", ["loading"], ("analysing", "loading")),
        ("loading", ["loading"], None),
        ("loading", ["loading", "external"], None),
        ("loading", [], ("loading", None)),
        (None, [], None),
        (None, ["external"], (None, "external")),
    ],
)
def test_there_is_a_change_only_where_the_state_differs(
    was: str | None, places: list[str], change: tuple[str | None, str | None] | None
) -> None:
    known = Known() if was == "new" else standings(standing(was))
    decisions = all_decided(*(seen(at=at) for at in places), known=known)
    made = lifecycle.changes(decisions, known.standings, DAY_1)
    assert [(c.before, c.after) for c in made] == ([(state(change[0]), state(change[1]))] if change else [])


def test_a_change_keeps_its_reason_and_its_time() -> None:
    decisions = all_decided(seen(at="external"), said=[PASS])
    (change,) = lifecycle.changes(decisions, {}, DAY_1)
    assert (change.dataset, change.reason, change.at) == ("E-MTAB-1", "eligible_should_be_imported", DAY_1)
    assert change.sentence == decisions["E-MTAB-1"].sentence


# --------------------------------------------------------------------------- metadata of several places


def test_each_field_comes_from_the_furthest_place_that_has_it() -> None:
    near = sighting(title="Old", organisms=("Homo sapiens",), mapping=("star", "2.7"))
    far = sighting(title="New", curators=("ada",))
    assert lifecycle.merged([far, near]) == Metadata(
        title="New", organisms=("Homo sapiens",), curators=("ada",), mapping=("star", "2.7")
    )


PARTLY: dict[str, Any] = {"organisms": ("Homo sapiens",), "incomplete": ("organisms",)}


@pytest.mark.parametrize(
    ("far", "near", "organisms", "incomplete"),
    [
        ({}, {}, (), ()),
        (PARTLY, {}, ("Homo sapiens",), ("organisms",)),
        ({}, PARTLY, ("Homo sapiens",), ("organisms",)),
        (FISH, PARTLY, ("Danio rerio",), ()),
        (PARTLY, FISH, ("Homo sapiens",), ("organisms",)),
        ({"incomplete": ("organisms",)}, {}, (), ("organisms",)),
        ({"incomplete": ("organisms",)}, FISH, ("Danio rerio",), ()),
    ],
)
def test_a_field_is_as_incomplete_as_the_place_says_that_it_is_taken_from(
    far: dict[str, Any], near: dict[str, Any], organisms: tuple[str, ...], incomplete: tuple[str, ...]
) -> None:
    merged = lifecycle.merged([sighting(**far), sighting(**near)])
    assert (merged.organisms, merged.incomplete) == (organisms, incomplete)


def test_what_may_name_more_organisms_is_decided_on_those_that_are_known() -> None:
    assert decided(seen(at="external", **PARTLY), species=species("Homo sapiens")).organism_status == "Supported"


@pytest.mark.parametrize("number", [0, 1, 3])
def test_where_no_place_says_anything_nothing_is_said(number: int) -> None:
    assert lifecycle.merged([sighting()] * number) == Metadata()


def test_places_come_furthest_first() -> None:
    sightings = {name: {"E-MTAB-1": sighting(source=name)} for name in ("external", "published", "loading")}
    stages: dict[str, Stage] = {name: stage(name) for name in sightings}
    places = lifecycle.furthest_first(sightings, stages)["E-MTAB-1"]
    assert [each.sighting.source for each in places] == ["published", "loading", "external"]

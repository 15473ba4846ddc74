"""What curators look at: six tabs, their columns, their rows, and what stands in the cells."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from app.domain.history import Policy
from app.domain.model import Code, Known, Lifecycle, Secret, StateChange
from app.domain.overview import COLUMN_NAMES, LINKS, Cell, Layout, Table, View, private, tables
from tests.domain.builders import (
    DAY,
    DAY_1,
    DOWN,
    STATES,
    Crawl,
    Site,
    accessions,
    answer,
    authority,
    file,
    listing,
    place,
    problem,
    sighting,
    species,
    state,
)

DISCOVER, TRACK = "Discover Experiments", "Track Ingested Experiments"

SEED = (
    "Accession", "Status", "Up To", "Since", "Tech Type", "Web Link", "Discovery Location", "Investigation Title",
    "Experiment Type", "Analysis Type", "Organism", "Organism Status", "Single-cell Experiment Type",
    "Secondary Accessions", "IDF", "SDRF", "Last Modified", "Atlas Eligibility", "Eligibility Checked",
    "Already Ingested", "GeneQuantSoft", "GQSVersion", "MappingSoft", "MappingSoftVersion", "E!Version",
    "TransQuantSoft", "TQSVersion", "Curator", "Problems",
)  # fmt: skip
ANALYSIS_SOFTWARE = {
    "GeneQuantSoft", "GQSVersion", "MappingSoft", "MappingSoftVersion", "E!Version", "TransQuantSoft", "TQSVersion",
}  # fmt: skip
NOT_IN_DISCOVER = {"Web Link", "Curator", "Experiment Type", "Single-cell Experiment Type", "Tech Type"}
NOT_IN_TRACK = {"Organism Status"}


def shown(crawl: Crawl | Known, layout: Layout | None = None, **more: Any) -> dict[str, Table]:
    known = crawl if isinstance(crawl, Known) else crawl.settled.after
    return {table.name: table for table in tables(View(known, **more), layout or Layout())}


def rows(table: Table) -> list[dict[str, Cell]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def row(crawl: Crawl, dataset: str = "E-MTAB-1", layout: Layout | None = None) -> dict[str, Cell]:
    """The dataset's row, in whichever of the two tabs it is."""
    found = shown(crawl, layout)
    (one,) = [each for tab in (DISCOVER, TRACK) for each in rows(found[tab]) if each["Accession"] == dataset]
    return one


def site(*stages: str) -> Site:
    return Site(*map(place, stages))


# --------------------------------------------------------------------------- tabs and columns


def test_the_tabs_come_in_the_order_in_which_people_look_at_them() -> None:
    assert list(shown(Known())) == ["Summary", DISCOVER, TRACK, "Changes", "Duplicates", "Problems"]


def test_discover_leaves_out_what_only_imported_datasets_have() -> None:
    left_out = NOT_IN_DISCOVER | ANALYSIS_SOFTWARE
    assert shown(Known())[DISCOVER].columns == tuple(title for title in SEED if title not in left_out)


def test_track_leaves_out_the_organism_status() -> None:
    assert shown(Known())[TRACK].columns == tuple(title for title in SEED if title not in NOT_IN_TRACK)


def test_settings_may_choose_any_column_for_either_tab() -> None:
    assert COLUMN_NAMES == {DISCOVER: SEED, TRACK: SEED}


def test_settings_choose_columns_their_order_and_their_titles() -> None:
    chosen = (("Status", "State"), ("Accession", "Accession"), ("Organism Status", "Can we?"))
    crawl = site("loading").crawl({"loading": ["E-MTAB-1"]})
    found = shown(crawl, Layout(columns={TRACK: chosen}))
    assert found[TRACK].columns == ("State", "Accession", "Can we?")
    assert found[TRACK].rows == (("loading", "E-MTAB-1", ""),)
    assert found[DISCOVER].columns == shown(crawl)[DISCOVER].columns, "the other keeps its own"


# --------------------------------------------------------------------------- which rows


@pytest.mark.parametrize("at", [each.name for each in STATES.states])
def test_external_datasets_are_to_discover_and_all_others_to_track(at: str) -> None:
    found = shown(site(at).crawl({at: ["E-MTAB-1"]}))
    assert (len(found[DISCOVER].rows), len(found[TRACK].rows)) == ((1, 0) if at == "external" else (0, 1))


def test_an_external_dataset_that_should_be_imported_is_to_track() -> None:
    crawl = site("external").crawl({"external": ["E-MTAB-1"]}, answers=[answer({"E-MTAB-1": "PASS"})])
    assert [each["Status"] for each in rows(shown(crawl)[TRACK])] == ["incoming"]
    assert shown(crawl)[DISCOVER].rows == ()


def test_gone_datasets_are_in_no_tab_but_changes() -> None:
    some = site("loading")
    some.crawl({"loading": accessions(2)})
    crawl = some.crawl({"loading": accessions(1)})
    found = shown(crawl, changes=crawl.settled.changes)
    assert [each["Accession"] for each in rows(found[TRACK])] == ["E-MTAB-1"]
    assert [(each["Accession"], each["To"]) for each in rows(found["Changes"])] == [("E-MTAB-2", "gone")]


def test_a_dataset_in_several_places_is_one_row() -> None:
    crawl = site("external", "loading", "published").crawl({at: ["E-1"] for at in ("external", "loading", "published")})
    assert len(shown(crawl)[TRACK].rows) == 1 and not shown(crawl)[DISCOVER].rows


def test_datasets_come_by_accession() -> None:
    crawl = site("loading").crawl({"loading": ["E-MTAB-3", "E-GEOD-1", "E-MTAB-2"]})
    assert [each["Accession"] for each in rows(shown(crawl)[TRACK])] == ["E-GEOD-1", "E-MTAB-2", "E-MTAB-3"]


def test_a_dataset_in_a_state_that_the_site_has_retired_is_still_in_one_tab() -> None:
    crawl = Site(place("validating")).crawl({"validating": ["E-MTAB-1"]})
    assert len(shown(crawl)[DISCOVER].rows) + len(shown(crawl)[TRACK].rows) == 1


# --------------------------------------------------------------------------- cells

FULL: dict[str, Any] = {
    "title": "A title",
    "experiment_types": ("differential", "baseline"),
    "analysis_types": ("RNA-seq",),
    "organisms": ("Homo sapiens", "Mus musculus"),
    "library_constructions": ("10x v2", "10x v3"),
    "secondary_accessions": ("ERP1", "GSE2"),
    "curators": ("ada", "grace"),
    "gene_quantification": ("htseq", "0.6.1"),
    "mapping": ("star", "2.7"),
    "ensembl_release": "104",
    "transcript_quantification": ("kallisto", "0.46"),
    "modified": DAY_1,
    "tech": ("bulk", "sc"),
    "files": (file("idf", "/a/E-MTAB-1.idf.txt"), file("sdrf", "/a/E-MTAB-1.sdrf.txt"), file("curator", "/a/.c")),
    "location": "/a/E-MTAB-1",
}


@pytest.mark.parametrize(
    ("title", "cell"),
    [
        ("Accession", "E-MTAB-1"),
        ("Status", "processed"),
        ("Up To", "published"),
        ("Since", DAY_1),
        ("Tech Type", "bulk; sc"),
        ("Web Link", ""),
        ("Discovery Location", "/a/E-MTAB-1"),
        ("Investigation Title", "A title"),
        ("Experiment Type", "differential; baseline"),
        ("Analysis Type", "RNA-seq"),
        ("Organism", "Homo sapiens; Mus musculus"),
        ("Organism Status", "Not supported"),
        ("Single-cell Experiment Type", "10x v2; 10x v3"),
        ("Secondary Accessions", "ERP1; GSE2"),
        ("IDF", "/a/E-MTAB-1.idf.txt"),
        ("SDRF", "/a/E-MTAB-1.sdrf.txt"),
        ("Last Modified", DAY_1),
        ("Atlas Eligibility", "FAIL (score 3)"),
        ("Eligibility Checked", DAY_1),
        ("Already Ingested", "E-GEOD-2"),
        ("GeneQuantSoft", "htseq"),
        ("GQSVersion", "0.6.1"),
        ("MappingSoft", "star"),
        ("MappingSoftVersion", "2.7"),
        ("E!Version", "104"),
        ("TransQuantSoft", "kallisto"),
        ("TQSVersion", "0.46"),
        ("Curator", "ada; grace"),
        ("Problems", "E-MTAB-1 is processed, although rnaseq says FAIL (score 3)."),
    ],
)
def test_every_column_shows_what_it_says(title: str, cell: Cell) -> None:
    crawl = Site(place("done", "processed..published"), place("published")).crawl(
        {"done": [sighting(**FULL)], "published": ["E-GEOD-2"]},
        answers=[answer({"E-MTAB-1": "FAIL score 3"})],
        species=species("Homo sapiens"),
    )
    layout = Layout(columns={TRACK: (("Accession", "Accession"), (title, title))})
    assert row(crawl, layout=layout)[title] == cell


@pytest.mark.parametrize("title", SEED)
def test_a_dataset_of_which_little_is_known_has_empty_cells_not_none_in_words(title: str) -> None:
    crawl = site("loading").crawl({"loading": ["E-MTAB-1"]})
    cell = row(crawl, layout=Layout(columns={TRACK: (("Accession", "Accession"), (title, title))}))[title]
    assert "None" not in str(cell or "")
    assert cell or title not in {"Accession", "Status", "Since", "Discovery Location"}


def test_cells_hold_nothing_but_plain_values() -> None:
    some = site("external", "loading", "published")
    some.crawl({"external": [sighting(**FULL), problem(Code.NEAR_MISS)], "loading": accessions(9), "published": []})
    crawl = some.crawl(
        {"external": [sighting(**FULL)], "loading": [], "published": DOWN},
        answers=[answer({"E-MTAB-2": "PASS"}), answer(None, "autosubs")],
    )
    everything = {tab: tuple((title, title) for title in SEED) for tab in (DISCOVER, TRACK)}
    view = View(crawl.settled.after, crawl.settled.changes, {1: {"loading": 1}})
    for table in tables(view, Layout(columns=everything)):
        for cells in table.rows:
            assert len(cells) == len(table.columns), table.name
            assert {type(cell) for cell in cells} <= {str, int, float, bool, datetime, type(None)}, table.name


def test_metadata_is_taken_from_wherever_it_is_furthest_first() -> None:
    crawl = site("external", "loading", "published").crawl(
        {
            "external": [sighting(title="Old", organisms=("Homo sapiens",), modified=DAY_1)],
            "loading": [sighting(title="New", files=(file("idf", "/loading/E-MTAB-1.idf.txt"),))],
            "published": [sighting(tech=("bulk",), location="/published/E-MTAB-1")],
        }
    )
    one = row(crawl)
    assert (one["Investigation Title"], one["Organism"], one["IDF"]) == (
        "New",
        "Homo sapiens",
        "/loading/E-MTAB-1.idf.txt",
    )
    assert (one["Last Modified"], one["Discovery Location"], one["SDRF"]) == (DAY_1, "/published/E-MTAB-1", "")


def test_all_checks_are_shown_with_the_age_of_the_oldest() -> None:
    some = site("external")
    both = [answer({"E-MTAB-1": "PASS"}), answer({"E-MTAB-1": "FAIL score 3"}, "autosubs")]
    some.crawl({"external": ["E-MTAB-1"]}, answers=both)
    one = row(some.crawl({"external": ["E-MTAB-1"]}, answers=[answer(None), both[1]]))
    assert one["Atlas Eligibility"] in (
        "rnaseq: PASS; autosubs: FAIL (score 3)",
        "autosubs: FAIL (score 3); rnaseq: PASS",
    )
    assert one["Eligibility Checked"] == DAY_1


def test_without_any_verdict_nothing_is_shown() -> None:
    one = row(site("external").crawl({"external": ["E-MTAB-1"]}, answers=[answer({})]))
    assert (one["Atlas Eligibility"], one["Eligibility Checked"]) == ("", None)


def test_the_cells_do_not_depend_on_the_order_of_the_stores_rows() -> None:
    known = (
        site("external")
        .crawl(
            {"external": ["E-MTAB-1"]},
            answers=[answer({"E-MTAB-1": "PASS"}), answer({"E-MTAB-1": "FAIL score 3"}, "autosubs")],
        )
        .settled.after
    )
    assert shown(replace(known, verdicts=dict(reversed(list(known.verdicts.items()))))) == shown(known)


# --------------------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("at", "tech", "link"),
    [
        ("published", ("bulk",), "https://www.ebi.ac.uk/gxa/experiments/E-MTAB-1"),
        ("published", ("sc",), "https://www.ebi.ac.uk/gxa/sc/experiments/E-MTAB-1"),
        ("published_dev", ("bulk",), "https://wwwdev.ebi.ac.uk/gxa/experiments/E-MTAB-1"),
        ("published_dev", ("sc",), "https://wwwdev.ebi.ac.uk/gxa/sc/experiments/E-MTAB-1"),
        ("published", (), ""),
        ("published", ("proteomics",), ""),
        ("published", ("proteomics", "sc"), "https://www.ebi.ac.uk/gxa/sc/experiments/E-MTAB-1"),
        ("processed", ("bulk",), ""),
        ("loading", ("sc",), ""),
    ],
)
def test_what_is_published_has_a_link(at: str, tech: tuple[str, ...], link: str) -> None:
    assert row(site(at).crawl({at: [sighting(tech=tech)]}))["Web Link"] == link


def test_link_templates_are_a_setting() -> None:
    crawl = site("processed").crawl({"processed": [sighting(tech=("bulk",))]})
    layout = Layout(links=LINKS | {"processed bulk": "https://example.org/{accession}?view={accession}"})
    assert row(crawl, layout=layout)["Web Link"] == "https://example.org/E-MTAB-1?view=E-MTAB-1"


# --------------------------------------------------------------------------- what is private

PRIVATE = {"E-MTAB-1": True, "E-MTAB-2": False, "E-MTAB-3": None}
KEYS = {"E-MTAB-1": Secret("k/1 ?")}


def in_production(at: str = "published", tech: tuple[str, ...] = ("bulk",), **more: Any) -> Crawl:
    """E-MTAB-1 is private, the other two are not."""
    found = {at: [sighting(dataset, at, tech=tech, **more) for dataset in PRIVATE]}
    return Site(place(at), policy=Policy(authorities=(authority(),))).crawl(found, listings=[listing(PRIVATE)])


PAGE = "https://wwwdev.ebi.ac.uk/gxa/experiments/E-MTAB-1/Results"


@pytest.mark.parametrize(
    ("tech", "library", "keys", "link"),
    [
        (("bulk",), (), KEYS, f"{PAGE}?accessKey=k%2F1%20%3F"),
        (("bulk",), (), {"E-MTAB-2": Secret("k2")}, PAGE),
        (("bulk",), (), None, PAGE),
        (("bulk", "sc"), (), KEYS, f"{PAGE}?accessKey=k%2F1%20%3F"),
        (("bulk", "sc"), ("10x v2",), KEYS, ""),
        (("sc",), (), KEYS, ""),
        ((), (), KEYS, ""),
    ],
)
@pytest.mark.parametrize("at", ["published", "published_dev", "loading"])
def test_a_private_dataset_has_a_link_of_its_own_and_its_key_only_where_keys_are_given(
    at: str, tech: tuple[str, ...], library: tuple[str, ...], keys: Any, link: str
) -> None:
    known = in_production(at, tech, library_constructions=library).settled.after
    track = next(table for table in tables(View(known), Layout(), keys) if table.name == TRACK)
    assert rows(track)[0]["Web Link"] == link


def test_a_dataset_that_is_not_private_has_the_public_link() -> None:
    crawl = in_production()
    links = [row(crawl, dataset)["Web Link"] for dataset in ("E-MTAB-2", "E-MTAB-3")]
    assert links == [f"https://www.ebi.ac.uk/gxa/experiments/{dataset}" for dataset in ("E-MTAB-2", "E-MTAB-3")]


def test_a_key_is_in_no_table_unless_it_is_given() -> None:
    known = in_production().settled.after
    shown_with = repr(tables(View(known), Layout(), KEYS))
    assert "accessKey=k" in shown_with and "accessKey" not in repr(tables(View(known), Layout()))
    assert "k/1" not in repr(KEYS)


def test_what_one_database_says_is_private_is_private() -> None:
    some = Site(place("loading"))
    crawl = some.crawl(
        {"loading": []},
        listings=[listing({"E-1": True, "E-2": False}), listing({"E-1": False, "E-2": None}, "sc_atlas")],
    )
    assert private(crawl.settled.after) == {"E-1"}


def test_private_datasets_can_be_left_out_of_every_row() -> None:
    """What remains of them is a number in the Summary, and no word about them in the rows of others."""
    some = Site(
        *map(place, ("external", "loading", "published")), policy=Policy(authorities=(authority(of="loading"),))
    )
    private_ones, named = {"E-MTAB-7": True, "E-MTAB-8": True, "E-MTAB-1": False}, "/atlas/E-MTAB-7/E-MTAB-7.idf.txt"
    told = replace(problem(Code.UNREADABLE, message="E-MTAB-7 (as E-MTAB-77) cannot be read."), path=named)
    there = [sighting("E-MTAB-7", tech=("bulk",), secondary_accessions=("GSE5",)), "E-MTAB-1", told]
    first, crawl = (
        some.crawl(
            {
                "external": ["E-GEOD-5"],
                "loading": loading,
                "published": [sighting("E-GEAD-6", secondary_accessions=("E-MTAB-1",))],
            },
            answers=[answer({"E-GEOD-5": "PASS"})],
            listings=[listing(private_ones)],
        )
        for loading in ([*there, "E-MTAB-8"], there)
    )
    known, changes = crawl.settled.after, (*crawl.settled.changes, *first.settled.changes)
    whole = shown(known, changes=changes)
    assert all("E-MTAB-7" in repr(whole[tab].rows) for tab in (TRACK, "Changes", "Duplicates", "Problems"))
    found = shown(known, changes=changes, left_out=private(known))
    assert "E-MTAB-7'" not in repr(found) and "E-MTAB-7 " not in repr(found) and "E-MTAB-8" not in repr(found)
    assert [each["Already Ingested"] for each in rows(found[DISCOVER])] == ["(private)"]
    assert [each["Accession"] for each in rows(found["Changes"])] == ["E-GEAD-6", "E-GEOD-5", "E-MTAB-1"]
    assert "its study is already here as (private)" in repr(found["Changes"].rows)
    assert [each["Accessions"] for each in rows(found["Duplicates"])] == ["E-GEAD-6; E-MTAB-1"]
    (unreadable,) = [each for each in rows(found["Problems"]) if each["Problem"] == "unreadable"]
    assert unreadable["Message"] == "(private) (as E-MTAB-77) cannot be read."
    assert unreadable["Path"] == "/atlas/(private)/(private).idf.txt"
    assert ("private", 1) in [each[:2] for each in section(found["Summary"], "Left Out")]
    assert section(found["Summary"], "State") == section(whole["Summary"], "State")
    assert section(whole["Summary"], "Left Out") == []


# --------------------------------------------------------------------------- what only a database knows


def test_what_only_a_database_knows_has_the_technology_and_the_link_of_that_database() -> None:
    deciding = authority(decides=True)
    some = Site(place("loading"), policy=Policy(authorities=(deciding,)))
    crawl = some.crawl({"loading": []}, listings=[listing(["E-MTAB-1"])])
    one = row(crawl, layout=Layout(techs={"bulk_atlas": "bulk", "sc_atlas": "sc"}))
    assert (one["Status"], one["Tech Type"], one["Discovery Location"]) == ("published", "bulk", "bulk_atlas_db")
    assert one["Web Link"] == "https://www.ebi.ac.uk/gxa/experiments/E-MTAB-1"
    assert "no source shows it" in str(one["Problems"])


# --------------------------------------------------------------------------- what was not read to its end


@pytest.mark.parametrize(
    ("incomplete", "organism", "library"),
    [
        ((), "Homo sapiens; Mus musculus", "10x v2; 10x v3"),
        (("organisms",), "Homo sapiens; Mus musculus …", "10x v2; 10x v3"),
        (("organisms", "library_constructions"), "Homo sapiens; Mus musculus …", "10x v2; 10x v3 …"),
    ],
)
def test_a_cell_shows_that_there_may_be_more(incomplete: tuple[str, ...], organism: str, library: str) -> None:
    one = row(site("loading").crawl({"loading": [sighting(**FULL, incomplete=incomplete)]}))
    assert (one["Organism"], one["Single-cell Experiment Type"]) == (organism, library)


# --------------------------------------------------------------------------- what is wrong


def test_a_dataset_shows_its_own_problems() -> None:
    wrong = sighting(problems=(problem(Code.EMPTY_FILE, "E-MTAB-1", message="The IDF is empty."),))
    crawl = site("loading").crawl({"loading": [wrong, "E-MTAB-2"]})
    assert "The IDF is empty." in str(row(crawl)["Problems"])
    assert row(crawl, "E-MTAB-2")["Problems"] == ""


@pytest.mark.parametrize("loading", [DOWN, []])
def test_what_an_unreadable_or_held_source_last_showed_is_marked_stale(loading: Any) -> None:
    some = site("external", "loading")
    found = {"external": ["E-MTAB-9", "E-MTAB-1"], "loading": ["E-MTAB-1", "E-MTAB-2"]}
    fresh = some.crawl(found)
    stale = some.crawl({**found, "loading": loading})
    for dataset in ("E-MTAB-1", "E-MTAB-2"):
        assert row(fresh, dataset)["Problems"] == ""
        assert "Stale" in str(row(stale, dataset)["Problems"]) and "loading" in str(row(stale, dataset)["Problems"])
    assert row(stale, "E-MTAB-9")["Problems"] == ""
    assert row(some.crawl(found))["Problems"] == ""


def test_one_row_a_problem() -> None:
    some = site("loading")
    some.crawl({"loading": ["E-MTAB-1", problem(Code.NEAR_MISS, message="E-MTAB-1B is almost an accession.")]})
    (one,) = rows(shown(some.crawl({"loading": DOWN}))["Problems"])[1:]
    assert one == {
        "Severity": "warning",
        "Problem": "near_miss",
        "Message": "E-MTAB-1B is almost an accession.",
        "Accession": "",
        "Source": "loading",
        "Path": "/atlas/loading/x",
        "Line": None,
        "Since": DAY_1,
    }


def test_a_problem_in_a_file_says_in_which_line() -> None:
    found = replace(problem(Code.PLACEHOLDER, "E-MTAB-1"), line=12)
    (one,) = rows(shown(site("loading").crawl({"loading": [sighting(problems=(found,))]}))["Problems"])
    assert (one["Path"], one["Line"]) == ("/atlas/loading/x", 12)


def test_the_worst_problems_come_first() -> None:
    some = site("loading")
    some.crawl({"loading": ["E-MTAB-1", problem(Code.SOURCE_EMPTY), problem(Code.NEAR_MISS)]})
    some.crawl({"loading": DOWN})
    severities = [each["Severity"] for each in rows(shown(some.ledger.known())["Problems"])]
    assert severities == ["error", "warning", "info"]


# --------------------------------------------------------------------------- Summary


def section(table: Table, name: str) -> list[tuple[Cell, ...]]:
    at = table.columns.index("Section")
    return [each[:at] + each[at + 1 :] for each in table.rows if each[at] == name]


def test_the_summary_counts_each_state_now_and_before() -> None:
    crawl = site("external", "loading").crawl({"external": accessions(3), "loading": ["E-MTAB-1"]})
    earlier = {1: {"external": 2, "loading": 1}, 7: {"external": 5}, 30: {}}
    table = shown(crawl, earlier=earlier)["Summary"]
    assert table.columns == (
        "Section", "Name", "Now", "1 Day Ago", "7 Days Ago", "30 Days Ago", "Last Read", "Note",
    )  # fmt: skip
    assert [each[:5] for each in section(table, "State")] == [
        ("external", 2, 2, 5, None),
        ("incoming", 0, 0, 0, None),
        ("loading", 1, 1, 0, None),
        ("analysing", 0, 0, 0, None),
        ("processed", 0, 0, 0, None),
        ("published", 0, 0, 0, None),
        ("all", 3, 3, 5, None),
    ]


@pytest.mark.parametrize("names", [("published_dev",), ("validating", "published_dev")])
def test_states_that_are_not_everywhere_are_counted_where_datasets_are_in_them(names: tuple[str, ...]) -> None:
    crawl = Site(*map(place, names)).crawl({name: [f"E-MTAB-{n}"] for n, name in enumerate(names)})
    counted = {each[0]: each[1] for each in section(shown(crawl)["Summary"], "State")}
    assert {name: counted[name] for name in names} == dict.fromkeys(names, 1)
    assert counted["all"] == len(names)


@pytest.mark.parametrize("name", ["published_dev", "validating"])
def test_a_state_that_has_emptied_still_shows_how_many_it_had(name: str) -> None:
    crawl = site("published").crawl({"published": ["E-MTAB-1"]})
    counted = section(shown(crawl, earlier={7: {name: 1, "published": 1}})["Summary"], "State")
    *states, total = counted
    assert sum(int(str(each[3])) for each in states) == total[3] == 2


def test_the_summary_lists_every_source_and_when_it_was_last_read() -> None:
    some = site("external", "loading")
    some.crawl({"external": accessions(3), "loading": accessions(2)})
    crawl = some.crawl({"external": DOWN, "loading": accessions(2)})
    names = [(each[0], each[1], each[5], each[6]) for each in section(shown(crawl)["Summary"], "Source")]
    assert names == [("external", 3, DAY_1, DOWN.message), ("loading", 2, DAY_1 + DAY, "")]


def test_a_source_that_left_for_good_is_not_listed() -> None:
    some = site("external", "loading")
    some.crawl({"external": accessions(3), "loading": []})
    some.places = some.places[:1]
    crawl = some.crawl({"external": accessions(3)})
    assert [each[0] for each in section(shown(crawl)["Summary"], "Source")] == ["external"]


def test_the_summary_counts_problems_by_kind() -> None:
    wrong = [sighting(d, problems=(problem(Code.EMPTY_FILE, d),)) for d in accessions(3)]
    crawl = site("loading", "external").crawl({"loading": wrong, "external": DOWN})
    found = {each[0]: each[1] for each in section(shown(crawl)["Summary"], "Problem")}
    assert found == {"empty_file": 3, "source_unreadable": 1}


# --------------------------------------------------------------------------- Changes and Duplicates


def test_changes_come_newest_first_with_their_reasons() -> None:
    changes = [
        StateChange("E-MTAB-1", state("loading"), None, "no_longer_seen", "It is gone.", DAY_1 + DAY, 2),
        StateChange("E-MTAB-1", None, state("loading"), "furthest_stage", "It is there.", DAY_1, 1),
    ]
    table = shown(Known(), changes=changes)["Changes"]
    assert table.rows == (
        (DAY_1 + DAY, "E-MTAB-1", "loading", "gone", "no_longer_seen", "It is gone.", 2),
        (DAY_1, "E-MTAB-1", "new", "loading", "furthest_stage", "It is there.", 1),
    )


def test_duplicates_are_one_row_a_group() -> None:
    crawl = site("external", "loading").crawl(
        {"external": ["E-GEOD-7", "E-MTAB-9"], "loading": [sighting("E-MTAB-1", secondary_accessions=("GSE7",))]}
    )
    (one,) = rows(shown(crawl)["Duplicates"])
    assert (one["Accessions"], one["Status"], one["Shared Accessions"], one["Datasets"]) == (
        "E-GEOD-7; E-MTAB-1",
        "external; loading",
        "GSE7",
        2,
    )
    assert (one["Group"], one["Certain"], one["Evidence"]) == ("E-GEOD-7", "yes", "E-MTAB-1 names E-GEOD-7 (GSE7)")


def test_possible_duplicates_come_after_the_certain_ones() -> None:
    alike = {"title": "Regeneration of zebrafish hearts", "organisms": ("Danio rerio",)}
    found = [
        sighting("E-CURD-1", **alike),
        sighting("E-MTAB-2", **alike),
        sighting("E-MTAB-3", accessions=("E-PROT-4",), secondary_accessions=("PXD5",)),
        sighting("E-PROT-4", secondary_accessions=("PXD5",)),
    ]
    certain, possible = rows(shown(site("loading").crawl({"loading": found}))["Duplicates"])
    assert (certain["Certain"], certain["Shared Accessions"]) == ("yes", "E-PROT-4; PXD5")
    assert certain["Evidence"] == "E-MTAB-3 names E-PROT-4; E-MTAB-3 and E-PROT-4 both name PXD5"
    assert (possible["Certain"], possible["Accessions"], possible["Shared Accessions"]) == (
        "possible",
        "E-CURD-1; E-MTAB-2",
        "",
    )
    assert possible["Evidence"].endswith("the same organism and title, Regeneration of zebrafish hearts")


def test_a_dataset_that_is_gone_is_no_duplicate() -> None:
    some = site("loading")
    both = ["E-GEOD-7", sighting("E-MTAB-1", secondary_accessions=("GSE7",))]
    some.crawl({"loading": both})
    assert shown(some.crawl({"loading": both[:1]}))["Duplicates"].rows == ()


def test_a_site_with_states_of_its_own_sees_them() -> None:
    states = Lifecycle.of(("external", "incoming", "loading", "review", "analysing", "processed", "published"))
    crawl = Site(place("review", states=states)).crawl({"review": ["E-MTAB-1"]})
    found = shown(crawl, Layout(lifecycle=states))
    assert [each["Status"] for each in rows(found[TRACK])] == ["review"]
    names = [each[0] for each in section(found["Summary"], "State")]
    assert names[2:5] == ["loading", "review", "analysing"]

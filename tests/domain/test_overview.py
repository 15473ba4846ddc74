"""What curators look at: six tabs, their columns, their rows, and what stands in the cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from app.domain.duplicates import Group, Link, group_key
from app.domain.history import Policy
from app.domain.model import Code, Known, Lifecycle, Problem, Remark, RemarkKind, Scalar, Secret, StateChange
from app.domain.overview import (
    COLUMN_NAMES,
    LINKS,
    Cell,
    Layout,
    Table,
    View,
    duplicate_groups,
    private,
    tables,
)
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
        "Key": problem(Code.NEAR_MISS, message="E-MTAB-1B is almost an accession.").key,
        "Acknowledged": "",
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


# --------------------------------------------------------------------------- what curators say

SAID = datetime(2026, 11, 23, 23, 30, tzinfo=timezone(-timedelta(hours=2)))
BY_WREN = "No use (wren, 2026-11-24)"
"""Of a remark made at that time: the day is that in UTC."""


def remark(kind: RemarkKind, subject: str, evidence: str = "", reason: str = "No use") -> Remark:
    return Remark(kind, subject, reason, "wren", SAID, evidence)


def ignored(dataset: str, reason: str = "No use") -> Remark:
    return remark(RemarkKind.IGNORED, dataset, reason=reason)


def acknowledged(found: Problem, reason: str = "No use") -> Remark:
    return remark(RemarkKind.ACKNOWLEDGED, found.digest, reason=reason)


def dismissed(known: Known, *keys: str, reason: str = "No use") -> list[Remark]:
    """What is said of these groups as they are now."""
    groups = [group for group in duplicate_groups(known, Layout()) if group.key in keys]
    return [remark(RemarkKind.DISMISSED, group.key, group.evidence, reason) for group in groups]


def remarked(known: Known, *those: Remark) -> Known:
    return replace(known, remarks={(each.kind, each.subject): each for each in those})


def greyed(table: Table) -> list[str]:
    """The keys of the rows that are shown greyed."""
    return [key for number, key in enumerate(table.keys) if number in table.muted]


def wrong(dataset: str, code: Code = Code.EMPTY_FILE) -> Any:
    return sighting(dataset, problems=(problem(code, dataset),))


def some_known() -> Known:
    """Two external datasets and three that are loaded, of which two have a problem; and one of a source."""
    found = {
        "external": ["E-MTAB-8", "E-MTAB-9"],
        "loading": [wrong("E-MTAB-1"), wrong("E-MTAB-2"), "E-MTAB-3", problem(Code.NEAR_MISS)],
    }
    return site("external", "loading").crawl(found).settled.after


def test_every_row_has_a_key_of_its_own() -> None:
    some = site("external", "loading")
    two = sighting("E-MTAB-2", secondary_accessions=("E-MTAB-3",))
    crawl = some.crawl({"external": ["E-MTAB-8"], "loading": [wrong("E-MTAB-1"), two, "E-MTAB-3"]})
    changes = [replace(change, run=7) for change in crawl.settled.changes]
    found = shown(crawl, changes=changes)
    assert [len(set(table.keys)) for table in found.values()] == [len(table.rows) for table in found.values()]
    assert found["Summary"].keys[-3:] == ("Source/external", "Source/loading", "Problem/empty_file")
    assert (found[DISCOVER].keys, found[TRACK].keys) == (("E-MTAB-8",), ("E-MTAB-1", "E-MTAB-2", "E-MTAB-3"))
    assert set(found["Changes"].keys) == {"7/E-MTAB-1", "7/E-MTAB-2", "7/E-MTAB-3", "7/E-MTAB-8"}
    assert found["Duplicates"].keys == ("E-MTAB-2",)
    assert found["Problems"].keys == (problem(Code.EMPTY_FILE, "E-MTAB-1").digest,)


def test_an_ignored_dataset_is_greyed_where_it_stands_and_says_why() -> None:
    found = shown(remarked(some_known(), ignored("E-MTAB-9"), ignored("E-MTAB-1"), ignored("E-MTAB-404")))
    assert (found[DISCOVER].keys, greyed(found[DISCOVER])) == (("E-MTAB-8", "E-MTAB-9"), ["E-MTAB-9"])
    assert (found[TRACK].keys, greyed(found[TRACK])) == (("E-MTAB-1", "E-MTAB-2", "E-MTAB-3"), ["E-MTAB-1"])
    cells = [str(each["Problems"]) for each in rows(found[TRACK])]
    assert cells[0] == f"Ignored: {BY_WREN}. E-MTAB-1: empty_file"
    assert [cell.startswith("Ignored") for cell in cells] == [True, False, False]


@pytest.mark.parametrize(
    ("said", "order", "words"),
    [
        ([], ["E-MTAB-1", "E-MTAB-2", ""], {}),
        ([acknowledged(problem(Code.EMPTY_FILE, "E-MTAB-1"))], ["E-MTAB-2", "", "E-MTAB-1"], {"E-MTAB-1": BY_WREN}),
        ([ignored("E-MTAB-1")], ["E-MTAB-2", "", "E-MTAB-1"], {"E-MTAB-1": f"dataset ignored: {BY_WREN}"}),
        (
            [acknowledged(problem(Code.EMPTY_FILE, "E-MTAB-1"), "Seen"), ignored("E-MTAB-1"), ignored("E-MTAB-2")],
            ["", "E-MTAB-1", "E-MTAB-2"],
            {"E-MTAB-1": "Seen (wren, 2026-11-24)", "E-MTAB-2": f"dataset ignored: {BY_WREN}"},
        ),
        ([acknowledged(problem(Code.NEAR_MISS))], ["E-MTAB-1", "E-MTAB-2", ""], {"": BY_WREN}),
        ([acknowledged(problem(Code.NO_TITLE, "E-MTAB-1"))], ["E-MTAB-1", "E-MTAB-2", ""], {}),
    ],
)
def test_problems_that_curators_know_of_come_last_and_say_so(
    said: list[Remark], order: list[str], words: Mapping[str, str]
) -> None:
    table = shown(remarked(some_known(), *said))["Problems"]
    found = rows(table)
    assert [each["Accession"] for each in found] == order
    assert {each["Accession"]: each["Acknowledged"] for each in found if each["Acknowledged"]} == words
    assert table.muted == {number for number, dataset in enumerate(order) if dataset in words}
    assert [each["Key"] for each in found] == [key[:8] for key in table.keys]


@pytest.mark.parametrize(
    ("said", "now", "more"),
    [
        ([], 2, ""),
        ([acknowledged(problem(Code.EMPTY_FILE, "E-MTAB-1"))], 1, "; 1 acknowledged"),
        ([ignored("E-MTAB-1"), ignored("E-MTAB-2")], 0, "; 2 acknowledged"),
        ([acknowledged(problem(Code.EMPTY_FILE, "E-MTAB-1")), ignored("E-MTAB-1")], 1, "; 1 acknowledged"),
    ],
)
def test_the_summary_counts_the_open_problems_and_says_how_many_are_not(
    said: list[Remark], now: int, more: str
) -> None:
    found = section(shown(remarked(some_known(), *said))["Summary"], "Problem")
    (one,) = [each for each in found if each[0] == "empty_file"]
    assert (one[1], one[6]) == (now, f"warning: {Code.EMPTY_FILE.meaning}{more}")


def test_no_state_and_no_count_is_another_through_what_curators_say() -> None:
    known = some_known()
    said = [ignored(dataset) for dataset in known.standings] + [acknowledged(e.problem) for e in known.problems]
    before, after = shown(known), shown(remarked(known, *said))
    for name in ("State", "Source"):
        assert section(before["Summary"], name) == section(after["Summary"], name)
    for tab in (DISCOVER, TRACK):
        assert [(each["Accession"], each["Status"]) for each in rows(before[tab])] == [
            (each["Accession"], each["Status"]) for each in rows(after[tab])
        ]


# --------------------------------------------------------------------------- groups and their keys

LATER = DAY_1 + DAY


@pytest.mark.parametrize(
    ("first", "key"),
    [
        ({"E-1": DAY_1, "E-2": LATER, "E-3": LATER}, "E-1"),
        ({"E-1": LATER, "E-2": DAY_1, "E-3": LATER}, "E-2"),
        ({"E-1": LATER, "E-2": DAY_1, "E-3": DAY_1}, "E-2"),
        ({"E-1": DAY_1, "E-2": LATER, "E-3": None}, "E-3"),
        ({"E-1": DAY_1, "E-2": None}, "E-2"),
        ({}, "E-1"),
    ],
)
def test_a_group_goes_by_its_dataset_that_was_first_seen(first: dict[str, datetime | None], key: str) -> None:
    datasets, links = ("E-1", "E-2", "E-3"), ()
    assert group_key(Group(datasets, links), first) == key
    assert group_key(Group(datasets, links, certain=False), first) == f"title:{key}"


ALIKE: Mapping[str, Any] = {"title": "Regeneration of zebrafish hearts", "organisms": ("Danio rerio",)}


def test_a_dataset_that_joins_a_group_does_not_take_its_key() -> None:
    some = site("loading")
    there = ["E-GEOD-7", sighting("E-MTAB-1", secondary_accessions=("GSE7",))]
    before = shown(some.crawl({"loading": there}))["Duplicates"]
    newer = sighting("A-NEW-1", secondary_accessions=("GSE7",))
    after = shown(some.crawl({"loading": [newer, *there]}))["Duplicates"]
    assert [each["Accessions"] for each in rows(after)] == ["A-NEW-1; E-GEOD-7; E-MTAB-1"]
    assert before.keys == after.keys == ("E-GEOD-7",)


def test_a_certain_and_a_possible_group_of_one_dataset_have_different_keys() -> None:
    found = [
        sighting("E-MTAB-1", **ALIKE),
        sighting("E-MTAB-2", **ALIKE),
        sighting("E-MTAB-3", secondary_accessions=("E-MTAB-1",)),
    ]
    known = site("loading").crawl({"loading": found}).settled.after
    table = shown(known)["Duplicates"]
    assert table.keys == ("E-MTAB-1", "title:E-MTAB-1")
    assert [each["Group"] for each in rows(table)] == list(table.keys)
    assert [group.key for group in duplicate_groups(known, Layout())] == list(table.keys)


LINK = Link("E-1", "E-2", "names_other", "E-1")


@pytest.mark.parametrize(
    "other",
    [
        Group(("E-1", "E-2", "E-3"), (LINK,)),
        Group(("E-1", "E-2"), (LINK, replace(LINK, accession="E-2"))),
        Group(("E-1", "E-2"), (replace(LINK, evidence="same_accession"),)),
        Group(("E-1", "E-2"), (replace(LINK, accession="E-2"),)),
        Group(("E-1", "E-2"), (replace(LINK, other="E-3"),)),
        Group(("E-1", "E-2"), ()),
    ],
)
def test_the_evidence_of_a_group_is_all_that_ties_it(other: Group) -> None:
    group = Group(("E-1", "E-2"), (LINK,))
    assert other.evidence != group.evidence
    assert group.evidence == Group(("E-2", "E-1"), (LINK,)).evidence
    assert len(group.evidence) == 32 and int(group.evidence, 16)


def duplicates() -> tuple[Site, list[Any]]:
    """Two certain groups and a possible one."""
    return site("loading"), [
        "E-GEOD-7",
        sighting("E-MTAB-1", secondary_accessions=("GSE7",)),
        "E-GEOD-8",
        sighting("E-MTAB-2", secondary_accessions=("GSE8",)),
        sighting("E-MTAB-3", **ALIKE),
        sighting("E-MTAB-4", **ALIKE),
    ]


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ((), ["E-GEOD-7", "E-GEOD-8", "title:E-MTAB-3"]),
        (("E-GEOD-7",), ["E-GEOD-8", "title:E-MTAB-3", "E-GEOD-7"]),
        (("title:E-MTAB-3", "E-GEOD-7"), ["E-GEOD-8", "E-GEOD-7", "title:E-MTAB-3"]),
        (("E-MTAB-3",), ["E-GEOD-7", "E-GEOD-8", "title:E-MTAB-3"]),
    ],
)
def test_dismissed_groups_come_last_and_say_why(keys: tuple[str, ...], order: list[str]) -> None:
    some, found = duplicates()
    known = some.crawl({"loading": found}).settled.after
    known = remarked(known, *dismissed(known, *keys))
    table = shown(known)["Duplicates"]
    assert list(table.keys) == order
    assert greyed(table) == [key for key in order if key in keys]
    assert [each["Dismissed"] for each in rows(table)] == [BY_WREN if key in keys else "" for key in order]
    groups = duplicate_groups(known, Layout())
    assert [(group.key, group.dismissed is not None) for group in groups] == [(key, key in keys) for key in order]


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        (sighting("E-MTAB-1", secondary_accessions=("GSE7",), title="Another"), True),
        (sighting("E-MTAB-1", secondary_accessions=("GSE7", "GSE12")), True),
        (sighting("E-MTAB-1", accessions=("E-GEOD-7",), secondary_accessions=("GSE7",)), True),
        (sighting("E-MTAB-1", secondary_accessions=("GSE7", "E-MTAB-9")), False),
        (sighting("E-MTAB-1", secondary_accessions=("GSE7", "GSE8")), False),
    ],
)
def test_a_group_is_dismissed_as_long_as_the_same_ties_it(now: Any, holds: bool) -> None:
    some, found = duplicates()
    known = some.crawl({"loading": [*found, "E-MTAB-9"]}).settled.after
    said = dismissed(known, "E-GEOD-7")
    later = some.crawl({"loading": [found[0], now, *found[2:], "E-MTAB-9"]}).settled.after
    table = shown(remarked(later, *said))["Duplicates"]
    assert greyed(table) == ["E-GEOD-7"] * holds
    assert [each["Dismissed"] for each in rows(table) if each["Dismissed"]] == [BY_WREN] * holds


# --------------------------------------------------------------------------- columns of the curators' own


OWN = Layout(curators=("Notes", "Priority"))
NOTED: dict[str, dict[str, Scalar]] = {
    "E-MTAB-8": {"Priority": 2, "Notes": "=1+1"},
    "E-MTAB-1": {"Notes": "like E-MTAB-3", "Hold": True},
    "E-MTAB-404": {"Notes": "never seen"},
}


def noted() -> Known:
    return replace(some_known(), annotations=NOTED)


@pytest.mark.parametrize(("tab", "there"), [
    (DISCOVER, {"E-MTAB-8": ("=1+1", 2), "E-MTAB-9": (None, None)}),
    (TRACK, {"E-MTAB-1": ("like E-MTAB-3", None), "E-MTAB-2": (None, None), "E-MTAB-3": (None, None)}),
])  # fmt: skip
def test_columns_of_the_curators_come_after_the_others(tab: str, there: dict[str, tuple[Cell, ...]]) -> None:
    without, table = shown(noted())[tab], shown(noted(), OWN)[tab]
    assert table.columns == (*without.columns, "Notes", "Priority") and table.curators == ("Notes", "Priority")
    assert {key: cells[-2:] for key, cells in zip(table.keys, table.rows, strict=True)} == there
    assert tuple(cells[:-2] for cells in table.rows) == without.rows


def test_only_the_tabs_of_datasets_have_them_and_only_where_the_site_has_any() -> None:
    assert [name for name, table in shown(noted(), OWN).items() if table.curators] == [DISCOVER, TRACK]
    assert shown(noted()) == shown(some_known())


@pytest.mark.parametrize(
    ("chosen", "curators"),
    [
        ((("Accession", "Accession"), ("Status", "Notes")), ("Priority",)),
        ((("Accession", "Priority"), ("Status", "Notes")), ()),
        ((("Accession", "Accession"), ("Curator", "notes")), ("Notes", "Priority")),
    ],
)
def test_where_a_column_of_that_title_is_shown_already_it_stays(
    chosen: tuple[tuple[str, str], ...], curators: tuple[str, ...]
) -> None:
    table = shown(noted(), replace(OWN, columns={TRACK: chosen}))[TRACK]
    assert (table.columns, table.curators) == ((*(title for _, title in chosen), *curators), curators)
    plain = shown(noted(), Layout(columns={TRACK: chosen}))[TRACK]
    assert tuple(cells[: len(chosen)] for cells in table.rows) == plain.rows


def test_what_curators_have_there_names_no_private_dataset_that_is_left_out() -> None:
    some = Site(place("loading"))
    crawl = some.crawl({"loading": ["E-MTAB-1", "E-MTAB-7"]}, listings=[listing({"E-MTAB-7": True})])
    cells: dict[str, dict[str, Scalar]] = {
        "E-MTAB-1": {"Notes": "waits for E-MTAB-7", "Priority": 7},
        "E-MTAB-7": {"Notes": "secret"},
    }
    known = replace(crawl.settled.after, annotations=cells)
    assert "waits for E-MTAB-7" in repr(shown(known, OWN)) and "secret" in repr(shown(known, OWN))
    found = shown(known, OWN, left_out=private(known))
    assert [cells[-2:] for cells in found[TRACK].rows] == [("waits for (private)", 7)]
    assert "secret" not in repr(found)


# --------------------------------------------------------------------------- what a column is for


@pytest.mark.parametrize(
    ("chosen", "identity", "clocks"),
    [
        (None, "Accession", {"Eligibility Checked"}),
        ((("Status", "Accession"), ("Accession", "Dataset")), "Dataset", set()),
        ((("Status", "Accession"),), "", set()),
        ((("Eligibility Checked", "Asked"), ("Accession", "Accession")), "Accession", {"Asked"}),
    ],
)
def test_a_tab_of_datasets_says_which_column_shows_the_key_and_which_only_tell_the_time(
    chosen: tuple[tuple[str, str], ...] | None, identity: str, clocks: set[str]
) -> None:
    found = shown(some_known(), Layout(columns={DISCOVER: chosen, TRACK: chosen} if chosen else {}))
    for table in (found[DISCOVER], found[TRACK]):
        assert (table.identity, table.clocks) == (identity, clocks)
        assert not identity or tuple(each[identity] for each in rows(table)) == table.keys


def test_of_the_other_tabs_the_summary_has_a_clock_and_the_duplicates_show_their_key() -> None:
    some, of_a_group = duplicates()
    found = shown(some.crawl({"loading": of_a_group}))
    others = [table for name, table in found.items() if name not in (DISCOVER, TRACK)]
    assert {table.name: (table.identity, set(table.clocks)) for table in others} == {
        "Summary": ("", {"Last Read"}),
        "Changes": ("", set()),
        "Duplicates": ("Group", set()),
        "Problems": ("", set()),
    }
    assert found["Duplicates"].keys == tuple(each["Group"] for each in rows(found["Duplicates"])) != ()


# --------------------------------------------------------------------------- private ones, and what is said of them


def test_what_is_said_of_private_datasets_names_none() -> None:
    some = Site(place("loading"), policy=Policy(authorities=(authority(of="loading"),)))
    own = problem(Code.EMPTY_FILE, "E-MTAB-7")
    naming = problem(Code.NEAR_MISS, message="E-MTAB-7X is almost E-MTAB-7 of all things.")
    found = [
        sighting("E-MTAB-7", secondary_accessions=("GSE5",), problems=(own,)),
        "E-GEOD-5",
        sighting("E-MTAB-3", secondary_accessions=("GSE5",)),
        "E-MTAB-1",
        naming,
    ]
    known = some.crawl({"loading": found}, listings=[listing({"E-MTAB-7": True, "E-MTAB-1": False})]).settled.after
    why = "It is E-MTAB-7 really"
    said = [ignored("E-MTAB-7", why), ignored("E-MTAB-1", why), acknowledged(own, why), acknowledged(naming, why)]
    known = remarked(known, *said, *dismissed(known, "E-GEOD-5", reason=why))
    whole = shown(known)
    assert all("E-MTAB-7 really" in repr(whole[tab].rows) for tab in (TRACK, "Duplicates", "Problems"))
    there = shown(known, left_out=private(known))
    assert "E-MTAB-7'" not in repr(there) and "E-MTAB-7 " not in repr(there)
    told = "It is (private) really (wren, 2026-11-24)"
    assert greyed(there[TRACK]) == ["E-MTAB-1"]
    assert str(rows(there[TRACK])[1]["Problems"]).startswith(f"Ignored: {told}.")
    (group,) = rows(there["Duplicates"])
    assert (group["Accessions"], group["Dismissed"]) == ("E-GEOD-5; E-MTAB-3", told)
    (one,) = [each for each in rows(there["Problems"]) if each["Problem"] == "near_miss"]
    assert (one["Message"], one["Acknowledged"]) == ("E-MTAB-7X is almost (private) of all things.", told)


def test_from_the_key_of_a_problem_no_private_name_can_be_found() -> None:
    some = Site(place("loading"), policy=Policy(authorities=(authority(of="loading"),)))
    naming, other = (problem(Code.NEAR_MISS, message=f"{name} is like it.") for name in ("E-MTAB-7", "E-MTAB-9"))
    crawl = some.crawl({"loading": ["E-MTAB-7", naming, other]}, listings=[listing({"E-MTAB-7": True})])
    table = shown(crawl, left_out=private(crawl.settled.after))["Problems"]
    keys = {each["Message"]: each["Key"] for each in rows(table) if each["Problem"] == "near_miss"}
    assert keys == {"(private) is like it.": "", "E-MTAB-9 is like it.": other.key}
    assert naming.digest not in table.keys


# --------------------------------------------------------------------------- who is stuck


def test_the_summary_tells_how_many_are_stuck_where_it_is_known_what_is_usual() -> None:
    known = some_known()
    standings = {d: replace(s, since=s.since - 12 * DAY) for d, s in known.standings.items()}
    known = remarked(replace(known, standings=standings), ignored("E-MTAB-2"))
    took = {name: [DAY * n for n in range(1, 11)] for name in ("external", "loading", "processed", "published")}
    told = "longer than 9 d, as 9 of 10 were over by then; usually 5 d (of 10)"
    found = section(shown(known, stays={**took, "analysing": [DAY] * 4})["Summary"], "Stuck")
    assert [(name, now, note) for name, now, *_, note in found] == [("loading", 2, told), ("processed", 0, told)]
    assert section(shown(known)["Summary"], "Stuck") == []
    assert section(shown(Known(), stays=took)["Summary"], "Stuck") == []

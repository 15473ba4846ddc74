"""What the doctor finds, and what it says to do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import app
from app.doctor import examine
from app.triggers import keeper
from app.triggers.inotify import NoEventsError
from tests.servers.slowfs import SlowFs


@dataclass
class Patient:
    """A site in which all is well until a test spoils something."""

    folder: Path

    def write(self, **settings: object) -> None:
        (self.folder / "loading" / "E-MTAB-1").mkdir(parents=True)
        places = {"loading": {"stage": ["loading"]}}
        (self.folder / "sources_config.json").write_text(json.dumps(places))
        made = {"sources": "sources_config.json", "store": "store.db", "out": "out"} | settings
        (self.folder / "tracker.yaml").write_text(json.dumps(made))

    def findings(self) -> dict[str, tuple[str, str]]:
        config = app.load(config=self.folder / "tracker.yaml", environ={}, cwd=self.folder)
        return {finding["what"]: (finding["status"], finding["found"]) for finding in examine(config)}


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def test_all_is_well(patient: Patient) -> None:
    patient.write()
    found = patient.findings()
    assert {status for status, _ in found.values()} == {"ok"}
    assert found["source loading"] == ("ok", "1 folder and 0 flat datasets")
    assert "the first crawl makes it" in found["store"][1]
    assert not (patient.folder / "store.db").exists(), "looking changes nothing"
    assert not (patient.folder / "out").exists()


def test_a_place_that_is_not_there(patient: Patient) -> None:
    patient.write()
    (patient.folder / "loading" / "E-MTAB-1").rmdir()
    (patient.folder / "loading").rmdir()
    status, found = patient.findings()["source loading"]
    assert (status, "is it mounted?" in found) == ("failed", True)


def test_a_database_that_cannot_be_asked(patient: Patient) -> None:
    patient.write(databases={"gxpatlaspro": {"dbtype": "sqlite", "path": "nowhere.db"}})
    status, found = patient.findings()["check rnaseq_atlas_eligibility"]
    assert (status, "nowhere.db" in found) == ("failed", True)


@pytest.mark.parametrize("server", ["postgres", "mariadb"])
def test_a_server_that_nothing_asks_is_asked_whether_it_is_there(
    server: str, patient: Patient, request: pytest.FixtureRequest
) -> None:
    patient.write(databases={"idle": request.getfixturevalue(server).create_database()})
    assert patient.findings()["database idle"] == ("ok", "idle answers")


def test_a_list_of_species_that_is_none(patient: Patient) -> None:
    patient.write(supported_species=["species.txt"])
    assert patient.findings()["supported species"][0] == "failed"
    (patient.folder / "species.txt").write_text("homo_sapiens\nmus_musculus\n")
    assert patient.findings()["supported species"] == ("ok", "2 species")


def test_a_store_that_is_something_else(patient: Patient) -> None:
    patient.write()
    (patient.folder / "store.db").write_text("a shopping list, not a database, and long enough to be sure of it")
    assert patient.findings()["store"][0] == "failed"


def test_a_store_with_a_run(patient: Patient) -> None:
    patient.write()
    config = app.load(config=patient.folder / "tracker.yaml", environ={}, cwd=patient.folder)
    with app.open_tracker(config, writing=True) as tracker:
        tracker.crawl()
    status, found = patient.findings()["store"]
    assert (status, found.endswith("last run: 1, succeeded")) == ("ok", True)


def test_a_file_where_the_outputs_should_go(patient: Patient) -> None:
    patient.write()
    (patient.folder / "out").write_text("")
    status, found = patient.findings()["outputs"]
    assert (status, "is not a folder" in found) == ("failed", True)


def test_a_warning_of_the_configuration(patient: Patient) -> None:
    patient.write(databases={"unused": {"dbtype": "sqlite", "path": "nowhere.db"}})
    status, found = patient.findings()["configuration"]
    assert (status, "unused" in found) == ("warning", True)


def test_how_changes_would_be_told_is_said_of_each_place(patient: Patient) -> None:
    patient.write(watch={"schedule": "every 2 hours"})
    found = patient.findings()
    assert found["watch loading"] == ("ok", "file events (inotify), 1 folders")
    assert found["schedule"] == ("ok", "all is read every 2 hours")


def test_a_place_that_tells_of_no_changes_is_looked_at_instead(patient: Patient, tmp_path: Path) -> None:
    patient.write(watch={"scan_every": 60})
    (tmp_path / "at").mkdir()
    with SlowFs(tmp_path / "loading", tmp_path / "at"):
        (tmp_path / "sources_config.json").write_text(json.dumps({"at": {"stage": ["loading"]}}))
        status, found = patient.findings()["watch at"]
    assert status == "ok"
    assert re.fullmatch(r"looked at every 60 s: fuse\S* tells no file events", found)


def test_a_limit_of_the_kernel_is_said_with_what_is_needed(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    patient.write()
    why = "/proc/sys/fs/inotify/max_user_watches is 3, 4 are needed here (sysctl fs.inotify.max_user_watches=7)"

    def full(*_: object) -> None:
        raise NoEventsError(why)

    monkeypatch.setattr(keeper, "Watches", full)
    assert patient.findings()["watch loading"] == ("warning", f"looked at every 300 s: {why}")

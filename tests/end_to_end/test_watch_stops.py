"""The daemon is to stop, or to read its settings again, while something does not answer."""

from __future__ import annotations

import fcntl
import signal
import socket
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.end_to_end.site import PROGRAM, Site
from tests.end_to_end.watching import configured, sources, until, watching
from tests.servers.slowfs import SlowFs

PLACES = sources(loading="loading", analysing="analysing")
FIRST = {"E-MTAB-3": "loading", "E-MTAB-7": "loading"}
GIVEN_UP = 128 + signal.SIGTERM
"""The exit code where it could not wait for what it was at."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.fill("loading", FIRST)
    (tmp_path / "analysing").mkdir()
    site.configure(PLACES)
    return site


@pytest.fixture
def far(tmp_path: Path) -> Iterator[SlowFs]:
    (tmp_path / "disk").mkdir()
    (tmp_path / "far").mkdir()
    with SlowFs(tmp_path / "disk", tmp_path / "far") as far:
        yield far


@pytest.mark.parametrize("what", ["out: ../far/out", "store: ../far/store.db"])
def test_where_its_own_files_do_not_answer(site: Site, far: SlowFs, what: str) -> None:
    with watching(site, configured(site, settings=what + "\n")) as daemon:
        until(lambda: daemon.health()[1]["last_run"])
        until(lambda: daemon.health()[1]["doing"] == "")
        far.hang("/", below=True)
        site.fill("loading", ["E-MTAB-4"])
        until(lambda: daemon.health()[1]["doing"] != "")
        time.sleep(0.5)
        assert daemon.health()[1]["doing"] != "", "it hangs"
        try:
            assert daemon.end() == GIVEN_UP
        finally:
            far.heal()
    assert daemon.lines[-1] == "ingest-tracker: stopped, though something did not answer"
    with watching(site, configured(site, settings=what + "\n")) as daemon:
        until(lambda: daemon.health()[1]["last_run"])
        assert daemon.end() == 0
    changes = site.run("history", "E-MTAB-4").out
    assert "loading" in changes


def waiting(pipe: IO[str] | None) -> int:
    """Bytes that nobody has read."""
    assert pipe
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_where_nobody_reads_what_it_says(site: Site) -> None:
    configured(site)
    process = site.start("watch", program=PROGRAM)
    try:
        assert process.stderr
        fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4_096)
        out = site.root / "var/out/overview.json"
        until(lambda: out.exists() and "E-MTAB-3" in out.read_text())
        names = [f"E-MTAB-{number}" for number in range(100, 300)]
        site.fill("loading", names)
        until(lambda: names[-1] in out.read_text())
        for name in names:
            site.move(name, "loading", "analysing")
        until(lambda: waiting(process.stderr) > 3_500)
        time.sleep(1)
        process.terminate()
        assert process.wait(10) in (0, GIVEN_UP), "as its last word may still find room"
    finally:
        process.kill()
        process.communicate()
    site.crawl("--full")
    assert site.crawl("--full").json["changes"] == []


def test_where_a_place_is_behind_a_link_to_what_does_not_answer(site: Site, far: SlowFs) -> None:
    site.fill("disk/published", ["E-MTAB-9"])
    (site.root / "published").symlink_to("far/published")
    site.configure({**PLACES, **sources(published={"stage": ["published"], "timeout": 2})})
    far.hang("/", below=True)
    with watching(site, configured(site)) as daemon:
        until(lambda: daemon.states() == FIRST)
        site.fill("loading", ["E-MTAB-4"])
        until(lambda: "E-MTAB-4" in daemon.states())
        until(lambda: daemon.health()[1]["sources"]["published"]["status"] == "failed", 30)
        try:
            assert daemon.end() == 0
        finally:
            far.heal()


def test_settings_with_a_port_that_is_taken_are_refused(site: Site) -> None:
    with watching(site, configured(site)) as daemon, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        path = site.root / "etc/tracker.yaml"
        path.write_text(path.read_text().replace(f"port: {daemon.port}", f"port: {taken}"))
        daemon.send(signal.SIGHUP)
        daemon.says(f"port {taken} of this machine cannot be had")
        daemon.says("the new configuration is refused")
        assert daemon.health()[0] == 200
        assert daemon.end() == 0


def test_a_store_that_is_away_is_not_made_anew_when_settings_are_read_again(site: Site) -> None:
    with watching(site, configured(site)) as daemon:
        until(lambda: daemon.states() == FIRST)
        store, away = site.root / "var", site.root / "away"
        store.rename(away)
        daemon.send(signal.SIGHUP)
        daemon.says("the new configuration is refused")
        site.fill("loading", ["E-MTAB-4"])
        daemon.says("nothing can be recorded: ")
        assert not list(store.glob("*.db*"))
        if store.exists():
            store.rmdir()
        away.rename(store)
        until(lambda: daemon.states().keys() == {*FIRST, "E-MTAB-4"})
        assert daemon.end() == 0


def test_to_be_told_again_and_again_is_to_be_told(site: Site) -> None:
    with watching(site, configured(site)) as daemon:
        for _ in range(40):
            daemon.send(signal.SIGHUP)
            time.sleep(0.02)
        site.configure({**PLACES, **sources(published="published")})
        site.fill("published", ["E-MTAB-9"])
        daemon.send(signal.SIGHUP)
        until(lambda: daemon.states() == {**FIRST, "E-MTAB-9": "published"})
        daemon.send(signal.SIGHUP)
        assert daemon.end() == 0

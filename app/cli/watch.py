"""The daemon, from a shell."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import typer

import app as rooms
from app.cli.shared import Given, loaded
from app.errors import TrackerError
from app.program import Stopped, say

if TYPE_CHECKING:
    from app.config import Config
    from app.triggers.daemon import Site
    from app.triggers.health import Health

AT_MOST = 9.0
"""Seconds that it may take to stop."""


def watch(context: typer.Context) -> None:
    """Keep the overview true: crawl on schedule, and seconds after a file has changed, until it is stopped.

    SIGHUP (kill -HUP) reads the configuration again."""
    from app import logs
    from app.triggers.health import Health

    given: Given = context.obj
    config = loaded(context)
    os.environ["TZ"] = "UTC"  # upkeep goes by the clock on the wall, which must not be put back when summer ends
    time.tzset()
    health = Health(rooms.version())
    ended: list[int] = []

    def end(number: int, _: object) -> None:
        ended.append(number)  # for Python loses what is raised while something is finalized
        raise Stopped(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    _insist()
    try:
        while True:
            logs.begin(config.watch.log, config.time_zone, secrets=config.secrets, verbose=given.verbose)
            config = _until_reloaded(context, config, health, ended)
    except Stopped:
        logs.say("stopped")


def _until_reloaded(context: typer.Context, config: Config, health: Health, ended: Sequence[int]) -> Config:
    """The configuration to go on with."""
    from app import logs
    from app.triggers.daemon import Daemon
    from app.triggers.health import served

    wanted = threading.Event()
    found: list[Config] = []

    def is_over() -> bool:
        if ended:
            raise Stopped(ended[0])
        if wanted.is_set():
            wanted.clear()
            found.extend(_reloaded(context))
        return bool(found)

    signal.signal(signal.SIGHUP, lambda *_: wanted.set())
    with _site(config) as site, served(health, config.watch.port) as port:
        where = f"; http://127.0.0.1:{port}/healthz says how it goes" if port else ""
        logs.say(f"watching {len(config.sources):,} sources; all is read {config.watch.schedule.text}{where}")
        Daemon(site, health).run(is_over)
    return found[0]


@contextmanager
def _site(config: Config) -> Iterator[Site]:
    from app.elsewhere import Elsewhere
    from app.triggers.daemon import ALL, Site
    from app.triggers.events import places

    how = config.watch
    schedules = {ALL: how.schedule, **how.schedules}
    with rooms.open_tracker(config, writing=True) as tracker, closing(Elsewhere(config)) as elsewhere:
        yield Site(tracker, places(config), schedules, elsewhere, how.debounce, how.jitter, how.show_every)


def _reloaded(context: typer.Context) -> list[Config]:
    """The new configuration, if there is nothing wrong with it."""
    from app import logs

    try:
        config = loaded(context, warn=False)
        with rooms.open_tracker(config, writing=True):
            pass
    except TrackerError as error:
        for line in str(error).splitlines():
            logs.say(line, bad=True)
        logs.say("the new configuration is refused; the one before it still holds", bad=True)
        return []
    logs.say("the configuration was read again")
    return [config]


def _insist() -> None:
    """Whoever stops the daemon need not wait for a server that does not answer: what Python cannot interrupt ends with
    the process, and whatever it was at is as if it had not begun."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)

    def listen() -> None:
        while (number := os.read(heard, 1)[0]) not in (signal.SIGTERM, signal.SIGINT):
            pass
        time.sleep(AT_MOST)
        say("stopped, though something did not answer")
        os._exit(128 + number)

    threading.Thread(target=listen, name="insist", daemon=True).start()

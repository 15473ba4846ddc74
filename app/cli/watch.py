"""The daemon, from a shell."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

import app as rooms
from app.cli.shared import Given, loaded
from app.errors import TrackerError
from app.program import Stopped

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
    from app.domain.redaction import redacting
    from app.triggers.health import Health

    given: Given = context.obj
    with _listening() as heard:
        config = loaded(context)
        health = Health(rooms.version())
        try:
            while True:
                logs.begin(config.watch.log, config.time_zone, secrets=config.secrets, verbose=given.verbose)
                health.redact = redacting(config.secrets)
                config = _until_reloaded(context, config, health, heard)
        except Stopped:
            logs.say("stopped")


def _until_reloaded(context: typer.Context, config: Config, health: Health, heard: Heard) -> Config:
    """The configuration to go on with."""
    from app import logs
    from app.triggers.daemon import Daemon
    from app.triggers.health import served

    found: list[Config] = []

    def is_over() -> bool:
        if heard.ended:
            raise Stopped(heard.ended[0])
        if heard.reload.is_set():
            heard.reload.clear()
            found.extend(_reloaded(context, config))
        return bool(found)

    with _site(config) as site, served(health, config.watch.port) as port:
        where = f"; http://127.0.0.1:{port}/healthz says how it goes" if port else ""
        logs.say(f"watching {len(config.sources):,} sources; all is read {config.watch.schedule.text}{where}")
        Daemon(site, health).run(is_over)
    return found[0]


@contextmanager
def _site(config: Config) -> Iterator[Site]:
    from app.elsewhere import Catalogues, Outputs
    from app.triggers.daemon import ALL, Site
    from app.triggers.events import places

    how = config.watch
    schedules = {ALL: how.schedule, **how.schedules}
    with ExitStack() as stack:
        tracker = stack.enter_context(rooms.open_tracker(config, writing=True))
        outputs = stack.enter_context(closing(Outputs(config)))
        catalogues = stack.enter_context(closing(Catalogues(config)))
        yield Site(tracker, places(config), schedules, outputs, catalogues, how.debounce, how.jitter, how.show_every)


def _reloaded(context: typer.Context, before: Config) -> list[Config]:
    """The new configuration, if there is nothing wrong with it."""
    from app import logs
    from app.triggers.health import Health, served

    try:
        config = loaded(context, warn=False)
        with rooms.open_tracker(config, writing=config.store != before.store):  # the same one is not to be made anew
            pass
        port = config.watch.port
        with served(Health(""), port if port != before.watch.port else 0):  # that one is ours already
            pass
    except (TrackerError, OSError) as error:
        for line in str(error).splitlines():
            logs.say(line, bad=True)
        logs.say("the new configuration is refused; the one before it still holds", bad=True)
        return []
    logs.say("the configuration was read again")
    return [config]


# --------------------------------------------------------------------------- signals


@dataclass(frozen=True, slots=True)
class Heard:
    """The signals that ended it, for Python loses what is raised while something is finalized; and whether the
    configuration is to be read again."""

    ended: list[int] = field(default_factory=list)
    reload: threading.Event = field(default_factory=threading.Event)


_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


@contextmanager
def _listening() -> Iterator[Heard]:
    """Signals are for a thread that does nothing else: any other may wait for a server that does not answer, and hear
    nothing. It interrupts the main thread; what cannot be interrupted ends with the process, and whatever it was at is
    as if it had not begun."""
    heard, main = Heard(), threading.get_ident()

    def stop(*_: object) -> None:
        raise Stopped(heard.ended[0])

    def listen() -> None:
        while (number := signal.sigwait(_SIGNALS)) == signal.SIGHUP:
            heard.reload.set()
        heard.ended.append(number)
        signal.pthread_kill(main, signal.SIGUSR1)
        time.sleep(AT_MOST)
        _say_at_once("stopped, though something did not answer")
        os._exit(128 + number)

    handler = signal.signal(signal.SIGUSR1, stop)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        threading.Thread(target=listen, name="signals", daemon=True).start()
        yield heard
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGUSR1, handler)


def _say_at_once(text: str) -> None:
    """Or not at all, where nobody reads it."""
    ready = select.poll()
    ready.register(2, select.POLLOUT)
    if ready.poll(0):
        with suppress(OSError):
            os.write(2, f"ingest-tracker: {text}\n".encode())

"""How the program ends: every exit code and last word, whatever happens on the way."""

from __future__ import annotations

import errno
import gc
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import NoReturn

import typer

from app.errors import TrackerError, UsageError


def supervised(command: Callable[[], int]) -> int:
    """Runs a command and returns its exit code. Whatever happens, a person gets one clear message."""
    sys.excepthook = unforeseen
    _open_standard_streams()
    gc.set_threshold(200_000, 50, 1_000)  # thousands of small lasting records: looking for garbage costs a quarter
    try:
        with stoppable():
            code = command()
            sys.stdout.flush()
            return code
    except Stopped as stopped:
        say("stopped; what was not finished is not recorded")
        return stopped.exit_code
    except typer.TyperException as error:
        if message := error.format_message():  # none where the help was shown instead
            say(f"{message} (see --help)")
        return UsageError.exit_code
    except TrackerError as error:
        say(str(error))
        return error.exit_code
    except OSError as error:
        if error.errno not in WRITING and not isinstance(error, BrokenPipeError):
            raise
        # Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # whoever reads (`| head`) has seen enough
            return 0
        say(f"the result could not be written: {error.strerror}")
        return TrackerError.exit_code


def _open_standard_streams() -> None:
    """Where the caller closed one (`>&-`), the next file opened, such as the store, would get its number, and all that
    is said."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115, PTH123 - stays


def leave(code: int) -> NoReturn:
    """At once: to free hundreds of thousands of records one by one takes longer than many a command."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # what could not be written was said
            stream.flush()
    os._exit(code)


WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What can go wrong with stdout; everything else that is read or written has its own words for its troubles."""


class Stopped(BaseException):
    """A person or a scheduler wants the program to end; no `except` on the way takes it for an error."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal unwind the program: transactions roll back, locks are given up."""

    wanted = 0

    def stop(number: int, frame: object) -> None:
        nonlocal wanted
        wanted = wanted if number == signal.SIGALRM else number
        raise Stopped(wanted)

    def lost(told: sys.UnraisableHookArgs) -> None:
        """Where nothing can be raised, as when a process has just been forked, it is once more a moment later."""
        if isinstance(told.exc_value, Stopped):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
        else:
            sys.__unraisablehook__(told)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = [signal.signal(number, stop) for number in numbers]
    hook, sys.unraisablehook = sys.unraisablehook, lost
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def unforeseen(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """A fault of ours: one line for the person, the traceback in a file for whoever mends it."""
    import tempfile

    from app.domain.redaction import redacted

    try:
        with tempfile.NamedTemporaryFile("w", prefix="ingest-tracker-", suffix=".log", delete=False) as file:
            file.write(redacted("".join(traceback.format_exception(kind, error, at))))
        details = f"details are in {file.name}"
    except OSError:  # a full disk may be what is at fault
        details = f"details could not be written: {error}"
    say(f"a fault of the program ({kind.__name__}); {details}")


def say(text: str) -> None:
    from app.domain.redaction import redacted

    typer.echo(f"ingest-tracker: {redacted(text)}", err=True)

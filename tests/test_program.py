"""How the program ends when it is told to."""

from __future__ import annotations

import os
import signal
import time

import pytest

from app.program import Stopped, stoppable


class Ended:
    """Is told to stop where Python lets no exception out."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)


def test_a_signal_that_comes_where_nothing_can_be_raised_is_not_lost() -> None:
    with pytest.raises(Stopped) as raised, stoppable():
        Ended()
        time.sleep(10)
    assert raised.value.exit_code == 128 + signal.SIGTERM


def test_what_was_before_is_so_again() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    with pytest.raises(Stopped), stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    assert [signal.getsignal(number) for number in numbers] == before

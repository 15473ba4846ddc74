from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.errors import SourceError
from app.sources import filesystem, forked, tree
from app.sources.forked import WORTH_IT, Unanswered, mapped
from tests.sources.places import dataset, fill, read, source

ITEMS = range(WORTH_IT * 3 + 7)


def children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() == before


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_the_results_come_in_order(processes: int) -> None:
    assert list(mapped(lambda n: n * n, ITEMS, processes)) == [n * n for n in ITEMS]


def test_little_is_done_by_this_process_and_much_by_others() -> None:
    assert set(mapped(lambda n: os.getpid(), range(WORTH_IT - 1), 2)) == {os.getpid()}
    others = set(mapped(lambda n: os.getpid(), ITEMS, 2))
    assert len(others) == 2 and os.getpid() not in others


@pytest.mark.parametrize(("cores", "processes"), [(1, 4), (2, 8), (4, 16), (8, 16), (64, 64)])
def test_there_are_more_processes_than_cores_but_not_many_more(
    cores: int, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While some wait for the disk, others work."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {*range(cores)})
    assert forked.fitting() == processes


def test_results_larger_than_a_pipe_holds_arrive() -> None:
    assert [len(result) for result in mapped(lambda n: bytes(70_000), range(WORTH_IT), 2)] == [70_000] * WORTH_IT


def test_what_the_work_raises_is_raised_when_its_turn_comes() -> None:
    done = mapped(lambda n: n // (n != 700), ITEMS, 2)
    assert [next(done) for _ in range(700)] == list(range(700))
    with pytest.raises(ZeroDivisionError):
        next(done)


@pytest.mark.parametrize("heard", [0, 1])
def test_who_stops_listening_leaves_no_child(heard: int) -> None:
    """Or never begins to."""
    done = mapped(lambda n: bytes(10_000), ITEMS, 3)
    for _ in range(heard):
        next(done)
    del done


def test_children_begin_before_anybody_listens(tmp_path: Path) -> None:
    done = mapped(lambda n: (tmp_path / str(n)).touch(), ITEMS, 2, each=1)
    deadline = time.monotonic() + 10
    while not (tmp_path / str(ITEMS[-1])).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(list(done)) == len(ITEMS)


def test_how_much_is_worth_a_process_may_be_told() -> None:
    assert set(mapped(lambda n: os.getpid(), range(4), 2, worth_it=5)) == {os.getpid()}
    assert os.getpid() not in set(mapped(lambda n: os.getpid(), range(5), 2, worth_it=5, each=1))


def test_a_child_that_dies_is_an_error_and_never_a_short_list() -> None:
    def dying(number: int) -> int:
        if number == 1_000:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with pytest.raises(ChildProcessError, match="died"):
        list(mapped(dying, ITEMS, 2))


# --------------------------------------------------------------------------- work that waits for others

FEW = range(60)


class Together:
    """Work that waits a moment, and knows how many were at it at once."""

    def __init__(self) -> None:
        self.now, self.most, self.lock = 0, 0, threading.Lock()

    def __call__(self, number: int) -> tuple[int, int, int]:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(random.Random(number).uniform(0.001, 0.02))
        with self.lock:
            self.now -= 1
        return number, os.getpid(), self.most


@pytest.mark.parametrize("threads", [1, 3, 16])
def test_as_many_as_allowed_wait_at_once_in_one_other_process_and_results_come_in_order(threads: int) -> None:
    done = list(mapped(Together(), FEW, 1, threads=threads, patience=10))
    assert [number for number, _, _ in done] == list(FEW)
    assert len({pid for _, pid, _ in done} - {os.getpid()}) == len({pid for _, pid, _ in done}) == 1
    assert max(most for _, _, most in done) == threads


def test_threads_are_not_in_each_others_way_where_there_is_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(number: int) -> int:
        return sum(range(20_000)) and threading.get_ident()

    monkeypatch.setattr(forked.time, "thread_time", time.perf_counter)  # whatever else this machine is at
    assert len(set(mapped(busy, FEW, 1, threads=16, patience=10))) == 1


@pytest.mark.parametrize("waits", [0.0, 0.002], ids=["at once", "after a while"])
@pytest.mark.parametrize("bad", [0, 3, 4, 40, 59])
def test_what_a_thread_raises_is_raised_when_its_turn_comes(bad: int, waits: float) -> None:
    def work(number: int) -> int:
        time.sleep(waits)
        return number // (number != bad)

    done = mapped(work, FEW, 1, threads=8, patience=10)
    assert [next(done) for _ in range(bad)] == list(range(bad))
    with pytest.raises(ZeroDivisionError):
        next(done)


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("count", [1, 60])
def test_what_never_ends_is_given_up_with_what_was_done_before(threads: int, count: int) -> None:
    """Also where it is that little that this process could have done it by itself."""
    began = time.monotonic()
    found = mapped(lambda n: stuck() if n == count - 1 else n, range(count), 1, threads=threads, patience=0.3)
    assert [next(found) for _ in range(count - 1)] == list(range(count - 1))
    with pytest.raises(Unanswered):
        next(found)
    assert 0.3 <= time.monotonic() - began < 3


def stuck() -> int:
    time.sleep(60)
    return 0


@pytest.mark.parametrize("threads", [1, 4])
def test_what_takes_its_time_is_not_given_up_as_long_as_something_is_done(threads: int) -> None:
    def slow(number: int) -> int:
        time.sleep(0.1)
        return number

    assert list(mapped(slow, range(12 * threads), 1, threads=threads, patience=0.6)) == list(range(12 * threads))


class Stopped(BaseException):
    pass


@pytest.mark.parametrize("threads", [1, 8])
def test_who_is_interrupted_while_it_waits_leaves_at_once(threads: int) -> None:
    with pytest.raises(Stopped), stopped_after(0.2):
        list(mapped(lambda n: stuck(), FEW, 1, threads=threads, patience=60))


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """By a signal whose handler raises, as that of the daemon does; and no later than a second after it."""

    def stop(number: int, frame: object) -> None:
        raise Stopped

    before, began = signal.signal(signal.SIGALRM, stop), time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        assert time.monotonic() - began < seconds + 1


# --------------------------------------------------------------------------- a place

PLACE = {name: content for number in range(600) for name, content in dataset(f"E-MTAB-{number}").items()}


def test_a_large_place_says_the_same_by_one_process_and_by_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fill(tmp_path / "place", {**PLACE, "E-MTAB-7/E-MTAB-7.idf.txt": b"\xe9", "e-mtab-8": b"no folder"})
    said = []
    for processes in (1, 3):
        monkeypatch.setattr(forked, "fitting", lambda processes=processes: processes)
        said.append(read(place))
    assert said[0] == said[1]
    assert len(said[0][0]) == 600


def test_a_place_whose_reader_dies_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, parent = fill(tmp_path / "place", PLACE), os.getpid()

    def dying(path: bytes, size: int) -> bytes:
        assert os.getpid() != parent
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    monkeypatch.setattr(forked, "fitting", lambda: 2)
    monkeypatch.setattr(tree, "head", dying)
    with pytest.raises(SourceError, match="died"):
        list(source(place).read({}))
    assert filesystem.mapped is mapped


def test_what_others_are_at_leaves_fewer_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "cores", lambda: 3)
    first = mapped(lambda n: n, ITEMS, forked.spare(), each=1)
    assert forked.spare() == 1
    second = mapped(lambda n: n, ITEMS, forked.spare(), each=1)
    assert forked.spare() == 1
    assert list(second) == list(first) == list(ITEMS)
    assert forked.spare() == 3

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import SourceError
from app.sources import filesystem, forked, tree
from app.sources.forked import WORTH_IT, mapped
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


def test_who_stops_listening_leaves_no_child() -> None:
    done = mapped(lambda n: bytes(10_000), ITEMS, 3)
    next(done)
    done.close()  # type: ignore[attr-defined]


def test_a_child_that_dies_is_an_error_and_never_a_short_list() -> None:
    def dying(number: int) -> int:
        if number == 1_000:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with pytest.raises(ChildProcessError, match="died"):
        list(mapped(dying, ITEMS, 2))


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

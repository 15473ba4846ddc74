"""Which row is whose: known by the key that stands in it, and where that is in doubt by the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from app.domain.model import Scalar
from app.outputs.google_sheets.edits import TabPlan

COMMON = 3
"""So many rows that have the same in a column make it common: it tells none of them."""


def rows_of(plans: Sequence[TabPlan], datasets: Collection[str], left_alone: list[str]) -> dict[str, dict[str, int]]:
    """tab -> key -> the row that is ours. Of a row that was copied the upper one is."""
    found: dict[str, dict[str, int]] = {plan.want.name: {} for plan in plans}
    others: dict[str, list[int]] = {plan.want.name: [] for plan in plans}
    copies: list[tuple[TabPlan, str, int]] = []
    for plan in plans:
        want, tab = plan.want, plan.tab
        place, mine = plan.places[want.key], found[want.name]
        for row in range(len(tab.cells)):
            key = key_of(tab.at(row, place))
            if row == plan.header or not tab.cells[row]:
                continue
            if not key or (want.datasets and key not in datasets):
                others[want.name].append(row)
            elif key in mine:
                others[want.name].append(row)
                copies.append((plan, key, row))
            else:
                mine[key] = row
    _recognise(plans, found, others)
    for plan, key, row in copies:
        if row in others[plan.want.name]:
            left_alone.append(f"{plan.tab.title!r} has {key} again in row {row + 1}; the copy is left alone")
    return found


def key_of(cell: Scalar) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _recognise(plans: Sequence[TabPlan], found: Mapping[str, dict[str, int]], others: Mapping[str, list[int]]) -> None:
    """Rows of which somebody changed the key are known by the rest, and found. Where rows were sorted just while such
    a key was put right, it came to stand in another row; so a row that has little of what its key has is looked at
    as well."""
    for together in ([plan for plan in plans if plan.want.datasets], *([p] for p in plans if not p.want.datasets)):
        doubtful = [
            (plan, key, row) for plan in together for key, row in _doubtful(plan, found[plan.want.name], together)
        ]
        if not doubtful and not any(others[plan.want.name] for plan in together):
            continue
        for plan, key, _ in doubtful:
            del found[plan.want.name][key]
        there = {key for plan in together for key in found[plan.want.name]}
        missing = Alike(together, lambda key, there=there: key not in there)  # type: ignore[misc]
        left = [(plan, key, row) for plan, key, row in doubtful if not missing.claim(plan, row, found)]
        bare = [(plan, key, row) for plan, key, row in left if not _filled(plan, row)]
        for plan, key, row in (one for one in left if one not in bare):
            _settle(plan, key, row, found, others, missing.taken)
        for plan in together:
            strange = others[plan.want.name]
            strange[:] = [row for row in strange if not missing.claim(plan, row, found)]
        for plan, key, row in bare:
            if not _settle(plan, key, row, found, others, missing.taken):
                plan.updates[row] = {plan.want.key: ""}


def _filled(plan: TabPlan, row: int) -> bool:
    """Whether there is anything in the columns of ours beside the key."""
    return any(plan.tab.at(row, place) != "" for n, place in enumerate(plan.places) if n != plan.want.key)


def _settle(
    plan: TabPlan,
    key: str,
    row: int,
    found: Mapping[str, dict[str, int]],
    others: Mapping[str, list[int]],
    taken: set[str],
) -> bool:
    """The row is what its key says, unless another one is."""
    if key in taken:
        others[plan.want.name].append(row)
        return False
    found[plan.want.name][key] = row
    taken.add(key)
    return True


def _doubtful(plan: TabPlan, rows: Mapping[str, int], together: Sequence[TabPlan]) -> Iterator[tuple[str, int]]:
    """Those rows in which two cells or more are otherwise than the dataset of their key has them, be its tab this one
    or another."""
    want, cells = plan.want, plan.tab.cells
    for other in (known.want for known in together):
        numbers = {key: number for number, key in enumerate(other.keys) if key in rows}
        places = dict(zip(want.columns, plan.places, strict=True))
        told = [
            (number, places[title])
            for number, title in enumerate(other.columns)
            if title in places and number != other.key and number not in other.clocks
        ]
        for key, number in numbers.items():
            there, wanted, otherwise = cells[rows[key]], other.rows[number], 0
            for n, place in told:
                otherwise += wanted[n] != (there[place] if place < len(there) else "")
            if otherwise > 1:
                yield key, rows[key]


class Alike:
    """Which of these wanted rows a row is that is there, told by the cells that hardly any other has: a title or a
    path, not a state or an organism."""

    def __init__(self, plans: Iterable[TabPlan], which: Callable[[str], bool]) -> None:
        self.taken: set[str] = set()
        self.having: dict[tuple[str, Scalar], list[str]] = {}
        for plan in plans:
            want = plan.want
            told = [n for n in range(len(want.columns)) if n != want.key and n not in want.clocks]
            for key, cells in zip(want.keys, want.rows, strict=True):
                for number in told:
                    if cells[number] != "":
                        self.having.setdefault((want.columns[number], cells[number]), []).append(key)
        self.having = {cell: keys for cell, keys in self.having.items() if len(keys) < COMMON}
        self.filled = Counter(key for keys in self.having.values() for key in keys)
        self.wanted = {key for key in self.filled if which(key)}

    def claim(self, plan: TabPlan, row: int, found: Mapping[str, dict[str, int]]) -> bool:
        """Whether this row is one of them; then it is found."""
        if not self.wanted or (best := self.best(plan, row)) is None:
            return False
        found[plan.want.name][best] = row
        self.taken.add(best)
        return True

    def best(self, plan: TabPlan, row: int) -> str | None:
        """The one that most cells are of, if that is half of what it has, and no other has as many."""
        alike = Counter[str]()
        for title, place in zip(plan.want.columns, plan.places, strict=True):
            alike.update(self.having.get((title, plan.tab.at(row, place)), ()))
        (best, most), (_, next_best) = [*alike.most_common(2), ("", 0), ("", 0)][:2]
        alone = most > next_best and 2 * most >= self.filled[best]
        return best if alone and best in self.wanted and best not in self.taken else None

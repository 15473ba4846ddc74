"""Formulas: what they refer to follows rows and columns; few are computed.

Computed: a literal, arithmetic with literals, one reference, HYPERLINK. Any other shows UNCOMPUTED.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

from tests.servers.sheets.grid import Book, Cell, Move, Sheet, column_index, letters

UNCOMPUTED = "#ERROR!"
TAB = r"(?:(?P<tab>'(?:[^']|'')+'|[A-Za-z_]\w*)!)?"
CELLS = r"(?P<ca>\$?)(?P<c>[A-Za-z]{1,3})(?P<ra>\$?)(?P<r>[1-9]\d*)"
REFERENCE = re.compile(
    rf'"(?:[^"]|"")*"|(?<![\w$!]){TAB}(?:{CELLS}(?::(?P<ca2>\$?)(?P<c2>[A-Za-z]{{1,3}})(?P<ra2>\$?)(?P<r2>[1-9]\d*))?'
    r"|(?P<cs>\$?)(?P<c3>[A-Za-z]{1,3}):(?P<ce>\$?)(?P<c4>[A-Za-z]{1,3})"
    r"|(?P<rs>\$?)(?P<r3>[1-9]\d*):(?P<re>\$?)(?P<r4>[1-9]\d*))(?![\w(!])"
)
Span = tuple[int, int]
Change = Callable[[str | None, Span | None, Span | None], tuple[Span | None, Span | None] | None]
"""Given the tab, the rows and the columns of a reference (None: all): the new rows and columns, or None for #REF!."""


def rewritten(formula: str, change: Change) -> str:
    def one(found: re.Match[str]) -> str:
        part = found.groupdict()  # of a text in quotes: nothing, so that it stays
        tab = part["tab"] and part["tab"].strip("'").replace("''", "'")
        first_row, last_row = part["r"] or part["r3"], part["r2"] or part["r4"] or part["r"]
        first, last = part["c"] or part["c3"], part["c2"] or part["c4"] or part["c"]
        rows = (int(first_row) - 1, int(last_row)) if first_row else None
        columns = (column_index(first), column_index(last) + 1) if first else None
        after = change(tab, rows, columns)
        prefix = f"{part['tab']}!" if tab else ""
        if after is None or any(span and span[0] < 0 for span in after):
            return "#REF!"
        if after == (rows, columns):
            return found[0]
        new_rows, new_columns = after
        starts = (part["ca"] or part["cs"] or "") + letters(new_columns[0]) if new_columns else ""
        starts += (part["ra"] or part["rs"] or "") + str(new_rows[0] + 1) if new_rows else ""
        ends = (part["ca2"] or part["ce"] or "") + letters(new_columns[1] - 1) if new_columns else ""
        ends += (part["ra2"] or part["re"] or "") + str(new_rows[1]) if new_rows else ""
        return prefix + (f"{starts}:{ends}" if ":" in found[0].removeprefix(prefix) else starts)

    return REFERENCE.sub(one, formula)


def followed(book: Book, sheet: Sheet, dimension: str, move: Move) -> None:
    """Every formula's references to this tab follow its rows or columns."""

    def change(home: Sheet) -> Change:
        def spans(tab: str | None, rows: Span | None, columns: Span | None) -> tuple[Span | None, Span | None] | None:
            if (tab or home.title).lower() != sheet.title.lower():
                return rows, columns
            span = rows if dimension == "ROWS" else columns
            moved = span and move(*span)
            if span and not moved:
                return None
            return (moved, columns) if dimension == "ROWS" else (rows, moved)

        return spans

    each_formula(book, lambda home, formula: rewritten(formula, change(home)))


def each_formula(book: Book, new: Callable[[Sheet, str], str]) -> None:
    for home in book.sheets:
        for row in home.rows if home.formulas else ():
            for at, cell in enumerate(row):
                formula = cell and cell.get("userEnteredValue", {}).get("formulaValue")
                if cell and formula:
                    row[at] = {**cell, "userEnteredValue": {"formulaValue": new(home, formula)}}


def carried(cell: Cell, down: int, right: int) -> Cell:
    """A cell as a copy of it looks so many rows and columns away: relative references go along."""
    formula = cell and cell.get("userEnteredValue", {}).get("formulaValue")
    if not cell or not formula or not (down or right):
        return cell

    def one(found: re.Match[str]) -> str:
        if found[0].startswith('"') or not found["c"]:
            return found[0]
        text = f"{found['tab']}!" if found["tab"] else ""
        for colon, last in (("", ""), (":", "2")):
            if found["c" + last]:
                row = int(found["r" + last]) + (0 if found["ra" + last] else down)
                column = column_index(found["c" + last]) + (0 if found["ca" + last] else right)
                if row < 1 or column < 0:
                    return "#REF!"
                text += f"{colon}{found['ca' + last]}{letters(column)}{found['ra' + last]}{row}"
        return text

    return {**cell, "userEnteredValue": {"formulaValue": REFERENCE.sub(one, formula)}}


def gone(book: Book, sheet: Sheet) -> None:
    """Every formula's references to a tab that is deleted are #REF!."""
    title = sheet.title.lower()

    def change(tab: str | None, rows: Span | None, columns: Span | None) -> tuple[Span | None, Span | None] | None:
        return None if tab and tab.lower() == title else (rows, columns)

    each_formula(book, lambda home, formula: rewritten(formula, change))


def renamed(book: Book, old: str, new: str) -> None:
    """Every formula says the new name of a tab."""
    names = re.compile(rf'"(?:[^"]|"")*"|(?<![\w\'])(?:{re.escape(old)}|\'{re.escape(old)}\')!', re.IGNORECASE)
    each_formula(book, lambda home, text: names.sub(lambda at: at[0] if at[0].startswith('"') else f"'{new}'!", text))


OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value_of(book: Book, sheet: Sheet, cell: Cell, depth: int = 0) -> str | float | bool | None:
    """What a cell shows, before it is formatted. None: nothing."""
    value = (cell or {}).get("userEnteredValue")
    if not value:
        return None
    kind, item = next(iter(value.items()))
    if kind != "formulaValue":
        return item
    text = item[1:].strip()
    if link := hyperlink_parts(item):
        return link[1]
    reference = REFERENCE.fullmatch(text)
    if reference and reference["c"] and not reference["c2"]:
        title = (reference["tab"] or "").strip("'").replace("''", "'")
        other = book.titled(title) if title else sheet
        row, column = int(reference["r"]) - 1, column_index(reference["c"])
        if other is None or row >= other.height or column >= other.width or depth > 50:
            return "#REF!"
        found = value_of(book, other, other.get(row, column), depth + 1)
        return 0 if found is None else found
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    if re.fullmatch(r'"(?:[^"]|"")*"', text):
        return text[1:-1].replace('""', '"')
    try:
        return _arithmetic(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        return UNCOMPUTED
    except ZeroDivisionError:
        return "#DIV/0!"


def _arithmetic(node: ast.expr) -> float:
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        return OPERATIONS[type(node.op)](_arithmetic(node.left), _arithmetic(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_arithmetic(node.operand)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    raise ValueError("not arithmetic")


def hyperlink_parts(formula: str) -> tuple[str, str] | None:
    """The address and the label of a HYPERLINK with literals."""
    found = re.fullmatch(r'=\s*HYPERLINK\(\s*"([^"]*)"\s*(?:[,;]\s*"((?:[^"]|"")*)"\s*)?\)', formula, re.IGNORECASE)
    return (found[1], (found[2] or found[1]).replace('""', '"')) if found else None

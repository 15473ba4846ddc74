"""What is set up once: tabs, columns and their tags, titles, widths, colours, filter, protection, the chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gspread.utils import rowcol_to_a1

from app.outputs.cells import colours
from app.outputs.google_sheets.edits import TabPlan
from app.outputs.google_sheets.grid import BESIDE, OWN, TAB, TITLES
from app.outputs.google_sheets.updates import Request, Step, area, cell, span, tag, write
from app.outputs.google_sheets.want import KEY

NARROWEST, WIDEST, CHARACTER = 70, 360, 7  # pixels
MUTED = {"Acknowledged": "LEN({})>0", "Dismissed": "LEN({})>0", "Problems": 'LEFT({},8)="Ignored:"'}
"""Column -> the formula, of its cell, that tells a row that curators have dealt with; it is shown greyed."""


def columns(tab: TabPlan) -> Step:
    """The tab, the columns and the titles that are not there yet, and tags that tell them again."""
    step = Step([], () if tab.new else (tab,))
    made, sheet = tab.made, tab.tab.id
    if tab.new:
        grid = {"rowCount": tab.tab.rows, "columnCount": len(made)}
        properties = {"sheetId": sheet, "title": tab.tab.title, "gridProperties": grid}
        step.requests.append({"addSheet": {"properties": properties}})
    elif made and made[0].number >= tab.tab.columns:
        more = {"sheetId": sheet, "dimension": "COLUMNS", "length": len(made)}
        step.requests.append({"appendDimension": more})
    elif made:
        step.requests.append({"insertDimension": {"range": span(tab, "COLUMNS", made[0].number, len(made))}})
    if tab.setup:
        step.requests.append(tag(TAB, tab.want.name, {"sheetId": sheet}))
    if not tab.tab.titles:
        step.requests.append(tag(TITLES, tab.want.name, {"dimensionRange": span(tab, "ROWS", tab.header)}))
    for column in tab.columns:
        where = {"dimensionRange": span(tab, "COLUMNS", column.number)}
        step.requests.append(tag(OWN if column.own else BESIDE, column.title, where))
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}}}
    new = {column.number for column in made}
    for number, title in sorted(tab.titles.items()):
        request = write(tab.tab.id, tab.header, number, [[cell(title) | (bold if number in new else {})]])
        if number in new:
            request["updateCells"]["fields"] = "userEnteredValue,userEnteredFormat.textFormat.bold"
        step.requests.append(request)
    step.requests += [request for column in made if column.own for request in _own_column(tab, column.number)]
    step.cells = len(tab.titles)
    return step


def _own_column(tab: TabPlan, column: int) -> Iterator[Request]:
    """How a column that we made looks: as wide as what is in it, within reason; the one of keys is hidden."""
    number = tab.places.index(column)
    title = tab.want.columns[number]
    longest = max((len(str(row[number])) for row in tab.want.rows[:200]), default=0)
    width = min(max(NARROWEST, CHARACTER * max(longest, len(title) + 4)), WIDEST)
    hidden = title == KEY
    properties = {"hiddenByUser": True} if hidden else {"pixelSize": width}
    where = span(tab, "COLUMNS", column)
    yield {"updateDimensionProperties": {"range": where, "properties": properties, "fields": ",".join(properties)}}


def setup(tab: TabPlan, states: Sequence[str]) -> Iterator[Request]:
    sheet, first = tab.tab.id, tab.header + 1
    if not tab.tab.frozen:
        properties = {"sheetId": sheet, "gridProperties": {"frozenRowCount": first}}
        yield {"updateSheetProperties": {"properties": properties, "fields": "gridProperties.frozenRowCount"}}
    if not tab.tab.filtered:
        yield {"setBasicFilter": {"filter": {"range": {"sheetId": sheet, "startRowIndex": tab.header}}}}
    if not tab.tab.coloured:
        rules = list(_colours(tab, states))
        yield from ({"addConditionalFormatRule": {"rule": rule, "index": n}} for n, rule in enumerate(rules))
    if not tab.tab.protected:
        for place in tab.places:
            where = {"sheetId": sheet, "startColumnIndex": place, "endColumnIndex": place + 1}
            said = "Filled in by ingest-tracker: what is written here is replaced."
            protected = {"range": where, "description": said, "warningOnly": True}
            yield {"addProtectedRange": {"protectedRange": protected}}


def _colours(tab: TabPlan, states: Sequence[str]) -> Iterator[dict[str, Any]]:
    below = {"sheetId": tab.tab.id, "startRowIndex": tab.header + 1}
    places = dict(zip(tab.want.columns, tab.places, strict=True))
    for title, formula in MUTED.items():
        if title in places and (title != "Problems" or tab.want.datasets):
            below_title = f"${rowcol_to_a1(tab.header + 2, places[title] + 1)}"
            grey = {"textFormat": {"italic": True, "foregroundColorStyle": {"rgbColor": _rgb("#595959")}}}
            condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": f"={formula.format(below_title)}"}]}
            whole = below | {"startColumnIndex": 0, "endColumnIndex": tab.end}
            yield {"ranges": [whole], "booleanRule": {"condition": condition, "format": grey}}
    if tab.want.datasets and "Status" in places:
        column = below | {"startColumnIndex": places["Status"], "endColumnIndex": places["Status"] + 1}
        for state, colour in colours(states).items():
            condition = {"type": "TEXT_EQ", "values": [{"userEnteredValue": state}]}
            shade = {"backgroundColorStyle": {"rgbColor": _rgb(colour)}}
            yield {"ranges": [column], "booleanRule": {"condition": condition, "format": shade}}


def _rgb(colour: str) -> dict[str, float]:
    red, green, blue = bytes.fromhex(colour[1:])
    return {"red": red / 255, "green": green / 255, "blue": blue / 255}


def chart(tab: TabPlan) -> Iterator[Step]:
    """How many datasets stand in each state, beside the Summary."""
    states = [n for n, key in enumerate(tab.want.keys) if key.startswith("State/") and key != "State/all"]
    if tab.tab.charted or not tab.new or not states:
        return
    first, rows = tab.header + 1 + states[0], len(states)

    def column(title: str) -> dict[str, Any]:
        return {"sourceRange": {"sources": [area(tab, first, rows, tab.places[tab.want.columns.index(title)], 1)]}}

    spec = {
        "title": "Datasets by state",
        "basicChart": {
            "chartType": "COLUMN",
            "legendPosition": "NO_LEGEND",
            "domains": [{"domain": column("Name")}],
            "series": [{"series": column("Now"), "targetAxis": "LEFT_AXIS"}],
        },
    }
    anchor = {"sheetId": tab.tab.id, "rowIndex": tab.header + 1, "columnIndex": tab.end - 1}
    yield Step(
        [{"addChart": {"chart": {"spec": spec, "position": {"overlayPosition": {"anchorCell": anchor}}}}}], (tab,)
    )

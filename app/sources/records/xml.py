"""XML from outside: read without entities, document types and network, and never deeper or larger than is sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lxml import etree

from app.domain.text import one_line
from app.errors import RecordError

Element = etree._Element


def parsed(body: bytes) -> Element:
    """The root. Blank lines before its declaration do no harm, though XML does not allow them. A document type that
    lies elsewhere is not looked at; one that declares entities is refused. Raises RecordError."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    body = body.lstrip(b" \t\r\n")
    if not body:
        raise RecordError("is empty")
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        if "amplification" in (error.msg or ""):
            raise RecordError(_ENTITIES) from None
        raise RecordError(f"is no XML: {_said(error)}") from None
    except ValueError:
        raise RecordError("is no XML: its encoding is not known") from None
    subset: Any = root.getroottree().docinfo.internalDTD
    if subset is not None and any(True for _ in subset.iterentities()):
        raise RecordError(_ENTITIES)
    return root


def begun(begin: bytes) -> list[str]:
    """The names of the elements that XML begins with, which may be cut off anywhere; none of what is no XML."""
    parser: Any = etree.XMLPullParser(("start",), resolve_entities=False, no_network=True, load_dtd=False)
    with suppress(etree.XMLSyntaxError):
        parser.feed(begin.lstrip(b" \t\r\n"))
    return [element.tag for _, element in parser.read_events() if isinstance(element.tag, str)]


_ENTITIES = "declares entities, which are not read: they must be written out"


def _said(error: etree.XMLSyntaxError) -> str:
    """Without what is this document's alone."""
    message = re.sub(r",? line \d+.*", "", one_line(error.msg or ""))
    return message[:200] or "it ends in the middle"


def text(element: Element | None) -> str:
    """All that stands in it, on one line."""
    return "" if element is None else one_line(" ".join(map(str, element.itertext())))


def texts(element: Element, path: str, names: dict[str, str]) -> Iterator[str]:
    """Of all that is there and not empty."""
    return filter(None, map(text, element.iterfind(path, names)))


def first(element: Element, paths: list[str], names: dict[str, str]) -> str:
    """The first text at any of these paths, in their order."""
    return next((found for path in paths for found in texts(element, path, names)), "")

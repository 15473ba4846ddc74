"""What a folder on the web shows of itself: the page that Apache, nginx, IIS, Caddy, Python or another server makes of
it, told apart by what stands there; or the list of a bucket, as Amazon S3's API gives it (ListObjects, ListObjectsV2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

from lxml import etree

from app.domain.text import one_line


class NoListing(ValueError):
    """What is wrong with the page, in words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`stamp`: when it changed, as far as the page says so, in a form that is the same as long as that is; nobody knows
    in which zone."""

    url: str
    is_folder: bool = False
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in the folder itself; `more`: where the rest of it is listed, if it is not all."""

    entries: tuple[Entry, ...]
    more: str = ""


def understood(body: bytes, url: str) -> Listing:
    """`url`: where the page is. Links elsewhere are left out: to other hosts, to what does not lie in the folder, with
    a query. Raises NoListing for what does not look like a folder, even one without content."""
    head = body[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<?xml") or head.startswith(b"<ListBucketResult"):
        root = _xml(body)
        if root is not None and etree.QName(root).localname == "ListBucketResult":
            return _bucket(root, url)
    return _page(body, url)


# --------------------------------------------------------------------------- pages


def _page(body: bytes, url: str) -> Listing:
    target: Any = _Rows()  # its parts take text, where they might take bytes as well
    if not body.strip():
        raise NoListing("is empty")
    try:
        parser = etree.HTMLParser(target=target, no_network=True, huge_tree=False, encoding=_encoding(body))
        parser.feed(body)
        parser.close()
    except (etree.LxmlError, ValueError):
        raise NoListing("cannot be read as a page") from None
    folder = _folder(url)
    entries: dict[str, Entry] = {}
    is_listing = bool(_TITLE.search(one_line(target.title)))
    for row in target.rows:
        stamp = _stamp(row)
        for href in row.links:
            found = _within(href, url, folder)
            if found is None:
                is_listing = is_listing or _leads_around(href, url, folder)
                continue
            is_folder = found.endswith("/") or "<dir>" in row.text.lower()
            address = found if found.endswith("/") or not is_folder else f"{found}/"
            entries.setdefault(address, Entry(address, is_folder, stamp))
    if not entries and not is_listing:
        raise NoListing("does not look like a folder: it has no links to what is in it")
    return Listing(tuple(entries.values()))


def _encoding(body: bytes) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "iso-8859-1"
    return "utf-8"


@dataclass(slots=True)
class _Row:
    """A line of the page: the links in it, and what else stands there; `said`: dates as they are meant for machines."""

    links: list[str] = field(default_factory=list)
    text: str = ""
    said: str = ""


class _Rows:
    """Takes a page apart as it is read: nothing of it is held but its rows."""

    def __init__(self) -> None:
        self.rows: list[_Row] = []
        self.title = ""
        self._row, self._parts = _Row(), list[str]()
        self._inside = ""
        self._pre = 0

    def start(self, tag: str, given: dict[str, str]) -> None:
        if tag in _BREAKS:
            self._end_row()
        if tag in ("title", "h1", "a", "style", "script"):
            self._inside = tag
        if tag == "pre":
            self._pre += 1
        elif tag == "a" and given.get("href"):
            if self._row.links and self._pre and _stamp(self._row, "".join(self._parts)):
                self._end_row()  # a line that lost its end
            self._row.links.append(given["href"])
        elif tag == "time":
            self._row.said = given.get("datetime", "")
        elif tag in ("td", "th"):
            self._parts.append("  ")

    def end(self, tag: str) -> None:
        if tag in _BREAKS:
            self._end_row()
        if tag == self._inside:
            self._inside = ""
        if tag == "pre":
            self._pre = max(0, self._pre - 1)

    def data(self, text: str) -> None:
        if self._inside in ("title", "h1"):
            self.title = f"{self.title} {text}"[:1_000]
        elif not self._inside:
            for number, line in enumerate(text.split("\n") if self._pre else [text]):
                if number:
                    self._end_row()
                self._parts.append(line)

    def comment(self, text: str) -> None:
        pass

    def close(self) -> None:
        self._end_row()

    def _end_row(self) -> None:
        if self._row.links:
            self._row.text = "".join(self._parts)[:_LONGEST]
            self.rows.append(self._row)
        self._row, self._parts = _Row(), []


_BREAKS = ("tr", "li", "br", "hr", "p", "div", "ul", "table")

_LONGEST = 1_000
"""Characters of a row's text."""

_TITLE = re.compile(r"\b(?:index of|directory listing|listing of)\b| - /", re.IGNORECASE)


# --------------------------------------------------------------------------- dates

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = "(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_TIME = r"(?:[\s,T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?:\s*(?P<half>[ap]m)|Z)?)?"

_DATES = tuple(
    re.compile(rf"(?<![\w/-]){date}{_TIME}(?!\w)", re.IGNORECASE)
    for date in (
        r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})",  # Apache, Caddy, Maven Central
        rf"(?P<day>\d{{1,2}})[- ]{_NAME}[- ](?P<year>\d{{4}})",  # nginx, Apache until 2.2
        rf"(?P<year>\d{{4}})[- ]{_NAME}[- ](?P<day>\d{{1,2}})",  # lighttpd
        rf"{_NAME}\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}})",  # IIS, in words
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})",  # IIS, in the United States
    )
)


def _stamp(row: _Row, text: str = "") -> str:
    """ISO 8601 without a zone, as exactly as it is told; empty where there is none that can be."""
    for words in (row.said, text or row.text):
        for pattern in _DATES:
            if match := pattern.search(words):
                return _iso(match)
    return ""


def _iso(match: re.Match[str]) -> str:
    told = match.groupdict()
    month = _MONTHS.index(told["name"].lower()) + 1 if told.get("name") else int(told["month"])
    hour, half = int(told["hour"] or 0), (told["half"] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        moment = datetime(
            int(told["year"]), month, int(told["day"]), hour, int(told["minute"] or 0), int(told["second"] or 0)
        )
    except ValueError:
        return ""
    exactness = "seconds" if told["second"] else "minutes"
    return moment.isoformat(timespec=exactness) if told["hour"] else moment.date().isoformat()


# --------------------------------------------------------------------------- addresses


def _folder(url: str) -> str:
    """The folder that a page shows: its address up to the last slash."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path[: parts.path.rfind("/") + 1] or "/", "", ""))


def _within(href: str, url: str, folder: str) -> str | None:
    """The address of what a link leads to, if that lies in the folder."""
    href = href.strip()
    if not href or href.startswith(("?", "#")):
        return None
    try:
        parts = urlsplit(urljoin(url, href))
    except ValueError:
        return None
    if parts.query or href.endswith("?"):
        return None
    address = urlunsplit((parts.scheme, parts.netloc, _quoted(parts.path), "", ""))
    name = address.removeprefix(folder)
    if name == address or not name or any(unquote(step) in ("", ".", "..") for step in name.rstrip("/").split("/")):
        return None
    return address


def _quoted(path: str) -> str:
    """What a server left unwritten in the form that addresses have (RFC 3986, 3.3); what it wrote stays as it is."""
    return quote(path, safe="/%:@!$&'()*+,;=~-._")


def _leads_around(href: str, url: str, folder: str) -> bool:
    """To the folder above, or to this one in another order: as the page of a folder without content does."""
    href = href.strip()
    if href.startswith("?"):
        return True
    try:
        there = urlsplit(urljoin(url, href))
    except ValueError:
        return False
    here = urlsplit(folder)
    above = here.path.rstrip("/").rpartition("/")[0] + "/"
    return (there.scheme, there.netloc) == (here.scheme, here.netloc) and there.path in (above, above.rstrip("/"))


# --------------------------------------------------------------------------- buckets


def _xml(body: bytes) -> etree._Element | None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(body, parser)
    except (etree.LxmlError, ValueError):
        return None


def _bucket(root: etree._Element, url: str) -> Listing:
    """See https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html, and ListObjects beside it."""
    parts = urlsplit(url)
    base = urlunsplit(
        (parts.scheme, parts.netloc, parts.path if parts.path.endswith("/") else f"{parts.path}/", "", "")
    )
    entries = []
    last = ""
    for element in root:
        if not isinstance(element.tag, str) or etree.QName(element).localname != "Contents":
            continue
        last = _said(element, "Key")
        if last and not last.endswith("/"):
            entries.append(Entry(base + quote(last, safe="/"), False, _said(element, "LastModified")))
    if _said(root, "IsTruncated").lower() != "true":
        return Listing(tuple(entries))
    token = _said(root, "NextContinuationToken")
    following = {"continuation-token": token} if token else {"marker": _said(root, "NextMarker") or last}
    kept = dict(_pairs(parts.query)) | following
    return Listing(tuple(entries), urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), "")))


def _said(element: etree._Element, name: str) -> str:
    return next((one_line(each.text or "") for each in element.iterfind(f"{{*}}{name}")), "")


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        yield unquote(name), unquote(value)

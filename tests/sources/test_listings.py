"""What folders on the web show of themselves: pages as servers write them, hostile ones, and buckets."""

from __future__ import annotations

import re

import pytest

from app.sources.listings import Entry, Listing, NoListing, understood

HERE = "http://example.org/waf/"


def found(page: str | bytes, url: str = HERE) -> dict[str, str]:
    """Name, with a slash if it is a folder -> stamp."""
    told = understood(page if isinstance(page, bytes) else page.encode(), url).entries
    return {entry.url.removeprefix(url.rpartition("/")[0] + "/"): entry.stamp for entry in told}


def page(*lines: str, title: str = "Index of /waf") -> str:
    body = "\n".join(lines)
    return f'<html><head><title>{title}</title></head><body><pre><a href="/">Up</a>\n{body}\n</pre></body></html>'


# --------------------------------------------------------------------------- dates, as servers write them


@pytest.mark.parametrize(
    ("written", "stamp"),
    [
        ("2026-01-31 09:05  4.2K", "2026-01-31T09:05"),
        ("31-Jan-2026 09:05  4321", "2026-01-31T09:05"),
        ("2026-Jan-31 09:05:07  4.2K  application/xml", "2026-01-31T09:05:07"),
        ("1/31/2026  9:05 AM  4321", "2026-01-31T09:05"),
        ("1/31/2026 12:05 AM  4321", "2026-01-31T00:05"),
        ("1/31/2026 12:05 PM  4321", "2026-01-31T12:05"),
        ("Saturday, January 31, 2026  9:05 PM  4321", "2026-01-31T21:05"),
        ("January 31, 2026", "2026-01-31"),
        ("2026-01-31", "2026-01-31"),
        ("31-Foo-2026 09:05", ""),
        ("2026-02-31 09:05", ""),
        ("120260131-01-310 09:05", ""),
        ("-", ""),
    ],
)
def test_dates_are_told_in_all_ways_in_which_servers_write_them(written: str, stamp: str) -> None:
    assert found(page(f'<a href="a.xml">a.xml</a>   {written}')) == {"a.xml": stamp}


def test_the_date_stands_before_or_after_the_name_or_in_a_cell_of_its_own() -> None:
    iis = (
        '<pre><A HREF="/">[To Parent Directory]</A><br><br> 1/31/2026  9:05 AM  &lt;dir&gt; <A HREF="/waf/b">b</A><br>'
    )
    iis += ' 1/30/2026  9:05 AM  8958 <A HREF="/waf/a.xml">a.xml</A><br></pre>'
    assert found(iis) == {"b/": "2026-01-31T09:05", "a.xml": "2026-01-30T09:05"}
    table = (
        "<table><tr><td><a href='../'>Up</a></td></tr><tr><td><a href='a.xml'>a</a></td><td>2026-01-31 09:05</td></tr>"
    )
    assert found(f"{table}</table>") == {"a.xml": "2026-01-31T09:05"}
    caddy = (
        '<table><tr><td><a href="./a.xml">a</a></td><td><time datetime="2026-01-31T09:05:07Z">01/31/2026</time></td>'
    )
    assert found(caddy) == {"a.xml": "2026-01-31T09:05:07"}


def test_a_date_in_a_name_is_none_of_the_document() -> None:
    assert found(page('<a href="2020-01-01.xml">2020-01-01.xml</a>  2026-01-31 09:05')) == {
        "2020-01-01.xml": "2026-01-31T09:05"
    }


# --------------------------------------------------------------------------- links


@pytest.mark.parametrize(
    "href",
    [
        "?C=M;O=A", "#top", "mailto:desk@example.org", "javascript:alert(1)", "../", "/", "..", ".", "./", "",
        "http://elsewhere.example.org/waf/a.xml", "https://example.org/waf/a.xml", "//elsewhere.example.org/waf/a.xml",
        "http://example.org:8080/waf/a.xml", "/another/a.xml", "../waf2/a.xml", "/wafer/a.xml", "a.xml?version=2",
        "a.xml?", "%2e%2e/secret.xml", "b/%2e%2e/%2e%2e/a.xml", "file:///etc/passwd", "http://[", "ftp://example.org/waf/a.xml",
        "http://example.org@elsewhere.example.org/waf/a.xml",
    ],
)  # fmt: skip
def test_links_to_elsewhere_are_left_out(href: str) -> None:
    assert found(page(f'<a href="{href}">x</a>', '<a href="good.xml">good</a>')) == {"good.xml": ""}


def test_names_are_read_as_the_page_means_them() -> None:
    told = found(
        page(
            '<a href="a&amp;b.xml">a</a>', '<a href="c d.xml">c</a>', '<a href="e%20f.xml">e</a>',
            '<a href="ü.xml">u</a>', "<a href='sub/'>sub/</a>", '<a href="/waf/absolute.xml">', '<a href="http://example.org/waf/full.xml">f</a>',
            '<a href="deep/in/it.xml">d</a>',
        )
    )  # fmt: skip
    names = ["a&b.xml", "c%20d.xml", "e%20f.xml", "%C3%BC.xml", "sub/", "absolute.xml", "full.xml", "deep/in/it.xml"]
    assert [*told] == names


def test_a_page_in_latin_1_is_read_as_such() -> None:
    assert found(page('<a href="%E9.xml">é</a>').encode("latin-1")) == {"%E9.xml": ""}


def test_what_is_linked_twice_counts_once() -> None:
    row = '<a href="a.xml"><img></a> <a href="a.xml">a.xml</a>  2026-01-31 09:05'
    assert understood(page(row).encode(), HERE).entries == (Entry(f"{HERE}a.xml", False, "2026-01-31T09:05"),)


def test_entities_that_a_page_declares_are_not_followed() -> None:
    hostile = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><a href="&x;.xml">x</a><a href="a.xml">a</a>'
    assert "a.xml" in found(hostile)
    assert not any("root" in name for name in found(hostile))


def test_a_hundred_thousand_entries_are_listed() -> None:
    rows = "\n".join(f'<a href="{n}.xml">{n}.xml</a>   2026-01-31 09:05   4321' for n in range(100_000))
    told = understood(page(rows).encode(), HERE).entries
    assert len(told) == 100_000
    assert told[99_999] == Entry(f"{HERE}99999.xml", False, "2026-01-31T09:05")


@pytest.mark.parametrize("opened", ["<div>", "<table><tr><td>", "<a href='x/'>", "<pre>", "<ul><li>"])
def test_tags_in_each_other_without_end_do_no_harm(opened: str) -> None:
    assert "a.xml" in found(opened * 100_000 + '<a href="a.xml">a</a>')


# --------------------------------------------------------------------------- what is none


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is empty"),
        (b"  \n ", "is empty"),
        (b"<html><body>Under maintenance</body></html>", "does not look like a folder"),
        (
            b"<html><body><a href='https://elsewhere.example.org/'>Sign in</a></body></html>",
            "does not look like a folder",
        ),
        (b'{"dataset": []}', "does not look like a folder"),
        (b"\x00\x01\x02", "does not look like a folder"),
        (b"<?xml version='1.0'?><metadata/>", "does not look like a folder"),
    ],
)
def test_what_is_no_folder_is_not_taken_for_an_empty_one(body: bytes, why: str) -> None:
    with pytest.raises(NoListing, match=re.escape(why)):
        understood(body, HERE)


@pytest.mark.parametrize(
    "body",
    [
        '<html><head><title>Index of /waf/</title></head><body><h1>Index of /waf/</h1><a href="../">../</a></html>',
        "<html><title>Directory listing for /waf/</title><h1>Directory listing for /waf/</h1><ul></ul></html>",
        '<pre><A HREF="/">[To Parent Directory]</A><br><br></pre>',
    ],
)
def test_a_folder_without_content_is_one(body: str) -> None:
    assert understood(body.encode(), HERE) == Listing(())


# --------------------------------------------------------------------------- buckets

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def bucket(*keys: str, more: str = "", begin: str = '<?xml version="1.0" encoding="UTF-8"?>\n') -> bytes:
    contents = (
        f"<Contents><Key>{key}</Key><LastModified>2026-01-31T09:05:07.000Z</LastModified></Contents>" for key in keys
    )
    return f"{begin}<ListBucketResult {NAMESPACE}><Name>b</Name>{''.join(contents)}{more}</ListBucketResult>".encode()


def test_a_bucket_lists_its_keys() -> None:
    told = understood(bucket("a.xml", "sub/b c.xml", "sub/", "é&amp;.xml"), "http://example.org/b")
    assert [entry.url for entry in told.entries] == [
        "http://example.org/b/a.xml", "http://example.org/b/sub/b%20c.xml", "http://example.org/b/%C3%A9%26.xml"
    ]  # fmt: skip
    assert {entry.stamp for entry in told.entries} == {"2026-01-31T09:05:07.000Z"}
    assert told.more == ""


def test_a_bucket_goes_on_as_either_version_of_its_interface_says() -> None:
    cut = "<IsTruncated>true</IsTruncated>"
    second = understood(
        bucket("a.xml", more=f"{cut}<NextContinuationToken>x=/1</NextContinuationToken>"), "http://h/b/?p=1"
    )
    assert second.more == "http://h/b/?p=1&continuation-token=x%3D%2F1"
    assert understood(bucket("a.xml", "b.xml", more=cut), "http://h/b/").more == "http://h/b/?marker=b.xml"
    assert (
        understood(bucket("a.xml", more=f"{cut}<NextMarker>q</NextMarker>"), "http://h/b/").more
        == "http://h/b/?marker=q"
    )


def test_a_bucket_that_is_empty_is_one_and_one_that_is_broken_is_none() -> None:
    assert understood(bucket(), "http://h/b/") == Listing(())
    with pytest.raises(NoListing):
        understood(bucket("a.xml")[:-30], "http://h/b/")


def test_entities_of_a_bucket_are_not_followed() -> None:
    hostile = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    told = understood(bucket("&e;.xml", begin=hostile), "http://h/b/")
    assert not any("root" in entry.url for entry in told.entries)

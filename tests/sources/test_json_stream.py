"""Elements are those of the document, byte for byte, however it is cut; and what is no JSON is said to be none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources.json_stream import Document, NotJson

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def pieces(document: bytes, size: int) -> Iterator[bytes]:
    return (document[at : at + size] for at in range(0, len(document), size))


def elements(document: bytes, path: Sequence[str] = (), size: int = 7, **more: Any) -> list[Any]:
    return [json.loads(element) for element in Document(pieces(document, size), **more).elements(path)]


@given(st.lists(values, max_size=5), st.integers(1, 40), st.sampled_from([None, 2]), st.booleans())
def test_an_array_is_given_element_by_element(told: list[Any], size: int, indent: int | None, plain: bool) -> None:
    document = json.dumps(told, indent=indent, ensure_ascii=plain).encode(errors="surrogatepass")
    if b"\xed\xa0" not in document:
        assert elements(document, (), size) == told


@given(st.dictionaries(st.text(max_size=3), values, max_size=4), st.lists(values, max_size=4), st.integers(1, 40))
def test_an_array_is_found_wherever_it_is(beside: dict[str, Any], told: list[Any], size: int) -> None:
    document = json.dumps({**beside, "a": {**beside, "b": told, "c": 1}, "z": beside}).encode()
    assert elements(document, ("a", "b"), size) == told


def test_elements_are_the_bytes_that_stand_there() -> None:
    first, second = b'{"b" : 1,\t"a":"\\u00e9 ]}\\" "}', b"[ 1 , 2.50e+1 ]"
    found = list(Document([b"\xef\xbb\xbf [ " + first + b" ,\r\n" + second + b"\n]  "]).elements())
    assert found == [first, second]


def test_what_is_said_beside_the_array_is_kept() -> None:
    document = Document([b'{"conformsTo": "x", "n": 1.5, "deep": {"a": 1}, "dataset": [{}], "last": null}'])
    assert len(list(document.elements(["dataset"]))) == 1
    assert document.fields == {"conformsTo": "x", "n": 1.5, "deep": {"a": 1}, "last": None}


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    "document, words",
    [
        (b"", "is empty"),
        (b"  ", "is empty"),
        (b"[", "ends in the middle"),
        (b"[1", "ends in the middle"),
        (b"[1,", "ends in the middle"),
        (b'["a', "ends in the middle"),
        (b'[{"a": 1}', "ends in the middle"),
        (b'[{"a": "x', "ends in the middle"),
        (b"[1 2]", "is no JSON"),
        (b"[1] x", "goes on after its end"),
        (b"[1, <html>]", "is no JSON"),
        (b"[" * 2_000, "levels"),
    ],
)
def test_what_is_no_json_is_said(document: bytes, words: str, size: int) -> None:
    with pytest.raises(NotJson, match=words):
        elements(document, (), size)


@pytest.mark.parametrize(
    "document, path, words",
    [
        (b"{}", (), "the document is no array"),
        (b"<html>", (), "the document is no array"),
        (b"[]", ("dataset",), "the document is no object"),
        (b'{"a": 1}', ("dataset",), "the document has no 'dataset'"),
        (b'{"a": {"b": {}}}', ("a", "b"), "a > b is no array"),
        (b'{"a": {"c": []}}', ("a", "b"), "a has no 'b'"),
    ],
)
def test_an_array_that_is_not_there_is_said(document: bytes, path: Sequence[str], words: str) -> None:
    with pytest.raises(LookupError, match=words):
        elements(document, path)


def test_what_comes_before_a_fault_is_given_first() -> None:
    found = Document([b'[{"a": 1}, {"a": 2}, ']).elements()
    assert [next(found), next(found)] == [b'{"a": 1}', b'{"a": 2}']
    with pytest.raises(NotJson, match="ends in the middle"):
        next(found)


def test_of_a_long_document_little_is_held() -> None:
    document = Document(b"[,"[number > 0 :][:1] + b'{"a": "%d"}' % number for number in range(1_000))
    found = document.elements()
    for _ in range(999):
        next(found)
    assert len(document._buffer) < 1_000


def test_an_element_that_is_too_long_is_refused() -> None:
    with pytest.raises(NotJson, match="an element of more than 1,000 bytes"):
        elements(b'["' + b"a" * 5_000 + b'"]', largest=1_000)


def test_what_is_long_or_odd_takes_no_longer_for_it() -> None:
    """Quadratic, each would take minutes."""
    for document in (
        b'["' + b"\\\\" * 2_000_000,
        b'[{"a": "' + b"a" * 4_000_000,
        b"[" + b"{}," * 300_000,
        b"[" + b'"a"' * 300_000,
    ):
        with pytest.raises(NotJson):
            list(Document(pieces(document, 4_096)).elements())

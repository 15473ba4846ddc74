"""Text from outside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.text import one_line


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        (" A  title\nin lines\t", "A title in lines"),
        ("nul \0 here", "nul \ufffd here"),
        ("half \ud83d a smile", "half \ufffd a smile"),
        ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
        ("hard\u00a0blank", "hard blank"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("\x9b31mred", "\ufffd31mred"),
    ],
)
def test_text_from_outside_is_one_line_that_any_store_takes(text: str, kept: str) -> None:
    assert one_line(text) == kept


@given(st.text(st.characters()))
def test_it_is_made_fit_once_for_all(text: str) -> None:
    fit = one_line(text)
    assert (one_line(fit), "\0" in fit, "\x1b" in fit) == (fit, False, False)
    assert fit.encode().decode() == fit

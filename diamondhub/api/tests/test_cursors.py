"""Cursors: good for the query that they came from, and for nothing else."""

from __future__ import annotations

import pytest
from django.core import signing
from hypothesis import given
from hypothesis import strategies as st

from diamondhub.api import cursors


@given(
    st.lists(st.none() | st.integers(0, 10**15) | st.text("0123456789abcdef-.:T+", max_size=40), max_size=2), st.text()
)
def test_a_cursor_is_read_back_by_its_query(position: list[object], query: str) -> None:
    assert cursors.decode(cursors.encode(position, query), query) == position


def test_another_query_refuses_it() -> None:
    cursor = cursors.encode([1, "x"], "sort=price")

    with pytest.raises(cursors.WrongCursor, match="another query"):
        cursors.decode(cursor, "sort=carats")


@pytest.mark.parametrize(
    "text", ["", "x", "a:b:c", "é", "\x00", "x" * 5000, pytest.param(signing.dumps([1, 2]), id="signed elsewhere")]
)
def test_what_we_never_made_is_refused(text: str) -> None:
    with pytest.raises(cursors.WrongCursor):
        cursors.decode(text, "sort=price")


@given(st.integers(0, 80), st.characters(codec="ascii"))
def test_a_changed_cursor_is_refused(place: int, character: str) -> None:
    cursor = cursors.encode([123456, "0b5a"], "sort=price")
    changed = cursor[:place] + character + cursor[place + 1 :]
    if changed == cursor or place >= len(cursor):
        return

    with pytest.raises(cursors.WrongCursor):
        cursors.decode(changed, "sort=price")

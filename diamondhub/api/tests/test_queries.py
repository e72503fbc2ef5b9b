"""Queries: strict, complete in its errors, and never surprised."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.http import HttpRequest
from hypothesis import given
from hypothesis import strategies as st

from diamondhub.api import fields
from diamondhub.api.problems import InvalidParameters
from diamondhub.api.serializers import Query


class Stones(Query):
    """Some of the parameters that a search has."""

    carats_min = fields.Number(3, 0, Decimal("99.999"), required=False)
    carats_max = fields.Number(3, 0, Decimal("99.999"), required=False)
    price = fields.Dollars(1_000_000, required=False)
    limit = fields.Limit(100)
    lab_grown = fields.YesNo(required=False)
    color = fields.ListOf(fields.OneOf({"D": 1, "E": 2, "F": 3}), required=False)
    shape = fields.ListOf(fields.Name(20, "ROUND"), required=False)
    since = fields.Moment(required=False)
    version = fields.Whole(0, required=False)
    title = fields.ListOf(fields.Text(min_length=1), required=False)

    class Meta:
        ordered = [("carats_min", "carats_max")]


def read(query: str) -> dict[str, Any]:
    request = HttpRequest()
    request.META["QUERY_STRING"] = query
    return Stones.read(request)


def wrong(query: str) -> list[str]:
    with pytest.raises(InvalidParameters) as caught:
        read(query)
    return [error.field for error in caught.value.errors]


def test_values_are_typed_and_defaults_filled_in() -> None:
    values = read("carats_min=1.010&price=12.5&lab_grown=true&color=F,D,F&since=2026-01-31T08:00:00%2B02:00")

    assert values["carats_min"] == Decimal("1.01")
    assert values["price"] == 1250
    assert values["lab_grown"] is True
    assert values["color"] == (1, 3)
    assert values["since"].isoformat() == "2026-01-31T06:00:00+00:00"
    assert values["limit"] == 50


def test_every_mistake_is_told_at_once() -> None:
    assert wrong("carats_min=x&lab_grown=yes&bogus=1&limit=1&limit=2") == ["bogus", "limit", "carats_min", "lab_grown"]


def test_an_unknown_name_is_answered_with_the_nearest_known_one() -> None:
    with pytest.raises(InvalidParameters, match="did you mean color"):
        read("colour=D")


def test_a_name_that_cannot_be_seen_is_shown_as_it_is_written() -> None:
    assert wrong("=1&%20=1&%0a=1&a=1") == ["''", "' '", "'\\n'", "a"]


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "-Infinity", "inf", "-1", "+1", "1e3", "0x1", "1_000", "١٢٣", "1\n", " 1", "1 ", "", ".5", "1.",
     "1.0000", "100", "9" * 400, "1,2", "\x00", "1\x00", "𝟏"],
)  # fmt: skip
def test_what_is_no_plain_number_within_bounds_is_refused(text: str) -> None:
    assert wrong("carats_min=" + quote(text)) == ["carats_min"]


@pytest.mark.parametrize("text", ["0", "101", "-1", "1.0", "9223372036854775808", "٣", "1\n", "", "true"])
def test_what_is_no_whole_number_within_bounds_is_refused(text: str) -> None:
    assert wrong("limit=" + quote(text)) == ["limit"]


def test_whole_numbers_have_64_bits_as_the_document_says() -> None:
    schema = fields.Whole(0).schema()

    assert read(f"version={schema['maximum']}") == {"limit": 50, "version": 2**63 - 1}
    assert wrong(f"version={schema['maximum'] + 1}") == wrong(f"version={'9' * 5000}") == ["version"]


@pytest.mark.parametrize("text", ["1.234", "-1", "1000000.01", "1e3", "$5", "1,000", "NaN", "١", "", "9" * 30])
def test_what_is_no_amount_of_money_is_refused(text: str) -> None:
    assert wrong("price=" + quote(text)) == ["price"]


@pytest.mark.parametrize(
    "text",
    ["2026-01-31", "2026-01-31T08:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-W01-1",
     "0001-01-01T00:00:00Z", "2026-01-31T08:00:60Z", "2026-01-31T08:00:00+99:99", "now",
     "2026-01-31T08:00:00 02:00", "٢٠٢٦-01-31T08:00:00Z", "1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z",
     "2026-01-01T00:00:00+16:00", "2026-01-01T00:00:00-16:00", "2026-01-01T00:00:00+23:59", "2026-01-01T00:00:00+24:00"],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    assert wrong("since=" + quote(text)) == ["since"]


@pytest.mark.parametrize("text", ["", "D,", ",D", "D,,E", "d", "D E", "1", ",".join("D" * 51)])
def test_what_is_no_list_of_names_is_refused(text: str) -> None:
    assert wrong("color=" + quote(text)) == ["color"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("color=X", "must be one of D, E, F, or several with commas between"),
        ("color=d", "must be one of D, E, F, or several with commas between; did you mean D?"),
        ("title=", "must not be empty"),
    ],
)
def test_that_there_may_be_several_values_is_told_with_what_is_taken(query: str, message: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        read(query)

    assert [error.message for error in caught.value.errors] == [message]


@pytest.mark.parametrize("text", ["A\x00", "é", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "A\n"])
def test_texts_are_of_their_alphabet_only(text: str) -> None:
    assert wrong("shape=" + quote(text)) == ["shape"]


@pytest.mark.parametrize("query", ["shape=%FF", "shape=%ED%A0%80", "%FF=1", "shape=\xff"])
def test_bytes_that_are_no_utf8_are_refused(query: str) -> None:
    assert wrong(query) == ["query"]


def test_no_more_than_fifty_mistakes_are_told() -> None:
    assert len(wrong("&".join(f"p{number}=1" for number in range(150)))) == 50


def test_a_flood_of_parameters_is_refused() -> None:
    assert wrong("&".join(f"p{number}=1" for number in range(300))) == ["query"]


def test_a_lower_bound_above_its_upper_bound_is_refused() -> None:
    assert wrong("carats_min=2&carats_max=1.999") == ["carats_min"]
    assert read("carats_min=2&carats_max=2.000")["carats_max"] == 2


def test_the_same_value_written_differently_is_the_same_value() -> None:
    assert str(read("carats_min=1.50")["carats_min"]) == str(read("carats_min=1.5")["carats_min"])


NAMES = st.sampled_from(list(Stones.shared().fields)) | st.text(max_size=8)


def outcome(query: str) -> set[str]:
    try:
        return set(read(query))
    except InvalidParameters as problem:
        return {error.field for error in problem.errors}


@given(st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=6))
def test_whatever_is_asked_is_answered_with_values_or_with_invalid_parameters(pairs: list[tuple[str, str]]) -> None:
    asked = {name for name, _ in pairs}

    try:
        values = set(read(urlencode(pairs)))
    except InvalidParameters as problem:
        told = {error.field for error in problem.errors}
        assert told
        assert told <= asked | {ascii(name) for name in asked}
    else:
        assert values == asked | {"limit"}


@given(st.binary(max_size=40))
def test_whatever_bytes_are_sent_are_answered_so_as_well(query: bytes) -> None:
    assert outcome(query.decode("latin-1"))


@given(st.decimals(0, Decimal("99.999"), places=3), st.integers(0, 100_000_000), st.integers(1, 100))
def test_every_value_within_bounds_is_read_exactly(carats: Decimal, cents: int, limit: int) -> None:
    values = read(f"carats_min={carats}&price={cents // 100}.{cents % 100:02d}&limit={limit}")

    assert (values["carats_min"], values["price"], values["limit"]) == (carats, cents, limit)

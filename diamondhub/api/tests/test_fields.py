"""Fields in JSON bodies: as strict as in queries, and every mistake with its place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from rest_framework import serializers as drf

from diamondhub.api import fields
from diamondhub.api.mistakes import MAX_ERRORS
from diamondhub.api.problems import InvalidBody
from diamondhub.api.serializers import Body


class Color(IntEnum):
    D = 1
    E = 2


def spelled(text: str) -> int | None:
    spellings = {"d": Color.D, "ungraded": None}
    if text not in spellings:
        raise ValueError(text)
    return spellings[text]


class Clause(Body):
    carats_min = fields.Number(3, required=False, allow_null=True)
    carats_max = fields.Number(3, required=False, allow_null=True)
    color = fields.Grade(Color, read=spelled, required=False)

    class Meta:
        ordered = [("carats_min", "carats_max")]


class Rule(Body):
    name = fields.Text(max_length=20)
    priority = fields.Whole(1, 1000)
    fixed = fields.Dollars(source="fixed_cents", default=0)
    active = fields.YesNo(default=True)
    notes = fields.Text(lines=True, required=False)
    valid_from = fields.Day(required=False, allow_null=True)
    since = fields.Moment(required=False)
    mode = fields.OneOf(["nearest", "up"], required=False)
    labs = fields.ListOf(fields.Name(32, "GIA"), things="names", max_length=3, required=False)
    clauses = fields.ListOf(Clause(), things="clauses", max_length=2, required=False)
    words = fields.Text(read_only=True)
    stones = fields.ListOf(fields.Id(), things="ids", min_length=1, max_length=500, required=False)

    def validate_name(self, name: str) -> str:
        if name == "taken":
            raise drf.ValidationError("is another rule's")
        return name


PLAIN: dict[str, Any] = {"name": "Rounds", "priority": 1}


def wrong(**written: Any) -> dict[str, str]:
    with pytest.raises(InvalidBody) as refused:
        Rule.read({**PLAIN, **written})
    return {error.field: error.message for error in refused.value.errors}


def test_values_are_typed_by_their_sources_and_what_is_left_out_is_left_out() -> None:
    values = Rule.read(
        {
            "name": "Rounds",
            "priority": 2,
            "fixed": "-12.5",
            "notes": "two\nlines",
            "valid_from": "2026-01-31",
            "since": "2026-01-31T08:00:00+02:00",
            "labs": ["GIA", "IGI"],
            "clauses": [{"carats_min": 1.5, "carats_max": None, "color": "d"}, {}],
        }
    )

    assert values == {
        "name": "Rounds",
        "priority": 2,
        "fixed_cents": -1250,
        "active": True,
        "notes": "two\nlines",
        "valid_from": date(2026, 1, 31),
        "since": datetime(2026, 1, 31, 6, tzinfo=UTC),
        "labs": ["GIA", "IGI"],
        "clauses": [{"carats_min": Decimal("1.5"), "carats_max": None, "color": 1}, {}],
    }


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("name", [None, 1, True, [], {}, "a\x00", "a\nb", "a\x85", "a\u2028", "x" * 21]),
        ("priority", [None, True, 1.0, "1", 0, 1001, 2**63, [1]]),
        ("fixed", [None, True, "1.234", 1.234, "1e3", "NaN", "٣", " 1", "1 ", "$5", 10**20, [], 1e300, float("nan")]),
        ("active", [None, 1, 0, "true", "yes", []]),
        ("notes", [None, 1, "a\x07", "\ud800"]),
        ("valid_from", ["", "2026-02-30", "20260131", "2026-W01-1", 20260131, "1969-12-31", "2026-01-31T00:00:00Z"]),
        ("since", ["2026-01-31", "2026-01-31T08:00:00", "2026-01-31T08:00:00+16:00", 1769846400]),
        ("mode", [None, "UP", "", 1, ["up"], {}]),
        ("labs", [None, "GIA", {"0": "GIA"}, ["GIA"] * 4]),
        ("clauses", [None, {}, "x", [{}, {}, {}]]),
    ],
)
def test_what_is_of_another_kind_is_refused(name: str, values: list[Any]) -> None:
    for value in values:
        assert list(wrong(**{name: value})) == [name], value


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    told = wrong(
        nmae="x",
        priority="high",
        labs=["GIA", 5],
        clauses=[{"carats_min": 2, "carats_max": 1}, {"color": "F", "carat_max": 1}],
    )

    assert told == {
        "nmae": "is not a field of this request; did you mean name?",
        "priority": "must be a whole number from 1 to 1000",
        "labs[1]": "must be a name in upper case with underscores, such as GIA",
        "clauses[0].carats_min": "must not be above carats_max",
        "clauses[1].carat_max": "is not a field of this request; did you mean carats_max?",
        "clauses[1].color": "must be one of D, E",
    }


def test_a_list_that_must_not_be_empty_says_so() -> None:
    assert wrong(stones=[]) == {"stones": "must be a list of ids, at least 1"}
    assert wrong(stones="x") == {"stones": "must be a list of ids"}


def test_what_is_missing_is_told() -> None:
    with pytest.raises(InvalidBody) as refused:
        Rule.read({})

    assert refused.value.detail == "name is missing; priority is missing"


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one() -> None:
    assert wrong(mode="neerest") == {"mode": "must be one of nearest, up; did you mean nearest?"}


def test_a_spelling_that_means_no_grade_is_no_grade() -> None:
    assert "clauses[0].color" in wrong(clauses=[{"color": "ungraded"}])


def test_a_check_of_the_serializer_is_told_like_any_other() -> None:
    assert wrong(name="taken") == {"name": "is another rule's"}


def test_what_answers_have_besides_may_be_sent_back() -> None:
    assert "words" not in Rule.read({**PLAIN, "words": ["anything"]})


def test_a_flood_of_mistakes_is_cut() -> None:
    assert len(wrong(**{f"x{number}": 1 for number in range(3 * MAX_ERRORS)})) == MAX_ERRORS


def test_serializers_work_as_drf_s_own() -> None:
    serializer = Rule(data={**PLAIN, "priority": 0})

    assert not serializer.is_valid()
    assert serializer.errors == {"priority": ["must be a whole number from 1 to 1000"]}

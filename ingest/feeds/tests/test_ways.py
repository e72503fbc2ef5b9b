"""Optional ways of asking: a refusal, whatever its words, is told apart from weather and from one bad thing among many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from ingest.errors import (
    PermanentSupplierError,
    SignInRefused,
    SupplierError,
    SupplierTooSlow,
    ThrottledBySupplier,
    TransientSupplierError,
)
from ingest.feeds.ways import ASK_AGAIN_AFTER, Limit, Together, Way, Ways

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LETTERS = "abcdefghijklmnopqrstuvwxy"


class Kept(Ways):
    """Ways that remember what they were told to keep."""

    def __init__(self, limits: dict[Way, Limit] | None = None, now: datetime = NOW) -> None:
        super().__init__(limits or {}, now)
        self.kept: list[Limit | None] = []

    def keep(self, way: Way, limit: Limit | None) -> None:
        self.kept.append(limit)


class Supplier:
    """Answers with what it is asked for; fails as `fails` says of what is asked."""

    def __init__(self, fails: Callable[[Sequence[str]], SupplierError | None]) -> None:
        self.fails = fails
        self.asked: list[str] = []

    def __call__(self, letters: Sequence[str]) -> list[str]:
        self.asked.append("".join(letters))
        if error := self.fails(letters):
            raise error
        return list(letters)


def ask_for_all(supplier: Supplier, ways: Ways, *, usual: int = 25) -> list[str]:
    together: Together[str] = Together(ways, Way.COUNTS_TOGETHER, usual)
    answers: list[str] = []
    while len(answers) < len(LETTERS):
        answered, answer = together.ask(LETTERS[len(answers) :], supplier)
        assert answered == len(answer)
        answers += answer
    return answers


REFUSALS = [
    TransientSupplierError("the supplier says: Query is too complex"),
    PermanentSupplierError("the supplier answers 400: no"),
    PermanentSupplierError("the supplier answers 413"),
    TransientSupplierError("the supplier answers 500"),
    ThrottledBySupplier("the supplier answers 429"),
    SupplierTooSlow(),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_whatever_the_words_a_supplier_that_takes_one_at_a_time_is_asked_one_by_one(refusal: SupplierError) -> None:
    supplier, ways = Supplier(lambda letters: refusal if len(letters) > 1 else None), Kept()

    answers = ask_for_all(supplier, ways)

    assert "".join(answers) == LETTERS
    assert ways.kept == [Limit(str(refusal), NOW)]
    assert len(supplier.asked) <= 25 + 4
    assert ways.most(Way.COUNTS_TOGETHER, 25) == 1


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_supplier_that_takes_some_but_fewer_is_asked_for_as_many_as_it_takes(refusal: SupplierError) -> None:
    supplier, ways = Supplier(lambda letters: refusal if len(letters) > 10 else None), Kept()

    answers = ask_for_all(supplier, ways)

    assert "".join(answers) == LETTERS
    assert ways.kept == [Limit(str(refusal), NOW, most=6)]
    assert len(supplier.asked) <= 15


@pytest.mark.parametrize("error", REFUSALS, ids=str)
def test_one_bad_thing_among_many_is_its_own_fault_and_teaches_nothing(error: SupplierError) -> None:
    supplier, ways = Supplier(lambda letters: error if "q" in letters else None), Kept()

    with pytest.raises(SupplierError) as raised:
        ask_for_all(supplier, ways)

    assert raised.value is error
    assert supplier.asked[-1] == "q"
    assert ways.kept == []


@pytest.mark.parametrize("error", REFUSALS, ids=str)
def test_what_fails_alone_too_is_weather(error: SupplierError) -> None:
    supplier, ways = Supplier(lambda _letters: error), Kept()

    with pytest.raises(SupplierError):
        ask_for_all(supplier, ways)

    assert (supplier.asked, ways.kept) == ([LETTERS, "a"], [])


def test_a_failure_that_passes_teaches_nothing_and_costs_two_requests() -> None:
    errors = iter([TransientSupplierError("the supplier answers 502")])
    supplier, ways = Supplier(lambda _letters: next(errors, None)), Kept()

    answers = ask_for_all(supplier, ways)

    assert "".join(answers) == LETTERS
    assert supplier.asked == [LETTERS, "a", "aa", LETTERS]
    assert ways.kept == []


def test_bad_weather_rarely_looks_like_a_refusal() -> None:
    dice = Random(7)
    ways = Kept()
    supplier = Supplier(lambda _letters: TransientSupplierError() if dice.random() < 0.1 else None)

    for _ in range(300):
        try:
            ask_for_all(supplier, ways)
        except TransientSupplierError:
            pass

    # What is kept of it by bad luck is found wrong when it is tried again.
    assert len(ways.kept) <= 1


def test_a_refused_sign_in_is_no_refusal_of_anything_else() -> None:
    supplier, ways = Supplier(lambda _letters: SignInRefused()), Kept()

    with pytest.raises(SignInRefused):
        ask_for_all(supplier, ways)

    assert (supplier.asked, ways.kept) == ([LETTERS], [])


def test_what_was_refused_is_not_asked_again_for_days_and_then_is() -> None:
    limits = {Way.COUNTS_TOGETHER: Limit("no", NOW)}
    supplier = Supplier(lambda letters: PermanentSupplierError("still no") if len(letters) > 1 else None)
    soon = Kept(limits, NOW + ASK_AGAIN_AFTER - timedelta(seconds=1))
    late = Kept(limits, NOW + ASK_AGAIN_AFTER)

    ask_for_all(supplier, soon)
    asked_soon = [letters for letters in supplier.asked if len(letters) > 1]
    ask_for_all(supplier, late)

    assert (asked_soon, soon.kept) == ([], [])
    assert late.kept == [Limit("still no", NOW + ASK_AGAIN_AFTER)]


def test_a_refusal_is_forgotten_when_the_supplier_takes_it_after_all() -> None:
    ways = Kept({Way.COUNTS_TOGETHER: Limit("no", NOW)}, NOW + ASK_AGAIN_AFTER)

    ask_for_all(Supplier(lambda _letters: None), ways)

    assert ways.kept == [None]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_way_that_fails_where_the_plain_one_does_not_is_refused(refusal: SupplierError) -> None:
    ways = Kept()
    asked = []

    def optionally() -> str:
        asked.append("optionally")
        raise refusal

    answers = [ways.ask(Way.LOOKING_BEHIND, optionally, lambda: "plainly") for _ in range(5)]

    assert answers == ["plainly"] * 5
    assert ways.kept == [Limit(str(refusal), NOW)]
    assert len(asked) <= 3


def test_a_way_that_fails_as_the_plain_one_does_is_weather() -> None:
    ways = Kept()

    def fail() -> str:
        raise PermanentSupplierError("no")

    with pytest.raises(PermanentSupplierError):
        ways.ask(Way.LOOKING_BEHIND, fail, fail)

    assert ways.kept == []


def test_a_way_that_fails_for_once_is_tried_again_at_once() -> None:
    ways = Kept()
    errors = iter([TransientSupplierError("the supplier answers 502")])

    def optionally() -> str:
        for error in errors:
            raise error
        return "optionally"

    answer = ways.ask(Way.LOOKING_BEHIND, optionally, lambda: "plainly")

    assert (answer, ways.kept) == ("optionally", [])

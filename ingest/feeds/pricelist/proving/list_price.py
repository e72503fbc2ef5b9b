"""The list price of a list and the discount of it: which columns they are, how the discount is written, what is asked."""

from __future__ import annotations

from itertools import product

from ingest.feeds.pricelist import discounts
from ingest.feeds.pricelist.discounts import Writing
from ingest.feeds.pricelist.headers import DISCOUNT, LIST_PRICE, PRICES
from ingest.feeds.pricelist.proving import evidence
from ingest.feeds.pricelist.proving.case import FIELD, MIN_LEVELS, Case, Hint
from ingest.feeds.verdicts import Answer, Means, Question

#: List and discount that give so many of the prices give all of them.
BINDING = 0.8


def find(case: Case) -> None:
    """The list price and the discount of it, and how that is written: by what gives most prices, else by its signs."""
    listed = [hint for hint in case.hints if hint.field == LIST_PRICE and not _lists_stones(case, hint)]
    offs = [hint for hint in case.hints if hint.field == DISCOUNT]
    offs += [hint for hint in case.hints if case.means(hint) is Means.DISCOUNT]
    if not listed or not offs:
        return
    prices = [hint.header for hint in case.prices()]
    best, of = 0, 1
    for of_list, off, price in product(listed, offs, prices):
        for writing in Writing:
            _, fitting = evidence.against_list(case.rows, price, of_list.header, off.header, writing)
            if fitting > best:
                best, case.writing = fitting, writing
                of = sum(bool(row.amounts[price] and row.amounts[of_list.header]) for row in case.rows)
                case.listed, case.off = of_list.header, off.header
    case.fits = 2 * best >= of
    case.binds = best >= max(MIN_LEVELS, BINDING * of)
    if not case.fits:
        case.listed, case.off = listed[0].header, offs[0].header
        cells = [row.cells[case.off] for row in case.rows if row.cells[case.off]]
        told = case.parameters.discount_means
        case.writing = discounts.writing_of(cells, header=case.off, told=told)


def decide(case: Case) -> Question | None:
    """The list price and its discount; a list without any other price needs to know how it is written."""
    priced = case.priced
    if not case.listed:
        shares = [hint for hint in case.hints if case.means(hint) is Means.DISCOUNT and hint.field in PRICES]
        if shares and not priced:
            header = shares[0].header
            return Question(
                f"The column {header!r} holds discounts and no prices, and the list has no column of the list price that"
                " they are of: ask the supplier for prices, or name their column in `columns`."
            )
        for hint in case.hints:
            if hint.field in (LIST_PRICE, DISCOUNT):
                case.say(hint, Means.NOTHING, "nothing to reckon with", 0, 0)
        return None if priced or case.of_stones is None else _of_whole_stones(*case.of_stones)
    count = sum(bool(row.cells[case.off]) for row in case.rows)
    by = f"{case.writing}" if case.writing else "nothing proves its sign"
    for hint in case.hints:
        if hint.header == case.listed:
            case.say(hint, Means.LIST, "its header", 0, 0, proven=case.fits)
        elif hint.header == case.off:
            case.say(hint, Means.DISCOUNT, by, 0, count, proven=case.fits)
        elif hint.field in (LIST_PRICE, DISCOUNT):
            case.say(hint, Means.NOTHING, "not reckoned with", 0, 0)
    if priced and not case.fits and (question := _of_another_currency(case)) is not None:
        return question
    if not priced and case.writing is not None:
        return _of_two_discounts(case) or _of_a_stone(case)
    if priced or case.writing is not None:
        return None
    row = next((row for row in case.rows if row.cells[case.off] and row.amounts[case.listed]), None)
    example = f"Row {row.number}: {row.cells[case.off]} of {row.cells[case.listed]}." if row else ""
    return Question(
        f"The list is priced from {case.listed!r} and {case.off!r}: is a number without a sign below it, above "
        "it, or the share of it that is paid?",
        (
            Answer("Below the list", {"discount_means": "below"}),
            Answer("Above the list, and -38 below", {"discount_means": "signed"}),
            Answer("Of the list: at 62 so many percent of it are paid", {"discount_means": "of"}),
        ),
        example,
    )


def _lists_stones(case: Case, hint: Hint) -> bool:
    """Whether a list price is of the stone: then nothing is reckoned with it."""
    found = None if hint.said else evidence.lists_stones(case.rows, hint.header)
    if found is None:
        return False
    by = f"round on {found[0]} of {found[1]} rows when it is divided by the weight, and not before"
    case.of_stones = hint.header, f"is {by}, as prices of whole stones are"
    case.left_out.add(hint.header)
    case.say(hint, Means.NOTHING, f"a list's price of the stone: {by}", *found)
    return True


def _of_another_currency(case: Case) -> Question | None:
    """Prices that differ from list and discount by one factor are of another currency, or the list is another one."""
    for hint, writing in product(_prices_told(case), Writing):
        found = evidence.constant_against_list(case.rows, hint.header, case.listed, case.off, writing)
        if found is not None:
            factor, rows = found
            beside = {"columns": {case.listed: ""}}
            in_cents = abs(factor / 100 - 1) <= evidence.SAME_WITHIN
            cents = (Answer("They are cents", {**beside, "price_unit": "cents"}),) if in_cents else ()
            return Question(
                f"On {rows} rows {hint.header!r} is {case.listed!r} with {case.off!r}, times {factor:,.2f}: are these "
                "US dollars? Prices of another currency cannot be read; ask the supplier for dollars then.",
                (*cents, Answer(f"They are dollars; {case.listed} is no list of theirs", beside)),
            )
    return None


def _prices_told(case: Case) -> list[Hint]:
    return [hint for hint in case.hints if hint.field in PRICES and case.means(hint) in FIELD]


def _of_two_discounts(case: Case) -> Question | None:
    """Several discounts of the list that differ, while nothing but one of them says what is paid."""
    offs = [hint for hint in case.hints if hint.field == DISCOUNT]
    if any(hint.said for hint in offs):
        return None
    first = next((hint for hint in offs if hint.header == case.off), None)
    for other in offs:
        if first is None or other is first:
            continue
        both = [
            (row, said.number, beside.number)
            for row in case.rows
            if (said := row.discounts[first.header]) is not None and (beside := row.discounts[other.header]) is not None
        ]
        differing = [pair for pair in both if pair[1] != pair[2]]
        if len(both) < MIN_LEVELS or 2 * len(differing) < len(both):
            continue
        row, said_first, said_other = differing[0]
        return Question(
            f"The list is priced from {case.listed!r} and a discount alone, and has two: {first.header!r} and "
            f"{other.header!r}. By which of them is it paid?",
            tuple(
                Answer(f"By {paid.header!r}", {"columns": {paid.header: DISCOUNT, left.header: ""}})
                for paid, left in ((first, other), (other, first))
            ),
            f"Row {row.number}: {row.cells[case.listed]} with {said_first} or {said_other}.",
        )
    return None


def _of_a_stone(case: Case) -> Question | None:
    """A list price that is all there is of prices, and grows with the weight as only the price of a stone does."""
    if any(hint.header == case.listed and hint.said for hint in case.hints):
        return None
    growth = evidence.growth_of(case.rows, case.listed)
    if growth is None or growth.meaning() != "total":
        return None
    return _of_whole_stones(
        case.listed, f"grows with the weight to the power of {growth.power:.2f}, as prices of whole stones do"
    )


def _of_whole_stones(listed: str, by: str) -> Question:
    return Question(
        f"The list is priced from {listed!r} and a discount alone, and {listed!r} {by}: is it Rapaport's price of a carat? "
        "If not, ask the supplier for prices, or name their column in `columns`.",
        (Answer(f"{listed} is of a carat", {"columns": {listed: LIST_PRICE}}),),
    )

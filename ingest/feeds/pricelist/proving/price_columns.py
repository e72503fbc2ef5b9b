"""What one column of prices holds: by the feed's own word, arithmetic, its name, and the height and growth of its prices."""

from __future__ import annotations

import math
import re
from itertools import combinations

from ingest.feeds.pricelist import discounts
from ingest.feeds.pricelist.headers import LIST_PRICE, PRICES
from ingest.feeds.pricelist.proving import evidence, rivals, units
from ingest.feeds.pricelist.proving.case import FIELD, HINTED, MIN_LEVELS, Case, Hint
from ingest.feeds.pricelist.proving.evidence import SampleRow
from ingest.feeds.verdicts import Answer, Column, Means, Question

#: The share of the rows that make sense as one meaning only that must agree for levels to prove it, and the share of all
#: rows that must make sense as it.
LEVELS_AGREE, MAKE_SENSE = 0.9, 0.5
#: How many times what is usual the prices may be, in the middle, for their growth to prove anything.
GROWTH_LEVELS = 0.4, 4.0
#: A column holds shares if so many of its filled cells do, and there are so many.
SHARES_FROM, MIN_SHARES = 0.8, 3
#: Two columns of which fewer rows agree, in whichever meaning, hold different prices.
DENIED = 0.5
#: A price that is so many times another one, or less, may be another price of the same.
ABOUT_AS_HIGH = 1.6
#: What a price is called that may be paid instead of another one.
OTHER_PRICE = re.compile(
    r"NEW|FINAL|SPECIAL|SPL|REVISED|CURRENT|DISCOUNTED|PROMO|SALE|OFFER|NET\b|CASH|AFTER|YOUR|DEALER|SELL|ASKING|DEAL\b|TODAY|WEB"
    r"|WHOLESALE"
)
#: The same on few rows.
_LOWERED = re.compile(r"SALE\b|SPECIAL|SPL|PROMO|OFFER|REVISED|REDUCED|NEW|FINAL|NET\b|DEAL\b|TODAY")
#: So many times above what is usual, in the middle of so many rows, are no dollars.
TOO_HIGH, MIN_ROWS_OF_LEVEL = 30.0, 5


def find_shares(case: Case) -> None:
    """Columns called price that hold discounts; beside a list price, one row that does is enough."""
    fewest = 1 if any(hint.field == LIST_PRICE for hint in case.hints) else MIN_SHARES
    for hint in case.hints:
        if hint.field not in PRICES or hint.said:
            continue
        cells = [row for row in case.rows if row.cells[hint.header]]
        shares = [row for row in cells if _is_share(row, hint.header)]
        if len(shares) >= max(fewest, SHARES_FROM * len(cells)):
            case.say(hint, Means.DISCOUNT, "cells that are shares and no money", len(shares), len(cells), proven=True)


def decide(case: Case, hint: Hint) -> Question | None:
    """One column of prices: the feed's word, arithmetic, and for one that is only called price what else there is."""
    rows = case.filled(hint.header)
    said = _said(case, hint)
    if not rows:
        by = "the feed says it" if said else "it is empty"
        case.say(hint, said or HINTED.get(hint.field, Means.NOTHING), by, 0, 0, proven=said is not None)
        return None
    means, by, agreeing, of = _by_arithmetic(case, hint)
    if said is not None:
        backed = agreeing if means is said else 0
        case.columns[hint.header] = Column(hint.header, said, "the feed says it", backed, of, proven=True, said=True)
        return _contradicted(case, hint, means, by, agreeing, of) if means not in (None, said) else None
    if means is not None:
        if means is not HINTED.get(hint.field, means):
            case.notes.append(f"{hint.header!r} is called otherwise than what its rows hold: {agreeing} of {of}, {by}")
        case.say(hint, means, by, agreeing, of, proven=True)
        return None
    if not case.says_nothing(hint):
        return _decide_hinted(case, hint)
    return _decide_lone(case, hint, rows)


def decide_rivals(case: Case) -> Question | None:
    """Prices that differ although their columns mean the same: which is paid is asked until the feed leaves one out."""
    columns = {
        hint.header: means
        for hint in sorted(case.hints, key=lambda hint: case.headers.index(hint.header))
        if hint.field in PRICES and (means := case.means(hint)) in (Means.TOTAL, Means.PER_CARAT)
    }
    groups = rivals.groups_of(case.rows, columns)
    meant = [{columns[header] for header in group} for group in groups]
    if not any(first & second for first, second in combinations(meant, 2)):
        # A price of a carat and one of the stone may also disagree because of the weight: rows tell.
        return None
    return rivals.question_of(case.rows, columns, groups)


def decide_unit(case: Case) -> Question | None:
    """Prices that are far too high in the middle of the list are of another unit than dollars."""
    if case.parameters.price_unit is not None:
        return None
    for hint in case.hints:
        means = case.means(hint)
        if means in (Means.TOTAL, Means.PER_CARAT, Means.EITHER):
            times, rows = evidence.level_of(
                case.rows, hint.header, "per_carat" if means is Means.PER_CARAT else "total"
            )
            if rows >= MIN_ROWS_OF_LEVEL and times > TOO_HIGH:
                return units.question_of(case.rows, hint.header, times, rows)
    return None


def _said(case: Case, hint: Hint) -> Means | None:
    if hint.said:
        return HINTED.get(hint.field)
    if hint.field == "price" and case.parameters.price_means is not None:
        return Means(case.parameters.price_means)
    return None


def _by_arithmetic(case: Case, hint: Hint) -> tuple[Means | None, str, int, int]:
    """What list and discount, or another column and the weight, prove of a column; by what, and n of m rows."""
    header = hint.header
    if case.fits and case.writing is not None:
        votes, _ = evidence.against_list(case.rows, header, case.listed, case.off, case.writing)
        if (winner := votes.winner()) is not None:
            weighed = " × weight" if winner == "total" else ""
            by = f"{case.listed} × (1 - {case.off}){weighed} = {header}"
            return Means(winner), by, votes.for_meaning[winner], votes.rows
    for other in case.hints:
        if other.field not in PRICES or other.header == header or case.means(other) is Means.DISCOUNT:
            continue
        votes = evidence.against_column(case.rows, header, other.header)
        winner = votes.winner()
        if winner == "per_carat":
            by = f"{header} × weight = {other.header}"
        elif winner == "total":
            by = f"{other.header} × weight = {header}"
        elif winner == "same" and (means := _means_the_same(case, hint, other)) is not None:
            winner, by = str(means), f"{header} = {other.header}"
        else:
            continue
        of_which = votes.for_meaning[winner] or votes.for_meaning["same"]
        return Means(winner), by, of_which, votes.rows
    return None, "", 0, 0


def _means_the_same(case: Case, hint: Hint, other: Hint) -> Means | None:
    """What a column means that holds the same as another one: a name proves nothing against another name."""
    column = case.columns.get(other.header)
    if column is None or column.means not in (Means.TOTAL, Means.PER_CARAT):
        return None
    return column.means if column.proven or hint.field == "price" else None


def _decide_hinted(case: Case, hint: Hint) -> Question | None:
    """A column whose name says what it holds: the name stands, unless the rows say otherwise in every way."""
    hinted = HINTED[hint.field]
    means, by, rows, of = _by_levels(case, hint)
    same = _same_as(case, hint)
    if same and means is None:
        words = f"{hint.header!r} and {same!r} hold the same: is it the price of a carat or of the stone?"
        return case.ask(hint, words)
    if means not in (None, hinted):
        case.say(hint, Means.UNKNOWN, by, rows, of)
        other = "the price of a carat" if means is Means.PER_CARAT else "the price of the stone"
        return case.ask(hint, f"{hint.header!r} looks like {other} ({by}, {rows} of {of} rows). Which is it?")
    case.say(hint, hinted, by or "its header", rows, of, proven=means is hinted)
    return None


def _same_as(case: Case, hint: Hint) -> str:
    """The column of the other meaning that holds the same as this one, although stones do not weigh one carat."""
    for other in case.hints:
        if other.field not in HINTED or other.field == hint.field:
            continue
        if evidence.against_column(case.rows, hint.header, other.header).winner() == "same":
            return other.header
    return ""


def _decide_lone(case: Case, hint: Hint, rows: list[SampleRow]) -> Question | None:
    """A column that is only called price, and that no other column proves."""
    if _named_beside(case, hint):
        return _of_few_rows(case, hint)
    if all(row.carats == 1 for row in rows):
        case.say(hint, Means.EITHER, "every stone weighs one carat", len(rows), len(rows))
        return None
    means, by, agreeing, of = _by_levels(case, hint)
    if case.told is not None and means in (None, case.told[1]):
        case.say(hint, case.told[1], f"{case.told[0]!r} says it", len(rows), len(rows), proven=True)
        return None
    if means is not None and case.told is None:
        case.say(hint, means, by, agreeing, of, proven=True)
        return None
    case.say(hint, Means.UNKNOWN, "nothing proves it", 0, len(rows))
    return case.ask(hint, f"Does the column {hint.header!r} hold the price of a carat or of the stone?")


def _named_beside(case: Case, hint: Hint) -> bool:
    """Whether columns with names of their own are filled where this one is: then it holds what they do not.

    As `mapping` reads it: beside a total it is per carat, beside a price per carat it is the total, beside both nothing.
    """
    fields = {
        FIELD.get(case.means(other) or HINTED[other.field], other.field)
        for other in case.named_beside(hint)
        if any((row.amounts[other.header] or 0) > 0 for row in case.filled(hint.header))
    }
    if not fields:
        return False
    if (other_price := _denied_beside(case, hint)) and (len(fields) == 1 or OTHER_PRICE.search(hint.header.upper())):
        means, header = other_price
        filled = len(case.filled(hint.header))
        if filled < rivals.FILLED * len(case.rows):
            case.left_out.add(hint.header)
            case.notes.append(f"{hint.header!r} holds another price on {filled:,} rows, which is not read")
            case.say(hint, Means.NOTHING, "another price on few rows", 0, 0)
            return True
        if means is None:
            return False
        case.say(hint, means, f"about as high as {header!r}, and not the same", 0, 0)
    elif len(fields) == 2:
        case.say(hint, Means.NOTHING, "stone and carat have columns of their own", 0, 0)
    else:
        means = Means.PER_CARAT if fields == {"total_price"} else Means.TOTAL
        case.say(hint, means, "the other price has a column of its own", 0, 0)
    return True


def _of_few_rows(case: Case, hint: Hint) -> Question | None:
    """Whether what few rows have beside the price of all of them is paid in its place."""
    if hint.header not in case.left_out or not _LOWERED.search(hint.header.upper()):
        return None
    rows = case.filled(hint.header)
    means, nearest = _denied_beside(case, hint) or (None, "")
    answers = [Answer(f"What is in {hint.header!r} is not paid", {"columns": {hint.header: ""}})]
    if means in FIELD:
        others = [other.header for other in case.hints if other.field in HINTED and other.header != nearest]
        paid = dict.fromkeys(others, "") | {hint.header: FIELD[means]}
        answers.insert(0, Answer(f"What is in {hint.header!r} is paid where it is filled", {"columns": paid}))
    row = rows[0]
    beside = f", {nearest} {row.cells[nearest]}" if nearest else ""
    return Question(
        f"{hint.header!r} holds another price on {len(rows):,} of {len(case.rows):,} rows: is it paid?",
        tuple(answers),
        f"Row {row.number}: {hint.header} {row.cells[hint.header]}{beside}.",
    )


def _denied_beside(case: Case, hint: Hint) -> tuple[Means | None, str] | None:
    """Whether columns with names of their own hold other prices than this one, in either meaning.

    Then what this one may mean, as it is about as high as one of them, and its header; None for what is as high as none.
    """
    others = case.named_beside(hint)
    denied = False
    for other in others:
        votes = evidence.against_column(case.rows, hint.header, other.header)
        denied |= votes.rows >= MIN_LEVELS and sum(votes.for_meaning.values()) < DENIED * votes.rows
    if not denied:
        return None
    apart = {other.header: evidence.times_of(case.rows, hint.header, other.header) for other in others}
    # A price for somebody else is as many times another one of every stone; of the other meaning that varies.
    nearest = min(others, key=lambda other: (round(apart[other.header][1], 2), abs(math.log(apart[other.header][0]))))
    if not 1 / ABOUT_AS_HIGH <= apart[nearest.header][0] <= ABOUT_AS_HIGH:
        return None, ""
    return case.means(nearest) or HINTED[nearest.field], nearest.header


def _by_levels(case: Case, hint: Hint) -> tuple[Means | None, str, int, int]:
    """What the height of prices and their growth with weight prove of a column, if they do not contradict each other."""
    header = hint.header
    votes = evidence.by_level(case.rows, header)
    level: tuple[Means | None, str, int, int] = (None, "", 0, 0)
    decisive = sum(votes.for_meaning.values())
    if decisive >= MIN_LEVELS:
        meaning, agreeing = votes.for_meaning.most_common(1)[0]
        sensible = evidence.share_of_usual(case.rows, header, meaning)
        if agreeing >= LEVELS_AGREE * decisive and sensible >= MAKE_SENSE:
            level = Means(meaning), "a carat costs what is usual only so", agreeing, votes.rows
    growth = evidence.growth_of(case.rows, header)
    grown = growth.meaning() if growth is not None else None
    if growth is not None and grown is not None:
        times, _ = evidence.level_of(case.rows, header, grown)
        by = f"prices grow with the weight to the power of {growth.power:.2f}"
        # Lab-grown stones that nothing says are such grow as slowly, but are far cheaper.
        if level[0] is None and GROWTH_LEVELS[0] <= times <= GROWTH_LEVELS[1]:
            return Means(grown), by, growth.rows, growth.rows
        if level[0] is not None and level[0] != Means(grown):
            return None, "", 0, 0
    return level


def _contradicted(case: Case, hint: Hint, means: Means | None, by: str, rows: int, of: int) -> Question:
    said = "the price of a carat" if means is Means.TOTAL else "the price of the stone"
    words = f"The feed says that {hint.header!r} holds {said}, but {rows} of {of} rows prove the other: {by}."
    return case.ask(hint, words, only=means)


def _is_share(row: SampleRow, header: str) -> bool:
    """Whether a cell holds a share: it says so, or is a small number and far below what a stone could cost."""
    cell = row.cells[header]
    if discounts.is_percentage(cell):
        return True
    # As it is written, whatever the feed says that amounts are in.
    amount = evidence.amount_of(cell, row.sign)
    if amount is None or not 0 <= amount <= 100 or "$" in cell:
        return False
    return amount <= 1 or row.carats is None or not evidence.is_possible(row, amount)

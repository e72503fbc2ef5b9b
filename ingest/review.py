"""Reviews: what a run that waits for a person shows, by brake: which stones it is about, by cause, and some to open.

A review is made once, when the run is held, after the software has looked for itself (`ingest.second_look`), and kept on
the run: whoever looks later sees what the run was held for. The admin's page, `watch_run` and `approve_run` show it.
"""

from __future__ import annotations

import math
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

import msgspec
from django.db.models import Max, Sum

from catalog.models import Diamond
from ingest import (
    brakes,
    dead_letters,
    delisting,
    first_day,
    report,
    review_stones,
    second_look,
    writing_stones,
)
from ingest.brakes import Brake
from ingest.cost_sample import CostSample
from ingest.drift import IS_MISSING
from ingest.errors import MappingError
from ingest.feeds.adapter import Adapter
from ingest.feeds.adapters import adapter_of
from ingest.models import DeadLetter, Partition, Run

#: Examples shown of each cause, and causes shown of each brake, the most frequent first.
MAX_EXAMPLES, MAX_CAUSES = 10, 8
#: Stones whose costs move by the same factor, within a hundredth, are moved by a unit or a currency, if they are so many.
SAME_FACTOR, SAME_FACTOR_SHARE = 0.01, 0.8
#: Factors by which units are mistaken for each other: cents and dollars, and thousands.
_UNITS = (100.0, 0.01, 1000.0, 0.001)

#: What the causes of unseen stones mean; see `ingest.delisting.Answer`.
ANSWERS = {
    "gone": "the supplier no longer knows the id: these would be delisted",
    "not_asked": "not asked for by id",
    "unnamed": "the supplier answers with an item that does not say who it is: they stay",
    "unread": "the supplier's answer could not be processed, see its dead letter: they stay",
    "changed": "on sale, changed just before or under the run: updated",
    "on_hold": "on hold: updated",
    "sold": "sold: updated",
    "unavailable": "unavailable: updated",
    "delisted": "delisted before",
}
#: What the causes of stones by which the median would move mean.
NEW = "new stones, which move the median as well"
RENUMBERED = "have a new stock number and the certificate of a stone that is not shown under its own number"
COSTS = {"moved": "would cost something else", "dearer": "would cost more", "cheaper": "would cost less", "new": NEW}


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stone (its catalogue id, if it has one) or dead letter to open. Costs in cents: in the catalogue, as the run
    brought it, and as the supplier said when it was asked again."""

    stone: str
    diamond: str = ""
    letter: int = 0
    availability: str = ""
    cost: int | None = None
    brought: int | None = None
    again: int | None = None


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stones of a brake that have one cause: how many, which share of those it is about, and some to open."""

    cause: str
    words: str
    stones: int
    share: float
    fingerprint: str = ""
    examples: list[Example] = []
    #: Whether the whole list is kept (`ingest.review_stones`).
    listed: bool = False


class Held(msgspec.Struct, frozen=True):
    """One brake that held the run, what is measured against which bound, what the software looked at for itself, and the
    stones by cause."""

    kind: str
    share: float
    why: str
    measure: str
    bound: str
    looked: str
    parts: list[Part]


class Review(msgspec.Struct, frozen=True):
    """What `Run.review` holds. `answers` are the stones that no page showed, by what the supplier said of them by id."""

    held: list[Held] = []
    answers: dict[str, int] = {}


def read(run: Run) -> Review:
    """The run's review; empty if it found out nothing yet."""
    return msgspec.convert(run.review, Review)


def of(run: Run, pressing: Sequence[Brake], *, costs: CostSample | None = None) -> dict[str, Any]:
    """Look for oneself, and put together what a person is shown of these brakes. Asks the supplier; not in a transaction."""
    held = []
    for brake in pressing:
        looked, parts = LOOKS[brake.kind](run, costs or CostSample({}, {}))
        rule = brakes.BRAKES[brake.kind]
        held.append(Held(brake.kind, brake.share, brake.why, rule.measure, rule.bound, looked, parts))
    review: dict[str, Any] = msgspec.to_builtins(Review(held, _answers(run)))
    return review


def with_answers(run: Run) -> dict[str, Any]:
    """The run's review with what came of asking for unseen stones by id; before they are delisted."""
    review: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(read(run), answers=_answers(run)))
    return review


def _answers(run: Run) -> dict[str, int]:
    if run.state != Run.State.CONSOLIDATING or not run.partitions.filter(kind=Partition.Kind.CONFIRM).exists():
        # Nobody was asked, or what was answered is not in the catalogue yet.
        return {}
    return {answer.cause: answer.stones for answer in delisting.answers(run, sample=0)}


# --- what is looked at, by brake -------------------------------------------------------------------------------------


def _delisting(run: Run, _costs: CostSample) -> tuple[str, list[Part]]:
    review_stones.keep_unseen(run, "delisting")
    answers = delisting.answers(run, sample=MAX_EXAMPLES)
    asked, answered = delisting.asked_and_answered(run)
    total = sum(answer.stones for answer in answers)
    known = Diamond.objects.in_bulk([stone for answer in answers for stone in answer.sample])
    parts = [
        Part(
            answer.cause,
            ANSWERS.get(answer.cause, answer.cause),
            answer.stones,
            answer.stones / max(1, total),
            examples=[_example(known[stone]) for stone in answer.sample if stone in known],
            listed=True,
        )
        for answer in answers
    ]
    if not asked:
        return "the supplier cannot be asked for stones by their ids", parts
    return f"{asked:,} stones that no page showed were asked for by id; the supplier knows {answered:,} of them", parts


def _renumbered(run: Run, _costs: CostSample) -> tuple[str, list[Part]]:
    renumbered = review_stones.keep_renumbered(run, examples=MAX_EXAMPLES)
    if renumbered is None:
        return "it is no longer so", []
    examples = [Example(f"{was} is now {name}", diamond=str(stone)) for was, name, stone in renumbered.examples]
    looked = (
        "the certificates of all stones that the run brings were compared with those of the feed's listed stones: "
        "laboratory, number, shape and weight agree"
    )
    return looked, [Part("renumbered", RENUMBERED, renumbered.moved, renumbered.share, examples=examples, listed=True)]


def _median(run: Run, costs: CostSample) -> tuple[str, list[Part]]:
    review_stones.keep_costs(run, costs)
    factors = costs.factors()
    movers = sorted(factors, key=lambda stone: (-abs(math.log(factors[stone])), stone))[:MAX_EXAMPLES]
    new = costs.brought.keys() - costs.known.keys()
    dearer = sum(factor > 1 for factor in factors.values())
    cheaper = len(factors) - dearer
    stones = Diamond.objects.in_bulk(movers)
    again, asked = _costs_again(run, sorted(factors, key=lambda stone: -abs(math.log(factors[stone]))))
    examples = [
        _example(stones[stone], brought=costs.brought[stone], again=again.get(stone))
        for stone in movers
        if stone in stones
    ]
    all_of_them = max(1, len(costs.known))
    parts = [
        Part("moved", _pattern(factors), len(factors), len(factors) / all_of_them, examples=examples, listed=True),
        Part("dearer", "would cost more", dearer, dearer / all_of_them, listed=True),
        Part("cheaper", "would cost less", cheaper, cheaper / all_of_them, listed=True),
        Part("new", NEW, len(new), len(new) / max(1, len(new) + all_of_them), listed=True),
    ]
    looked = (
        f"{len(costs.known):,} stones of the catalogue were looked at, a sample: their median cost is "
        f"${costs.before / 100:,.2f} and would be ${costs.after / 100:,.2f}"
    )
    return f"{looked}; {_agreement(costs, again, asked)}", [part for part in parts if part.stones]


def _pattern(factors: dict[uuid.UUID, float]) -> str:
    """Whether the costs move together, as a currency or a unit would move them, or each for itself."""
    if not factors:
        return "no stone that is known would cost something else"
    middle = median(factors.values())
    together = sum(abs(factor / middle - 1) <= SAME_FACTOR for factor in factors.values())
    if together < SAME_FACTOR_SHARE * len(factors):
        return f"would cost something else, each by a factor of its own, {middle:.3g} in the middle"
    unit = any(abs(middle / unit - 1) <= SAME_FACTOR for unit in _UNITS)
    by = "cents taken for dollars or the like" if unit else "another currency, or a general change of prices"
    return f"would cost something else, {together / len(factors):.0%} of them {middle:.4g} times as much: {by}"


def _costs_again(run: Run, stones: Sequence[uuid.UUID]) -> tuple[dict[uuid.UUID, int], int]:
    """What the supplier says now that the first of these stones cost, and of how many it was asked (0: it did not say)."""
    adapter = adapter_of(run.feed)
    first = list(stones[: adapter.page_limit])
    names = dict(Diamond.objects.filter(pk__in=first).values_list("supplier_stone_id", "pk"))
    answers = second_look.ask_again(run, list(names))
    if answers is None:
        return {}, 0
    costs = {}
    for name, payload in answers.items():
        try:
            costs[names[name]] = writing_stones.facts_of(adapter, payload).cost_cents
        except (KeyError, MappingError):
            continue
    return costs, len(names)


def _agreement(costs: CostSample, again: dict[uuid.UUID, int], asked: int) -> str:
    if not asked:
        return "the supplier was not asked again"
    same = sum(costs.brought.get(stone) == cents for stone, cents in again.items())
    old = sum(costs.known.get(stone) == cents for stone, cents in again.items())
    return (
        f"asked again for the {asked} that move most, the supplier says the new cost of {same}, the old one of {old}, "
        f"another of {len(again) - same - old} and nothing of {asked - len(again)}"
    )


def _required_missing(run: Run, _costs: CostSample) -> tuple[str, list[Part]]:
    stones = _stones(run)
    parts = []
    for field, number in brakes.missing_fields(run)[:MAX_CAUSES]:
        letters = run.dead_letters.filter(reason=IS_MISSING, field=field)
        first = letters.order_by("pk").values_list("fingerprint", flat=True).first() or ""
        parts.append(
            Part(field, f"{field} is missing", number, number / max(1, stones), first, _examples(letters)),
        )
    return _letters_again(run, run.dead_letters.filter(reason=IS_MISSING)), parts


def _dead_letters(run: Run, _costs: CostSample) -> tuple[str, list[Part]]:
    stones = _stones(run)
    causes = (
        run.dead_letters.order_by()
        .values("fingerprint")
        .annotate(n=Sum("stones"), newest=Max("pk"))
        .order_by("-n", "fingerprint")[:MAX_CAUSES]
    )
    parts = []
    for cause in causes:
        letters = run.dead_letters.filter(fingerprint=cause["fingerprint"])
        letter = DeadLetter.objects.only("kind", "field", "reason").get(pk=cause["newest"])
        words = f"{letter.field}: {letter.reason}" if letter.field else letter.reason
        share = cause["n"] / max(1, stones)
        parts.append(Part(letter.kind, words, cause["n"], share, cause["fingerprint"], _examples(letters)))
    return _letters_again(run, run.dead_letters.all()), parts


def _letters_again(run: Run, letters: Any) -> str:
    """Ask again for stones that could not be processed, and say in words whether they can be now."""
    adapter = adapter_of(run.feed)
    named = letters.exclude(supplier_stone_id="").order_by("pk")
    causes = dict(named.values_list("supplier_stone_id", "fingerprint")[: adapter.page_limit])
    answers = second_look.ask_again(run, list(causes))
    if answers is None:
        return (
            "the supplier was not asked again" if causes else "items that do not say who they are cannot be asked for"
        )
    outcomes = Counter(_outcome(adapter, payload, causes.get(name, "")) for name, payload in answers.items())
    return (
        f"asked again for {len(causes)} of them, the supplier sends the same fault of {outcomes['same']}, another of "
        f"{outcomes['other']}, sound stones of {outcomes['sound']} and nothing of {len(causes) - len(answers)}"
    )


def _outcome(adapter: Adapter, payload: bytes, fingerprint: str) -> str:
    try:
        writing_stones.facts_of(adapter, payload)
    except MappingError as error:
        return "same" if dead_letters.cause(DeadLetter.Kind.STONE, error)["fingerprint"] == fingerprint else "other"
    return "sound"


def _first_day(run: Run, _costs: CostSample) -> tuple[str, list[Part]]:
    parts = [Part(fault.cause, fault.words, fault.rows, fault.share) for fault in first_day.faults_of(run)]
    looked = "no run of the feed has completed that it could be held against, and nothing of it is in the catalogue yet"
    return looked, parts


#: How each brake that makes a run wait looks for itself: what it looked at in words, and the stones by cause.
LOOKS: dict[str, Callable[[Run, CostSample], tuple[str, list[Part]]]] = {
    "renumbered": _renumbered,
    "median": _median,
    "first_day": _first_day,
    "required_missing": _required_missing,
    "dead_letters": _dead_letters,
    "delisting": _delisting,
}


def _stones(run: Run) -> int:
    pages = report.page_totals(run)
    return pages["received"] - pages["repeats"]


def _example(stone: Diamond, *, brought: int | None = None, again: int | None = None) -> Example:
    return Example(
        stone.supplier_stone_id,
        diamond=str(stone.pk),
        availability=stone.availability,
        cost=stone.cost_cents,
        brought=brought,
        again=again,
    )


def _examples(letters: Any) -> list[Example]:
    """Some of the letters, each with its diamond if the catalogue has one."""
    rows = list(letters.order_by("pk").values_list("pk", "supplier_stone_id", "diamond_id")[:MAX_EXAMPLES])
    known = set(
        Diamond.objects.filter(pk__in=[diamond for _, _, diamond in rows if diamond]).values_list("pk", flat=True)
    )
    return [
        Example(name or "without an id", diamond=str(diamond) if diamond in known else "", letter=letter)
        for letter, name, diamond in rows
    ]


# --- in words --------------------------------------------------------------------------------------------------------


def lines(review: Review) -> Iterable[str]:
    """A review for a terminal: each brake, what was looked at, and its causes with the first of their stones."""
    for held in review.held:
        yield f"{held.kind}: {held.why}"
        yield f"  looked at: {held.looked}"
        for part in held.parts:
            yield f"  {part.stones:,} ({part.share:.1%}) {part.words}"
            if part.examples:
                yield f"    e.g. {', '.join(_in_words(example) for example in part.examples[:5])}"


def _in_words(example: Example) -> str:
    words = example.stone
    if example.letter:
        words += f" (letter {example.letter})"
    elif example.brought is not None and example.cost is not None:
        words += f" (${example.cost / 100:,.2f} to ${example.brought / 100:,.2f})"
    return words

"""Prices of the past: what a stone cost at the end of a day, what made that price, and the steps that led to it.

The history knows changes of prices, each with the cost that it was made from; a cost that changed while the price did not is
that of the price's last change. What a stone looked like on a day is not kept: it is judged by what is known of it today,
and where that contradicts the history, the history is right and the explanation says what it is in doubt of.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from catalog.models import Diamond
from diamondhub import money
from diamondhub.operations.retention import history_kept_from
from pricing.errors import CannotExplain, HistoryNotKept, NoPriceThen
from pricing.evaluate import Priced, evaluate, price_by, rules_of
from pricing.explain import Explanation, explanation_of
from pricing.history import CHANGES
from pricing.in_force import day_of, with_rules
from pricing.models import PriceChange, RuleSet
from pricing.publications import in_force_at_end_of


@dataclass(frozen=True, slots=True)
class PastPrice:
    """The price of a stone at the end of a day in UTC, and what made it (cents; a rule by number).

    `since`, `cause` and `actor` are None where no change is known: the stone had its price from the first day on.
    `rules_day` is the day by which the rules went that made the price.
    """

    day: date
    price_cents: int
    cost_cents: int
    rule_set: int
    rule: int | None
    arm: str | None
    rules_day: date
    since: datetime | None = None
    cause: str | None = None
    cause_id: int | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class PastExplanation:
    """A price of the past and how it came about.

    `explanation` is None if the set that made the price is not here. `doubts` are sentences: what of the explanation is not
    certain, and why; none if the set gives to the cent what the history says.
    """

    past: PastPrice
    explanation: Explanation | None
    doubts: tuple[str, ...]
    #: The set in force at the end of the day, None if that is not remembered.
    in_force: int | None


def price_on(stone: Diamond, day: date) -> PastPrice:
    """The stone's price at the end of a day, from the history.

    Raises `NoPriceThen` before it was in the catalogue and for days to come, and `HistoryNotKept` for days whose changes are
    forgotten.
    """
    first, today = day_of(stone.first_seen_at), day_of(timezone.now())
    if day > today:
        raise NoPriceThen(f"{day} is yet to come: ask for a day up to {today} (UTC)")
    if day < first:
        raise NoPriceThen(f"the stone came into the catalogue on {first}, so it had no price on {day}")
    kept_from = _kept_from(day)
    if kept_from is not None:
        raise HistoryNotKept(f"the history of prices is kept from {kept_from} on, and says nothing of {day}")
    changes = PriceChange.objects.filter(diamond_id=stone.pk)
    # By id: of two transactions that wrote the stone the one that wrote last may have begun first.
    before = changes.filter(changed_on__lte=day).order_by("-id").first()
    if before is not None:
        return PastPrice(
            day,
            before.new_price_cents,
            before.new_cost_cents,
            before.new_rule_set,
            before.new_rule,
            before.new_arm,
            before.changed_on,
            before.changed_at,
            before.cause,
            before.cause_id,
            before.actor,
        )
    after = changes.filter(changed_on__gt=day).order_by("id").first()
    if after is not None:
        return PastPrice(
            day, after.old_price_cents, after.old_cost_cents, after.old_rule_set, after.old_rule, after.old_arm, first
        )
    return PastPrice(
        day,
        stone.price_cents,
        stone.cost_cents,
        stone.rule_set,
        stone.rule,
        stone.experiment_arm,
        min(day, stone.priced_on),
    )


def explain_on(stone: Diamond, day: date) -> PastExplanation:
    """Explain the stone's price at the end of a day. Raises `NoPriceThen` and `HistoryNotKept`."""
    past = price_on(stone, day)
    publication = in_force_at_end_of(day)
    in_force = publication.version if publication else None
    try:
        explanation, doubts = _explained(stone, past)
    except CannotExplain as error:
        return PastExplanation(past, None, (str(error),), in_force)
    return PastExplanation(past, explanation, tuple(doubts), in_force)


def _explained(stone: Diamond, past: PastPrice) -> tuple[Explanation, list[str]]:
    rule_set = with_rules(RuleSet.objects.filter(version=past.rule_set)).first()
    if rule_set is None:
        raise CannotExplain(f"Rule set {past.rule_set} that made this price is not here: its steps cannot be told.")
    then = _as_of(stone, past)
    priced = evaluate(rule_set, then, past.rules_day)
    doubts = []
    if priced.rule_number != past.rule:
        named = next((rule for rule in rules_of(rule_set) if rule.number == past.rule), None)
        if past.rule is not None and named is None:
            raise CannotExplain(
                f"Rule set {past.rule_set} has no rule {past.rule}, which made this price by the history."
            )
        decided = "the base margin alone" if named is None else f"rule {named.number} “{named.name}”"
        doubts.append(
            f"By what is known of the stone today, {_rule(priced)} would have made the price; the history says that "
            f"{decided} did. The stone's grades, measures or supplier have changed since, so why other rules did not match "
            "is told by the stone of today."
        )
        priced = price_by(rule_set, then, named)
    if priced.price_cents != past.price_cents:
        doubts.append(
            f"These steps lead to {_dollars(priced.price_cents)}, and the history says "
            f"{_dollars(past.price_cents)}: something else than this rule set wrote the price, or the stone was of "
            "another type then."
        )
    return explanation_of(then, rule_set, priced, past.rules_day, warning=""), doubts


def _as_of(stone: Diamond, past: PastPrice) -> Diamond:
    """The stone as it is known today with the money of then; not to be saved."""
    then = copy(stone)
    then.price_cents, then.rule_set, then.rule = past.price_cents, past.rule_set, past.rule
    then.experiment_arm, then.priced_on = past.arm, past.rules_day
    if past.cost_cents != stone.cost_cents:
        then.cost_cents = past.cost_cents
        if stone.carats:
            then.cost_per_carat_cents = money.round_half_up(Decimal(past.cost_cents) / stone.carats)
    return then


def _rule(priced: Priced) -> str:
    return f"rule {priced.rule.number} “{priced.rule.name}”" if priced.rule else "the base margin alone"


def _dollars(cents: int) -> str:
    return f"${Decimal(cents) / 100:,.2f}"


def _kept_from(day: date) -> date | None:
    """The first day of the history if it may have forgotten changes of `day` or later; None if it has them all."""
    if day >= history_kept_from().date():
        return None
    pieces = CHANGES.pieces()
    if not pieces or pieces[0].first <= day:
        return None
    return pieces[0].first

"""Simulation: what publishing a rule set would do to the catalogue's prices. Reads, and writes nothing.

One pass sums up by stone type, rule and size of the change, and finds the stones that move most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.utils import timezone
from psycopg import Cursor, sql

from diamondhub import money
from diamondhub.database import psycopg_cursor
from pricing.compile import Pricing
from pricing.conditions import STONE_TYPES
from pricing.models import Rule, RuleSet
from pricing.publish import day_of

#: Bounds between the bars of the histogram (percent of the old price).
BOUNDS = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50)
#: Movers shown in each direction.
MOVERS = 10


@dataclass(slots=True)
class TypeEffect:
    """Of one stone type: stones, how many get another price, and what all of them cost and sell for (cents)."""

    stones: int = 0
    changed: int = 0
    below_cost: int = 0
    cost_cents: int = 0
    old_cents: int = 0
    new_cents: int = 0

    @property
    def effect_cents(self) -> int:
        """What the catalogue would be worth more."""
        return self.new_cents - self.old_cents


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many stones a rule prices, with the effect on what they sell for; no rule is the base margins alone."""

    rule: Rule | None
    stones: int
    effect_cents: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the histogram: changes from `low` to `high` percent, None for no bound; `stones` that change so."""

    low: int | None
    high: int | None
    stones: int


@dataclass(frozen=True, slots=True)
class Mover:
    """A stone and what becomes of its price (cents)."""

    diamond_id: UUID
    supplier_stone_id: str
    cost_cents: int
    old_cents: int
    new_cents: int
    rule: int | None

    @property
    def effect_cents(self) -> int:
        """What the stone would sell for more."""
        return self.new_cents - self.old_cents


@dataclass(slots=True)
class Simulation:
    """What a rule set would do to the stones that are not delisted."""

    version: int
    by_type: dict[str, TypeEffect]
    rules: list[RuleCount]
    histogram: list[Bar]
    up: list[Mover] = field(default_factory=list)
    down: list[Mover] = field(default_factory=list)

    @property
    def total(self) -> TypeEffect:
        """All types together."""
        sums = TypeEffect()
        for effect in self.by_type.values():
            for name in TypeEffect.__slots__:
                setattr(sums, name, getattr(sums, name) + getattr(effect, name))
        return sums

    def as_json(self) -> dict[str, Any]:
        """For the API and `--json`; money as decimal strings in dollars."""

        def effect(one: TypeEffect) -> dict[str, Any]:
            return {
                "stones": one.stones,
                "changed": one.changed,
                "below_cost": one.below_cost,
                "cost": money.to_text(one.cost_cents),
                "old": money.to_text(one.old_cents),
                "new": money.to_text(one.new_cents),
                "effect": money.to_text(one.effect_cents),
            }

        def mover(one: Mover) -> dict[str, Any]:
            return {
                "id": str(one.diamond_id),
                "stone": one.supplier_stone_id,
                "cost": money.to_text(one.cost_cents),
                "old": money.to_text(one.old_cents),
                "new": money.to_text(one.new_cents),
                "rule": one.rule,
            }

        return {
            "rule_set": self.version,
            "total": effect(self.total),
            "by_type": {kind: effect(one) for kind, one in self.by_type.items()},
            "rules": [
                {
                    "rule": one.rule.number if one.rule else None,
                    "name": one.rule.name if one.rule else None,
                    "stones": one.stones,
                    "effect": money.to_text(one.effect_cents),
                }
                for one in self.rules
            ],
            "histogram": [{"from": bar.low, "to": bar.high, "stones": bar.stones} for bar in self.histogram],
            "up": [mover(one) for one in self.up],
            "down": [mover(one) for one in self.down],
        }


def simulate(rule_set: RuleSet) -> Simulation:
    """Price every diamond that is not delisted by the set, as of today, and compare with what it costs now."""
    pricing = Pricing(rule_set, day_of(timezone.now()))
    priced = _priced(pricing, sql.SQL("catalog_diamond"))
    effects = {kind: TypeEffect() for kind in STONE_TYPES}
    by_rule: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    changes: dict[int, int] = defaultdict(int)
    kinds, numbers = pricing.outcome_types(), pricing.outcome_rules()
    with psycopg_cursor() as cursor:
        far, sampled = _far(cursor, pricing)
        cursor.execute(
            sql.SQL(
                """
                /* One sequential scan, in parallel where the server has workers. Stones that move further than those of the
                   sample are a group each, all others are summed up by outcome and whole percents of change. */
                SELECT p.outcome, LEAST(GREATEST(p.new * 100 / p.price_cents, {least}), {most}),
                    CASE WHEN p.new - p.price_cents > {up} OR p.new - p.price_cents < {down} THEN p.id END,
                    count(*), count(*) FILTER (WHERE p.new <> p.price_cents), count(*) FILTER (WHERE p.new < p.cost_cents),
                    sum(p.cost_cents), sum(p.price_cents), sum(p.new)
                FROM {priced}
                GROUP BY 1, 2, 3
                """
            ).format(
                priced=priced,
                least=sql.Literal(100 + BOUNDS[0] - 1),
                most=sql.Literal(100 + BOUNDS[-1]),
                up=sql.Literal(far[0]),
                down=sql.Literal(far[1]),
            )
        )
        movers = dict(sampled)
        for outcome, percent, mover, stones, changed, below, cost, old, new in cursor.fetchall():
            effect = effects[kinds[outcome - 1]]
            effect.stones += stones
            effect.changed += changed
            effect.below_cost += below
            effect.cost_cents += int(cost)
            effect.old_cents += int(old)
            effect.new_cents += int(new)
            changes[percent - 100] += changed
            by_rule[numbers[outcome - 1]][0] += stones
            by_rule[numbers[outcome - 1]][1] += int(new) - int(old)
            if mover is not None:
                movers[mover] = Mover(mover, "", int(cost), int(old), int(new), numbers[outcome - 1] or None)
        up, down = _furthest(movers.values())
        names = _stone_ids(cursor, [*up, *down])
    return Simulation(
        rule_set.version,
        effects,
        _counts(rule_set, by_rule),
        _histogram(changes),
        *([replace(one, supplier_stone_id=names.get(one.diamond_id, "")) for one in some] for some in (up, down)),
    )


def _priced(pricing: Pricing, table: sql.Composable) -> sql.Composed:
    """An item of a FROM: what a stone costs and sells for, and would sell for; its outcome."""
    shown = sql.SQL("(SELECT * FROM {} WHERE availability <> 'delisted')").format(table)
    return sql.SQL("(SELECT d.id, d.cost_cents, d.price_cents, {} AS new, d.outcome FROM {} OFFSET 0) AS p").format(
        pricing.columns("d")["price_cents"], pricing.rows(shown, "d")
    )


def _far(cursor: Cursor[Any], pricing: Pricing) -> tuple[tuple[int, int], dict[UUID, Mover]]:
    """How far the furthest movers of a small sample go up and down (cents), and these movers.

    The furthest of all go at least as far, and few go further.
    """
    numbers = pricing.outcome_rules()
    cursor.execute(
        sql.SQL(
            "SELECT p.id, p.cost_cents, p.price_cents, p.new, p.outcome FROM {} WHERE p.new <> p.price_cents"
        ).format(_priced(pricing, sql.SQL("catalog_diamond TABLESAMPLE SYSTEM (1)")))
    )
    moved = [Mover(pk, "", cost, old, new, numbers[outcome - 1] or None) for pk, cost, old, new, outcome in cursor]
    up, down = _furthest(moved)
    far = (
        up[-1].effect_cents if len(up) == MOVERS else 0,
        down[-1].effect_cents if len(down) == MOVERS else 0,
    )
    return far, {one.diamond_id: one for one in [*up, *down]}


def _furthest(movers: Iterable[Mover]) -> tuple[list[Mover], list[Mover]]:
    """Those that move most, up and down; of those that move alike the lowest ids."""
    in_order = sorted(movers, key=lambda one: (one.effect_cents, one.diamond_id))
    up = sorted((one for one in in_order if one.effect_cents > 0), key=lambda one: (-one.effect_cents, one.diamond_id))
    return up[:MOVERS], [one for one in in_order if one.effect_cents < 0][:MOVERS]


def _stone_ids(cursor: Cursor[Any], movers: Sequence[Mover]) -> dict[UUID, str]:
    cursor.execute(
        "SELECT id, supplier_stone_id FROM catalog_diamond WHERE id = ANY(%s)", [[one.diamond_id for one in movers]]
    )
    return dict(cursor.fetchall())


def _histogram(changes: dict[int, int]) -> list[Bar]:
    """Bars from whole percents of change, rounded down: a change is below a bound if its whole percents are."""
    edges: Sequence[int | None] = [None, *BOUNDS, None]
    return [
        Bar(
            low,
            high,
            sum(
                stones
                for percent, stones in changes.items()
                if (low is None or low <= percent) and (high is None or percent < high)
            ),
        )
        for low, high in pairwise(edges)
    ]


def _counts(rule_set: RuleSet, by_rule: dict[int, list[int]]) -> list[RuleCount]:
    """Every rule of the set by priority, with 0 where it prices no stone; the base margins last."""
    counts = [RuleCount(rule, *by_rule.get(rule.number, [0, 0])) for rule in rule_set.rules.order_by("priority")]
    return [*counts, RuleCount(None, *by_rule.get(0, [0, 0]))]

"""Simulation: what publishing a rule set would do to the catalogue's prices. Reads, and writes nothing.

One pass sums up by stone type, rule and size of the change; another finds the stones that move most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import timezone
from psycopg import sql

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
    names = ("cost_cents", "price_cents", "id", "supplier_stone_id")
    rows = pricing.rows(sql.SQL("(SELECT * FROM catalog_diamond WHERE availability <> 'delisted')"), "d")
    columns = pricing.columns("d")
    priced = sql.SQL("(SELECT {}, {} AS new, d.outcome FROM {} OFFSET 0) AS p").format(
        sql.SQL(", ").join(sql.Identifier("d", name) for name in names), columns["price_cents"], rows
    )
    by_type: dict[str, TypeEffect] = {kind: TypeEffect() for kind in STONE_TYPES}
    by_rule: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    bars: dict[int, int] = defaultdict(int)
    kinds = pricing.outcome_types()
    numbers = pricing.outcome_rules()
    with psycopg_cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                /* One sequential scan, in parallel where the server has workers. Buckets go by exact integers. */
                SELECT p.outcome, {bucket} AS bucket, count(*), count(*) FILTER (WHERE p.new < p.cost_cents),
                    sum(p.cost_cents), sum(p.price_cents), sum(p.new)
                FROM {priced}
                GROUP BY 1, 2
                """
            ).format(priced=priced, bucket=_bucket())
        )
        for outcome, bucket, stones, below, cost, old, new in cursor.fetchall():
            effect = by_type[kinds[outcome - 1]]
            effect.stones += stones
            effect.below_cost += below
            effect.cost_cents += int(cost)
            effect.old_cents += int(old)
            effect.new_cents += int(new)
            if bucket:
                effect.changed += stones
                bars[bucket] += stones
            by_rule[numbers[outcome - 1]][0] += stones
            by_rule[numbers[outcome - 1]][1] += int(new) - int(old)
        movers = {}
        for name, order in (("up", "DESC"), ("down", "ASC")):
            sign = sql.SQL(">" if name == "up" else "<")
            cursor.execute(
                sql.SQL(
                    """
                    SELECT p.id, p.supplier_stone_id, p.cost_cents, p.price_cents, p.new, p.outcome
                    FROM {priced}
                    WHERE p.new {sign} p.price_cents
                    ORDER BY p.new - p.price_cents {order}, p.id
                    LIMIT {most}
                    """
                ).format(priced=priced, sign=sign, order=sql.SQL(order), most=sql.Literal(MOVERS))
            )
            movers[name] = [
                Mover(pk, stone, cost, old, new, numbers[outcome - 1] or None)
                for pk, stone, cost, old, new, outcome in cursor.fetchall()
            ]
    return Simulation(rule_set.version, by_type, _counts(rule_set, by_rule), _histogram(bars), **movers)


def _bucket() -> sql.Composable:
    """The bar of a change: 0 for none, else 1 + the number of bounds that it is not below."""
    whens = [
        sql.SQL("WHEN (p.new - p.price_cents) * 100 < {} * p.price_cents THEN {}").format(
            sql.Literal(bound), sql.Literal(place)
        )
        for place, bound in enumerate(BOUNDS, start=1)
    ]
    return sql.SQL("CASE WHEN p.new = p.price_cents THEN 0 {} ELSE {} END").format(
        sql.SQL(" ").join(whens), sql.Literal(len(BOUNDS) + 1)
    )


def _histogram(bars: dict[int, int]) -> list[Bar]:
    edges: Sequence[int | None] = [None, *BOUNDS, None]
    return [Bar(edges[place], edges[place + 1], bars[place + 1]) for place in range(len(BOUNDS) + 1)]


def _counts(rule_set: RuleSet, by_rule: dict[int, list[int]]) -> list[RuleCount]:
    """Every rule of the set by priority, with 0 where it prices no stone; the base margins last."""
    counts = [RuleCount(rule, *by_rule.get(rule.number, [0, 0])) for rule in rule_set.rules.order_by("priority")]
    return [*counts, RuleCount(None, *by_rule.get(0, [0, 0]))]

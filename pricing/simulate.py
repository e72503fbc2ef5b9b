"""Simulation: what publishing a rule set would do to the catalogue's prices. Reads, and writes nothing.

One pass sums up by stone type, rule and size of the change, and finds the stones that move most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.utils import timezone
from psycopg import Cursor, sql

from diamondhub.database import psycopg_cursor
from pricing.compile import Pricing, compile_set, computed_once
from pricing.conditions import STONE_TYPES
from pricing.evaluate import rules_of
from pricing.in_force import current_pricing, day_of, published_rule_set, with_rules
from pricing.models import Experiment, Rule, RuleSet

#: Bounds between the bars of the histogram (percent of the old price).
BOUNDS = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50)
#: Movers shown in each direction.
MOVERS = 10
#: A first look takes so much of the table (percent of its pages). About a hundred times `MOVERS` stones go further than what
#: it finds: few to be named, and no order of all stones is needed, for which the table has no index.
SAMPLED = 1


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
        """The cents by which the catalogue would be worth more."""
        return self.new_cents - self.old_cents


@dataclass(frozen=True, slots=True)
class RuleCount:
    """The number of stones that a rule of the set prices, and the effect on these; no rule is the base margins alone."""

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
        """The cents by which the stone would sell for more."""
        return self.new_cents - self.old_cents


@dataclass(slots=True)
class Simulation:
    """The effect of a rule set on the stones that are not delisted."""

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


def simulate(rule_set: RuleSet) -> Simulation:
    """Price every diamond that is not delisted as if the set were in force today, and compare with what it costs now.

    An experiment that runs goes on with its share: those stones are in the sums, but none is priced by a rule of the set.
    """
    return _simulated(rule_set, current_pricing(timezone.now(), rule_set), of_share=False)


def simulate_share(experiment: Experiment) -> Simulation:
    """The same for an experiment: its share as its set would price it today, compared with what these stones cost now."""
    rule_set = with_rules(RuleSet.objects.filter(pk=experiment.rule_set_id)).get()
    if not rule_set.compiled:
        # A draft, compiled once and not saved.
        rule_set.compiled = compile_set(rule_set)
    experiment.rule_set = rule_set
    pricing = Pricing(published_rule_set(), day_of(timezone.now()), experiment)
    return _simulated(rule_set, pricing, of_share=True)


def _simulated(rule_set: RuleSet, pricing: Pricing, *, of_share: bool) -> Simulation:
    """What the pricing comes to for all stones, or for those of its experiment's share alone."""
    effects = {kind: TypeEffect() for kind in STONE_TYPES}
    by_rule: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    changes: dict[int, int] = defaultdict(int)
    kinds, numbers = pricing.outcome_types(), pricing.outcome_rules()
    with psycopg_cursor() as cursor:
        least_up, least_down, moves = _sampled(cursor, pricing, of_share=of_share)
        cursor.execute(
            sql.SQL(
                """
                /* One sequential scan, in parallel where the server has workers, summed up by outcome and whole percents of
                   the old price; one number for both is found faster. Stones that move further than those of the sample
                   are named. */
                SELECT p.outcome_percent,
                    string_agg(concat_ws(' ', p.id, p.cost_cents, p.price_cents, p.new), ',')
                        FILTER (WHERE p.new - p.price_cents NOT BETWEEN {down} AND {up}),
                    count(*), count(*) FILTER (WHERE p.new < p.cost_cents),
                    sum(p.cost_cents), sum(p.price_cents), sum(p.new)
                FROM (SELECT p.*, {outcome_percent} AS outcome_percent FROM {priced}) AS p
                GROUP BY p.outcome_percent
                """
            ).format(
                outcome_percent=computed_once(_OUTCOME_PERCENT, sql.SQL("integer")),
                priced=_priced(pricing, sql.SQL("catalog_diamond"), of_share=of_share),
                up=sql.Literal(least_up),
                down=sql.Literal(least_down),
            )
        )
        for outcome_percent, named, stones, below, cost, old, new in cursor.fetchall():
            outcome, percent = divmod(outcome_percent, _PERCENTS)
            effect = effects[kinds[outcome - 1]]
            effect.stones += stones
            effect.changed += stones if percent != _UNCHANGED else 0
            effect.below_cost += below
            effect.cost_cents += int(cost)
            effect.old_cents += int(old)
            effect.new_cents += int(new)
            if percent != _UNCHANGED:
                changes[percent - 100] += stones
            if pricing.is_of_experiment(outcome) == of_share:
                by_rule[numbers[outcome - 1]][0] += stones
                by_rule[numbers[outcome - 1]][1] += int(new) - int(old)
            for words in named.split(",") if named else ():
                pk, its_cost, its_old, its_new = words.split()
                moves.add((pk, int(its_cost), int(its_old), int(its_new), outcome))
        up, down = (_movers(cursor, furthest, numbers) for furthest in _furthest(moves))
    return Simulation(
        rule_set.version,
        effects,
        _counts(rule_set, by_rule),
        _histogram(changes),
        up,
        down,
    )


#: Whole percents of the old price, of which the greatest stands for all above, and how many numbers that leaves for each
#: outcome; the last one is for a price that stays.
_MAX_PERCENT = 100 + BOUNDS[-1]
_UNCHANGED = _MAX_PERCENT + 1
_PERCENTS = _UNCHANGED + 1
_OUTCOME_PERCENT = sql.SQL(
    """
    p.outcome * {percents}
    + CASE WHEN p.new = p.price_cents THEN {unchanged} ELSE LEAST(p.new * 100 / p.price_cents, {most})::integer END
    """
).format(
    percents=sql.Literal(_PERCENTS),
    unchanged=sql.Literal(_UNCHANGED),
    most=sql.Literal(_MAX_PERCENT),
)


def _priced(pricing: Pricing, table: sql.Composable, *, of_share: bool) -> sql.Composed:
    """An item of a FROM: what a stone costs and sells for, and would sell for; its outcome."""
    shown = sql.SQL("(SELECT * FROM {} WHERE availability <> 'delisted')").format(table)
    names = ("id", "cost_cents", "price_cents")
    within = sql.SQL(" WHERE d.outcome > {}").format(sql.Literal(pricing.outcomes_of_rule_set))
    return sql.SQL("(SELECT {names}, {new} AS new, d.outcome FROM {rows}{within}) AS p").format(
        within=within if of_share else sql.SQL(""),
        names=sql.SQL(", ").join(sql.Identifier("d", name) for name in names),
        new=computed_once(pricing.columns("d")["price_cents"], sql.SQL("bigint")),
        rows=pricing.rows(shown, "d", kept=names),
    )


#: A stone whose price changes: its id, what it costs, sells for and would sell for (cents), its outcome.
_Move = tuple[str, int, int, int, int]


def _sampled(cursor: Cursor[Any], pricing: Pricing, *, of_share: bool) -> tuple[int, int, set[_Move]]:
    """The distances that the furthest movers of a small sample go up and down at least (cents), and these movers.

    Those of all that go further are few, whereas any number may go just as far.
    """
    sample = sql.SQL("catalog_diamond TABLESAMPLE SYSTEM ({}) REPEATABLE (0)").format(sql.Literal(SAMPLED))
    cursor.execute(
        sql.SQL(
            """
            WITH sampled AS MATERIALIZED (
                SELECT p.id::text, p.cost_cents, p.price_cents, p.new, p.outcome, p.new - p.price_cents AS effect
                FROM {priced} WHERE p.new <> p.price_cents
            )
            (SELECT * FROM sampled WHERE effect > 0 ORDER BY effect DESC, id LIMIT {movers})
            UNION ALL
            (SELECT * FROM sampled WHERE effect < 0 ORDER BY effect, id LIMIT {movers})
            """
        ).format(priced=_priced(pricing, sample, of_share=of_share), movers=sql.Literal(MOVERS))
    )
    moves = cursor.fetchall()
    up, down = [move[-1] for move in moves if move[-1] > 0], [move[-1] for move in moves if move[-1] < 0]
    least_up = min(up) if len(up) == MOVERS else 0
    least_down = max(down) if len(down) == MOVERS else 0
    return least_up, least_down, {move[:-1] for move in moves}


def _furthest(moves: Collection[_Move]) -> tuple[list[_Move], list[_Move]]:
    """Those that move most, up and down; of those that move alike the lowest ids."""
    up = nsmallest(MOVERS, (move for move in moves if move[3] > move[2]), key=lambda move: (move[2] - move[3], move[0]))
    down = nsmallest(
        MOVERS, (move for move in moves if move[3] < move[2]), key=lambda move: (move[3] - move[2], move[0])
    )
    return up, down


def _movers(cursor: Cursor[Any], moves: Sequence[_Move], numbers: Sequence[int]) -> list[Mover]:
    """The same for people; `numbers` are the rules of the outcomes."""
    cursor.execute(
        "SELECT id::text, supplier_stone_id FROM catalog_diamond WHERE id = ANY(%s::uuid[])",
        [[move[0] for move in moves]],
    )
    names: dict[str, str] = dict(cursor.fetchall())
    return [
        Mover(UUID(pk), names.get(pk, ""), cost, old, new, numbers[outcome - 1] or None)
        for pk, cost, old, new, outcome in moves
    ]


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
    counts = [RuleCount(rule, *by_rule.get(rule.number, [0, 0])) for rule in rules_of(rule_set)]
    return [*counts, RuleCount(None, *by_rule.get(0, [0, 0]))]

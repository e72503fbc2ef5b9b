"""Pricing over a catalogue of real size: the compiled expression, repricing, and simulation.

Each is measured against the least that the database must do: a bare UPDATE of the same columns with an INSERT of the same
history, and one sequential scan. No column of the UPDATE has an index, so that alone it is several times as quick as the
history, which nobody can leave out.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Any

from django.db import transaction
from django.utils import timezone
from psycopg import sql

from benchmarks import catalogue
from benchmarks.result import Figure
from catalog.upsert import PRICE_COLUMNS
from diamondhub.database import psycopg_cursor
from pricing import editing, publishing, reprice
from pricing.compile import Pricing
from pricing.in_force import day_of, with_rules
from pricing.models import Clause, Repricing, Rule, RuleSet
from pricing.simulate import simulate

#: Rules of the set that is measured.
RULES = 50
#: Stones a second that the expression should price.
GOAL = 700_000
_SCAN = "SELECT sum(cost_cents), count(*) FROM catalog_diamond"
#: Length of a turn of repricing and the bare UPDATE (seconds).
_TURN = 5.0


def measure(number: int) -> list[Figure]:
    """Measure a set of 50 rules over `number` stones: evaluation, repricing and simulation."""
    catalogue.fill(number)
    _settle()
    first = RuleSet.objects.get(version=1)
    rules = _rule_set(first)
    pricing = Pricing(rules, day_of(timezone.now()))
    scan, scan_alone, evaluated, simulated = _side_by_side(
        lambda: _ask(_SCAN),
        _scan_alone,
        lambda: _ask(
            sql.SQL("SELECT sum({price_cents}), sum({rule}), sum({rating}) FROM {rows}").format(
                rows=pricing.rows(sql.Identifier("catalog_diamond"), "d", kept=("cost_cents",)), **pricing.columns("d")
            )
        ),
        lambda: simulate(rules),
    )
    bare = _BareUpdate()
    everything = _repriced(
        publishing.publish(rules.pk, actor="bench", reason="bench", below_cost_confirmed=True), beside=bare
    )
    bare.drop()
    little = editing.new_draft(actor="bench")
    Rule.objects.filter(rule_set=little, number=_rule_of_a_hundredth(number)).update(modifier=Decimal(33))
    few = _repriced(publishing.publish(little.pk, actor="bench", reason="bench", below_cost_confirmed=True))
    publishing.publish(first.pk, actor="bench", reason="bench", below_cost_confirmed=True)
    rate, rate_bare, rate_few = number / everything[0], bare.rate, number / few[0]
    return [
        Figure(
            f"evaluating {RULES} rules in SQL",
            ratio=number / evaluated / GOAL,
            goal=1.0,
            of=f"{GOAL:,} stones/s",
            detail=f"{number / evaluated:,.0f} stones/s, {evaluated / scan:.1f} times one sequential scan ({scan:.2f} s)",
        ),
        Figure(
            "repricing, every price changes",
            ratio=rate / rate_bare,
            goal=0.8,
            of="a bare UPDATE of the same columns and INSERT of the history",
            detail=f"{rate:,.0f} stones/s against {rate_bare:,.0f}, {everything[1]:,} changed, one process",
        ),
        Figure(
            "repricing, one price in a hundred changes",
            ratio=rate_few / rate,
            goal=10,
            of="repricing where every price changes",
            detail=f"{rate_few:,.0f} stones/s, {few[1]:,} changed",
        ),
        Figure(
            "simulation",
            ratio=simulated / scan_alone,
            goal=3,
            at_most=True,
            of="one sequential scan, by one process",
            detail=f"{simulated:.2f} s against {scan_alone:.2f} s",
        ),
        Figure(
            "simulation, against a parallel scan",
            ratio=simulated / scan,
            goal=3,
            at_most=True,
            of="one sequential scan with as many workers",
            detail=f"{simulated:.2f} s against {scan:.2f} s",
        ),
    ]


def _rule_set(first: RuleSet) -> RuleSet:
    """A draft of 50 rules as merchandisers write them: by shape, weight, grades, money, laboratory and media."""
    draft = editing.new_draft(actor="bench", source=first, notes="bench")
    for place in range(1, RULES + 1):
        low = Decimal(place % 10) / 4 + Decimal("0.3")
        rule = Rule.objects.create(
            rule_set=draft,
            number=place,
            priority=10 * place,
            name=f"rule {place}",
            # The modifier is never 0, so that every matched price changes.
            modifier=Decimal(place) / 4 + 1,
            ending_cents=9_900 if place % 5 == 0 else None,
            ending_step_cents=10_000 if place % 5 == 0 else None,
            rating=1 + place % 10,
        )
        Clause.objects.create(
            rule=rule,
            stone_types=[["natural"], ["lab_grown"], []][place % 3],
            shapes=list(catalogue.SHAPES[place % 10 : place % 10 + 2]),
            carats_min=low,
            carats_max=low + Decimal("0.5"),
            color_min=1,
            color_max=1 + place % 8,
            clarity_max=4 + place % 5,
            labs=["GIA"] if place % 4 == 0 else [],
            cost_cents_min=50_000 if place % 6 == 0 else None,
            has_video=True if place % 7 == 0 else None,
        )
    # Stones that no rule matches change their price as well.
    RuleSet.objects.filter(pk=draft.pk).update(margin_natural=41, margin_lab_grown=80, margin_fancy=42)
    return with_rules(RuleSet.objects.filter(pk=draft.pk)).get()


def _rule_of_a_hundredth(number: int) -> int:
    """The rule that prices about one stone in a hundred."""
    rows = _ask("SELECT rule, count(*) FROM catalog_diamond WHERE rule IS NOT NULL GROUP BY rule")
    rule: int = min(rows, key=lambda row: abs(row[1] - number / 100))[0]
    return rule


def _ask(statement: str | sql.Composed) -> Any:
    with psycopg_cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


def _settle() -> None:
    """Refresh the planner's statistics and write all dirty pages, so that neither happens in the measured time."""
    _ask("VACUUM ANALYZE catalog_diamond")
    _ask("CHECKPOINT")


def _scan_alone() -> None:
    """Run the sequential scan without parallel workers."""
    with transaction.atomic():
        _ask("SET LOCAL max_parallel_workers_per_gather = 0")
        _ask(_SCAN)


def _side_by_side(*works: Callable[[], Any], times: int = 9) -> list[float]:
    """Median seconds of each of `works` over `times` rounds; they take turns, so that a slow moment hits all."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for work, took in zip(works, seconds, strict=True):
            started = perf_counter()
            work()
            took.append(perf_counter() - started)
    return [median(took) for took in seconds]


class _BareUpdate:
    """The baseline of repricing: by id ranges, a plain UPDATE of the columns that pricing writes in a copy of the table, and
    a plain INSERT of a row of history for each stone into a copy of that table.
    """

    def __init__(self) -> None:
        # An interrupted benchmark may have left its table behind.
        self.drop()
        _ask("CREATE TABLE bare_diamond (LIKE catalog_diamond INCLUDING ALL)")
        _ask("CREATE TABLE bare_change (LIKE pricing_pricechange INCLUDING ALL)")
        _ask("INSERT INTO bare_diamond SELECT * FROM catalog_diamond")
        _ask("VACUUM ANALYZE bare_diamond")
        _ask("CHECKPOINT")
        self._rest = list(range(0, 256, 2))
        self._stones = 0
        self._seconds = 0.0

    @property
    def rate(self) -> float:
        """Stones per second."""
        return self._stones / self._seconds

    def go_on(self, seconds: float) -> None:
        """Update batches until `seconds` are spent in total, earlier calls included."""
        while self._rest and self._seconds < seconds:
            self._update(self._rest.pop(0))

    def drop(self) -> None:
        _ask("DROP TABLE IF EXISTS bare_diamond, bare_change")

    def _update(self, low: int) -> None:
        written = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(
                sql.Identifier(name), sql.SQL(_BARE[name]) if name in _BARE else sql.Identifier(name)
            )
            for name in PRICE_COLUMNS
        )
        upper = sql.SQL("") if low == 254 else sql.SQL("AND id < {}").format(sql.Literal(_cut(low + 2)))
        statement = sql.SQL(
            """
            WITH written AS (
                UPDATE bare_diamond SET {}, changed_at = now() WHERE id >= {} {}
                RETURNING id, price_cents, cost_cents, rule_set
            )
            INSERT INTO bare_change (
                diamond_id, changed_on, changed_at, old_price_cents, new_price_cents, old_cost_cents, new_cost_cents,
                old_rule_set, new_rule_set, new_rule, cause, actor
            )
            SELECT
                id, current_date, now(), price_cents - 1, price_cents, cost_cents, cost_cents, rule_set, rule_set, 3,
                'bench', 'bench'
            FROM written
            """
        ).format(written, sql.Literal(_cut(low)), upper)
        started = perf_counter()
        with psycopg_cursor() as cursor, transaction.atomic():
            cursor.execute(statement)
            self._stones += cursor.rowcount
        self._seconds += perf_counter() - started


_BARE = {"price_cents": "price_cents + 1", "rating": "5", "rule": "3", "priced_on": "current_date"}


def _cut(byte: int) -> str:
    return f"{byte:02x}000000-0000-0000-0000-000000000000"


def _repriced(repricing: Repricing, beside: _BareUpdate | None = None) -> tuple[float, int]:
    """Work off a repricing in this process, in turn with `beside`; returns its seconds and the number of changed prices."""
    took = 0.0
    while Repricing.objects.filter(pk=repricing.pk, state=Repricing.State.READY).exists():
        started = perf_counter()
        reprice.work(repricing.pk, seconds=_TURN if beside else 3_600)
        took += perf_counter() - started
        if beside:
            beside.go_on(took)
    done = reprice.totals(repricing)
    _settle()
    return took, done["repriced"]

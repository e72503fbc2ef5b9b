"""A rule set as SQL: the evaluator that prices in sets, and means exactly what `pricing.evaluate` means.

`compile_set` turns a set into one CASE expression over a stone's columns, whose value is a number, the stone's outcome, and
a table of outcomes with all that the price needs. Publishing pins both on the set; `Pricing` makes statements of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from psycopg import sql

from catalog.grades import Color
from pricing.conditions import CONDITIONS, STONE_TYPE, STONE_TYPES, FinishCondition, literal, why_never
from pricing.decisions import Candidate, Open, decide
from pricing.evaluate import rules_of
from pricing.models import Clause, Experiment, Rule, RuleSet

#: The shape of what `compile_set` returns.
FORMAT = 1
#: What an outcome says, in this order; 0 stands for no rule and no rating, the kind is a place in `STONE_TYPES`.
OUTCOME = ("rule", "rating", "factor", "fixed", "step", "ending", "shift", "floor", "kind")

#: The columns of a stone that an expression may ask for, and where it names them; a text in it may look so as well.
_ASKED = {condition.column for condition in CONDITIONS} - {STONE_TYPE.column} | {"color", "fancy_color", "lab_grown"}
_MENTIONED = re.compile(r"\bs\.([a-z_]+)")

_IS_FANCY = f"s.fancy_color IS NOT NULL OR s.color = {int(Color.FANCY)}"


def compile_set(rule_set: RuleSet) -> dict[str, Any]:
    """The set as `{"format", "outcome", "outcomes"}`: an SQL expression over the row `s`, and its outcomes from 1 on.

    The expression is a template of `psycopg.sql`, in which `{as_of}` is the day for which the price is asked.
    """
    outcomes: list[list[int]] = []
    branches = {}
    asked = [
        (rule, [(Open.of(clause), _types(clause)) for clause in rule.clauses.all()])
        for rule in rules_of(rule_set)
        if rule.active
    ]
    for kind in STONE_TYPES:
        candidates = []
        for rule, its_clauses in asked:
            clauses = tuple(clause for clause, types in its_clauses if kind in types)
            if clauses:
                outcomes.append(_outcome(rule_set, kind, rule))
                candidates.append(Candidate(_days(rule), clauses, len(outcomes)))
        outcomes.append(_outcome(rule_set, kind, None))
        branches[kind] = decide(candidates, len(outcomes))
    outcome = (
        f"CASE WHEN {_IS_FANCY} THEN {branches['fancy']} "
        f"WHEN s.lab_grown THEN {branches['lab_grown']} ELSE {branches['natural']} END"
    )
    return {"format": FORMAT, "outcome": outcome, "outcomes": outcomes}


def _types(clause: Clause) -> frozenset[str]:
    """The stone types of which the clause may match a stone."""
    return frozenset() if why_never(clause) else STONE_TYPE.types(clause)


def _days(rule: Rule) -> str:
    """On which days the rule is valid, empty for all."""
    days = []
    if rule.valid_from is not None:
        days.append(f"{{as_of}} >= {literal(rule.valid_from)}")
    if rule.valid_to is not None:
        days.append(f"{{as_of}} <= {literal(rule.valid_to)}")
    return " AND ".join(days)


def _outcome(rule_set: RuleSet, kind: str, rule: Rule | None) -> list[int]:
    """One row of the table of outcomes: percentages in thousandths, amounts in cents."""
    margin: Decimal = getattr(rule_set, f"margin_{kind}")
    place = STONE_TYPES.index(kind)
    percentage = max(Decimal(-100), margin + (rule.modifier if rule else 0))
    floor = 0 if rule_set.floor_margin is None else _thousandths(rule_set.floor_margin)
    if rule is None:
        return [0, 0, _thousandths(percentage), 0, 1, 0, 0, floor, place]
    step, ending = rule.ending_step_cents or 1, rule.ending_cents or 0
    shift = step - 1 if rule.ending_mode == Rule.EndingMode.UP else step // 2
    factor = _thousandths(percentage)
    return [rule.number, rule.rating or 0, factor, rule.fixed_cents, step, ending, shift, floor, place]


def _thousandths(percentage: Decimal) -> int:
    """`100 + percentage` percent in thousandths of a percent."""
    return int((100 + Decimal(percentage)) * 1000)


def computed_once(expression: sql.Composable, type_name: sql.Composable) -> sql.Composed:
    """The same as a column of a subquery, which whoever selects from that reads instead of computing it each time.

    A server takes the place of a volatile column for its expression nowhere, and this one looks volatile as long as it
    matters: what is never computed is dropped later. Unlike OFFSET 0 it leaves the rows to parallel workers.
    """
    never = sql.SQL("extract(epoch FROM clock_timestamp())::{}").format(type_name)
    return sql.SQL("CASE WHEN false THEN {} ELSE {} END").format(never, expression)


def price_per_carat_expression(price: sql.Composable, stone: str) -> sql.Composed:
    """The price per carat in cents for a price expression; NULL where the carats are unknown or zero."""
    return sql.SQL("CASE WHEN {stone}.carats > 0 THEN round({price} / {stone}.carats)::bigint END").format(
        stone=sql.Identifier(stone), price=price
    )


@dataclass(frozen=True)
class Pricing:
    """The pricing of stones: a pinned rule set, a running experiment's share by another, on a day.

    `rows` wraps a table of stones so that each carries its outcome, and `columns` are what the outcome makes of a row.
    Statements made of them must be run without parameters: a rule's text may hold a percent sign.
    """

    rule_set: RuleSet
    as_of: date
    experiment: Experiment | None = None

    def rows(self, source: sql.Composable, alias: str, *, kept: Sequence[str] = ()) -> sql.Composed:
        """An item of a FROM: the rows of `source`, a table or subquery, under `alias`, each with its outcome.

        A look at a million rows is quicker if only the columns that it needs are `kept`; by default all are.
        """
        names = sql.SQL(", ").join(sql.Identifier("d", name) for name in kept) if kept else sql.SQL("d.*")
        return sql.SQL("(SELECT {names}, {outcome} AS outcome FROM {source} AS d{seen}) AS {alias}").format(
            names=names,
            outcome=computed_once(self._outcome(), sql.SQL("integer")),
            source=source,
            seen=self._as_rules_see("d"),
            alias=sql.Identifier(alias),
        )

    def _as_rules_see(self, stone: str) -> sql.Composable:
        """The row `s` that the sets' expressions are over: the columns of the row `stone` that they ask for."""
        mentioned = {name for compiled in self._all_compiled for name in _MENTIONED.findall(compiled["outcome"])}
        row = sql.Identifier(stone)
        finishes = {condition.column: condition for condition in CONDITIONS if isinstance(condition, FinishCondition)}
        columns = sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(
                finishes[name].as_rules_see(row) if name in finishes else sql.Identifier(stone, name),
                sql.Identifier(name),
            )
            for name in sorted({"id", *(mentioned & _ASKED)})
        )
        # Without a FROM of its own it is no step of a plan: its columns stand where they are named.
        return sql.SQL(" CROSS JOIN LATERAL (SELECT {}) AS s").format(columns)

    @cached_property
    def _all_compiled(self) -> list[dict[str, Any]]:
        return [self._control, *([_compiled(self.experiment.rule_set)] if self.experiment else [])]

    def columns(self, alias: str) -> dict[str, sql.Composable]:
        """The diamonds' columns that pricing determines, as expressions over a row of `rows`."""
        price = self._price(alias)
        rule_set: sql.Composable = sql.Literal(self.rule_set.version)
        arm: sql.Composable = sql.SQL("NULL::text")
        if self.experiment:
            by_arm = sql.SQL("CASE WHEN {alias}.outcome <= {control} THEN {without} ELSE {within} END")
            known = {"alias": sql.Identifier(alias), "control": sql.Literal(len(self._control["outcomes"]))}
            treatment = sql.Literal(self.experiment.rule_set.version)
            rule_set = by_arm.format(without=rule_set, within=treatment, **known)
            arm = by_arm.format(without=arm, within=sql.Literal(self.experiment.slug), **known)
        return {
            "price_cents": price,
            "price_per_carat_cents": price_per_carat_expression(price, alias),
            "rating": sql.SQL("NULLIF({}, 0)").format(self._of("rating", alias)),
            "rule": sql.SQL("NULLIF({}, 0)").format(self._of("rule", alias)),
            "rule_set": rule_set,
            "experiment_arm": arm,
            "priced_on": sql.Literal(self.as_of),
        }

    def outcome_types(self) -> list[str]:
        """The stone type of each outcome, from the first on."""
        return [STONE_TYPES[place] for place in self._values("kind")]

    def outcome_rules(self) -> list[int]:
        """The number of the rule of each outcome, from the first on; 0 for none."""
        return self._values("rule")

    @property
    def outcomes_of_rule_set(self) -> int:
        """The number of outcomes that are the rule set's; those behind are the experiment's."""
        return len(self._control["outcomes"])

    def is_of_experiment(self, outcome: int) -> bool:
        """Whether an outcome is the experiment's and not the rule set's."""
        return outcome > self.outcomes_of_rule_set

    @cached_property
    def _control(self) -> dict[str, Any]:
        return _compiled(self.rule_set)

    @cached_property
    def _outcomes(self) -> list[list[int]]:
        outcomes: list[list[int]] = list(self._control["outcomes"])
        return outcomes + (_compiled(self.experiment.rule_set)["outcomes"] if self.experiment else [])

    def _outcome(self) -> sql.Composable:
        control = self._case(self._control)
        if self.experiment is None:
            return control
        return sql.SQL("CASE WHEN {share} THEN {treatment} + {behind} ELSE {control} END").format(
            share=in_share_of(self.experiment),
            treatment=self._case(_compiled(self.experiment.rule_set)),
            behind=sql.Literal(len(self._control["outcomes"])),
            control=control,
        )

    def _case(self, compiled: dict[str, Any]) -> sql.Composable:
        return sql.SQL(compiled["outcome"]).format(as_of=sql.Literal(self.as_of))

    def _values(self, name: str) -> list[int]:
        place = OUTCOME.index(name)
        return [outcome[place] for outcome in self._outcomes]

    def _of(self, name: str, alias: str, *, ending: bool = False) -> sql.Composable:
        """One column of the row's outcome, or, `ending`, of one that has a price ending."""
        values = self._values(name)
        distinct = {value for value, step in zip(values, self._values("step"), strict=True) if step != 1 or not ending}
        if len(distinct) == 1:
            return sql.SQL("{}::bigint").format(sql.Literal(distinct.pop()))
        listed = sql.Literal("{" + ",".join(map(str, values)) + "}")
        return sql.SQL("({}::bigint[])[{}.outcome]").format(listed, sql.Identifier(alias))

    def _price(self, alias: str) -> sql.Composable:
        """The price in cents: what `evaluate` does step by step, in integers of a thousandth of a percent.

        The price of what the floor lifts is the least with its ending that is not below the floor; a price with the same
        ending that is not below the floor either is at least that, so the greater of the two is right.
        """
        cost = sql.SQL("{}.cost_cents").format(sql.Identifier(alias))
        column = {name: self._of(name, alias) for name in OUTCOME}
        price: sql.Composable = sql.SQL("({cost} * {factor} + 50000) / 100000").format(cost=cost, **column)
        if any(self._values("fixed")):
            price = sql.SQL("GREATEST({price} + {fixed}, 0)").format(price=price, **column)
        parts = [self._ended(price, alias, self._of("shift", alias, ending=True))]
        if not all(map(_is_positive, self._outcomes)):
            parts.append(sql.SQL("1"))
        if any(self._values("floor")):
            floor = sql.SQL("({cost} * {floor} + 99999) / 100000").format(cost=cost, **column)
            up = sql.SQL("({} - 1)").format(self._of("step", alias, ending=True))
            parts.append(self._ended(floor, alias, up))
        return sql.SQL("GREATEST({})").format(sql.SQL(", ").join(parts)) if len(parts) > 1 else parts[0]

    def _ended(self, price: sql.Composable, alias: str, shift: sql.Composable) -> sql.Composable:
        """A price with the ending of the row's outcome; most have none."""
        steps = self._values("step")
        if all(step == 1 for step in steps):
            return price
        column = {name: self._of(name, alias, ending=True) for name in ("ending", "step")}
        ended = sql.SQL("(GREATEST({price} - {ending}, 0) + {shift}) / {step} * {step} + {ending}").format(
            price=price, shift=shift, **column
        )
        if 1 not in steps:
            return ended
        with_ending = [number for number, step in enumerate(steps, start=1) if step != 1]
        return sql.SQL("CASE WHEN {alias}.outcome IN ({having}) THEN {ended} ELSE {price} END").format(
            alias=sql.Identifier(alias),
            having=sql.SQL(", ").join(map(sql.Literal, with_ending)),
            price=price,
            ended=ended,
        )


def _is_positive(outcome: list[int]) -> bool:
    """Whether a stone has a price of at least a cent by this, whatever it costs: that is at least a cent, too."""
    of = dict(zip(OUTCOME, outcome, strict=True))
    if of["floor"] > 0 or of["ending"] > 0:
        return True
    return of["step"] == 1 and of["factor"] >= 50_000 and of["fixed"] >= 0


def _compiled(rule_set: RuleSet) -> dict[str, Any]:
    """The form that was pinned when the set was sealed; a draft is compiled as it is now."""
    compiled: dict[str, Any] = rule_set.compiled if rule_set.compiled else compile_set(rule_set)
    return compiled


def share_threshold(experiment: Experiment) -> int:
    """Hashes below belong to the share; hashes go up to 2**32."""
    return int(experiment.share * 2**32 / 100)


def in_share_of(experiment: Experiment) -> sql.Composable:
    """Whether the row `s` belongs to the experiment's share; `pricing.experiments.in_share` says the same."""
    return sql.SQL("('x' || left(md5(s.id::text || {salt}), 8))::bit(32)::bigint < {threshold}").format(
        salt=sql.Literal(experiment.salt), threshold=sql.Literal(share_threshold(experiment))
    )

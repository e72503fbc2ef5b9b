"""The price of one stone in plain Python: what explanations show, and what the SQL of `pricing.compile` is held against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from diamondhub import money
from pricing.conditions import Stone, clause_matches, stone_type
from pricing.models import Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Priced:
    """The price that a rule set makes of a stone; amounts in cents, percentages in percent.

    `raised` is the cost with margin and modifier, `amount` that with the fixed amount, `ended` that with the price ending,
    `floor` the least that the set's floor margin allows.
    """

    price_cents: int
    stone_type: str
    rule: Rule | None
    percentage: Decimal
    raised_cents: int
    amount_cents: int
    ended_cents: int
    floor_cents: int

    @property
    def rule_number(self) -> int | None:
        """The number of the rule that matched."""
        return self.rule.number if self.rule else None

    @property
    def rating(self) -> int | None:
        """The rating that the rule gives."""
        return self.rule.rating if self.rule else None


def in_force(rule: Rule, as_of: date) -> bool:
    """Whether the rule is active, and valid on that day."""
    return (
        rule.active
        and (rule.valid_from is None or rule.valid_from <= as_of)
        and (rule.valid_to is None or as_of <= rule.valid_to)
    )


def matching_rule(rule_set: RuleSet, stone: Stone, as_of: date) -> Rule | None:
    """The first rule by priority that is in force and has a clause that matches."""
    for rule in rules_of(rule_set):
        if in_force(rule, as_of) and any(clause_matches(clause, stone) for clause in rule.clauses.all()):
            return rule
    return None


def rules_of(rule_set: RuleSet) -> list[Rule]:
    """The set's rules by priority; with their clauses, if these were fetched ahead."""
    return sorted(rule_set.rules.all(), key=lambda rule: rule.priority)


def evaluate(rule_set: RuleSet, stone: Stone, as_of: date) -> Priced:
    """The stone's price by the set on that day.

    Cost x (100 + base margin + modifier) / 100, rounded half-up to the cent, plus the fixed amount, then the price ending
    (nearest, halves up, or the next one up), never below the floor, and never below one cent. What the floor lifts ends as
    the rule says, too. A stone is never given away for less than nothing: sums below 0 count as 0.
    """
    return price_by(rule_set, stone, matching_rule(rule_set, stone, as_of))


def price_by(rule_set: RuleSet, stone: Stone, rule: Rule | None) -> Priced:
    """The stone's price by the set if this rule of it, or none, decides."""
    kind = stone_type(stone)
    margin: Decimal = getattr(rule_set, f"margin_{kind}")
    percentage = max(Decimal(-100), margin + (rule.modifier if rule else 0))
    raised = money.add_percentage(stone.cost_cents, percentage)
    amount = max(0, raised + (rule.fixed_cents if rule else 0))
    floor = (
        0 if rule_set.floor_margin is None else money.round_up(stone.cost_cents * (100 + rule_set.floor_margin) / 100)
    )
    ended = ended_price(rule, amount)
    lifted = ended_price(rule, floor, up=True)
    return Priced(max(1, ended, lifted), kind, rule, percentage, raised, amount, ended, floor)


def ended_price(rule: Rule | None, cents: int, *, up: bool = False) -> int:
    """The price with the rule's ending that is nearest to `cents`, or the next one up."""
    if rule is None or rule.ending_cents is None or rule.ending_step_cents is None:
        return cents
    step, ending = rule.ending_step_cents, rule.ending_cents
    shift = step - 1 if up or rule.ending_mode == Rule.EndingMode.UP else step // 2
    return (max(0, cents - ending) + shift) // step * step + ending

"""Explanations of prices: the rule set that priced a stone is asked again, on the day it did, and every step is told.

Called by the API and the admin. Prices of the past are told, and explained, by `pricing.past`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from catalog.models import Diamond
from pricing.conditions import Stone, clause_matches, first_unmet, in_words
from pricing.errors import CannotExplain
from pricing.evaluate import Priced, ended_price, evaluate, in_force, rules_of
from pricing.faults import MATCHES_NOTHING
from pricing.in_force import with_rules
from pricing.models import Clause, Experiment, Rule, RuleSet

#: Earlier rules that are told one by one, and clauses of each; the rest is counted.
MAX_RULES, MAX_CLAUSES = 500, 20


@dataclass(frozen=True, slots=True)
class Unmet:
    """A clause that did not match: its conditions in words, the first that did not hold, and what the stone says there."""

    clause: str
    condition: str
    stone: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule that was looked at before one matched, and why it did not price the stone.

    `not_in_force` says why the rule did not count on that day, and is empty if it did. A rule that `matches_now` matches the
    stone as it is known today, which then it did not.
    """

    number: int
    priority: int
    name: str
    not_in_force: str
    unmet: tuple[Unmet, ...]
    clauses_left_out: int = 0
    matches_now: bool = False

    @property
    def in_force(self) -> bool:
        """Whether the rule counted on that day."""
        return not self.not_in_force

    @property
    def why(self) -> str:
        """All of it in one line."""
        if self.not_in_force:
            return self.not_in_force
        if self.matches_now:
            return "it matches the stone as it is known today, and did not then: the stone has changed since"
        if not self.unmet:
            return f"it {MATCHES_NOTHING}"
        return "; ".join(f"{unmet.condition}, but the stone: {unmet.stone}" for unmet in self.unmet)


@dataclass(frozen=True, slots=True)
class Step:
    """One step from cost to price, and the amount after it (cents)."""

    name: str
    words: str
    cents: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """A price and how it came about. Amounts in cents, margins in percent.

    `warning` is empty if the set gives what the diamond holds; else it says what differs. `clause` is the first one of
    `rule` that matched, in words.
    """

    diamond_id: UUID
    price_cents: int
    cost_cents: int
    stone_type: str
    base_margin: Decimal
    rule_set: RuleSet
    day: date
    arm: str | None
    rule: Rule | None
    clause: str | None
    passed: tuple[Passed, ...]
    rules_left_out: int
    steps: tuple[Step, ...]
    rating: int | None
    warning: str


def explain(diamond: Diamond) -> Explanation:
    """Explain the price that the diamond holds. Raises `CannotExplain` if the set that made it is not here."""
    rule_set = with_rules(RuleSet.objects.filter(version=diamond.rule_set)).first()
    if rule_set is None:
        raise CannotExplain(f"rule set {diamond.rule_set} that priced this stone is not here: it cannot be explained")
    priced = evaluate(rule_set, diamond, diamond.priced_on)
    return explanation_of(diamond, rule_set, priced, diamond.priced_on, warning=_warning(diamond, priced))


def explanation_of(diamond: Diamond, rule_set: RuleSet, priced: Priced, day: date, *, warning: str) -> Explanation:
    """The explanation of the price that the diamond holds, which the set, fetched with its rules, made so on that day."""
    earlier = _earlier(rules_of(rule_set), priced.rule)
    return Explanation(
        diamond_id=diamond.pk,
        price_cents=diamond.price_cents,
        cost_cents=diamond.cost_cents,
        stone_type=priced.stone_type,
        base_margin=getattr(rule_set, f"margin_{priced.stone_type}"),
        rule_set=rule_set,
        day=day,
        arm=diamond.experiment_arm,
        rule=priced.rule,
        clause=_matching_clause(priced.rule, diamond),
        passed=tuple(passed_over(rule, diamond, day) for rule in earlier[:MAX_RULES]),
        rules_left_out=max(0, len(earlier) - MAX_RULES),
        steps=tuple(_steps(rule_set, priced, diamond)),
        rating=priced.rating,
        warning=warning,
    )


def _earlier(rules: Sequence[Rule], matched: Rule | None) -> Sequence[Rule]:
    return rules if matched is None else [rule for rule in rules if rule.priority < matched.priority]


def _clauses(rule: Rule) -> list[Clause]:
    return sorted(rule.clauses.all(), key=lambda clause: clause.pk)


def _matching_clause(rule: Rule | None, stone: Stone) -> str | None:
    if rule is None:
        return None
    return next((in_words(clause) for clause in _clauses(rule) if clause_matches(clause, stone)), None)


def passed_over(rule: Rule, stone: Stone, day: date) -> Passed:
    """A rule that did not price the stone on that day, and why."""
    if not in_force(rule, day):
        return Passed(rule.number, rule.priority, rule.name, why_not_in_force(rule, day), ())
    clauses = _clauses(rule)
    unmet = []
    for clause in clauses[:MAX_CLAUSES]:
        condition = first_unmet(clause, stone)
        if condition is None:
            return Passed(rule.number, rule.priority, rule.name, "", (), matches_now=True)
        unmet.append(Unmet(in_words(clause), condition.in_words(clause), condition.value_in_words(stone)))
    left_out = max(0, len(clauses) - MAX_CLAUSES)
    return Passed(rule.number, rule.priority, rule.name, "", tuple(unmet), left_out)


def why_not_in_force(rule: Rule, day: date) -> str:
    """The reason why a rule does not count on a day, empty if it does."""
    if not rule.active:
        return "it is not active"
    if rule.valid_from is not None and day < rule.valid_from:
        return f"it begins on {rule.valid_from}, after {day}"
    if rule.valid_to is not None and rule.valid_to < day:
        return f"it ended on {rule.valid_to}, before {day}"
    return ""


def _steps(rule_set: RuleSet, priced: Priced, stone: Stone) -> Iterable[Step]:
    """The way from cost to price; steps that do nothing are left out, but for the margin."""
    rule = priced.rule
    base = getattr(rule_set, f"margin_{priced.stone_type}")
    yield Step("cost", "what the stone costs us", stone.cost_cents)
    margin = f"{priced.stone_type.replace('_', '-')} margin {_percent(base)}"
    if rule is not None and rule.modifier:
        margin += f" {'and' if rule.modifier > 0 else 'less'} {_percent(abs(rule.modifier))} of rule {rule.number}"
    if base + (rule.modifier if rule else 0) < -100:
        margin += ", at most 100 % off"
    yield Step("raised", f"{margin}, rounded half-up to the cent", priced.raised_cents)
    if rule is not None and rule.fixed_cents:
        sign = "plus" if rule.fixed_cents > 0 else "less"
        words = f"{sign} the fixed amount of {_dollars(abs(rule.fixed_cents))}"
        if priced.raised_cents + rule.fixed_cents < 0:
            words += ", not below nothing"
        yield Step("fixed", words, priced.amount_cents)
    if rule is not None and rule.ending_step_cents is not None and rule.ending_cents is not None:
        how = "the next one up" if rule.ending_mode == Rule.EndingMode.UP else "the nearest one, halves up"
        ending = f"ends on {_dollars(rule.ending_cents)} in steps of {_dollars(rule.ending_step_cents)}: {how}"
        yield Step("ending", ending, priced.ended_cents)
    lifted = ended_price(rule, priced.floor_cents, up=True)
    if lifted > priced.ended_cents and rule_set.floor_margin is not None:
        words = f"lifted to the floor of cost plus {_percent(rule_set.floor_margin)}"
        if lifted != priced.floor_cents:
            words += f" ({_dollars(priced.floor_cents)}), with its ending"
        yield Step("floor", words, lifted)
    if max(priced.ended_cents, lifted) < 1:
        yield Step("least", "no stone is sold for less than a cent", priced.price_cents)


def _warning(diamond: Diamond, priced: Priced) -> str:
    """The columns in which the diamond differs from what the set says, in one sentence that may alarm its reader."""
    differences = []
    if diamond.price_cents != priced.price_cents:
        differences.append(
            f"the price, which is {_dollars(diamond.price_cents)} and should be {_dollars(priced.price_cents)}"
        )
    if diamond.rule != priced.rule_number:
        differences.append(f"the rule, which is {_rule(diamond.rule)} and should be {_rule(priced.rule_number)}")
    if diamond.rating != priced.rating:
        differences.append(f"the rating, which is {diamond.rating} and should be {priced.rating}")
    if (
        diamond.experiment_arm is not None
        and not Experiment.objects.filter(slug=diamond.experiment_arm, rule_set__version=diamond.rule_set).exists()
    ):
        differences.append(f"the experiment {diamond.experiment_arm}, which has not rule set {diamond.rule_set}")
    if not differences:
        return ""
    return (
        f"WRONG: the stone does not hold what rule set {diamond.rule_set} gives on {diamond.priced_on}: "
        f"{'; '.join(differences)}. Reprice, and look into the history for who wrote it."
    )


def _rule(number: int | None) -> str:
    return "none" if number is None else f"number {number}"


def _percent(value: Decimal) -> str:
    return f"{value.normalize():f} %"


def _dollars(cents: int) -> str:
    return f"${Decimal(cents) / 100:,.2f}"

"""Decision trees: a long list of rules as an SQL expression that looks at few of them for each stone.

Rules in a row would all be asked in turn. Where some condition tells many of them apart (a shape, a weight, a colour), the
tree asks that first, and in each branch only the rules that can still match, without what the branch has settled.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pricing.conditions import CONDITIONS, Clause, Condition, ListCondition, RangeCondition, TypeCondition, literal

#: So few rules are asked in turn.
FEW = 2
#: A question is worth asking if it leaves at most this share of the rules, on average over its answers.
WORTH = 0.9
#: A rule that a question does not concern stands in every branch; a tree has at most so many times the rules it came from.
GROWTH = 6
#: In a branch with at most so many rules those are dropped that others leave nothing: each is compared with each.
PRUNED = 12
#: Where a range is cut, as shares of all its bounds in their order.
CUTS = (0.25, 0.4, 0.5, 0.6, 0.75)
#: Names that one question tells apart.
MAX_NAMES = 24


@dataclass(frozen=True, slots=True)
class Open:
    """The rest to be asked of one clause: conditions as they stand there, and ranges as far as they are not settled."""

    clause: Clause
    conditions: tuple[Condition, ...]
    ranges: Mapping[RangeCondition, tuple[Any, Any]]

    @classmethod
    def of(cls, clause: Clause) -> Open:
        """All that the clause asks but its stone types, which the compiler has settled."""
        asked = [
            condition
            for condition in CONDITIONS
            if condition.is_set(clause) and not isinstance(condition, TypeCondition)
        ]
        return cls(
            clause,
            tuple(condition for condition in asked if not isinstance(condition, RangeCondition)),
            {condition: condition.bounds(clause) for condition in asked if isinstance(condition, RangeCondition)},
        )

    def to_sql(self) -> str:
        """The condition; empty if nothing is left to ask."""
        by_condition: dict[Condition, str] = {
            **{condition: condition.to_sql(self.clause) for condition in self.conditions},
            **{condition: condition.between(*bounds) for condition, bounds in self.ranges.items()},
        }
        return " AND ".join(by_condition[condition] for condition in CONDITIONS if condition in by_condition)

    def covers(self, other: Open) -> bool:
        """Whether every stone that the other matches matches this one; False where that cannot be seen easily."""
        for condition, bounds in self.ranges.items():
            theirs = other.ranges.get(condition)
            if theirs is None or not condition.covers(condition.span(*bounds), condition.span(*theirs)):
                return False
        return all(
            condition in other.conditions
            and condition.covers(condition.asked(self.clause), condition.asked(other.clause))
            for condition in self.conditions
        )

    def named(self, condition: ListCondition, name: str | None) -> Open | None:
        """The rest if the stone has this name, or none that any rule asks for; None if the clause cannot match."""
        if condition not in self.conditions:
            return self
        listed, excluded = getattr(self.clause, condition.name), condition.excludes(self.clause)
        if name is None:
            # Some other name, or no name: an excluding condition still has to be asked, for a stone may have none.
            return self if excluded else None
        if (name in listed) == excluded:
            return None
        return Open(self.clause, tuple(kept for kept in self.conditions if kept is not condition), self.ranges)

    def below(self, condition: RangeCondition, cut: Cut) -> Open | None:
        """The rest if the stone's value is before the cut."""
        if condition not in self.ranges:
            return self
        low, high = self.ranges[condition]
        if low is not None and not cut.before(low):
            return None
        return self._within(condition, low, None if high is None or high >= cut.at else high)

    def beyond(self, condition: RangeCondition, cut: Cut) -> Open | None:
        """The rest if the stone's value is behind the cut."""
        if condition not in self.ranges:
            return self
        low, high = self.ranges[condition]
        if high is not None and cut.before(high):
            return None
        return self._within(condition, None if low is None or low <= cut.at else low, high)

    def without(self, condition: RangeCondition) -> Open | None:
        """The rest if the stone's value is not known."""
        return None if condition in self.ranges else self

    def _within(self, condition: RangeCondition, low: Any, high: Any) -> Open:
        ranges = {other: bounds for other, bounds in self.ranges.items() if other is not condition}
        # Whoever comes here has a value, and none is less than the least one.
        if high is not None or not (low is None or condition.is_least(low)):
            ranges[condition] = (low, high)
        return Open(self.clause, self.conditions, ranges)


@dataclass(frozen=True, slots=True)
class Cut:
    """A place on an axis: values below `at`, or up to and including it, are before it."""

    at: Any
    inclusive: bool

    def before(self, value: Any) -> bool:
        """Whether a value is before the cut."""
        return bool(value <= self.at) if self.inclusive else bool(value < self.at)

    def to_sql(self, column: str) -> str:
        """The condition that the row `s` is before the cut."""
        return f"s.{column} {'<=' if self.inclusive else '<'} {literal(self.at)}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that may match: its days as an SQL condition (empty for always), what is left of its clauses, its outcome."""

    days: str
    clauses: tuple[Open, ...]
    outcome: int

    @property
    def always(self) -> bool:
        """Whether it matches every stone that comes here, on any day."""
        return not self.days and any(not clause.conditions and not clause.ranges for clause in self.clauses)

    def left(self, settle: Callable[[Open], Open | None]) -> Candidate | None:
        """The rule in a branch, None if it cannot match there."""
        if len(self.clauses) == 1:
            kept = settle(self.clauses[0])
            if kept is None or kept is self.clauses[0]:
                return self if kept else None
            return Candidate(self.days, (kept,), self.outcome)
        clauses = tuple(kept for clause in self.clauses if (kept := settle(clause)) is not None)
        return Candidate(self.days, clauses, self.outcome) if clauses else None

    def covers(self, other: Candidate) -> bool:
        """Whether nothing is left for the other if this one is asked before; False where that cannot be seen easily."""
        if self.days:
            return False
        if len(self.clauses) == 1:
            (mine,) = self.clauses
            return all(map(mine.covers, other.clauses))
        return all(any(mine.covers(theirs) for mine in self.clauses) for theirs in other.clauses)

    def to_sql(self) -> str:
        """The condition under which it matches."""
        asked = [clause.to_sql() for clause in self.clauses]
        clauses = "" if "" in asked else " OR ".join(asked)
        if self.days and clauses:
            return f"{self.days} AND ({clauses})"
        return self.days or clauses or "true"


def decide(candidates: Iterable[Candidate], otherwise: int) -> str:
    """The outcome of the first candidate that matches the row `s`, or `otherwise`, as an SQL expression."""
    rules = list(candidates)
    return _Tree(otherwise).expression(rules, GROWTH * len(rules))


class _Tree:
    def __init__(self, otherwise: int) -> None:
        self._otherwise = otherwise

    def expression(self, rules: list[Candidate], room: float) -> str:
        """A branch for what is left of the rules, in which they may stand as often as there is `room`."""
        rules = list(_reachable(rules))
        question = _best(rules, room) if len(rules) > FEW else None
        if question is None:
            return self._in_turn(rules)
        condition, keys = question.condition, question.keys
        branches = question.branches or _branches(condition, keys, rules)
        each = room / max(1, sum(len(left) for _key, left in branches))
        expressions = [self.expression(left, each * len(left)) for _key, left in branches]
        if isinstance(condition, RangeCondition):
            before, behind, unknown = expressions
            cut = keys[0]
            if unknown == behind:
                return f"CASE WHEN {cut.to_sql(condition.column)} THEN {before} ELSE {behind} END"
            return (
                f"CASE WHEN {cut.to_sql(condition.column)} THEN {before} "
                f"WHEN s.{condition.column} IS NULL THEN {unknown} ELSE {behind} END"
            )
        whens = [f"WHEN {literal(key)} THEN {then}" for key, then in zip(keys, expressions[:-1], strict=True)]
        return f"CASE s.{condition.column} {' '.join(whens)} ELSE {expressions[-1]} END"

    def _in_turn(self, rules: list[Candidate]) -> str:
        whens: list[str] = []
        for rule in rules:
            if rule.always:
                return f"CASE {' '.join(whens)} ELSE {rule.outcome} END" if whens else str(rule.outcome)
            whens.append(f"WHEN {rule.to_sql()} THEN {rule.outcome}")
        return f"CASE {' '.join(whens)} ELSE {self._otherwise} END" if whens else str(self._otherwise)


def _best(rules: list[Candidate], room: float) -> _Question | None:
    """The question that leaves the fewest rules, on average over its answers, if one is worth asking and has room."""
    best, least = None, WORTH * len(rules)
    for question in _questions(rules):
        cost = question.left + question.effort
        if cost < least and sum(question.sizes) <= room:
            best, least = question, cost
    return best


def _reachable(rules: list[Candidate]) -> Iterator[Candidate]:
    """The rules up to the first that always matches, without those that earlier ones leave nothing."""
    kept: list[Candidate] = []
    for rule in rules:
        if len(rules) <= PRUNED and any(earlier.covers(rule) for earlier in kept):
            continue
        kept.append(rule)
        yield rule
        if rule.always:
            return


@dataclass(frozen=True, slots=True)
class _Question:
    """A question that could be asked: names of a list, or one cut through a range.

    `sizes` says how many rules each answer leaves, `left` how many an answer does on average, `effort` what asking costs
    against asking one rule; `branches` are these rules, if they had to be found for that.
    """

    condition: Condition
    keys: list[Any]
    sizes: list[int]
    left: float
    effort: float
    branches: list[_Branch] = field(default_factory=list)


def _questions(rules: list[Candidate]) -> Iterator[_Question]:
    asked: dict[Condition, int] = defaultdict(int)
    for rule in rules:
        for clause in rule.clauses:
            for condition in clause.conditions:
                asked[condition] += 1
            for condition in clause.ranges:
                asked[condition] += 1
    for condition, times in asked.items():
        if times > FEW:
            if isinstance(condition, ListCondition):
                yield from _by_names(condition, rules)
            elif isinstance(condition, RangeCondition):
                yield from _by_cuts(condition, rules)


def _by_names(condition: ListCondition, rules: list[Candidate]) -> Iterator[_Question]:
    clauses = [clause for rule in rules for clause in rule.clauses if condition in clause.conditions]
    names = {name for clause in clauses for name in getattr(clause.clause, condition.name)}
    if len(clauses) > FEW and 0 < len(names) <= MAX_NAMES:
        keys = condition.in_order(names)
        branches = _branches(condition, keys, rules)
        sizes = [len(left) for _key, left in branches]
        # Names are compared one after the other.
        yield _Question(condition, keys, sizes, sum(sizes) / len(sizes), 0.25 * len(keys), branches)


def _by_cuts(condition: RangeCondition, rules: list[Candidate]) -> Iterator[_Question]:
    # Of each rule how far its clauses reach together; rules that have a clause without the condition stand in every branch.
    lows, highs = [], []
    reaches: set[tuple[Any, Any]] = set()
    bound = 0
    for rule in rules:
        ranges = [clause.ranges[condition] for clause in rule.clauses if condition in clause.ranges]
        reaches.update(ranges)
        if len(ranges) == len(rule.clauses):
            bound += 1
            if len(ranges) == 1:
                ((least, greatest),) = ranges
            else:
                least = None if any(low is None for low, _high in ranges) else min(low for low, _high in ranges)
                greatest = None if any(high is None for _low, high in ranges) else max(high for _low, high in ranges)
            if least is not None:
                lows.append(least)
            if greatest is not None:
                highs.append(greatest)
    if bound <= FEW:
        return
    everywhere = len(rules) - bound
    unbounded_below, unbounded_above = bound - len(lows), bound - len(highs)
    lows.sort()
    highs.sort()
    cuts = {(low, False) for low, _high in reaches if low is not None and not condition.is_least(low)}
    cuts |= {(high, True) for _low, high in reaches if high is not None and not condition.is_greatest(high)}
    in_order = sorted(cuts)
    # The middle ones tell most apart.
    for place in sorted({round(share * (len(in_order) - 1)) for share in CUTS} if in_order else ()):
        at, inclusive = in_order[place]
        ahead = bisect_right if inclusive else bisect_left
        before = unbounded_below + ahead(lows, at)
        behind = unbounded_above + len(highs) - ahead(highs, at)
        # Stones are taken to lie where the rules have their bounds.
        share = (place + 0.5) / len(in_order)
        left = everywhere + share * before + (1 - share) * behind
        sizes = [everywhere + before, everywhere + behind, everywhere]
        yield _Question(condition, [Cut(at, inclusive)], sizes, left, 0.25)


#: An answer, and the rules that are left for it.
_Branch = tuple[Any, list[Candidate]]


def _branches(condition: Condition, keys: list[Any], rules: list[Candidate]) -> list[_Branch]:
    """The rules that are left for every answer. Of names, last for any other; of a cut: before, behind, not known."""
    if isinstance(condition, ListCondition):
        asked: ListCondition = condition
        return [
            (key, _left(rules, lambda clause, key=key: clause.named(asked, key)))  # type: ignore[misc]
            for key in [*keys, None]
        ]
    assert isinstance(condition, RangeCondition)
    ranged: RangeCondition = condition
    cut = keys[0]
    return [
        ("before", _left(rules, lambda clause: clause.below(ranged, cut))),
        ("behind", _left(rules, lambda clause: clause.beyond(ranged, cut))),
        ("unknown", _left(rules, lambda clause: clause.without(ranged))),
    ]


def _left(rules: list[Candidate], settle: Callable[[Open], Open | None]) -> list[Candidate]:
    return [kept for rule in rules if (kept := rule.left(settle)) is not None]

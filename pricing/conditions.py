"""Conditions that a clause can ask of a stone: one table, from which both evaluators, the forms and the words are made.

A condition that is not set asks nothing; what a stone lacks it does not meet (`missing_values`).
Grades are ranged in the trade's order, best first, and numbers with both bounds included. The names are the catalogue's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from functools import lru_cache
from math import inf
from typing import Any, Protocol

from psycopg import sql

from catalog.grades import Clarity, Color, FancyIntensity, Finish, Fluorescence, LabFinish
from catalog.shapes import KNOWN_SHAPES
from pricing import missing_values

#: Kinds of stones, which have base margins of their own.
STONE_TYPES = ("natural", "lab_grown", "fancy")


class Clause(Protocol):
    """Anything that carries a clause's fields: `pricing.models.Clause`, or a test's own."""

    def __getattribute__(self, name: str, /) -> Any:
        """A field by name."""


Stone = Any
"""Anything that carries a stone's columns: `catalog.models.Diamond`, or a test's own."""


def stone_type(stone: Stone) -> str:
    """`"fancy"` if the stone has a fancy colour, named or not, else `"lab_grown"` or `"natural"`."""
    if stone.fancy_color is not None or stone.color == Color.FANCY:
        return "fancy"
    return "lab_grown" if stone.lab_grown else "natural"


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One thing that a clause can ask, with the fields of the clause that say what. Each is itself alone."""

    name: str
    column: str
    label: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The clause's fields."""
        raise NotImplementedError

    def is_set(self, clause: Clause) -> bool:
        """Whether the clause asks this at all."""
        raise NotImplementedError

    def matches(self, clause: Clause, stone: Stone) -> bool:
        """Whether the stone meets the condition, which is set."""
        return missing_values.matches(self.value(stone), lambda value: self.takes(clause, value))

    def takes(self, clause: Clause, value: Any) -> bool:
        """Whether a value meets the condition, which is set."""
        raise NotImplementedError

    def to_sql(self, clause: Clause) -> str:
        """The condition, which is set, on the row `s`, as a template of `psycopg.sql`: true, false or NULL."""
        raise NotImplementedError

    def asked(self, clause: Clause) -> Any:
        """The clause's demand here, in the form in which `covers` and `meets` compare it."""
        raise NotImplementedError

    def covers(self, mine: Any, theirs: Any) -> bool:
        """Whether every value that is theirs is mine, of what two clauses ask."""
        raise NotImplementedError

    def meets(self, mine: Any, theirs: Any) -> bool:
        """Whether some value could be both mine and theirs."""
        raise NotImplementedError

    def in_words(self, clause: Clause) -> str:
        """The condition, which is set, for people."""
        raise NotImplementedError

    def problem(self, clause: Clause) -> tuple[str, str] | None:
        """The field at fault and what is wrong, if what is set contradicts itself."""
        return None

    def value(self, stone: Stone) -> Any:
        """The stone's value."""
        return getattr(stone, self.column)

    def value_in_words(self, stone: Stone) -> str:
        """The stone's value for people."""
        return missing_values.in_words(self.value(stone))


@lru_cache(maxsize=4_096, typed=True)
def literal(value: object) -> str:
    """A value in a template of `psycopg.sql`, safe whatever it holds."""
    return sql.Literal(value).as_string(None).replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True, slots=True, eq=False)
class ListCondition(Condition):
    """One of some names, or, turned round, any name but these. `common` are names of most stones, the commonest first."""

    common: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.name, f"{self.name}_excluded")

    def is_set(self, clause: Clause) -> bool:
        return bool(getattr(clause, self.name))

    def names(self, clause: Clause) -> frozenset[str]:
        """The names."""
        return frozenset(getattr(clause, self.name))

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Names in the order in which it costs least to ask for them one by one."""
        place = {name: at for at, name in enumerate(self.common)}
        return sorted(names, key=lambda name: (place.get(name, len(place)), name))

    def excludes(self, clause: Clause) -> bool:
        """Whether any name but these is asked for."""
        return bool(getattr(clause, f"{self.name}_excluded"))

    def takes(self, clause: Clause, value: Any) -> bool:
        return (value in getattr(clause, self.name)) != self.excludes(clause)

    def to_sql(self, clause: Clause) -> str:
        names = sorted(self.names(clause))
        negated = self.excludes(clause)
        if len(names) == 1:
            return f"s.{self.column} {'<>' if negated else '='} {literal(names[0])}"
        listed = ", ".join(map(literal, names))
        return f"s.{self.column} {'NOT IN' if negated else 'IN'} ({listed})"

    def asked(self, clause: Clause) -> Any:
        return self.names(clause), self.excludes(clause)

    def covers(self, mine: Any, theirs: Any) -> bool:
        names, excludes = mine
        other_names, other_excludes = theirs
        if excludes:
            return bool(names <= other_names) if other_excludes else names.isdisjoint(other_names)
        return not other_excludes and bool(names >= other_names)

    def meets(self, mine: Any, theirs: Any) -> bool:
        names, excludes = mine
        other_names, other_excludes = theirs
        if excludes:
            return other_excludes or not other_names <= names
        return not names <= other_names if other_excludes else not names.isdisjoint(other_names)

    def in_words(self, clause: Clause) -> str:
        names = getattr(clause, self.name)
        listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        return f"{self.label} {'none of' if self.excludes(clause) else 'is'} {listed}"


@dataclass(frozen=True, slots=True, eq=False)
class TypeCondition(ListCondition):
    """One of the stone types, which every stone has: the compiler goes by them before it looks at anything else."""

    def types(self, clause: Clause) -> frozenset[str]:
        """The stone types that the clause lets through; all if it does not ask."""
        if not self.is_set(clause):
            return frozenset(STONE_TYPES)
        names = self.names(clause)
        return frozenset(STONE_TYPES) - names if self.excludes(clause) else names

    def value(self, stone: Stone) -> Any:
        return stone_type(stone)

    def asked(self, clause: Clause) -> Any:
        return self.types(clause)

    def covers(self, mine: Any, theirs: Any) -> bool:
        return bool(mine >= theirs)

    def meets(self, mine: Any, theirs: Any) -> bool:
        return not mine.isdisjoint(theirs)

    def problem(self, clause: Clause) -> tuple[str, str] | None:
        return (self.name, "This leaves no stone type.") if not self.types(clause) else None


@dataclass(frozen=True, slots=True, eq=False)
class RangeCondition(Condition):
    """A range with both bounds included; either may be missing."""

    @property
    def fields(self) -> tuple[str, ...]:
        return (f"{self.name}_min", f"{self.name}_max")

    def is_set(self, clause: Clause) -> bool:
        low, high = self.bounds_given(clause)
        return low is not None or high is not None

    def bounds_given(self, clause: Clause) -> tuple[Any, Any]:
        """The bounds as the clause says them, None where it says none."""
        return getattr(clause, f"{self.name}_min"), getattr(clause, f"{self.name}_max")

    def bounds(self, clause: Clause) -> tuple[Any, Any]:
        """The lower and the upper bound, None where there is none."""
        return self.bounds_given(clause)

    def takes(self, clause: Clause, value: Any) -> bool:
        low, high = self.bounds(clause)
        return (low is None or low <= value) and (high is None or value <= high)

    def to_sql(self, clause: Clause) -> str:
        return self.between(*self.bounds(clause))

    def is_least(self, _value: Any) -> bool:
        """Whether no value is less."""
        return False

    def is_greatest(self, _value: Any) -> bool:
        """Whether no value that a range could have is greater."""
        return False

    def between(self, low: Any, high: Any) -> str:
        """The condition on the row `s` for these bounds, of which one may be missing."""
        column = f"s.{self.column}"
        if low is not None and low == high:
            return f"{column} = {literal(low)}"
        parts = [] if low is None else [f"{column} >= {literal(low)}"]
        parts += [] if high is None else [f"{column} <= {literal(high)}"]
        return " AND ".join(parts)

    def asked(self, clause: Clause) -> Any:
        return self.span(*self.bounds(clause))

    @staticmethod
    def span(low: Any, high: Any) -> tuple[Any, Any]:
        """Bounds, of which either may be missing, in the form in which `covers` and `meets` compare them."""
        return -inf if low is None else low, inf if high is None else high

    def covers(self, mine: Any, theirs: Any) -> bool:
        return bool(mine[0] <= theirs[0] and theirs[1] <= mine[1])

    def meets(self, mine: Any, theirs: Any) -> bool:
        return bool(mine[0] <= theirs[1] and theirs[0] <= mine[1])

    def problem(self, clause: Clause) -> tuple[str, str] | None:
        low, high = self.bounds_given(clause)
        if low is not None and high is not None and low > high:
            return self.fields[1], f"This must not be {self.beyond}."
        return None

    @property
    def beyond(self) -> str:
        """The end of a sentence: what the upper bound must not be."""
        return f"below the lowest {self.label}"


@dataclass(frozen=True, slots=True, eq=False)
class GradeCondition(RangeCondition):
    """Grades from the best to the worst. A colour beyond the letters (fancy) is in no range of letters."""

    grades: tuple[IntEnum, ...] = ()

    def bounds(self, clause: Clause) -> tuple[int, int]:
        """The best and the worst grade; the scale's own where the clause says none."""
        best, worst = self.bounds_given(clause)
        return int(self.grades[0] if best is None else best), int(self.grades[-1] if worst is None else worst)

    def is_least(self, value: Any) -> bool:
        return bool(value <= self.grades[0])

    def is_greatest(self, value: Any) -> bool:
        return bool(value >= self.grades[-1])

    def between(self, low: Any, high: Any) -> str:
        # No grade is better than the best one.
        first_is_all = low == self.grades[0] and high is not None and low != high
        return RangeCondition.between(self, None if first_is_all else low, high)

    def in_words(self, clause: Clause) -> str:
        best, worst = (self.grade_in_words(grade) for grade in self.bounds(clause))
        return f"{self.label} {best}" if best == worst else f"{self.label} {best} to {worst}"

    def grade_in_words(self, grade: int) -> str:
        """A grade as people write it: letters and clarities large, words small."""
        scale = type(self.grades[0])
        name = scale(grade).name.replace("_", " ")
        return name if scale in (Color, Clarity) else name.lower()

    def value_in_words(self, stone: Stone) -> str:
        return missing_values.in_words(self.value(stone), self.grade_in_words)

    @property
    def beyond(self) -> str:
        return "better than the best one: grades go from the best to the worst"


@dataclass(frozen=True, slots=True, eq=False)
class FinishCondition(GradeCondition):
    """Grades of cut, polish or symmetry. The catalogue tells ideal from excellent; to rules both are excellent.

    SQL sees a stone's grades so by `as_rules_see`, whatever it was compiled by, so that rules that were published when
    nobody told the two apart mean what they meant.
    """

    def value(self, stone: Stone) -> Any:
        grade = GradeCondition.value(self, stone)
        return int(Finish.EXCELLENT) if grade == LabFinish.IDEAL else grade

    def as_rules_see(self, stone: sql.Composable) -> sql.Composed:
        """The stone's grade in SQL, of the row `stone`."""
        return sql.SQL("CASE {column} WHEN {ideal} THEN {excellent} ELSE {column} END").format(
            column=sql.SQL("{}.{}").format(stone, sql.Identifier(self.column)),
            ideal=sql.Literal(int(LabFinish.IDEAL)),
            excellent=sql.Literal(int(Finish.EXCELLENT)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class NumberCondition(RangeCondition):
    """Numbers of so many decimal places. Money is in cents and said in dollars."""

    places: int = 0
    dollars: bool = False
    unit: str = ""

    def _say(self, value: Any) -> str:
        if self.dollars:
            return f"${Decimal(value) / 100:,.2f}"
        return f"{Decimal(value).normalize():f}{self.unit}"

    def in_words(self, clause: Clause) -> str:
        low, high = self.bounds(clause)
        if low is None:
            return f"{self.label} up to {self._say(high)}"
        return f"{self.label} from {self._say(low)}" + ("" if high is None else f" to {self._say(high)}")

    def value_in_words(self, stone: Stone) -> str:
        return missing_values.in_words(self.value(stone), self._say)


@dataclass(frozen=True, slots=True, eq=False)
class PresenceCondition(Condition):
    """Whether there is something, which is known of every stone."""

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.name,)

    def is_set(self, clause: Clause) -> bool:
        return getattr(clause, self.name) is not None

    def matches(self, clause: Clause, stone: Stone) -> bool:
        return bool((self.value(stone) is not None) == getattr(clause, self.name))

    def to_sql(self, clause: Clause) -> str:
        return f"s.{self.column} IS {'NOT ' if getattr(clause, self.name) else ''}NULL"

    def asked(self, clause: Clause) -> Any:
        return getattr(clause, self.name)

    def covers(self, mine: Any, theirs: Any) -> bool:
        return bool(mine == theirs)

    def meets(self, mine: Any, theirs: Any) -> bool:
        return bool(mine == theirs)

    def in_words(self, clause: Clause) -> str:
        return f"{'with' if getattr(clause, self.name) else 'without'} {self.label}"

    def value_in_words(self, stone: Stone) -> str:
        return f"{'without' if self.value(stone) is None else 'with'} {self.label}"


STONE_TYPE = TypeCondition("stone_types", "stone_type", "stone type")
#: All conditions; within a clause the cheap ones come first.
CONDITIONS: tuple[Condition, ...] = (
    STONE_TYPE,
    GradeCondition("color", "color", "colour", tuple(grade for grade in Color if grade != Color.FANCY)),
    GradeCondition("clarity", "clarity", "clarity", tuple(Clarity)),
    FinishCondition("cut", "cut", "cut", tuple(Finish)),
    FinishCondition("polish", "polish", "polish", tuple(Finish)),
    FinishCondition("symmetry", "symmetry", "symmetry", tuple(Finish)),
    GradeCondition("fluorescence", "fluorescence_intensity", "fluorescence", tuple(Fluorescence)),
    GradeCondition("fancy_intensity", "fancy_intensity", "fancy intensity", tuple(FancyIntensity)),
    PresenceCondition("has_image", "image_url", "an image"),
    PresenceCondition("has_video", "video_url", "a video"),
    NumberCondition("cost_cents", "cost_cents", "cost", dollars=True),
    NumberCondition("cost_per_carat_cents", "cost_per_carat_cents", "cost per carat", dollars=True),
    NumberCondition("carats", "carats", "carats", places=3),
    NumberCondition("ratio", "ratio", "ratio", places=3),
    NumberCondition("table_pct", "table_pct", "table", places=2, unit=" %"),
    NumberCondition("depth_pct", "depth_pct", "depth", places=2, unit=" %"),
    ListCondition("shapes", "shape", "shape", KNOWN_SHAPES),
    ListCondition("labs", "lab", "lab", ("IGI", "GIA")),
    ListCondition("feeds", "feed", "feed"),
    ListCondition("suppliers", "supplier_name", "supplier"),
    ListCondition("fancy_colors", "fancy_color", "fancy colour"),
)
BY_NAME: Mapping[str, Condition] = {condition.name: condition for condition in CONDITIONS}


def conditions_of(clause: Clause) -> list[Condition]:
    """The conditions that the clause sets."""
    return [condition for condition in CONDITIONS if condition.is_set(clause)]


def clause_matches(clause: Clause, stone: Stone) -> bool:
    """Whether the stone meets all that the clause asks; a clause that asks nothing matches every stone."""
    return first_unmet(clause, stone) is None


def first_unmet(clause: Clause, stone: Stone) -> Condition | None:
    """The first condition that the stone does not meet."""
    unmet: Iterable[Condition] = (
        condition for condition in conditions_of(clause) if not condition.matches(clause, stone)
    )
    return next(iter(unmet), None)


def why_never(clause: Clause) -> str:
    """The reason why no stone can match the clause, empty if one could: a named fancy colour makes a stone fancy."""
    if "fancy" not in STONE_TYPE.types(clause) and BY_NAME["fancy_colors"].is_set(clause):
        return "a stone with a named fancy colour is of the type fancy, which the clause does not take"
    return ""


def in_words(clause: Clause) -> str:
    """The clause for people."""
    return "; ".join(condition.in_words(clause) for condition in conditions_of(clause)) or "every stone"

"""Cut, polish and symmetry in one cell: "3EX", "EX/EX/VG", and "VG-EX" of polish and symmetry alone."""

from __future__ import annotations

import re
from typing import NamedTuple

from catalog.grades import LabFinish, fold, says_nothing
from ingest.feeds import values
from ingest.feeds.values import Reader


class Finishes(NamedTuple):
    """The grades that a cell has, None for one that it has not."""

    cut: int | None = None
    polish: int | None = None
    symmetry: int | None = None


NONE = Finishes()
#: One grade for all three, after `fold`: "3EX", "3X", "Triple Excellent".
_THREE_OF = re.compile(r"(?:3|TRIPLE|T(?=EX$))([A-Z]+)")
_TWO_OF = re.compile(r"2([A-Z]+)")
_EXCELLENT = frozenset({"X", "XX", "XXX"})
#: What stands between grades, the surest first.
_BETWEEN = (re.compile(r"\s*/\s*"), re.compile(r"\s*[|,;\\+-]\s*"), re.compile(r"\s+"))
#: Letters of three grades that are written together: "EXVGEX".
_TOGETHER = 6


def _grade(cell: str) -> int | None:
    return None if "/" in cell else values.grade(LabFinish, cell)


def _all_three(cell: str) -> Finishes:
    """The grades of a cell that has all three of them; of a fancy shape the first may be left out."""
    folded = fold(cell)
    if folded == "000":
        # The American Gem Society's.
        return Finishes(int(LabFinish.IDEAL), int(LabFinish.IDEAL), int(LabFinish.IDEAL))
    alike = _THREE_OF.fullmatch(folded)
    if alike or folded == "XXX":
        named = alike[1] if alike else "X"
        grade = int(LabFinish.EXCELLENT) if named in _EXCELLENT else _grade(named)
        return NONE if grade is None else Finishes(grade, grade, grade)
    for between in _BETWEEN:
        parts = between.split(cell.strip())
        if len(parts) == 3:
            cut, polish, symmetry = map(_grade, parts)
            has_cut = cut is not None or says_nothing(LabFinish, fold(parts[0]))
            if polish is not None and symmetry is not None and has_cut:
                return Finishes(cut, polish, symmetry)
    if len(folded) == _TOGETHER and folded.isalpha() and _grade(folded) is None:
        grades = [_grade(folded[at : at + 2]) for at in range(0, _TOGETHER, 2)]
        return NONE if None in grades else Finishes(*grades)
    return NONE


def _of_finish(cell: str) -> Finishes:
    """The same, and of two grades those of polish and symmetry: "EX/VG", "2EX"."""
    if (three := _all_three(cell)) is not NONE:
        return three
    if (alike := _TWO_OF.fullmatch(fold(cell))) and (grade := _grade(alike[1])) is not None:
        return Finishes(None, grade, grade)
    for between in _BETWEEN:
        parts = between.split(cell.strip())
        if len(parts) == 2 and None not in (grades := [_grade(part) for part in parts]):
            return Finishes(None, *grades)
    return NONE


#: A cell of the cut that may have all three.
all_three = Reader(_all_three)
#: A cell of a column of several of them.
of_finish = Reader(_of_finish)

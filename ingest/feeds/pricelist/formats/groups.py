"""Headers in two rows: the upper one has merged cells that name groups of columns, "Certificate" above "Lab" and "No."."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ingest.feeds.pricelist.headers import OF_MONEY, field_of, fold, foreign
from ingest.feeds.pricelist.numbers import measure

#: Longest name of a group (characters), and groups that a row has at least: one cell alone is a title.
_MAX_NAME, _MIN_GROUPS = 40, 2
#: Names that say something below a group only, after `fold`.
_WEAK = frozenset({"PCT", "NO", "D", "H", "INT", "MM", "USD"})


def named_by_groups(upper: Sequence[str], lower: Sequence[str]) -> Iterator[Sequence[str]]:
    """The names of the columns of a row, and the same with the names of the groups above them, where that may be such a row.

    Prices below a group of another currency have no name without it.
    """
    groups, names = [cell.strip() for cell in upper], [cell.strip() for cell in lower]
    if not _may_be_groups(groups, names):
        yield lower
        return
    repeated = Counter(map(fold, names))
    named, abroad, group = [], False, ""
    for above, below in zip_longest(groups, names, fillvalue=""):
        # A name that reaches over both rows ends the group before it.
        group = above or group if below else ""
        named.append(_named(group, below, again=repeated[fold(below)] > 1) if below else above)
        abroad = abroad or (foreign(group) and named[-1] != below and (field_of(below) or ("", 0))[0] in OF_MONEY)
    if not abroad:
        yield lower
    yield named


def _may_be_groups(groups: Sequence[str], names: Sequence[str]) -> bool:
    filled = [cell for cell in groups if cell]
    if len(filled) < _MIN_GROUPS or not any(names):
        return False
    if any(len(cell) > _MAX_NAME or measure(cell) is not None for cell in (*filled, *filter(None, names))):
        return False
    return any(not (above and below) for above, below in zip_longest(groups, names, fillvalue=""))


def _named(group: str, name: str, *, again: bool) -> str:
    """A column's name with that of its group, if it says little without it, or what it says is of another currency."""
    both = f"{group} {name}"
    alone, together = field_of(name), field_of(both)
    if foreign(group) and alone is not None and alone[0] in OF_MONEY:
        return both
    says_little = alone is None or not alone[0] or again or fold(name) in _WEAK
    return both if group and says_little and together is not None and together[0] else name

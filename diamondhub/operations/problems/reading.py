"""Problems for those who may see them, the worst first: for the start page, the banner, the list and the API."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet

from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds

#: Unresolved problems that a page shows.
MAX_SHOWN = 20
#: Counts of unresolved problems stop here.
MAX_COUNTED = 1_000


def kinds_seen_by(user: Any) -> list[str]:
    """The names of the kinds that this person (or API client's permissions) may see."""
    allowed: dict[str, bool] = {}
    names = []
    for kind in kinds.all_kinds():
        if kind.permission not in allowed:
            allowed[kind.permission] = user.has_perm(kind.permission)
        if allowed[kind.permission]:
            names.append(kind.name)
    return names


def unresolved_for(user: Any, *, most: int = MAX_SHOWN) -> list[Problem]:
    """The unresolved problems that this person may see, the worst first and of these the oldest; one query.

    Served by the index on unresolved problems, whatever their number.
    """
    return list(unresolved().filter(kind__in=kinds_seen_by(user)).order_by("place", "first_seen_at")[:most])


def unresolved() -> QuerySet[Problem]:
    """All that is not resolved."""
    return Problem.objects.exclude(state=Problem.State.RESOLVED)


def counts_for(user: Any) -> dict[str, int]:
    """The numbers of unresolved problems that this person may see, by severity, up to `MAX_COUNTED` of all; one query."""
    some = unresolved().filter(kind__in=kinds_seen_by(user)).order_by("place", "first_seen_at")[:MAX_COUNTED]
    rows = Problem.objects.filter(pk__in=some.values("pk")).order_by().values_list("severity").annotate(n=Count("pk"))
    return dict(rows)

"""The filter of price changes: one form with days, cause, rule, rule set and direction, each served by an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from diamondhub.admin.base import unanswerable
from pricing.admin.causes import CAUSES
from pricing.in_force import day_of
from pricing.models import Repricing

#: Rule numbers and versions have so many digits at most; greater ones fit no column.
_MAX_DIGITS = 18
NO_RULE = "none"

_Changes = QuerySet[Any]


def _day(text: str) -> date:
    day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day
    if not 2000 <= day.year <= 9000:
        raise ValueError(text)
    return day


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise ValueError(text)
    return int(text)


def _by_cause(rows: _Changes, text: str) -> _Changes:
    if len(text) > 16 or "\0" in text:
        raise ValueError(text)
    return rows.filter(cause=text)


def _by_direction(rows: _Changes, text: str) -> _Changes:
    if text == "up":
        return rows.filter(new_price_cents__gt=F("old_price_cents"))
    if text == "down":
        return rows.filter(new_price_cents__lt=F("old_price_cents"))
    raise ValueError(text)


#: What each parameter of the address finds. What cannot be read raises `ValueError`.
_FINDS: dict[str, Callable[[_Changes, str], _Changes]] = {
    "since": lambda rows, text: rows.filter(changed_on__gte=_day(text)),
    "until": lambda rows, text: rows.filter(changed_on__lte=_day(text)),
    "cause": _by_cause,
    "cause_id": lambda rows, text: rows.filter(cause_id=_number(text)),
    "rule": lambda rows, text: (
        rows.filter(new_rule__isnull=True) if text == NO_RULE else rows.filter(new_rule=_number(text))
    ),
    "rule_set": lambda rows, text: rows.filter(new_rule_set=_number(text)),
    "direction": _by_direction,
}


class ChangeFilter(admin.SimpleListFilter):
    """By all of these together. Days are in UTC, and both are included; either end may be open."""

    title = "day, cause and rule"
    parameter_name = "since"
    template = "admin/pricing/pricechange/filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        # Django's class takes care of one parameter; a form sends the empty ones, too.
        given = {name: params.pop(name)[-1].strip() for name in _FINDS if name in params}
        super().__init__(request, params, model, model_admin)
        self.used_parameters = {name: text for name, text in given.items() if text}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """There is nothing to choose from, but without an entry there would be no filter."""
        return [("", "any")]

    def expected_parameters(self) -> list[str | None]:
        """All that the form has."""
        return list(_FINDS)

    def choices(self, changelist: Any) -> Iterator[Any]:
        """What the form shows, and the other look-ups that it must keep."""
        yield {
            "values": self.used_parameters,
            "causes": CAUSES.items(),
            "no_rule": NO_RULE,
            "others": [
                (name, value)
                for name, values in changelist.filter_params.items()
                if name not in _FINDS and name != "p"
                for value in ([values] if isinstance(values, str) else values)
            ],
            "query": changelist.query,
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The changes that all of them find. Raises `IncorrectLookupParameters` for what cannot be read."""
        for name, text in self.used_parameters.items():
            try:
                queryset = _FINDS[name](queryset, text)
            except ValueError as error:
                raise unanswerable(request) from error
        return self._within_its_days(queryset)

    def _within_its_days(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The same, for a repricing without all months in which it did not work."""
        asked = self.used_parameters
        if asked.get("cause") != "repricing" or "cause_id" not in asked:
            return queryset
        job = Repricing.objects.filter(pk=int(asked["cause_id"])).values_list("created_at", "finished_at").first()
        if job is None:
            return queryset
        begun, ended = job
        queryset = queryset.filter(changed_on__gte=day_of(begun))
        # A batch that was under way when it was cancelled may end a little later.
        return queryset.filter(changed_on__lte=day_of(ended) + timedelta(days=1)) if ended else queryset


def parameters() -> tuple[str, ...]:
    """All parameters of the filter."""
    return tuple(_FINDS)

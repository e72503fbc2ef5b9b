"""Entering a client's view: what is wrong with it is told field by field, and followers of changes are told to begin anew.

A view that shows other stones than before makes a version of the catalogue, in the transaction that keeps it: whoever
follows changes from an earlier one has stones that are not in the view any more, or lacks some that are, and no change says
so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from rest_framework.serializers import ValidationError as FieldsWrong

from catalog.api.asking import FilterBody, asks_for
from catalog.changes import log
from catalog.client_views.models import CatalogView
from catalog.columns import COLUMNS
from catalog.currencies import rates
from catalog.currencies.converting import DOLLARS
from catalog.currencies.units import PLACES
from catalog.searching import amounts
from catalog.searching.filters import DEFAULTS, FILTERS
from catalog.searching.sorts import SORTS
from diamondhub import money
from diamondhub.access.scopes import Scope
from diamondhub.api import fields
from diamondhub.api.mistakes import errors_of

#: Fields of a view that decide which stones are in it.
_WHICH = ("forced", "defaults")
_NAMES = tuple(column.name for column in COLUMNS if column.scope)
_ATTRIBUTES = {known.name: known.attribute for known in FILTERS}


def save(view: CatalogView) -> None:
    """Keep a view. Raises Django's `ValidationError` with what is wrong by field."""
    check(view)
    with transaction.atomic():
        before = CatalogView.objects.select_for_update().filter(pk=view.pk).first() if view.pk else None
        view.save()
        if before is None or before.forced != view.forced:
            view.since = _next_version(f"view of {view.client}")
            CatalogView.objects.filter(pk=view.pk).update(since=view.since)


def check(view: CatalogView) -> None:
    """Raise Django's `ValidationError` with what is wrong with a view, by field."""
    wrong: dict[str, list[str]] = {}
    for name in _WHICH:
        if problems := list(_wrong_filters(getattr(view, name), is_default=name == "defaults")):
            wrong[name] = problems
    if not wrong and (both := _said_twice(view.forced, view.defaults)):
        wrong["defaults"] = [f"{both}: it is forced already, so no default can hold."]
    if not wrong and (problems := list(_wrong_filters({**view.forced, **view.defaults}, is_default=False))):
        wrong["defaults"] = [f"Together with what is forced: {problem}" for problem in problems]
    if problems := list(_wrong_fields(view.shown_fields)):
        wrong["shown_fields"] = problems
    if view.currency not in PLACES:
        wrong["currency"] = [f"{view.currency} is no currency that is known{fields.nearest(view.currency, PLACES)}."]
    elif rates.exchange_of(view.currency) is None:
        wrong["currency"] = [f"There is no rate of exchange for {view.currency} today: enter one first."]
    if problem := _wrong_ending(view):
        wrong["ending"] = [problem]
    if wrong:
        raise ValidationError(wrong)


def _wrong_filters(filters: Any, *, is_default: bool) -> Iterator[str]:
    if not isinstance(filters, dict):
        yield 'This must be an object of filters, such as {"lab_grown": false}.'
        return
    try:
        values = FilterBody.shared().run_validation(filters)
    except FieldsWrong as error:
        for told in errors_of(error):
            yield f"{told.field} {told.message}."
        return
    for name, message in amounts.mistakes(values, DOLLARS):
        yield f"{name} {message}."
    if is_default:
        for name in DEFAULTS.keys() & filters.keys():
            # Searches that do not name it ask for what is for sale; nobody could tell them from those that do.
            yield f"{name} has a default for all clients: force it instead."


def _said_twice(forced: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    attributes = {_ATTRIBUTES[name] for name in forced}
    return ", ".join(name for name in defaults if _ATTRIBUTES[name] in attributes)


def _wrong_fields(names: list[str] | None) -> Iterator[str]:
    if names is None:
        return
    for name in names:
        if name not in _NAMES:
            yield f"{name} is no field of a stone{fields.nearest(name, _NAMES)}."
    ordering = [asks_for(sort)[0] for sort in SORTS]
    open_to_all = {column.name for column in ordering if column.scope == Scope.CATALOG_READ}
    if not open_to_all & {*names}:
        yield f"Stones must have an order: show at least one of {', '.join(sorted(open_to_all))}."


def _wrong_ending(view: CatalogView) -> str:
    ending, step = view.ending, view.ending_step
    if ending is None and step is None:
        return ""
    if ending is None or step is None:
        return "An ending and its steps are given together."
    if view.currency == money.CURRENCY:
        return "Prices in US dollars have the endings of their rules; another ending is for another currency."
    unit = Decimal(1).scaleb(-PLACES.get(view.currency, 2))
    if any(amount != amount.quantize(unit) for amount in (ending, step)):
        return f"Amounts in {view.currency} have {PLACES.get(view.currency, 2)} decimals."
    return "" if 0 <= ending < step else "The ending must be below its steps, such as 99 in steps of 100."


def _next_version(cause: str) -> int:
    """The version that this transaction makes of the catalogue, in which no stone is another."""
    log.because(cause)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* A change set without stones, unless this transaction has one already; its version is taken as any other's.
               Takes no locks until then. */
            WITH made AS (
                INSERT INTO catalog_datasetversion (cause, changed_on, created_at)
                SELECT left(%(cause)s, 100), (now() AT TIME ZONE 'UTC')::date, now()
                WHERE NULLIF(current_setting('diamondhub.change_set', true), '') IS NULL
                RETURNING id
            )
            SELECT set_config('diamondhub.change_set', id::text, true) FROM made
            """,
            {"cause": cause},
        )
    return log.take()

"""How stones are shown: which of their columns, and rows of the table as JSON without a model or a serializer for each.

What a client may see follows from its scopes and its view; within that it chooses by `fields` or by `form`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import DateTimeField, DecimalField
from rest_framework.exceptions import PermissionDenied

from catalog.client_views.view import ClientView
from catalog.columns import COLUMNS, Column, Graded, Money
from catalog.currencies.converting import DOLLARS, Exchange
from catalog.models import Diamond
from catalog.searching import standing
from catalog.searching.amounts import PRICE
from catalog.searching.conditions import Asked
from diamondhub import money
from diamondhub.access.models import ApiClient
from diamondhub.access.permissions import refuse_without
from diamondhub.access.scopes import Scope

#: What stands before the first price.
CURRENCY = "currency"
#: How many of the hits have a stone's certificate: what a search may tell of it besides.
OFFERS = "offers"
#: What a shop shows of a stone in a list.
SLIM = (
    "id", "availability", "price", "price_per_carat", "shape", "carats", "color", "clarity", "cut", "polish", "symmetry",
    "fluorescence_intensity", "fancy_color", "fancy_intensity", "lab_grown", "lab", "certificate_number", "ratio",
    "image_url", "video_url", "delivery_days_min", "delivery_days_max",
)  # fmt: skip
FORMS: Mapping[str, Collection[str] | None] = {"full": None, "slim": frozenset({*SLIM, CURRENCY})}
#: All names that anybody can ask for.
NAMES = tuple(
    name
    for column in COLUMNS
    if column.scope
    for name in ((CURRENCY, column.name) if column.name == "price" else (column.name,))
)
#: Scopes on which it hangs what is seen of stones, besides the one that everybody has.
TELLING = tuple(sorted({column.scope for column in COLUMNS if column.scope} - {Scope.CATALOG_READ}))

_BY_NAME = {column.name: column for column in COLUMNS}


def seen_by(client: ApiClient) -> tuple[str, ...]:
    """The client's scopes that show more of stones than everybody sees."""
    return tuple(scope for scope in TELLING if scope in client.scopes)


def chosen(client: ApiClient, view: ClientView, *, names: Iterable[str] | None, form: str) -> tuple[str, ...]:
    """The names of what is shown, in the table's order: what is asked for, or of a form what the client may see.

    Raises `PermissionDenied`, which names the scope, for a column that needs one which the client does not hold.
    """
    if names is None:
        return _of_form(form, seen_by(client), view.fields)
    wanted = {"id", *names}
    for column in (_BY_NAME[name] for name in wanted - {CURRENCY}):
        if column.scope and column.scope != Scope.CATALOG_READ:
            refuse_without(column.scope, client)
        if not is_in(view, column):
            raise PermissionDenied(f"Your client's view of the catalogue does not show {column.name}.")
    return tuple(name for name in NAMES if name in wanted)


@lru_cache(maxsize=256)
def _of_form(form: str, scopes: tuple[str, ...], shown: frozenset[str] | None) -> tuple[str, ...]:
    may_see, of_form = {Scope.CATALOG_READ, *scopes}, FORMS[form]
    wanted = {
        column.name
        for column in COLUMNS
        if column.scope in may_see and (shown is None or column.name in shown or column.name == "id")
    }
    return tuple(
        name for name in NAMES if (name in wanted or name == CURRENCY) and (of_form is None or name in of_form)
    )


def is_in(view: ClientView, column: Column) -> bool:
    """Whether a view shows a column."""
    return view.shows(column.name)


class Presenter:
    """Shows some names of stones."""

    def __init__(self, names: Sequence[str], exchange: Exchange) -> None:
        names = [name for name in names if name != "id"]
        self._names = ("id", *names)
        #: What is read of the table.
        self.columns = [f"'{exchange.currency}'" if name == CURRENCY else _read(_BY_NAME[name]) for name in names]
        #: The columns whose values are shown otherwise than they are read, by their places.
        self._converted = [
            (place, convert)
            for place, name in enumerate(self._names)
            if place and name != CURRENCY and (convert := _conversion(_BY_NAME[name], exchange))
        ]
        offers = (OFFERS, Any, msgspec.UNSET)
        self._record = msgspec.defstruct("Stone", [*((name, Any) for name in self._names), offers], gc=False)

    def read(self, ids: Sequence[UUID], asked: Asked) -> Mapping[UUID, dict[str, Any]]:
        """The stones of these ids that still meet what is asked, as they are now."""
        return {row[0]: dict(zip(self._names, row, strict=True)) for row in self._rows(ids, asked)}

    def read_encodable(self, ids: Sequence[UUID], asked: Asked) -> Mapping[UUID, Any]:
        """The same for `msgspec` to encode, made several times as quickly.

        `offers` can be set of each; without it none are told.
        """
        make = self._record
        return {row[0]: make(*row) for row in self._rows(ids, asked)}

    def _rows(self, ids: Sequence[UUID], asked: Asked) -> Iterable[tuple[Any, ...]]:
        rows = standing.rows(ids, asked, self.columns)
        if not rows:
            return ()
        # Column by column, a page is converted in half of the time that it takes stone by stone.
        columns = list(zip(*rows, strict=True))
        for place, convert in self._converted:
            columns[place] = convert(columns[place])
        return zip(*columns, strict=True)


@lru_cache(maxsize=256)
def presenter(names: tuple[str, ...], exchange: Exchange = DOLLARS) -> Presenter:
    """The presenter of these names, in this order; money is shown as `exchange` says."""
    return Presenter(names, exchange)


def _read(column: Column) -> str:
    # JSON's numbers are floats, and its times are texts: the server makes them more quickly than Python.
    match Diamond._meta.get_field(column.source):
        case DecimalField():
            return f"{column.source}::float8"
        case DateTimeField():
            return f"({column.source} AT TIME ZONE 'UTC')::text"
        case _:
            return column.source


def _conversion(column: Column, exchange: Exchange) -> Callable[[Iterable[Any]], tuple[Any, ...]] | None:
    """What makes of the values of a column what is shown of them; None where they are shown as they are."""
    if isinstance(column.kind, Money):
        if not exchange.is_needed:
            return _each(money.to_text)
        return _each(exchange.price_text if column.source == PRICE else exchange.amount_text)
    if isinstance(column.kind, Graded):
        names: dict[int | None, str | None] = {grade.value: grade.name for grade in column.kind.grades}
        names[None] = None
        return lambda grades: tuple(map(names.__getitem__, grades))
    return _each(_moment) if isinstance(Diamond._meta.get_field(column.source), DateTimeField) else None


def _each(convert: Callable[[Any], Any]) -> Callable[[Iterable[Any]], tuple[Any, ...]]:
    return lambda values: tuple([None if value is None else convert(value) for value in values])


#: How long PostgreSQL's text of a time is with a whole second, and with all six digits of its fraction.
_WHOLE_SECOND, _MICROSECOND = 19, 26


def _moment(written: str) -> str:
    """PostgreSQL's text of a time in UTC as the whole API has it: with no fraction of the second, or with six digits."""
    if len(written) > _WHOLE_SECOND:
        written = written.ljust(_MICROSECOND, "0")
    return f"{written[:10]}T{written[11:]}Z"

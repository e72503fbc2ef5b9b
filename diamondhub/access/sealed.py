"""Columns of sealed secrets: `SealedField` in a model, `put` and `get` for one value, and a look at all of them.

A value is bound to its row and column, so copying it to another row opens nothing there; with `bound_to`, to other columns
as well: a password that is bound to the address it is sent to cannot be sent elsewhere by changing the address.
`rotate_secrets` finds every column by itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Substr
from psycopg import sql

from diamondhub.access import secrets
from diamondhub.access.secrets import SecretError

#: Rows of one transaction of a rotation.
BATCH_ROWS = 200
_COLUMNS_THERE = """
SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema()
"""
_VERSIONS = sql.SQL(
    """
    /* How many values each key version seals. Reads the whole table, which is small. */
    SELECT substr({column}, 2, 4), count(*) FROM {table} WHERE {column} IS NOT NULL GROUP BY 1
    """
)


class SealedField(models.BinaryField):  # type: ignore[type-arg]
    """A column of values that `put` seals and `get` opens. Audited models exclude it; no form ever shows it."""

    def __init__(self, *args: Any, bound_to: Sequence[str] = (), **kwargs: Any) -> None:
        self.bound_to = tuple(bound_to)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """As migrations keep it."""
        name, path, args, kwargs = super().deconstruct()
        if self.bound_to:
            kwargs["bound_to"] = self.bound_to
        return name, path, args, kwargs

    def identity_of(self, row: models.Model) -> str:
        """What a row's value is sealed as, e.g. `access.ApiKey:42:signing_secret`."""
        if row.pk is None:
            raise SecretError(f"{self.model._meta.label}: a row must be saved before its secret is sealed")
        bound = [str(getattr(row, name)) for name in self.bound_to]
        return f"{self.model._meta.label}:{row.pk}:{self.name}" + (f":{json.dumps(bound)}" if bound else "")


def put(row: models.Model, name: str, plain: bytes) -> None:
    """Seal a value into the field of a row that has its primary key; the caller saves the row."""
    setattr(row, name, secrets.seal(plain, identity=_field(type(row), name).identity_of(row)))


def get(row: models.Model, name: str) -> bytes | None:
    """The opened value of a row's field; None if it has none. Raises `SecretError`."""
    sealed = getattr(row, name)
    if sealed is None:
        return None
    return secrets.unseal(bytes(sealed), identity=_field(type(row), name).identity_of(row))


def _field(model: type[models.Model], name: str) -> SealedField:
    column = model._meta.get_field(name)
    assert isinstance(column, SealedField), f"{model._meta.label}.{name} is no SealedField"
    return column


def sealed_columns() -> Iterator[tuple[type[models.Model], SealedField]]:
    """Every column of sealed values in the product."""
    for model in apps.get_models():
        for column in model._meta.local_concrete_fields:
            if isinstance(column, SealedField):
                yield model, column


def _sealed_rows(model: type[models.Model], column: SealedField) -> QuerySet[Any]:
    """Rows that have a value, with the four bytes of its key's version."""
    version = Substr(F(column.name), 2, 4, output_field=models.BinaryField())
    rows: QuerySet[Any] = model._default_manager.exclude(**{column.name: None}).annotate(sealed_by=version)
    return rows


def versions_in_use(cursor: Any) -> Counter[int]:
    """How many values each key version seals, asked on any cursor. Columns whose migration has not run hold none."""
    cursor.execute(_COLUMNS_THERE)
    there = set(cursor.fetchall())
    columns = [(model._meta.db_table, str(column.column)) for model, column in sealed_columns()]
    used: Counter[int] = Counter()
    for table, column in columns:
        if (table, column) not in there:
            continue
        names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
        cursor.execute(_VERSIONS.format(**names))
        for version, rows in cursor.fetchall():
            used[int.from_bytes(bytes(version))] += rows
    return used


@dataclass
class Rotation:
    """What a rotation did: values sealed anew, what each version seals now, and what could not be opened."""

    newest: int
    resealed: int = 0
    unopened: list[str] = field(default_factory=list)
    in_use: Counter[int] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        """Values that another version than the newest still seals."""
        return sum(rows for version, rows in self.in_use.items() if version != self.newest)


def rotate(*, dry_run: bool = False, batch_rows: int = BATCH_ROWS) -> Rotation:
    """Seal every value anew that another key than the newest seals, a batch a transaction.

    What is done stays done, so whoever was interrupted begins again. A value that somebody replaces meanwhile is left to
    them. Raises `SecretError` if there is no key; values that do not open are told of and left as they are.
    """
    rotation = Rotation(secrets.newest_version())
    for model, column in sealed_columns():
        for rows in _batches(model, column, rotation.newest, batch_rows):
            with transaction.atomic():
                for row in rows:
                    _reseal(row, column, rotation, dry_run=dry_run)
    with connection.cursor() as cursor:
        rotation.in_use = versions_in_use(cursor)
    return rotation


def _batches(
    model: type[models.Model], column: SealedField, newest: int, batch_rows: int
) -> Iterator[Iterable[models.Model]]:
    outdated = _sealed_rows(model, column).exclude(sealed_by=newest.to_bytes(4)).order_by("pk")
    last: Any = None
    while rows := list(outdated.filter(pk__gt=last)[:batch_rows] if last is not None else outdated[:batch_rows]):
        yield rows
        last = rows[-1].pk


def _reseal(row: models.Model, column: SealedField, rotation: Rotation, *, dry_run: bool) -> None:
    before = bytes(getattr(row, column.name))
    identity = column.identity_of(row)
    try:
        plain = secrets.unseal(before, identity=identity)
    except SecretError as error:
        rotation.unopened.append(str(error))
        return
    if dry_run:
        rotation.resealed += 1
        return
    after = secrets.seal(plain, identity=identity)
    # Guarded by what was read: what was set meanwhile is newer.
    rotation.resealed += (
        type(row)._default_manager.filter(pk=row.pk, **{column.name: before}).update(**{column.name: after})
    )


def missing_versions(cursor: Any) -> dict[int, int]:
    """Key versions that seal values and are not there, with the number of values that nobody can open.

    Raises `SecretError`.
    """
    there = secrets.versions()
    return {version: rows for version, rows in sorted(versions_in_use(cursor).items()) if version not in there}

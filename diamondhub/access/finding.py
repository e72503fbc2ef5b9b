"""The key that a request presents, looked up with its client by one query, and its secret proven."""

from __future__ import annotations

import hmac
from functools import cache
from typing import Any

import structlog
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, Subquery
from django.db.models.functions import Now

from diamondhub.access import keys, peppers
from diamondhub.access.clients import USABLE
from diamondhub.access.models import ApiClient, ApiKey

log = structlog.get_logger(__name__)

_OLDEST = Subquery(ApiKey.objects.order_by("pk").values("pk")[:1])


def find(presented: keys.PresentedKey) -> ApiKey | None:
    """The key that was presented, if its secret is right, whatever its state."""
    # One query and the same work whatever the reason to refuse: if there is no such key another one is looked at, whose hash
    # no other key has. Nothing is kept of it from one request to the next: it is a look-up by unique indexes, and what is
    # revoked is refused by every process from the next request on.
    key: Any = _looked_up(presented.key_id)
    if key is None:
        return None
    made = presented.hashed(key.pepper_version)
    is_right = made is not None and hmac.compare_digest(bytes(key.secret_hash), made)
    if key.key_id != presented.key_id:
        return None
    if made is None:
        log.error("api_key_pepper_missing", key_id=presented.key_id, version=key.pepper_version)
    if not is_right:
        return None
    if key.usable and key.pepper_version != peppers.newest():
        _rehash(key, presented)
    found: ApiKey = key
    return found


#: Stands for the id of the key in the statement that is made once.
_ASKED = "the id that is asked for"


@cache
def _statement() -> tuple[str, tuple[Any, ...]]:
    """The look-up of a key with its client. It is made once: making it takes longer than asking it."""
    is_it = ExpressionWrapper(Q(key_id=_ASKED), output_field=BooleanField())
    candidates = ApiKey.objects.annotate(now=Now(), usable=USABLE).filter(Q(key_id=_ASKED) | Q(pk=_OLDEST))
    names = [*_names(ApiKey), *(f"client__{name}" for name in _names(ApiClient))]
    statement, values = (
        candidates.order_by(is_it.desc()).values_list(*names, "now", "usable")[:1].query.sql_with_params()
    )
    return statement, tuple(values)


def _looked_up(key_id: str) -> Any:
    """The key of this id, or else another one; None if there is none at all."""
    statement, values = _statement()
    with connection.cursor() as cursor:
        cursor.execute(statement, [key_id if value == _ASKED else value for value in values])
        row = cursor.fetchone()
    if row is None:
        return None
    *columns, now, usable = row
    of_key = len(_names(ApiKey))
    key: Any = _instance(ApiKey, columns[:of_key])
    key.client = _instance(ApiClient, columns[of_key:])
    key.now, key.usable = now, usable
    return key


def _instance(model: type[Model], columns: list[Any]) -> Any:
    for place, field, converters in _converted(model):
        for convert in converters:
            columns[place] = convert(columns[place], field, connection)
    return model.from_db(connection.alias, _names(model), columns)


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


@cache
def _converted(model: type[Model]) -> list[tuple[int, Any, list[Any]]]:
    """The places of the columns that are read otherwise than the database gives them, with how."""
    fields = enumerate(model._meta.concrete_fields)
    return [(place, field, made) for place, field in fields if (made := field.get_db_converters(connection))]


def _rehash(key: ApiKey, presented: keys.PresentedKey) -> None:
    """Hash a key under the newest pepper: only its holder's request has the secret that this takes."""
    newest = peppers.newest()
    ApiKey.objects.filter(pk=key.pk, pepper_version=key.pepper_version).update(
        secret_hash=presented.hashed(newest), pepper_version=newest, pepper_fingerprint=peppers.fingerprint(newest)
    )

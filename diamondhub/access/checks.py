"""What the system checks of the database, and `/health/status`, say of API keys whose pepper is gone, and of sealed secrets
whose key is.

`manage.py migrate`, which every start of `up` runs, and `manage.py check --database default` ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError, connections, transaction

from diamondhub.access import peppers, sealed
from diamondhub.access.secrets import SecretError
from diamondhub.telemetry.health import Outcome


@checks.register(checks.Tags.database)
def check_peppers(*, databases: Sequence[str] | None = None, **_options: Any) -> list[checks.CheckMessage]:
    """An error for live keys that nobody can use, a warning for those that a new `SECRET_KEY` would end."""
    messages: list[checks.CheckMessage] = []
    for alias in databases or ():
        try:
            with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
                missing = list(peppers.missing(cursor))
                old = peppers.live_under_secret_key(cursor)
        except DatabaseError:
            # Away, or not migrated yet: whoever needs it says so.
            continue
        messages += [
            checks.Error(
                f"{lost}: they are refused.",
                hint="Put that pepper back, or end these keys for ever: manage.py revoke_api_key --without-pepper.",
                id="access.E002",
            )
            for lost in missing
        ]
        if old:
            messages.append(
                checks.Warning(
                    f"{old:,} live API key{' is' if old == 1 else 's are'} hashed under SECRET_KEY, and a new one would end "
                    "them.",
                    hint="Each is hashed under API_KEY_PEPPERS when it is next used.",
                    id="access.W001",
                )
            )
    return messages


def peppers_are_there(cursor: Any) -> Outcome:
    """The part of `/health/status`: whether every live key has its pepper."""
    lost = sum(found.keys for found in peppers.missing(cursor))
    if not lost:
        return Outcome(ok=True, detail="every live key has its pepper")
    return Outcome(ok=False, detail=f"{lost:,} live API key(s) are refused, since their pepper is gone")


@checks.register(checks.Tags.database)
def check_encryption_keys(*, databases: Sequence[str] | None = None, **_options: Any) -> list[checks.CheckMessage]:
    """An error for a key that was taken out though secrets are still sealed by it."""
    messages: list[checks.CheckMessage] = []
    for alias in databases or ():
        try:
            with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
                missing = sealed.missing_versions(cursor)
        except DatabaseError:
            continue
        except SecretError as error:
            messages.append(checks.Error(str(error), id="access.E010"))
            continue
        if missing:
            each = ", ".join(f"version {version} ({rows:,} values)" for version, rows in missing.items())
            messages.append(
                checks.Error(
                    f"ENCRYPTION_KEYS lacks keys that still seal secrets: {each}.",
                    hint="Put them back, then run manage.py rotate_secrets before one is taken out.",
                    id="access.E011",
                )
            )
    return messages


def encryption_keys_are_there(cursor: Any) -> Outcome:
    """The part of `/health/status`: whether every sealed secret has its key."""
    try:
        lost = sum(sealed.missing_versions(cursor).values())
    except SecretError:
        return Outcome(ok=False, detail="the keys that seal secrets cannot be had")
    if not lost:
        return Outcome(ok=True, detail="every sealed secret has its key")
    return Outcome(ok=False, detail=f"{lost:,} sealed secret(s) cannot be opened, since their key is gone")

"""Creating API clients and issuing their keys; called by the command line and the admin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from diamondhub.access import keys, signing_secrets
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.access.scopes import Scope

MAX_NAME_LENGTH = 100
#: Longest life of a key that is to expire (days).
MAX_LIFE = 3650


class AccessError(Exception):
    """What was asked of the clients cannot be done; the message says why, in one line."""


@dataclass(frozen=True)
class IssuedKey:
    """A key just issued, with its text: the only time that anybody sees it."""

    key: ApiKey
    text: str
    #: What the client signs its requests with, if it is to sign.
    signing_secret: str | None = None

    def __repr__(self) -> str:
        return f"IssuedKey({self.key})"


def create_client(
    name: str, *, scopes: Iterable[str], expires_days: int | None = None, signing: bool = False
) -> IssuedKey:
    """Create an active client with its first key, which ends after `expires_days` days, or never.

    With `signing` the key has a signing secret.

    Raises `AccessError` for a name that is taken or unusable, for unknown or no scopes, and for a life out of range.
    """
    name = name.strip()
    if not (0 < len(name) <= MAX_NAME_LENGTH and name.isprintable()):
        raise AccessError(f"the name must be 1 to {MAX_NAME_LENGTH} printable characters")
    wanted = sorted(set(scopes))
    if not wanted or (unknown := [scope for scope in wanted if scope not in set(Scope)]):
        wrong = f"no such scope: {', '.join(unknown)}" if wanted else "a client needs at least one scope"
        raise AccessError(f"{wrong}; scopes are: {', '.join(Scope)}")
    expires_at = _end_of_life(expires_days)
    try:
        with transaction.atomic():
            client = ApiClient.objects.create(name=name, scopes=wanted)
            return issue_key(client, expires_at=expires_at, signing=signing)
    except IntegrityError:
        raise AccessError(f"there is already a client named {name!r}; choose another name") from None


@transaction.atomic
def issue_key(client: ApiClient, *, expires_at: datetime | None = None, signing: bool = False) -> IssuedKey:
    """Give the client one more key, on demand with a signing secret; the ones it has stay as they are."""
    issued = keys.generate()
    key = ApiKey.objects.create(
        client=client, key_id=issued.key_id, secret_hash=issued.secret_hash, expires_at=expires_at
    )
    return IssuedKey(key, issued.text, signing_secrets.issue(key) if signing else None)


def _end_of_life(days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 1 <= days <= MAX_LIFE:
        raise AccessError(f"a key can live 1 to {MAX_LIFE} days, not {days}")
    return timezone.now() + timedelta(days=days)

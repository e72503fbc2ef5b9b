"""The secrets that clients sign with: `dhs_…`, one a key, shown once when it is issued and kept sealed.

Whoever verifies an HMAC must know its secret, so a hash as of the key itself would not do. The secret's bytes are those of
its text, so that every language has them without decoding.
"""

from __future__ import annotations

from functools import cache

import structlog
from django.core.signals import setting_changed
from django.dispatch import receiver

from diamondhub.access import keys, secrets
from diamondhub.access.models import ApiKey

log = structlog.get_logger(__name__)

PREFIX = "dhs_"


def issue(key: ApiKey) -> str:
    """Give the key a signing secret, in place of the one that it may have. Nobody sees it again."""
    text = keys.secret_text(PREFIX)
    key.signing_secret = secrets.seal(text.encode(), identity=_identity(key.pk))
    key.save(update_fields=["signing_secret"])
    return text


def opened(key_pk: int | None, sealed: bytes | None) -> bytes:
    """The secret of a key; one that nobody has, at the same cost, where there is no key or it does not sign.

    A secret that does not open verifies nothing, which is the operator's to mend and nobody else's to learn.
    """
    if key_pk is not None and sealed is not None:
        try:
            return secrets.unseal(bytes(sealed), identity=_identity(key_pk))
        except secrets.SecretError as error:
            log.error("signing_secret_does_not_open", key=key_pk, error=str(error))
    return secrets.unseal(_nobodys(), identity=_identity(0))


def _identity(key_pk: int) -> str:
    return f"access.ApiKey:{key_pk}:signing_secret"


@cache
def _nobodys() -> bytes:
    return secrets.seal(keys.secret_text(PREFIX).encode(), identity=_identity(0))


@receiver(setting_changed)
def _forget(**_: object) -> None:
    _nobodys.cache_clear()

"""Short-lived tokens in the place of a key, for endpoints that take other people's clients: those sign in first, by name
and key, and then send what they were given.

A token names its API key and is signed; all that the key may do, and whether it still may, is looked up with every request.
So a token ends with its key at once. It opens endpoints only that say `takes_tokens`.
"""

from __future__ import annotations

import hmac
import re
from typing import Any

import structlog
from django.core import signing
from django.db.models.functions import Now

from diamondhub.access import keys, signatures
from diamondhub.access.authentication import KeyState, refused
from diamondhub.access.clients import USABLE
from diamondhub.access.finding import find
from diamondhub.access.gate import Visit
from diamondhub.access.models import ApiKey

log = structlog.get_logger(__name__)

#: As long as the supplier's own, by which its clients know when to sign in again (seconds).
LIFE_SECONDS = 6 * 3600
_SIGNER = signing.TimestampSigner(salt="diamondhub.access.tokens")
_PREFIX = "dht_"
_BEARER = re.compile(r"bearer +(?P<token>[A-Za-z0-9._~+/:=-]{1,300})", re.IGNORECASE | re.ASCII)
#: What `Visit.notes` calls how a request signs in, if not by a header of ours.
CREDENTIAL = "credential"
PASSWORD, TOKEN = "password", "token"


def issue(key: ApiKey) -> str:
    """A token for this key."""
    return _PREFIX + _SIGNER.sign(key.key_id)


def bearer_of(visit: Visit) -> str | None:
    """What stands in `Authorization: Bearer`, "" for what is no token; None where there is no such header."""
    written = visit.request.headers.get("Authorization")
    if written is None:
        return None
    found = _BEARER.fullmatch(written.strip())
    return found["token"] if found else ""


def prove_token(visit: Visit, text: str) -> None:
    """Set the visit's key to the one that a token stands for, without a look at its state. Raises as a wrong key does."""
    visit.notes[CREDENTIAL] = TOKEN
    key_id = _key_id(text)
    with_state = ApiKey.objects.select_related("client").annotate(now=Now(), usable=USABLE)
    key = with_state.filter(key_id=key_id).first() if key_id is not None else None
    if key is None:
        raise refused(visit, key_id=key_id)
    visit.key = key


def sign_in_by_token(visit: Visit, text: str) -> None:
    """Sign in by a token that stands in a body: as the gate does it by a header. Raises as the gate does."""
    before = visit.key
    prove_token(visit, text)
    if before is not None and visit.key is not None and before.pk != visit.key.pk:
        visit.key = None
        raise refused(visit, key_id=before.key_id)
    _check(visit)


def sign_in_by_password(visit: Visit, name: str, password: str) -> None:
    """Sign in by a client's name and key that stand in a body. Raises the same for whatever is wrong."""
    visit.notes[CREDENTIAL] = PASSWORD
    presented = keys.parse(password)
    key: Any = find(presented) if presented else None
    if key is None or not hmac.compare_digest(key.client.name.encode(), name.encode("utf-8", "replace")):
        visit.key = None
        raise refused(visit, key_id=presented.key_id if presented else None)
    visit.key = key
    _check(visit)


def _check(visit: Visit) -> None:
    KeyState().check(visit)
    if visit.scope is not None:
        signatures.refuse_unsigned(visit, visit.scope)


def _key_id(text: str) -> str | None:
    try:
        return _SIGNER.unsign(text.removeprefix(_PREFIX), max_age=LIFE_SECONDS) if text.startswith(_PREFIX) else None
    except signing.BadSignature:
        return None

"""Credentials that come without TLS where everything must come by it: they are refused, and never redirected.

A redirect would hide what happened. Everybody on the way has read the credential, whether or not the next request is
encrypted, so who sent it is told to have it replaced, and so is its owner.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from diamondhub.access import keys, misuse
from diamondhub.access.finding import find
from diamondhub.access.gate import Visit
from diamondhub.api.parsers import is_sent
from diamondhub.api.problems import Problem

log = structlog.get_logger(__name__)

#: What a credential is called in what is told of it.
KEY, TOKEN, PASSWORD = "key", "token", "name and key in the body"


def refuse(visit: Visit) -> None:
    """Raise problem 403 for a request that brings a credential without TLS in production; its owner is told."""
    if not settings.SECURE_SSL_REDIRECT or visit.request.is_secure():
        return
    credential = _credential_of(visit)
    if credential is None:
        return
    if credential == KEY:
        _tell_owner(visit)
    log.warning("credential_sent_in_clear", credential=credential)
    raise Problem(
        HTTPStatus.FORBIDDEN,
        "credential-sent-in-clear",
        f"This request came by http, and its {credential} with it: whoever is on the way can have read it. Nothing was "
        "done. Have the key replaced (rotate_api_key), and send everything to https addresses.",
    )


def _credential_of(visit: Visit) -> str | None:
    headers = visit.request.headers
    if "X-API-Key" in headers:
        return KEY
    if "Authorization" in headers:
        return TOKEN
    # Bodies are read behind the gate only, but where one may hold a sign-in it must be taken for one.
    if visit.endpoint is not None and visit.endpoint.takes_tokens and is_sent(visit.request.META):
        return PASSWORD
    return None


def _tell_owner(visit: Visit) -> None:
    """Tell the owner of the key that was sent, if it is one; whoever sent it is told the same either way."""
    presented = keys.parse(visit.request.headers["X-API-Key"])
    try:
        key: Any = find(presented) if presented is not None else None
        if key is not None and key.usable:
            misuse.tell_of_key_in_clear(visit, key)
    except (DatabaseError, InterfaceError) as error:
        log.warning("owner_not_told", error=str(error).strip())

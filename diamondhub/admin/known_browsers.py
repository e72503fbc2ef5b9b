"""Browsers that a person has signed in with before: each keeps a signed cookie for that person.

Failed sign-ins are counted by name, so strangers could keep somebody out. A browser that shows its cookie is counted by
itself instead; a stranger has none, and the cookie opens nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

#: How long a browser is known after it was last signed in with; browsers keep no cookie for longer.
LIFE = timedelta(days=400)
_SALT = "diamondhub.admin.known-browser"


def device_of(request: HttpRequest, name: str) -> str:
    """What tells this browser of the person with this (normalised) name from others; empty if it is not known."""
    device = request.get_signed_cookie(_cookie(name), default="", salt=_salt(name), max_age=LIFE)
    return str(device)


def remember(request: HttpRequest, response: HttpResponseBase, name: str) -> None:
    """Make the browser known, or known for longer."""
    response.set_signed_cookie(
        _cookie(name),
        device_of(request, name) or secrets.token_urlsafe(16),
        salt=_salt(name),
        max_age=LIFE,
        path=request.path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _cookie(name: str) -> str:
    # A cookie's name takes few characters, and not everybody who sits there need read who else did.
    return f"known_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _salt(name: str) -> str:
    return f"{_SALT}:{name}"

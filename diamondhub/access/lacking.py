"""Which permission somebody lacked, so that the page that refuses them can say so, and whom to ask for it.

`Listener` is a backend that grants nothing and is asked when no other has granted a permission: it notes which one, for the
request that `LackingRights` began.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest, HttpResponseBase

#: Permissions that are noted of one request.
MAX_NOTED = 200

_noted: ContextVar[list[str] | None] = ContextVar("lacking", default=None)


class Listener(BaseBackend):
    """Grants nothing."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Note that this permission was asked for and nobody granted it."""
        noted = _noted.get()
        if noted is not None and len(noted) < MAX_NOTED:
            noted.append(perm)
        return False


class LackingRights:
    """Middleware: each request has notes of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = _noted.set([])
        try:
            return self.get_response(request)
        finally:
            _noted.reset(token)


def lacked() -> str:
    """The permission for want of which the request was just refused; "" if none was asked for.

    That to look at something is asked for before that to change it, and either is enough.
    """
    noted = _noted.get() or []
    if not noted:
        return ""
    last = noted[-1]
    app, _, codename = last.partition(".")
    see = f"{app}.{codename.replace('change_', 'view_', 1)}"
    return see if codename.startswith("change_") and see in noted else last

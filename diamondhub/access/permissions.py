"""What a signed-in client may do: every operation names the scope it needs, the gate asks for it, and DRF once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from diamondhub.access.gate import Place, Step, Visit
from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.access.scopes import Scope

if TYPE_CHECKING:
    # DRF imports this module while it defines its views.
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """Lets clients in that hold the view's `required_scope`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the client may go on; raises `PermissionDenied`, which names the scope that is missing."""
        scope = getattr(view, "required_scope", None)
        if not isinstance(scope, Scope):
            raise ImproperlyConfigured(f"{type(view).__name__} names no required_scope")
        if not isinstance(request.auth, ApiKey):
            return False
        refuse_without(scope, request.auth.client)
        return True


class Scopes(Step):
    """Refuses clients that lack the operation's scope (403)."""

    place = Place.SCOPE

    def check(self, visit: Visit) -> None:
        if visit.scope is not None and visit.client is not None:
            refuse_without(visit.scope, visit.client)


def refuse_without(scope: Scope, client: ApiClient) -> None:
    """Raises `PermissionDenied`, which names the scope, if the client does not hold it."""
    if scope not in client.scopes:
        raise PermissionDenied(f"This needs the scope {scope}, which your client does not have.")

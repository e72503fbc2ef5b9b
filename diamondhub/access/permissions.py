"""What a signed-in client may do: every API view names the scope it needs (`settings.REST_FRAMEWORK`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from diamondhub.access.models import ApiKey
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
        if scope not in request.auth.client.scopes:
            raise PermissionDenied(f"This needs the scope {scope}, which your client does not have.")
        return True

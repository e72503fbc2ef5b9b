"""Who may do what: `client_admin` has API clients, `key_admin` their keys, `people_admin` people with their groups."""

from __future__ import annotations

from diamondhub.access.client_admin import ApiClientAdmin
from diamondhub.access.people_admin import GroupAdmin, SignInAdmin, UserAdmin

__all__ = ["ApiClientAdmin", "GroupAdmin", "SignInAdmin", "UserAdmin"]

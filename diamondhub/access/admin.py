"""Who may do what: people with their groups, and API clients with their keys, of which `client_admin` has the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from diamondhub.access.client_admin import ApiClientAdmin
from diamondhub.admin.base import AnsweringChangeList, ThemeAdmin

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

    PeopleAdmin = StockUserAdmin[User]
    PersonForm = UserChangeForm[User]
else:
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

    PeopleAdmin = StockUserAdmin
    PersonForm = UserChangeForm

__all__ = ["ApiClientAdmin", "GroupAdmin", "UserAdmin"]

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(PeopleAdmin, ThemeAdmin[User]):
    """People. All their columns can be looked up by an address, so not every look-up can be answered."""

    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that says so."""
        return AnsweringChangeList


@admin.register(Group)
class GroupAdmin(StockGroupAdmin, ThemeAdmin[Group]):
    """Groups of permissions."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that says what it cannot answer."""
        return AnsweringChangeList

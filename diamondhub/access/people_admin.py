"""People, their groups and their sign-ins in the admin. Rights are given and taken by superusers only.

Whoever may change users without being a superuser may mend names and addresses, and set passwords, of those who may do no
more than they themselves: a password is all the rights of whose it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from diamondhub.access.people import SignIn
from diamondhub.admin.base import AnsweringChangeList, AuditedHistory, ReadOnlyAdmin, SelectFilter, ThemeAdmin
from diamondhub.admin.display import badge, moment

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

    PeopleAdmin = StockUserAdmin[User]
    PersonForm = UserChangeForm[User]
else:
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

    PeopleAdmin = StockUserAdmin
    PersonForm = UserChangeForm

#: Fields of a person that are rights, or make them.
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(AuditedHistory, PeopleAdmin, ThemeAdmin[User]):
    """People. All their columns can be looked up by an address, so not every look-up can be answered."""

    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that says so."""
        return AnsweringChangeList

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Rights are shown to everybody who sees the page."""
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody changes somebody who may do more."""
        return super().has_change_permission(request, obj) and (obj is None or _may_as_much_as(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody deletes somebody who may do more."""
        return super().has_delete_permission(request, obj) and (obj is None or _may_as_much_as(request.user, obj))


def _may_as_much_as(one: Any, other: User) -> bool:
    if one.is_superuser:
        return True
    # An inactive person has no permissions now, and has them again when somebody activates it.
    held = User(pk=other.pk, is_active=True, is_superuser=other.is_superuser).get_all_permissions()
    return not other.is_superuser and set(held) <= set(one.get_all_permissions())


class _BySuperusers:
    """Mixin of an admin whose rows only superusers add, change and delete."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(Group)
class GroupAdmin(_BySuperusers, AuditedHistory, StockGroupAdmin, ThemeAdmin[Group]):
    """Groups of permissions."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that says what it cannot answer."""
        return AnsweringChangeList


class OutcomeFilter(SelectFilter):
    """By what became of it."""

    title = "outcome"
    parameter_name = "outcome"
    field = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Signed in, refused."""
        return [(str(value), str(label)) for value, label in SignIn.Outcome.choices]


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin[SignIn]):
    """Tries to sign in, the newest first."""

    list_display = ("when", "name", "address", "became", "known_browser")
    list_filter = (OutcomeFilter,)
    search_help_text = "A name or an address (exactly)"

    def find(self, rows: QuerySet[SignIn], text: str) -> QuerySet[SignIn]:
        """By name or address."""
        if "\0" in text:
            return rows.none()
        return rows.filter(name=text) | rows.filter(address=text)

    @admin.display(description="when (UTC)")
    def when(self, tried: SignIn) -> str | SafeString:
        """The moment."""
        return moment(tried.at)

    @admin.display(description="outcome")
    def became(self, tried: SignIn) -> SafeString:
        """As a badge."""
        return badge(tried.outcome)

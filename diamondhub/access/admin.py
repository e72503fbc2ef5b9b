"""Who may do what: API clients with their keys, and people with their groups.

Clients and their first keys are made by `manage.py create_api_client`, which shows a key once; here a client is switched
off, its scopes are changed, and keys are revoked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import Case, CharField, Max, QuerySet, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from diamondhub.access.models import ApiClient, ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.forms import LimitsForm
from diamondhub.admin.base import Admin, AnsweringChangeList, ThemeAdmin
from diamondhub.admin.display import ago, badge, moment

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
    from django.forms import CheckboxSelectMultiple

    PeopleAdmin = StockUserAdmin[User]
    PersonForm = UserChangeForm[User]
else:
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple

    PeopleAdmin = StockUserAdmin
    PersonForm = UserChangeForm

admin.site.unregister(User)
admin.site.unregister(Group)


class ClientForm(LimitsForm):
    """Whether a client is let in, what it may do, and how much of it."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        widget=CheckboxSelectMultiple,
        error_messages={"required": "A client needs at least one scope; switch it off to refuse it."},
    )

    class Meta:
        model = ApiClient
        fields = ("active", "scopes", "max_at_once", "max_rows_a_day")


@admin.register(ApiClient)
class ApiClientAdmin(Admin[ApiClient]):
    """API clients, and the keys of one on its page."""

    form = ClientForm
    list_display = ("name", "state", "scope_names", "last_used", "created")
    list_filter = ("active",)
    ordering = ("name",)
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: a key is shown once, on a terminal."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiClient | None = None) -> bool:
        """Nobody: a client that is not wanted is switched off, its history stays."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiClient]:
        """Clients with the last use of any of their keys."""
        return super().get_queryset(request).annotate(last_use=Max("keys__last_used_at"))

    @admin.display(description="state")
    def state(self, client: ApiClient) -> SafeString:
        """Active or not."""
        return badge("active" if client.active else "inactive")

    @admin.display(description="scopes")
    def scope_names(self, client: ApiClient) -> str:
        """What it may do."""
        return ", ".join(client.scopes)

    @admin.display(description="last used")
    def last_used(self, client: Any) -> str:
        """When one of its keys was used last, to the minute."""
        return ago(client.last_use)

    @admin.display(description="created")
    def created(self, client: ApiClient) -> str | SafeString:
        """When it was made."""
        return moment(client.created_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, and below it the client's keys with their buttons."""
        client = self.get_object(request, object_id)
        can = request.user.has_perm
        shown = client is not None and (can("access.view_apikey") or can("access.change_apikey"))
        context = {
            **(extra_context or {}),
            "shows_keys": shown,
            "keys": keys_of(client) if client and shown else [],
            "may_revoke": can("access.change_apikey"),
        }
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        """The button's address besides the usual ones."""
        revoke = self.admin_site.admin_view(self.revoke)
        return [path("key/<int:key>/revoke/", revoke, name="access_apikey_revoke"), *super().get_urls()]

    def revoke(self, request: HttpRequest, key: int) -> HttpResponse:
        """Revoke a key from now on; 405 for anything but POST, 403 without permission."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("access.change_apikey"):
            raise PermissionDenied
        found = ApiKey.objects.filter(pk=key).first()
        if found is None:
            messages.error(request, f"There is no key {key}.")
            return redirect("admin:access_apiclient_changelist")
        if ApiKey.objects.filter(pk=key, revoked_at=None).update(revoked_at=Now()):
            self.log_change(request, found.client, f"Revoked the key {found}.")
            messages.success(request, f"The key {found} is revoked: requests with it are refused from now on.")
        else:
            messages.warning(request, f"The key {found} was revoked before.")
        return redirect(reverse("admin:access_apiclient_change", args=[found.client_id]))


def keys_of(client: ApiClient) -> list[dict[str, Any]]:
    """A client's keys, newest first, with their states by the database's clock."""
    state = Case(
        When(revoked_at__isnull=False, then=Value("revoked")),
        When(expires_at__lte=Now(), then=Value("expired")),
        default=Value("active"),
        output_field=CharField(),
    )
    keys: Any = ApiKey.objects.filter(client=client).annotate(state=state).order_by("-pk")
    return [
        {
            "key": key,
            "badge": badge(key.state),
            "usable": key.state == "active",
            "created": moment(key.created_at),
            "expires": moment(key.expires_at) if key.expires_at else "never",
            "revoked": moment(key.revoked_at),
            "last_used": ago(key.last_used_at),
        }
        for key in keys
    ]


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

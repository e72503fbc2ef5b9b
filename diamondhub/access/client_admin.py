"""API clients in the admin: the list, and the form by which they are made, changed and switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import Now
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from diamondhub.access import clients, key_admin
from diamondhub.access.clients import MAX_LIFE, AccessError
from diamondhub.access.models import ApiClient, Kind
from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.forms import FIELDS, LimitsForm
from diamondhub.admin.base import Admin, SelectFilter
from diamondhub.admin.display import NOTHING, ago, badge, counted
from diamondhub.admin.forms import NamesField, Textarea, TextInput
from diamondhub.api.problems import sentence

if TYPE_CHECKING:
    from django.forms import CheckboxSelectMultiple

    ClientModelForm = ModelForm[ApiClient]
else:
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple

    ClientModelForm = ModelForm

#: What a client's form and `clients.agreed` have in common.
TERMS = ("kind", "scopes", "origins", "networks", "needs_signature")


class ClientForm(LimitsForm):
    """Whether a client is let in, what it may do, and from where."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        widget=CheckboxSelectMultiple,
        error_messages={"required": "A client needs at least one scope; switch it off to refuse it."},
        help_text="A publishable client can read the catalogue and nothing else.",
    )
    origins = NamesField(
        by_line=True,
        widget=Textarea(attrs={"rows": 3, "placeholder": "https://www.example.com"}),
        help_text="Of a publishable client: the pages that may use its keys, one a line: scheme, host and port as browsers "
        "send them. Keys are refused in all other pages.",
    )
    networks = NamesField(
        by_line=True,
        widget=Textarea(attrs={"rows": 3, "placeholder": "203.0.113.0/24"}),
        help_text="Addresses or networks (CIDR) that the client calls from, one a line; empty: from anywhere.",
    )

    needs_signature = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        widget=CheckboxSelectMultiple,
        required=False,
        label="Must sign",
        help_text="Requests that need one of these scopes are refused unless they are signed. Keys made from then on come "
        "with a signing secret; older ones may have none: replace them.",
    )

    class Meta:
        model = ApiClient
        fields = ("active", "kind", "scopes", "origins", "networks", "needs_signature", "max_at_once", "max_rows_a_day")

    def clean(self) -> dict[str, Any]:
        """The terms in normal form, with what is wrong at its field."""
        values: dict[str, Any] = super().clean() or {}
        if not set(TERMS) <= values.keys():
            return values
        if values["kind"] == Kind.SECRET:
            # The form hides them then.
            values["origins"] = []
        else:
            values["needs_signature"] = []
        try:
            terms = clients.agreed(**{name: values[name] for name in TERMS})
        except AccessError as error:
            self.add_error(error.field or None, sentence(str(error)))
            return values
        return {**values, **{name: getattr(terms, name) for name in TERMS}}


class NewClientForm(ClientForm):
    """A client that is to be, with the life of its first key."""

    expires_days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_LIFE,
        label="Days until the key ends",
        widget=TextInput(attrs={"inputmode": "numeric"}),
        help_text="Empty: it does not end. A key can be replaced at any time without a gap.",
    )

    signing = forms.BooleanField(
        required=False,
        label="With a signing secret",
        help_text="The client can then sign its requests instead of sending its key.",
    )

    class Meta:
        model = ApiClient
        fields = ("name", "kind", "scopes", "origins", "networks", "needs_signature")

    def clean_name(self) -> str:
        """A name that can be printed."""
        name = str(self.cleaned_data["name"]).strip()
        if not name.isprintable():
            raise forms.ValidationError("The name must be printable characters.")
        return name


class KindFilter(SelectFilter):
    """Clients of one kind."""

    title = "kind"
    parameter_name = field = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds."""
        return [(str(value), str(label)) for value, label in Kind.choices]


@admin.register(ApiClient)
class ApiClientAdmin(Admin[ApiClient]):
    """API clients, and the keys of one on its page."""

    form = ClientForm
    list_display = ("name", "state", "kind_badge", "scope_names", "places", "live_keys", "last_used")
    list_filter = ("active", KindFilter)
    ordering = ("name",)
    actions = None
    #: Of the theme: origins are asked for where they mean something.
    conditional_fields: ClassVar[dict[str, str]] = {
        "origins": f"kind == '{Kind.PUBLISHABLE}'",
        "needs_signature": f"kind == '{Kind.SECRET}'",
        "signing": f"kind == '{Kind.SECRET}'",
    }

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may make clients and keys: a new client comes with its first key."""
        return super().has_add_permission(request) and request.user.has_perm("access.add_apikey")

    def has_delete_permission(self, request: HttpRequest, obj: ApiClient | None = None) -> bool:
        """Nobody: a client that is not wanted is switched off, its history stays."""
        return False

    def get_form(
        self, request: HttpRequest, obj: ApiClient | None = None, change: bool = False, **kwargs: Any
    ) -> type[ClientModelForm]:
        """Another form for a client that is to be."""
        return super().get_form(request, obj, change, **({} if obj else {"form": NewClientForm}), **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: ApiClient | None = None) -> Any:
        """The form in groups."""
        return [
            (None, {"fields": ("active", "kind") if obj else ("name", "kind")}),
            ("What it may do", {"fields": ("scopes", "needs_signature")}),
            ("Where it calls from", {"fields": ("origins", "networks")}),
            *([("How much", {"fields": (*FIELDS.values(), "max_at_once", "max_rows_a_day")})] if obj else []),
            *([] if obj else [("Its first key", {"fields": ("expires_days", "signing")})]),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiClient]:
        """Clients with the last use of any of their keys, and how many of these are live."""
        live = Q(keys__revoked_at=None) & (Q(keys__expires_at=None) | Q(keys__expires_at__gt=Now()))
        return (
            super().get_queryset(request).annotate(last_use=Max("keys__last_used_at"), live=Count("keys", filter=live))
        )

    # --- the list ----------------------------------------------------------------------------------------------------

    @admin.display(description="state")
    def state(self, client: ApiClient) -> SafeString:
        """Active or not."""
        return badge("active" if client.active else "inactive")

    @admin.display(description="kind")
    def kind_badge(self, client: ApiClient) -> SafeString:
        """Secret or publishable."""
        return badge(client.kind)

    @admin.display(description="scopes")
    def scope_names(self, client: ApiClient) -> str:
        """What it may do."""
        return ", ".join(client.scopes)

    @admin.display(description="from")
    def places(self, client: ApiClient) -> str:
        """The origins and networks that it is bound to, as far as there is room."""
        return _shortened([*client.origins, *client.networks]) or "anywhere"

    @admin.display(description="live keys")
    def live_keys(self, client: Any) -> str:
        """How many of its keys may be used."""
        return f"{client.live:,}" if client.live else NOTHING

    @admin.display(description="last used")
    def last_used(self, client: Any) -> str:
        """When one of its keys was used last, to the minute."""
        return ago(client.last_use)

    # --- the form ----------------------------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a new client; its answer is the page that shows the key."""
        context = {
            **(extra_context or {}),
            "title": "New API client",
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
        }
        try:
            return super().add_view(request, form_url, context)
        except AccessError as error:
            messages.error(request, sentence(str(error)))
            return redirect("admin:access_apiclient_add")

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
            "keys": key_admin.keys_of(client) if client and shown else [],
            "newest_key": clients.newest_key(client) if client and shown else None,
            "may_change_keys": can("access.change_apikey"),
            "may_add_keys": can("access.add_apikey"),
            "may_rotate": can("access.add_apikey") and can("access.change_apikey"),
            "overlaps": key_admin.OVERLAPS,
            "max_life": MAX_LIFE,
            "show_save_and_add_another": False,
        }
        try:
            return super().change_view(request, object_id, form_url, context)
        except AccessError as error:
            messages.error(request, sentence(str(error)))
            return redirect(key_admin.client_page(object_id))

    def save_model(self, request: HttpRequest, obj: ApiClient, form: Any, change: bool) -> None:
        """Have `clients` do it, as for the commands."""
        values = {name: form.cleaned_data[name] for name in TERMS}
        if change:
            clients.change_client(obj, active=form.cleaned_data["active"], **values)
            form.save_limits()
            return
        signing = form.cleaned_data["signing"] and form.cleaned_data["kind"] == Kind.SECRET
        issued = clients.create_client(
            obj.name, expires_days=form.cleaned_data["expires_days"], signing=signing, **values
        )
        obj.pk = issued.key.client_id
        # For `response_add`, which is given the request only.
        request.issued_key = issued  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiClient, post_url_continue: str | None = None) -> HttpResponse:
        """The page that shows the key, in place of a message and a redirect."""
        return key_admin.shown_once(request, self, request.issued_key)  # type: ignore[attr-defined]

    # --- the buttons -------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("<int:client>/new-key/", view(self.new_key), name="access_apiclient_new_key"),
            path("key/<int:key>/rotate/", view(self.rotate), name="access_apikey_rotate"),
            path("key/<int:key>/expiry/", view(self.expiry), name="access_apikey_expiry"),
            path("key/<int:key>/revoke/", view(self.revoke), name="access_apikey_revoke"),
            *super().get_urls(),
        ]

    def new_key(self, request: HttpRequest, client: int) -> HttpResponse:
        """Give the client one more key and show it."""
        return key_admin.new_key(request, self, client)

    def rotate(self, request: HttpRequest, key: int) -> HttpResponse:
        """Replace a key and show the new one."""
        return key_admin.rotate(request, self, key)

    def expiry(self, request: HttpRequest, key: int) -> HttpResponse:
        """Have a key end in some days, or never."""
        return key_admin.expiry(request, self, key)

    def revoke(self, request: HttpRequest, key: int) -> HttpResponse:
        """Revoke a key from now on; 405 for anything but POST, 403 without permission."""
        return key_admin.revoke(request, self, key)


def _shortened(names: list[str], shown: int = 2) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {counted(more, 'other')}" if more > 0 else "")

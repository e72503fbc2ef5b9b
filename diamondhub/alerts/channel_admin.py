"""Channels in the admin: made, changed, switched off, tested; how telling on each channel goes.

Addresses of the web and tokens are typed and never shown again. The secret that signs a webhook's messages is shown once, on
a page that no browser keeps.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from diamondhub.admin.acting import act
from diamondhub.admin.base import Admin, ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Group, Table, badge, moment
from diamondhub.admin.forms import NamesField, Select, Textarea, TextInput
from diamondhub.alerts import configuring, outbox
from diamondhub.alerts import terms as rules
from diamondhub.alerts.channels import templates
from diamondhub.alerts.configuring import WrongChannel
from diamondhub.alerts.models import Channel, ChannelKind, ChannelState, Delivery

if TYPE_CHECKING:
    ChannelModelForm = ModelForm[Channel]
else:
    ChannelModelForm = ModelForm

TEST = "alerts.change_channel"
#: Deliveries on the page of a channel's state.
SHOWN_DELIVERIES = 50
WEBHOOK_FIELDS = ("new_token", "without_token", "authorization", "preset", "template")


class ChannelForm(ChannelModelForm):
    """A channel; what is secret of it is typed anew or left as it is."""

    addresses = NamesField(by_line=True, help_text="Of e-mail: one address a line.")
    new_url = forms.CharField(
        required=False,
        label="Address of the web",
        max_length=500,
        widget=TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Of Slack: its incoming webhook. Of a webhook: where to post to. Not shown again; empty: it stays.",
    )
    new_token = forms.CharField(
        required=False,
        label="Token",
        max_length=configuring.MAX_TOKEN,
        widget=TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="The receiver's own key: <code>$token</code> in the template. Not shown again; empty: it stays as it is.",
    )
    without_token = forms.BooleanField(required=False, label="Take the token away")
    preset = forms.ChoiceField(
        required=False,
        label="Form of messages",
        widget=Select,
        choices=[
            ("", "as the template below says"),
            ("ours", "our own (Standard Webhooks)"),
            *((name, name.capitalize()) for name in templates.PRESETS),
        ],
    )
    template = forms.CharField(
        required=False,
        max_length=templates.MAX_TEMPLATE,
        widget=Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="JSON; $names: " + ", ".join(f"${name}" for name in templates.NAMES) + ". Empty: our own form.",
    )

    class Meta:
        model = Channel
        fields = ("name", "kind", "active", "addresses", "authorization", "template")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.template:
            self.initial["template"] = json.dumps(self.instance.template, indent=2)
        else:
            self.initial["template"] = ""

    def clean_template(self) -> dict[str, Any]:
        """The template as an object."""
        text = self.cleaned_data["template"].strip()
        if not text:
            return {}
        try:
            template: dict[str, Any] = json.loads(text)
        except (ValueError, RecursionError):
            raise forms.ValidationError("This is no JSON.") from None
        return template

    def clean(self) -> dict[str, Any]:
        """All of it together, with what is wrong at its field."""
        values: dict[str, Any] = super().clean() or {}
        preset = values.get("preset")
        if preset:
            values["template"] = templates.PRESETS.get(preset, {})
        if self.errors:
            return values
        channel = Channel.objects.get(pk=self.instance.pk) if self.instance.pk else Channel()
        for name in ("name", "kind", "active", "addresses", "authorization", "template"):
            if name in values:
                setattr(channel, name, values[name])
        try:
            configuring.checked(channel, **self.secrets(values))
        except WrongChannel as error:
            field = {"url": "new_url", "token": "new_token"}.get(error.field, error.field)
            self.add_error(field if field in self.fields else None, str(error))
        return values

    def secrets(self, values: dict[str, Any]) -> dict[str, str | None]:
        """What is new of the address and the token."""
        return {
            "url": values.get("new_url") or None,
            "token": "" if values.get("without_token") else values.get("new_token") or None,
        }


_UNKNOWN_KIND = "typeof kind === 'undefined'"


@admin.register(Channel)
class ChannelAdmin(Admin[Channel]):
    """Channels; those of the environment are seen by their states alone."""

    form = ChannelForm
    list_display = ("name", "kind", "state", "where", "going")
    ordering = ("name",)
    actions = None
    change_form_template = "admin/alerts/channel/change_form.html"
    #: Only the form of a new one has a kind to choose; what another kind has, `get_fieldsets` leaves out.
    conditional_fields: ClassVar[dict[str, str]] = {
        "addresses": f"{_UNKNOWN_KIND} || kind == '{ChannelKind.EMAIL}'",
        "new_url": f"{_UNKNOWN_KIND} || kind != '{ChannelKind.EMAIL}'",
        **dict.fromkeys(
            ("new_token", "without_token", "authorization", "preset", "template"),
            f"{_UNKNOWN_KIND} || kind == '{ChannelKind.WEBHOOK}'",
        ),
    }

    def has_delete_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        """Nobody: one that is not wanted is switched off."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> tuple[str, ...]:
        """Deliveries and rules name it, and its kind says what its secrets are."""
        return ("name", "kind") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        """The form in groups; of one that is there, what its kind has."""
        kind = obj.kind if obj else None
        fields = ["addresses"] if kind in (None, ChannelKind.EMAIL) else []
        fields += ["new_url"] if kind != ChannelKind.EMAIL else []
        return [
            (None, {"fields": ("name", "kind", "active")}),
            ("Where", {"fields": fields}),
            *([("Form of its messages", {"fields": WEBHOOK_FIELDS})] if kind in (None, ChannelKind.WEBHOOK) else []),
        ]

    @admin.display(description="state")
    def state(self, channel: Channel) -> SafeString:
        """On or off."""
        return badge("active" if channel.active else "inactive")

    @admin.display(description="where")
    def where(self, channel: Channel) -> str:
        """Addresses of mail, or the host."""
        return ", ".join(channel.addresses[:3]) if channel.kind == ChannelKind.EMAIL else channel.host

    @admin.display(description="failing since")
    def going(self, channel: Channel) -> str | SafeString:
        """Since when nothing was delivered though it was tried."""
        state = ChannelState.objects.filter(pk=channel.name).first()
        return moment(state.failing_since) if state else NOTHING

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Have `configuring` do it."""
        # For `response_add`, which is given the request only.
        request.issued_secret = configuring.save(obj, **form.secrets(form.cleaned_data))  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Channel, post_url_continue: str | None = None) -> HttpResponse:
        """Of a webhook, the page that shows its secret."""
        secret = request.issued_secret  # type: ignore[attr-defined]
        return (
            self._shown_once(request, obj, secret) if secret else super().response_add(request, obj, post_url_continue)
        )

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("<int:channel>/test/", view(self.test), name="alerts_channel_test"),
            path("<int:channel>/new-secret/", view(self.new_secret), name="alerts_channel_new_secret"),
            *super().get_urls(),
        ]

    def test(self, request: HttpRequest, channel: int) -> HttpResponse:
        """Send a test message."""
        if not request.user.has_perm(TEST):
            raise PermissionDenied
        named = _named(channel)
        return _test(request, named.name, back=reverse("admin:alerts_channel_change", args=[channel]))

    def new_secret(self, request: HttpRequest, channel: int) -> HttpResponse:
        """Give a webhook a new secret to sign with, and show it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("alerts.change_channel"):
            raise PermissionDenied
        named = _named(channel)
        try:
            secret = configuring.rotate_secret(named)
        except WrongChannel as error:
            messages.error(request, str(error))
            return redirect("admin:alerts_channel_change", channel)
        return self._shown_once(request, named, secret)

    def _shown_once(self, request: HttpRequest, channel: Channel, secret: str) -> HttpResponse:
        here = reverse("admin:alerts_channel_change", args=[channel.pk])
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "The secret of a channel"}
        context |= {"channel": channel, "secret": secret, "here": here}
        response = TemplateResponse(request, "admin/alerts/channel/secret.html", context)
        response["Cache-Control"] = "no-store"
        return response


@admin.register(ChannelState)
class ChannelStateAdmin(ReadOnlyAdmin[ChannelState]):
    """How telling on each channel goes."""

    list_display = ("name", "failing", "delivered", "last_failure")
    ordering = ("name",)
    detail_template = "admin/alerts/channelstate/detail.html"

    @admin.display(description="failing since")
    def failing(self, state: ChannelState) -> str | SafeString:
        """Since when nothing was delivered though it was tried."""
        return moment(state.failing_since)

    @admin.display(description="last delivered")
    def delivered(self, state: ChannelState) -> str | SafeString:
        """When something was delivered last."""
        return moment(state.delivered_at)

    def groups(self, request: HttpRequest, row: ChannelState) -> list[Group]:
        """What is known of it."""
        return [
            Group(
                "Channel",
                [
                    ("name", row.name),
                    ("failing since", moment(row.failing_since)),
                    ("tries without success", row.failures),
                    ("last failure", row.last_failure or NOTHING),
                    ("last delivered", moment(row.delivered_at)),
                    ("next try", moment(row.retry_at)),
                    ("asked for quiet until", moment(row.quiet_until)),
                ],
            )
        ]

    def tables(self, request: HttpRequest, row: ChannelState) -> list[Table]:
        """The newest deliveries."""
        newest = Delivery.objects.filter(channel=row.name).select_related("event").order_by("-pk")[:SHOWN_DELIVERIES]
        return [
            Table(
                "Deliveries",
                ["message", "state", "tries", "next try", "finished", "last error"],
                [
                    [
                        delivery.event.subject,
                        badge(delivery.state),
                        delivery.tries,
                        moment(delivery.due_at) if delivery.state == Delivery.State.PENDING else NOTHING,
                        moment(delivery.finished_at),
                        delivery.last_error or NOTHING,
                    ]
                    for delivery in newest
                ],
                note="Nothing was sent yet.",
            )
        ]

    def detail_context(self, request: HttpRequest, row: ChannelState) -> dict[str, Any]:
        """Whether this person has the button."""
        return {"may_test": request.user.has_perm(TEST), "channel_name": row.name}

    def get_urls(self) -> list[URLPattern]:
        """The button's address besides the usual ones."""
        view = self.admin_site.admin_view
        return [path("<str:name>/test/", view(self.test), name="alerts_channelstate_test"), *super().get_urls()]

    def test(self, request: HttpRequest, name: str) -> HttpResponse:
        """Send a test message."""
        return _test(request, name, back=reverse("admin:alerts_channelstate_changelist"))


def _test(request: HttpRequest, name: str, *, back: str) -> HttpResponse:
    def do(_reason: str) -> tuple[str, str]:
        channel = rules.channel(name)
        if channel is None:
            raise WrongChannel("The channel is switched off: switch it on first.")
        (delivery,) = outbox.announce_test([channel], by=request.user.get_username())
        onward = reverse("admin:alerts_event_change", args=[delivery.event_id])
        return "The test is on its way: look below what becomes of it.", onward

    return act(request, TEST, do, back=back, errors=WrongChannel)


def _named(number: int) -> Channel:
    row = Channel.objects.filter(pk=number).first()
    if row is None:
        raise Http404("there is no such channel")
    return row

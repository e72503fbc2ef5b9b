"""Making and changing channels and rules: what the admin calls. A new channel is told what is open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from rest_framework.exceptions import ValidationError as FieldError

from diamondhub.access import sealed
from diamondhub.alerts import terms as rules
from diamondhub.alerts.channels import posting, templates
from diamondhub.alerts.listening import catch_up
from diamondhub.alerts.models import Channel, ChannelKind, Rule
from diamondhub.api.fields import nearest
from diamondhub.database import clock
from diamondhub.doorbells import ring
from diamondhub.webhooks import signing
from diamondhub.webhooks.addresses import WebhookAddress

#: Names of channels of the environment, which no other may have.
RESERVED = ("log", "email")
#: Addresses of one channel at most, and the longest token (characters).
MAX_ADDRESSES, MAX_TOKEN = 50, 500
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)


class WrongChannel(ValueError):
    """A channel or rule that cannot be; the text says why, and `field` where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def checked(channel: Channel, *, url: str | None, token: str | None) -> None:
    """Raise `WrongChannel` for what cannot be told on; `url` and `token` are new ones, None those it has."""
    if channel.name in RESERVED:
        raise WrongChannel(f"{channel.name} is a channel of the environment (ALERT_CHANNELS)", "name")
    if channel.kind == ChannelKind.EMAIL:
        _check_addresses(channel.addresses)
        return
    if url is None and channel.url is None:
        raise WrongChannel("An address is needed.", "url")
    if url is not None:
        _check_url(url)
        host = urlsplit(url).hostname or ""
        if token is None and channel.token is not None and host != channel.host:
            raise WrongChannel("It is another host: enter the token for it as well.", "token")
    if token and (len(token) > MAX_TOKEN or not _TOKEN.fullmatch(token)):
        raise WrongChannel(f"A token is {MAX_TOKEN} characters at most, without spaces.", "token")
    if channel.authorization and not _SCHEME.fullmatch(channel.authorization):
        raise WrongChannel("The scheme is one word, such as Bearer or GenieKey.", "authorization")
    if channel.template:
        if channel.kind != ChannelKind.WEBHOOK:
            raise WrongChannel("Only a webhook has a template.", "template")
        try:
            templates.check(channel.template)
        except templates.WrongTemplate as error:
            raise WrongChannel(str(error), "template") from None


def _check_addresses(addresses: Sequence[str]) -> None:
    if not addresses or len(addresses) > MAX_ADDRESSES:
        raise WrongChannel(f"Between 1 and {MAX_ADDRESSES} addresses are needed.", "addresses")
    for address in addresses:
        try:
            validate_email(address)
        except ValidationError:
            raise WrongChannel(
                f"{address[:60]!r} is no address: write one like duty@example.com.", "addresses"
            ) from None


def _check_url(url: str) -> None:
    try:
        WebhookAddress().run_validation(url)
    except FieldError:
        raise WrongChannel(
            "Enter an address such as https://hooks.example.com/services/T0: https, the name of a public host, a port below "
            "10000 if any, no user, no password, no fragment; hosts of WEBHOOK_HOSTS may be private.",
            "url",
        ) from None


@transaction.atomic
def save(channel: Channel, *, url: str | None = None, token: str | None = None) -> str | None:
    """Save a channel with what is new of its secrets ("" takes a token away). Raises `WrongChannel`.

    Returns the secret that signs a new webhook's messages, which nobody is shown again; None for others. A channel that
    is new or switched on is told what is open.
    """
    checked(channel, url=url, token=token)
    before = Channel.objects.filter(pk=channel.pk).first() if channel.pk else None
    issued: str | None = None
    if url is not None:
        channel.host = urlsplit(url).hostname or ""
    channel.save()
    if url is not None:
        sealed.put(channel, "url", url.encode())
        posting.hide("url", url)
    if token is not None:
        channel.token = None
        if token:
            sealed.put(channel, "token", token.encode())
            posting.hide("token", token)
    if channel.kind == ChannelKind.WEBHOOK and channel.secret is None:
        issued = _new_secret(channel)
    channel.save(update_fields=["url", "token", "secret"])
    if channel.active and (before is None or not before.active):
        _catch_up(channel.name)
    return issued


@transaction.atomic
def rotate_secret(channel: Channel) -> str:
    """Give a webhook a new secret to sign with, which is returned and shown to nobody again; the one before ends at once."""
    locked = Channel.objects.select_for_update(no_key=True).get(pk=channel.pk)
    if locked.kind != ChannelKind.WEBHOOK:
        raise WrongChannel("Only a webhook signs its messages.")
    issued = _new_secret(locked)
    locked.save(update_fields=["secret"])
    return issued


def _new_secret(channel: Channel) -> str:
    secret = signing.new_secret()
    sealed.put(channel, "secret", secret.encode())
    return secret


def check_rule(rule: Rule, *, kinds: Sequence[str], channels: Sequence[str]) -> None:
    """Raise `WrongChannel` for a rule of names that there are not."""
    for field, name in (("channel", rule.channel), ("escalate_to", rule.escalate_to)):
        if name and name not in channels:
            raise WrongChannel(f"There is no channel {name}{nearest(name, channels)}", field)
    for kind in rule.kinds:
        if kind not in kinds:
            raise WrongChannel(f"There is no kind {kind}{nearest(kind, kinds)}", "kinds")
    if (rule.quiet_from is None) != (rule.quiet_to is None):
        raise WrongChannel("Quiet hours have a beginning and an end.", "quiet_to")
    if rule.time_zone not in available_timezones():
        raise WrongChannel(
            f"There is no zone {rule.time_zone}{nearest(rule.time_zone, available_timezones())}", "time_zone"
        )
    if rule.escalate_to and rule.escalate_to == rule.channel:
        raise WrongChannel("Escalate to another channel than the rule's own.", "escalate_to")


@transaction.atomic
def save_rule(rule: Rule) -> int:
    """Save a rule; what is open and has not been told by it is told. Returns how many problems that are."""
    rule.save()
    if not rule.active:
        return 0
    told = catch_up(f"rule:{rule.pk}", clock())
    ring("diamondhub.alerts.tasks.deliver", 0)
    return told


def _catch_up(name: str) -> None:
    at = clock()
    for terms in rules.in_force():
        if terms.channel.name == name:
            catch_up(terms.key, at)
    ring("diamondhub.alerts.tasks.deliver", 0)


def choices_of_channels() -> list[tuple[str, Any]]:
    """Every channel that there is, as a form offers it."""
    rows = Channel.objects.order_by("name").values_list("name", "active")
    named = {name: name if active else f"{name} (off)" for name, active in rows}
    named |= {channel.name: f"{channel.name} (environment)" for channel in rules.channels_of_environment()}
    return sorted(named.items())

"""Channels and rules in the admin: made, tested, sent again; no secret is ever shown twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from diamondhub.alerts.models import Channel, Delivery, Rule
from diamondhub.alerts.outbox import announce, deliver_due

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/services/T0/B0/very-secret"


def make(browser: Client, **values: Any) -> Any:
    return browser.post(
        "/admin/alerts/channel/add/", {"name": "duty", "kind": "slack", "active": "on", "new_url": URL, **values}
    )


def test_a_slack_channel_is_made_and_its_address_is_shown_nowhere(admin_client: Client) -> None:
    make(admin_client)

    channel = Channel.objects.get()
    pages = "".join(
        admin_client.get(f"/admin/alerts/channel/{rest}").content.decode()
        for rest in ("", f"{channel.pk}/change/", f"{channel.pk}/history/")
    )
    assert channel.host == "hooks.example.com"
    assert "very-secret" not in pages


def test_a_webhooks_secret_is_shown_once(admin_client: Client) -> None:
    answer = make(admin_client, kind="webhook")

    page = admin_client.get(f"/admin/alerts/channel/{Channel.objects.get().pk}/change/").content.decode()

    assert "whsec_" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert "whsec_" not in page


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"new_url": "http://127.0.0.1/"}, "the name of a public host"),
        ({"kind": "email", "addresses": "no address"}, "is no address"),
        ({"kind": "webhook", "template": "{"}, "This is no JSON"),
        ({"kind": "webhook", "template": '{"open": {"body": "$sumary"}}'}, "did you mean summary?"),
        ({"name": "log"}, "is a channel of the environment"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_with_words(
    admin_client: Client, values: dict[str, str], said: str
) -> None:
    answer = make(admin_client, **values)

    assert said in answer.content.decode()
    assert not Channel.objects.exists()


def test_a_rule_is_made_and_one_of_an_unknown_kind_is_refused(admin_client: Client) -> None:
    make(admin_client)
    values = {
        "name": "nights",
        "active": "on",
        "channel": "duty",
        "kinds": "channel-failing",
        "wait_seconds": "15",
        "interval_seconds": "300",
        "repeat_seconds": "600",
        "escalate_after_seconds": "900",
        "time_zone": "Europe/Berlin",
        "quiet_from": "22:00",
        "quiet_to": "07:00",
        "tell_resolved": "on",
    }

    wrong = admin_client.post("/admin/alerts/rule/add/", {**values, "kinds": "chanel-failing"})
    admin_client.post("/admin/alerts/rule/add/", values)

    assert "did you mean channel-failing?" in wrong.content.decode()
    assert Rule.objects.get().kinds == ["channel-failing"]


def test_the_button_sends_a_test_and_another_sends_it_again(admin_client: Client, settings: Any) -> None:
    settings.ALERT_CHANNELS = ["log"]
    announce(dedupe_key="x", kind="news", severity="info", subject="News")
    deliver_due()
    delivery = Delivery.objects.get()

    admin_client.post("/admin/alerts/channelstate/log/test/")
    admin_client.post(f"/admin/alerts/event/delivery/{delivery.pk}/resend/")

    again = Delivery.objects.get(pk=delivery.pk)
    assert Delivery.objects.filter(event__what="test", state="pending").count() == 1
    assert (again.state, again.key == delivery.key) == ("pending", False)


def test_the_command_sends_and_says_what_became_of_it(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.ALERT_CHANNELS, settings.ALERT_EMAILS = ["log", "email"], []

    with pytest.raises(CommandError, match="not delivered: email"):
        call_command("test_alert")

    said = capsys.readouterr().out
    assert "log: delivered" in said
    assert "ALERT_EMAILS is empty" in said

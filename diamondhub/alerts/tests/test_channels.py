"""What each kind of channel sends: to receivers on this host, with words of others that want to be more than words."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_string
from typing import Any

import pytest

from diamondhub.access import sealed
from diamondhub.alerts import configuring
from diamondhub.alerts.channels import ChannelError, email, send, slack, templates
from diamondhub.alerts.configuring import WrongChannel
from diamondhub.alerts.messages import Item, Message
from diamondhub.alerts.models import Channel
from diamondhub.alerts.tests.receivers import MailServer, Receiver
from diamondhub.webhooks import signing

NASTY = "<!channel> <script>alert(1)</script> & $token\r\nBcc: mallory@example.com"


def message(**values: Any) -> Message:
    item = Item(
        kind="run-failed",
        severity="critical",
        subject=NASTY,
        problem=7,
        episode=2,
        state="open",
        first_seen="2026-03-01T10:00:00+00:00",
        last_seen="2026-03-01T10:00:00+00:00",
    )
    known: dict[str, Any] = {
        "key": "0" * 32,
        "what": "opened",
        "kind": "run-failed",
        "severity": "critical",
        "subject": NASTY,
        "created_at": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "items": [item],
        "thread": "problem.7",
    }
    return Message(**known | values)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_HOSTS = ["localhost"]
    made = Receiver()
    yield made
    made.stop()


def mailed(server: MailServer, settings: Any, sent: Message) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.socket.getsockname()
    settings.PUBLIC_URL = "https://hub.example.com"
    email.send(Channel(name="email", kind="email", addresses=["eve@example.com"]), sent)


def test_a_mail_has_one_id_in_every_try_and_a_thread_for_its_problem(settings: Any) -> None:
    server = MailServer()

    for _ in range(2):
        mailed(server, settings, message())

    first, second = (message_from_string(text) for text in server.mails)
    assert first["Message-ID"] == second["Message-ID"] == f"<{'0' * 32}@hub.example.com>"
    assert first["References"] == "<problem.7@hub.example.com>"
    assert "https://hub.example.com/admin/operations/problem/7/change/" in first.get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_no_word_of_others_adds_a_header_to_a_mail(settings: Any) -> None:
    server = MailServer()

    mailed(server, settings, message())

    mail = message_from_string(server.mails[0])
    assert mail["Bcc"] is None
    assert mail["To"] == "eve@example.com"


@pytest.mark.parametrize(("refusal", "permanent"), [("550 nobody here", True), ("451 later", False)])
def test_a_recipient_that_is_refused_for_good_is_not_tried_again(settings: Any, refusal: str, permanent: bool) -> None:
    with pytest.raises(ChannelError) as refused:
        mailed(MailServer(refusal), settings, message())

    assert refused.value.permanent is permanent
    assert isinstance(refused.value.__cause__, smtplib.SMTPRecipientsRefused)


def test_slack_is_called_by_nobodys_words() -> None:
    payload = slack.payload(message())

    marked_up = [
        element["text"]
        for block in payload["blocks"]
        for element in [block.get("text"), *block.get("elements", [])]
        if element and element["type"] == "mrkdwn"
    ]
    assert "<!channel>" not in payload["text"]
    assert not any("!channel" in text for text in marked_up)


@pytest.mark.django_db
def test_a_webhook_is_signed_by_standard_webhooks(receiver: Receiver) -> None:
    channel = Channel(name="hook", kind="webhook")
    secret = configuring.save(channel, url=receiver.url)

    send(channel, message())

    ((_path, headers, body),) = receiver.taken
    assert secret is not None
    expected = signing.headers(headers["webhook-id"], int(headers["webhook-timestamp"]), body, [secret])
    assert headers["webhook-signature"] == expected["webhook-signature"]
    assert json.loads(body)["data"]["problems"][0]["problem"] == 7


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (400, True),
        (403, True),
        (404, True),
        (410, True),
        (408, False),
        (425, False),
        (429, False),
        (500, False),
        (302, False),
    ],
)
def test_a_refusal_is_for_good_but_for_what_passes(receiver: Receiver, status: int, permanent: bool) -> None:
    channel = Channel(name="slack", kind="slack")
    configuring.save(channel, url=receiver.url)
    receiver.status, receiver.answer_headers = status, {"Retry-After": "77"} if status == 429 else {}

    with pytest.raises(ChannelError) as refused:
        send(channel, message())

    assert (refused.value.permanent, refused.value.wait) == (permanent, 77.0 if status == 429 else 0.0)
    assert receiver.url not in str(refused.value)


@pytest.mark.django_db
def test_systems_of_duty_get_an_incident_and_its_end_by_one_key(receiver: Receiver) -> None:
    channel = Channel(name="duty", kind="webhook", template=templates.PRESETS["pagerduty"])
    configuring.save(channel, url=receiver.url, token="routing-key")
    over = Item(kind="run-failed", severity="critical", subject=NASTY, problem=7, episode=2, state="resolved")

    send(channel, message())
    send(channel, message(what="resolved", items=[over]))

    begun, ended = (json.loads(body) for _path, _headers, body in receiver.taken)
    assert (begun["event_action"], ended["event_action"]) == ("trigger", "resolve")
    assert begun["dedup_key"] == ended["dedup_key"] == "diamondhub-problem-7-2"
    assert begun["routing_key"] == "routing-key"
    assert begun["payload"]["summary"] == NASTY


@pytest.mark.django_db
def test_opsgenie_is_asked_to_close_at_the_alerts_own_address(receiver: Receiver) -> None:
    template = templates.PRESETS["opsgenie"]
    channel = Channel(name="duty", kind="webhook", template=template, authorization="GenieKey")
    configuring.save(channel, url=receiver.url, token="key")
    over = Item(kind="run-failed", severity="critical", subject="x", problem=7, episode=2, state="resolved")

    send(channel, message(what="resolved", items=[over]))

    ((path, headers, _body),) = receiver.taken
    assert path == "/hook/diamondhub-problem-7-2/close?identifierType=alias"
    assert headers["Authorization"] == "GenieKey key"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/x", "https://10.0.0.1/x", "https://u:p@example.com/", "ftp://x.org"]
)
def test_an_address_that_is_not_public_is_refused(url: str) -> None:
    with pytest.raises(WrongChannel):
        configuring.save(Channel(name="hook", kind="webhook"), url=url)


@pytest.mark.django_db
def test_a_token_is_not_sent_to_another_host_than_it_was_entered_for(receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["localhost", "127.0.0.1"]
    channel = Channel(name="duty", kind="webhook", template=templates.PRESETS["pagerduty"])
    configuring.save(channel, url=receiver.url, token="routing-key")

    with pytest.raises(WrongChannel, match="another host"):
        configuring.save(channel, url=receiver.url.replace("localhost", "127.0.0.1"))
    channel.host = "127.0.0.1"
    sealed.put(channel, "url", receiver.url.replace("localhost", "127.0.0.1").encode())

    with pytest.raises(ChannelError, match="enter the token again"):
        send(channel, message())
    assert receiver.taken == []


def test_a_template_with_a_name_that_stands_for_nothing_says_which_is_meant() -> None:
    with pytest.raises(templates.WrongTemplate, match=r"\$sumary stands for nothing; did you mean summary\?"):
        templates.check({"open": {"body": {"text": "$sumary"}}})

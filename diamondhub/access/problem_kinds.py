"""What can be wrong with API keys and with the secrets that they, and others, are kept under."""

from __future__ import annotations

from django.urls import reverse

from diamondhub.access.models import ApiKey
from diamondhub.operations.problems.kinds import Button, Kind, Severity, declare

_SEES, _CHANGES = "access.view_apikey", "access.change_apikey"


def _key(target: str) -> ApiKey | None:
    return ApiKey.objects.filter(key_id=target.removeprefix("key:")).only("pk", "client_id").first()


def _client_page(target: str) -> str:
    key = _key(target)
    if key is None:
        return reverse("admin:access_apiclient_changelist")
    return reverse("admin:access_apiclient_change", args=[key.client_id])


def _revoke(target: str) -> str:
    key = _key(target)
    return "" if key is None else reverse("admin:access_apikey_revoke", args=[key.pk])


def _clients(_target: str) -> str:
    return reverse("admin:access_apiclient_changelist")


REVOKE = Button("Revoke the key", _revoke, _CHANGES, acts=True)
REPLACE = Button("Replace the key", _client_page, _CHANGES)

declare(
    Kind(
        "api-key-ending",
        "An API key ends soon",
        Severity.WARNING,
        found="a live key ends within 14 days and none replaces it; critical within three days",
        ends="by itself, when the key is replaced or revoked, or is to end later",
        permission=_SEES,
        link=_client_page,
        buttons=(REPLACE,),
    ),
    Kind(
        "secret-key-in-page",
        "A secret key stands in a page",
        Severity.WARNING,
        found="a secret key was sent with an `Origin`: a page or app has it, where everybody can read it",
        ends="the key is replaced or revoked",
        permission=_SEES,
        link=_client_page,
        buttons=(REPLACE, REVOKE),
        by_hand=True,
    ),
    Kind(
        "key-from-foreign-network",
        "A key is used from a foreign network",
        Severity.WARNING,
        found="a key was sent from an address outside its client's networks, and refused",
        ends="the key is replaced or revoked",
        permission=_SEES,
        link=_client_page,
        buttons=(REPLACE, REVOKE),
        by_hand=True,
    ),
    Kind(
        "key-sent-in-clear",
        "A key was sent without TLS",
        Severity.WARNING,
        found="a key was sent by plain http, where others can read it",
        ends="the key is replaced or revoked",
        permission=_SEES,
        link=_client_page,
        buttons=(REPLACE, REVOKE),
        by_hand=True,
    ),
    Kind(
        "secrets-lost",
        "Secrets cannot be opened",
        Severity.CRITICAL,
        found="keys are hashed under a pepper, or secrets sealed by an encryption key, that the settings do not have",
        ends="by itself, when the settings have that version again, or nothing needs it any more",
        permission=_SEES,
        link=_clients,
    ),
)

"""`create_api_client`: prints a key once, and says in one line what is wrong."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from diamondhub.access import keys
from diamondhub.access.models import ApiClient, ApiKey

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_api_client", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def test_it_prints_the_key_and_keeps_only_its_hash() -> None:
    text = run("webshop")

    presented = keys.parse(text)
    assert presented is not None
    key = ApiKey.objects.get(key_id=presented.key_id)
    assert bytes(key.secret_hash) == presented.hashed(key.pepper_version)
    assert key.client.scopes == ["catalog:read"]
    assert key.expires_at is None


def test_it_reports_as_json() -> None:
    report = json.loads(run("webshop", "--scope", "catalog:read", "--expires-days", "30", "--json"))

    assert keys.parse(report["key"]) is not None
    assert report["client"] == "webshop"
    assert report["scopes"] == ["catalog:read"]
    left = ApiKey.objects.get().expires_at - timezone.now()  # type: ignore[operator]
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["webshop"], "already a client"),
        (["other", "--scope", "catalog:everything"], "catalog:read"),
        (["other", "--expires-days", "0"], "1 to 3650"),
        (["other", "--expires-days", "٣"], "whole number"),
        (["other", "--expires-days", "soon"], "whole number"),
        (["other", "--expires-days", "999999"], "1 to 3650"),
        (["  "], "printable"),
        (["a" * 101], "printable"),
        (["bell\a"], "printable"),
    ],
)
def test_a_mistake_is_one_line_and_creates_nothing(arguments: list[str], words: str) -> None:
    run("webshop")

    with pytest.raises(CommandError, match=words) as caught:
        run(*arguments)

    assert "\n" not in str(caught.value)
    assert ApiClient.objects.count() == ApiKey.objects.count() == 1

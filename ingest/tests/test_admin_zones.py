"""Every moment that the admin shows says its zone."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from diamondhub.operations.models import Job
from ingest.models import Feed
from ingest.tests import rows
from ingest.tests.test_admin_rights import addresses, one_of_each

pytestmark = pytest.mark.django_db

#: A moment as our pages write it, or as Django does by itself, with what stands behind it.
MOMENTS = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?!\d)(?P<zone>.{0,8})"
    r"|\b\w{3,5}\.? \d{1,2}, \d{4}, (?:\d{1,2}(?::\d\d)? [ap]\.m\.|noon|midnight)(?P<other>.{0,8})",
    re.DOTALL,
)
#: What is no text of ours: scripts, tags with their attributes, boxes that people type into, and JSON word for word.
NOT_SHOWN = re.compile(r"<(script|style|textarea|pre)\b.*?</\1>|<[^>]*>", re.DOTALL)
#: Addresses that are no pages, or somebody else's.
SKIPPED = {"logout", "login", "jsi18n", "search", "view_on_site", "app_list", "autocomplete", ""}


def without_zone(html: str) -> list[str]:
    text = NOT_SHOWN.sub("", html)
    return [
        match[0]
        for match in MOMENTS.finditer(text)
        if not re.match(r"\s*(UTC|Z\b|\+00:00)", match["zone"] or match["other"] or "")
    ]


def test_every_moment_on_every_page_of_the_admin_says_its_zone() -> None:
    one_of_each()
    Feed.objects.update(watermark=rows.AT, full_schedule="30 2 * * *")
    Job.objects.create(
        kind="sign-in",
        subject="nivoda-natural",
        asked_by="eve",
        state="completed",
        result={"outcome": "ok", "said": "it is", "seconds": 0.4},
        started_at=rows.AT,
        finished_at=rows.AT,
    )
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.get(username="root"))
    wrong, seen = [], 0

    for address, name in addresses():
        if name in SKIPPED or name.endswith("_csv"):
            continue
        answer = browser.get(address)
        if answer.status_code == 200 and not answer.streaming and "html" in answer["Content-Type"]:
            html = answer.content.decode()
            seen += len(MOMENTS.findall(html))
            wrong += [(address, moment) for moment in without_zone(html)[:3]]

    assert seen > 60
    assert wrong == []


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<td>2026-11-01 12:00:00 UTC</td>", 0),
        ('<time datetime="2026-11-01T12:00:00">x</time>', 0),
        ("<td>2026-11-01 12:00</td>", 1),
        ("<td>Nov. 1, 2026, 10:37 p.m.</td>", 1),
        ("<td>2026-11-01</td>", 0),
    ],
)
def test_the_search_for_moments_finds_those_without_a_zone(html: str, found: int) -> None:
    assert len(without_zone(html)) == found

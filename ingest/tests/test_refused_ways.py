"""Whole runs against suppliers that refuse, in words of their own, what they need not take."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from catalog.models import Diamond
from diamondhub.audit.models import AuditEvent
from ingest import runs
from ingest.errors import PermanentSupplierError
from ingest.feeds import ways
from ingest.feeds.ways import ASK_AGAIN_AFTER, Limit, Way
from ingest.invariants import violations
from ingest.models import Feed, Run
from ingest.sandbox.faults import Refusing, Settings
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import InventoryChange, Options
from ingest.tests import factories, rows
from ingest.tests.factories import MemorySupplier

# Runs that follow each other need transactions of their own.
pytestmark = pytest.mark.django_db(transaction=True)

HOW = {
    "200 in its own words": Refusing(words="Query is too complex"),
    "200 in words that are known": Refusing(words="syntax error: no aliases", code="GRAPHQL_VALIDATION_FAILED"),
    "400": Refusing(status=400, words="This is too much at once"),
    "bare 413": Refusing(status=413, words=None),
    "500": Refusing(status=500, words="Internal server error"),
    "bare 403": Refusing(status=403, words=None),
    "some": Refusing(words="Query is too complex", most=6),
}


def full_run(feed: Feed) -> Run:
    return factories.drive(runs.start_run(feed.slug, kind="full", started_by="eve"))


def truth(sandbox: Sandbox) -> set[str]:
    return {str(item["diamond"]["id"]) for item in sandbox.supplier.items(labgrown=True, availability=0)}


def refused_since(sandbox: Sandbox) -> int:
    """Requests that the sandbox has refused since this was asked last."""
    refused: int = sandbox.supplier.accounting.stats()["errors_injected"]
    sandbox.supplier.accounting.reset()
    return refused


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        *(("refuse_aliases", how) for how in HOW),
        *product(("refuse_behind", "refuse_ids"), ("200 in its own words", "bare 413", "500")),
    ],
)
def test_a_run_completes_whatever_optional_way_is_refused_and_the_next_one_knows(fault: str, how: str) -> None:
    with factories.sandbox_feed(Options(stones=600), max_partition_stones=50) as (sandbox, feed):
        full_run(feed)
        # Stones that no page of the next run shows are asked for by id.
        sandbox.supplier.change_inventory(InventoryChange(change=20, vanish=3, feed="labgrown"))
        sandbox.supplier.set_faults(msgspec.structs.replace(Settings(), **{fault: HOW[how]}))
        refused_since(sandbox)

        first = full_run(feed)
        refused_first = refused_since(sandbox)
        listed = factories.listed()
        feed.refresh_from_db()
        noted = ways.limits_of(feed)
        sandbox.supplier.change_inventory(InventoryChange(change=20, vanish=3, feed="labgrown"))
        second = full_run(feed)

        assert (first.state, first.suspect, first.partitions.filter(state="failed").count()) == ("completed", "", 0)
        assert listed >= truth(sandbox)
        assert (second.state, second.suspect) == ("completed", "")
        assert factories.listed() == truth(sandbox)
        assert refused_first
        assert noted or how == "some"
        assert refused_since(sandbox) == 0 or how == "some"
        assert violations() == []


def test_weather_of_every_kind_teaches_nothing() -> None:
    with factories.sandbox_feed(Options(stones=600), max_partition_stones=50) as (sandbox, feed):
        sandbox.supplier.set_faults(Settings(seed=5, http_5xx=0.04, graphql_error=0.04))

        run = full_run(feed)

        feed.refresh_from_db()
        assert run.state == "completed"
        assert feed.limits == {}


def test_stones_that_the_supplier_is_not_to_be_asked_for_by_id_fail_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    supplier = factories.supplying(monkeypatch, MemorySupplier(factories.stones(25)))
    factories.settled()
    gone = supplier.shelf.pop()

    def refuse(_ids: object) -> Any:
        raise PermanentSupplierError("ids are for others")

    monkeypatch.setattr(supplier, "lookup", refuse)

    run = factories.drive(factories.start(partial_delay_seconds=0))

    assert (run.state, run.failure) == ("completed", "")
    # What could not be asked for is not taken off.
    assert Diamond.objects.get(supplier_stone_id=gone.id).availability == "available"
    assert violations() == []


def test_what_is_found_out_is_in_the_feed_s_history_with_the_supplier_s_words(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.supplying(monkeypatch, MemorySupplier(factories.stones(900), aliases=False))

    run = factories.drive(factories.start(max_partition_stones=100), until="ingesting")

    note = Feed.objects.get(pk=run.feed_id).limits["counts_together"]
    event = AuditEvent.objects.filter(kind="ingest.feed", object_id=run.feed_id).latest("event_id")
    assert note["said"] == str(PermanentSupplierError())
    assert event.after["limits"] == {"counts_together": note}
    assert event.reason.startswith("the supplier does not take several counts in a request")


def test_a_note_that_nobody_can_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.supplying(monkeypatch, MemorySupplier(factories.stones(25)))

    run = factories.settled(limits={"counts_together": {"said": 7}, "telepathy": {}})

    assert run.state == "completed"


@pytest.mark.parametrize("passed", [ASK_AGAIN_AFTER - timedelta(hours=1), ASK_AGAIN_AFTER + timedelta(hours=1)])
def test_a_refused_way_is_tried_again_after_some_days(monkeypatch: pytest.MonkeyPatch, passed: timedelta) -> None:
    supplier = factories.supplying(monkeypatch, MemorySupplier(factories.stones(900)))
    feed = factories.feed(max_partition_stones=100)
    now = Feed.objects.annotate(now=Now()).get(pk=feed.pk).now
    ways.note(feed.pk, Way.COUNTS_TOGETHER, Limit("no", now - passed))

    factories.drive(runs.start_run("memory", kind="full", started_by="eve"), until="ingesting")

    together = [queries for kind, queries in supplier.asked if kind == "count" and len(queries) > 1]
    assert bool(together) == (passed > ASK_AGAIN_AFTER)
    assert bool(Feed.objects.get(pk=feed.pk).limits) == (passed < ASK_AGAIN_AFTER)


def test_a_person_sees_what_is_refused_and_has_it_tried_again() -> None:
    feed = rows.feed()
    ways.note(feed.pk, Way.COUNTS_TOGETHER, Limit("Query is <too> complex", rows.AT, most=6))
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    page = reverse("admin:ingest_feed_change", args=[feed.pk])

    shown = client.get(page).content.decode()
    client.post(reverse("admin:ingest_feed_ask_again", args=[feed.pk]), {"reason": "they promised"})

    assert "several counts in a request, more than 6" in shown
    assert "Query is &lt;too&gt; complex" in shown
    assert Feed.objects.get(pk=feed.pk).limits == {}
    event = AuditEvent.objects.filter(kind="ingest.feed", object_id=feed.pk).latest("event_id")
    assert (event.who, event.reason) == ("ann", "they promised")
    assert "Try again now" not in client.get(page).content.decode()


def test_who_may_only_look_cannot_have_it_tried_again() -> None:
    feed = rows.feed()
    ways.note(feed.pk, Way.LOOKING_BEHIND, Limit("no", rows.AT))
    client = Client()
    client.force_login(User.objects.create_user("bob", is_staff=True))

    answer = client.post(reverse("admin:ingest_feed_ask_again", args=[feed.pk]), {"reason": "why not"})

    assert answer.status_code == 403
    assert Feed.objects.get(pk=feed.pk).limits

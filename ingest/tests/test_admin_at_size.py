"""Pages of the admin over large tables: at most fifteen statements each, none of which reads a large table whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog import index
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from diamondhub.admin import base
from diamondhub.alerts.models import Delivery, Event
from diamondhub.audit.tracking import AUDITED
from diamondhub.local.testing import databases
from diamondhub.operations import away
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import tracking
from ingest import dead_letters
from ingest.models import (
    ConsolidationBatch,
    DeadLetter,
    DeadLetterAttempt,
    Page,
    Partition,
    ReviewStone,
    Run,
    SupplierRequests,
)
from ingest.tests import rows
from ingest.tests.at_size import analyze, copies, statements, whole_scans
from pricing.history import CHANGES

pytestmark = pytest.mark.django_db

#: Runs, and rows of the other large tables; enough for plans to be those of millions. What pages take with so many is
#: printed (`DIAMONDHUB_ROWS=1000000 python3 manage.py test -rP ingest/tests/test_admin_at_size.py`).
RUNS, MANY = 10_000, int(os.environ.get("DIAMONDHUB_ROWS") or 20_000)
#: Statements that a page may have.
MAX_STATEMENTS = 15
#: The number of the first copy of a row is one more.
FIRST = 1_000_000
#: A run that is over has ten rows of each kind.
OF_RUN = f"{FIRST} + 1 + n % {RUNS}"
HOURLY = "now() - n * interval '1 hour'"
LETTER_EVENTS = AUDITED["ingest.deadletter"].events._meta.db_table
LARGE = {
    "alerts_delivery",
    "alerts_event",
    "catalog_diamond",
    "ingest_consolidationbatch",
    "ingest_deadletter",
    "ingest_page",
    "ingest_partition",
    "ingest_reviewstone",
    "ingest_run",
    "ingest_runevent",
    "ingest_supplierrequests",
    "operations_problem",
    "pricing_pricechange",
    LETTER_EVENTS,
}


@dataclass(frozen=True)
class Made:
    """The rows that have pages."""

    live: Run
    over: Run
    letter: int
    problem: Problem
    event: Event
    diamond: UUID

    def named(self) -> dict[str, Any]:
        """Their keys, by the names of the fields."""
        return {name: getattr(row, "pk", row) for name, row in vars(self).items()}


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any) -> Iterator[Made]:
    """Many rows of everything, of which few are live, open, or due."""
    with django_db_blocker.unblock():
        try:
            # What tests of other files have rolled back left pages without rows, which would count as read whole.
            databases.put_back()
            # As where it is used: the months' pieces of prices are there, the next one's without rows.
            CHANGES.make_ahead()
            over = rows.run(state="completed", due_at=None, finished_at=rows.AT)
            closed = rows.dead_letter(over)
            dead_letters.discard(DeadLetter.objects.all(), actor="eve", reason="why")
            with transaction.atomic(), connection.cursor() as cursor:
                # Neither the audit nor the rules of states is what is looked at.
                cursor.execute("SET LOCAL session_replication_role = replica")
                pages_of = _filled(over, closed)
            analyze(LARGE)
            yield pages_of
        finally:
            databases.put_back()


def _filled(over: Run, closed: DeadLetter) -> Made:
    _of_ingestion(over, closed)
    live = rows.run()
    _of_live(live)
    letter = rows.dead_letter(live)
    DeadLetterAttempt.objects.create(
        made_on=rows.AT, letter_id=letter.pk, actor="eve", outcome="failed", reason="x", at=rows.AT
    )
    return Made(live, over, letter.pk, *_of_people(), _of_catalogue())


def _of_ingestion(over: Run, closed: DeadLetter) -> None:
    ended = f"{HOURLY} + interval '9 minutes'"
    copies("ingest_run", over.pk, RUNS, {"id": f"{FIRST} + n", "created_at": HOURLY, "finished_at": ended})
    copies("ingest_runevent", over.events.get().pk, MANY, {"run_id": OF_RUN})
    partition = rows.partition(over, state="completed", due_at=None)
    place = f"n / {RUNS}"
    places = {"id": f"{FIRST} + n", "run_id": OF_RUN, "ordinal": place, "kind": "'confirm'"}
    copies("ingest_partition", partition.pk, MANY, places)
    copies("ingest_page", page(partition).pk, MANY, {"run_id": OF_RUN, "partition_id": f"{FIRST} + n"})
    batch = ConsolidationBatch.objects.create(
        run=over, ordinal=0, stone_from=UUID(int=0), raw_through=1, state="completed"
    )
    copies("ingest_consolidationbatch", batch.pk, MANY, {"run_id": OF_RUN, "ordinal": f"n / {RUNS}"})
    copies("ingest_deadletter", closed.pk, MANY, {"run_id": OF_RUN, "fingerprint": "md5((n / 100)::text)"})
    event = AUDITED["ingest.deadletter"].events.objects.latest("pk")
    copies(LETTER_EVENTS, event.pk, MANY, {"pgh_obj_id": f"{FIRST} + n / 3", "pgh_created_at": HOURLY}, key="pgh_id")
    stone = ReviewStone.objects.create(run=over, brake="delisting", cause="gone", place=1, diamond_id=UUID(int=1))
    copies("ingest_reviewstone", stone.pk, MANY, {"place": "n + 1"})
    requests = SupplierRequests.objects.create(account="another", at=timezone.now() - timedelta(days=1), requests=1)
    copies("ingest_supplierrequests", requests.pk, MANY, {"at": "at - n * interval '10 seconds'"})


def _of_live(live: Run) -> None:
    """3,000 partitions, 10,000 pages and 500 batches."""
    partition = rows.partition(live)
    copies("ingest_partition", partition.pk, 3_000, {"ordinal": "n", "price_from": "n + 200", "price_to": "n + 200"})
    copies("ingest_page", page(partition).pk, 10_000, {})
    batch = ConsolidationBatch.objects.create(run=live, ordinal=0, stone_from=UUID(int=0), raw_through=1)
    copies("ingest_consolidationbatch", batch.pk, 500, {"ordinal": "n"})


def page(partition: Partition) -> Page:
    return Page.objects.create(
        run_id=partition.run_id,
        partition=partition,
        offset=0,
        received=50,
        stored=50,
        unchanged=0,
        repeats=0,
        dead=0,
        stone_ids=[],
        observed_at=rows.AT,
        elapsed_ms=300,
        created_at=rows.AT,
    )


def _of_people() -> tuple[Problem, Event]:
    tracking.occurred("run-failed", "feed:old", subject="x")
    tracking.resolve("run-failed", "feed:old", why="x")
    old = Problem.objects.get()
    copies("operations_problem", old.pk, MANY, {"about": "n::text", "last_seen_at": HOURLY, "first_seen_at": HOURLY})
    tracking.occurred("run-failed", "feed:new", subject="x")
    event = Event.objects.create(dedupe_key="k", kind="x", severity="info", subject="x")
    keys = {"id": f"{FIRST} + n", "dedupe_key": "'problem:' || n", "created_at": HOURLY}
    copies("alerts_event", event.pk, MANY, keys)
    told = Event.objects.create(dedupe_key="new", kind="x", severity="info", subject="x")
    delivery = Delivery.objects.create(event=told, channel="email", state="delivered", finished_at=rows.AT)
    copies("alerts_delivery", delivery.pk, MANY, {"event_id": f"{FIRST} + n", "key": "gen_random_uuid()"})
    Delivery.objects.create(event=told, channel="log", state="pending", due_at=rows.AT)
    return Problem.objects.get(about="feed:new"), told


def _of_catalogue() -> UUID:
    stone = rows.diamond()
    copies("catalog_diamond", stone.pk, MANY, {"id": "gen_random_uuid()", "supplier_stone_id": "n::text"})
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO pricing_pricechange (diamond_id, changed_on, changed_at, old_price_cents, new_price_cents,
                old_cost_cents, new_cost_cents, old_rule_set, new_rule_set, cause, cause_id, actor)
            SELECT CASE WHEN n <= 20 THEN %s ELSE gen_random_uuid() END, current_date, now() - n * interval '1 second',
                2, 1 + n %% 2 * 2, 1, 1, 1, 1, 'run', n / 300, 'eve'
            FROM generate_series(1, %s) AS n
            """,
            [stone.pk, MANY],
        )
    return stone.pk


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Client:
    # The explorer's index has some of the stones: which they are is all the same to the plans.
    snapshot = snapshot_of(list(Diamond.objects.all()[:200]), tmp_path)
    monkeypatch.setattr(index, "current", lambda: snapshot)
    settings.NIVODA_ENDPOINT, settings.NIVODA_USERNAME, settings.NIVODA_PASSWORD = "http://127.0.0.1:9/", "u", "p"
    # All pages of a process share what the banner says, so which of them asks for it hangs on the time.
    monkeypatch.setattr(away, "_looks", [])
    # A hundredth of a large table, as of a million rows; of runs there are fewer.
    monkeypatch.setattr(base, "COUNT_CAP", min(MANY, 2 * RUNS) // 100)
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


def wrong(browser: Client, addresses: Iterable[str]) -> list[str]:
    """What is wrong with the pages of these addresses."""
    found = []
    for address in addresses:
        began = perf_counter()
        asked = statements(browser, address)
        print(f"{perf_counter() - began:6.3f} s, {len(asked):2} statements: {address}")
        if len(asked) > MAX_STATEMENTS:
            found.append(f"{address}: {len(asked)} statements: {asked}")
        found += [f"{address} reads {whole} whole: {text}" for text, whole in whole_scans(asked, LARGE).items()]
    return found


#: Queries of lists, by the model's name; "" is the whole list, and what is in braces is made for the test.
LISTS = {
    "catalog_diamond": ["", "?feed=nivoda-natural", "?q=GIA", "?shape=ROUND", "?sort=-price"],
    "ingest_run": ["", "?p=4", "?state__exact=failed", "?kind__exact=incremental", "?feed__id__exact=2", "?q={live}"],
    "ingest_partition": ["", "?p=4", "?run={live}", "?run={over}", "?state__exact=failed", "?state__exact=completed"],
    "ingest_consolidationbatch": ["", "?run={live}", "?state__exact=ready", "?state__exact=completed"],
    "ingest_deadletter": [
        *("", "?p=4", "?q={letter}", "?run={live}", "?fingerprint=0", "?kind__exact=item", "?kind__exact=stone"),
        *("?state__exact=open", "?state__exact=parked", "?state__exact=discarded", "?feed__id__exact=2"),
    ],
    "operations_problem": [
        *("", "?p=4", "?state=unresolved", "?state=acknowledged", "?state=resolved", "?q={problem}"),
        *("?severity__exact=critical", "?severity__exact=warning", "?kind=run-failed", "?kind=run-held"),
    ],
    "alerts_event": [
        *("", "?p=4", "?severity__exact=critical", "?severity__exact=info", "?q={event}"),
        *("?delivery=dead", "?delivery=pending", "?delivery=delivered", "?delivery=withdrawn"),
    ],
    "pricing_pricechange": [
        *("", "?p=4", "?diamond_id={diamond}", "?since=2026-01-01&until=2026-01-02", "?cause=run&cause_id=7"),
        *("?cause=sql", "?rule=none", "?rule=7", "?rule_set=1", "?direction=up", "?direction=down"),
    ],
    "audit_auditevent": [
        *("", "?p=4", "?kind=ingest.deadletter", "?who=nobody", "?request_id=x"),
        *("?kind=ingest.deadletter&object_id=7", "?since=2026-01-01&until=2026-01-02"),
        *("?what=created", "?what=changed", "?what=deleted", "?kind=ingest.deadletter&what=deleted"),
    ],
}


@pytest.mark.parametrize("name", LISTS)
def test_no_list_reads_a_large_table_whole(name: str, made: Made, browser: Client) -> None:
    address = reverse(f"admin:{name}_changelist")

    found = wrong(browser, [address + query.format_map(made.named()) for query in LISTS[name]])

    assert found == []


def test_no_page_of_a_row_reads_a_large_table_whole(made: Made, browser: Client) -> None:
    live = [made.live.pk]
    names = made.named()
    pages = {
        "ingest_run": [names["live"], names["over"]],
        "ingest_partition": [made.live.partitions.latest("pk").pk, FIRST + 1],
        "ingest_consolidationbatch": [made.live.batches.latest("pk").pk],
        "ingest_deadletter": [names["letter"]],
        "operations_problem": [names["problem"]],
        "alerts_event": [names["event"]],
        "catalog_diamond": [names["diamond"]],
        "audit_auditevent": [f"ingest.deadletter:{AUDITED['ingest.deadletter'].events.objects.latest('pk').pk}"],
    }
    addresses = [reverse(f"admin:{name}_change", args=[pk]) for name, pks in pages.items() for pk in pks]
    addresses += [reverse(f"admin:ingest_run_{name}", args=live) for name in ("live", "requests", "history")]
    addresses += [
        reverse("admin:ingest_run_causes", args=[made.over.pk, "delisting"]),
        reverse("admin:ingest_run_stones", args=[made.over.pk, "delisting", "gone"]) + "?behind=15000",
        reverse("admin:ingest_run_drift", args=live) + "?what=field&name=x",
    ]
    addresses += [reverse(f"admin:pricing_{name}", args=[made.diamond]) for name in ("price_of", "explanation")]
    # The second look of a process is what everybody has.
    for address in addresses:
        browser.get(address)

    found = wrong(browser, addresses)

    assert found == []

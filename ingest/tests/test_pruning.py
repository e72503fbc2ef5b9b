"""Pruning: old things go, once a day and in steps, and what must still hold holds without them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.models import F

from catalog.models import Diamond
from diamondhub.alerts.models import Delivery, Event
from diamondhub.operations import pruning
from diamondhub.operations.models import Pruning
from diamondhub.tests.threads import at_once
from ingest import archiving, dead_letters, raw_store, remapping, runs
from ingest.invariants import violations
from ingest.models import DeadLetter, Page, Partition, RawDiamond, Run, RunEvent, ScheduleSlot
from ingest.progress import progress
from ingest.report import report
from ingest.tests import rows
from ingest.tests.factories import MemorySupplier, again, listed, settled, stones, supplying
from pricing import reprice
from pricing.models import Repricing, RepricingBatch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch, today: date) -> MemorySupplier:
    for table in (raw_store.DAYS, dead_letters.ATTEMPTS):
        for piece in table.older_than(today.replace(day=1) if table.step == "month" else today):
            table.drop(piece)
    return supplying(monkeypatch, MemorySupplier(stones(40)))


def run_days_ago(days: int, **fields: Any) -> Run:
    """A run of the memory supplier that happened so many days ago, payloads and all."""
    run = settled(**fields)
    day = datetime.now(UTC).date() - timedelta(days=days)
    replace(raw_store.DAYS, ahead=1).make_ahead(day)
    back = timedelta(days=days)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE ingest_rawdiamond
            SET received_on = received_on - %(days)s, observed_at = observed_at - %(days)s * interval '1 day'
            WHERE run_id = %(run)s
            """,
            {"days": days, "run": run.pk},
        )
    Diamond.objects.filter(raw_id__in=RawDiamond.objects.filter(run_id=run.pk).values("pk")).update(
        source_updated_at=F("source_updated_at") - back
    )
    Page.objects.filter(run_id=run.pk).update(created_at=F("created_at") - back, observed_at=F("observed_at") - back)
    run.events.update(at=F("at") - back)
    Run.objects.filter(pk=run.pk).update(created_at=F("created_at") - back, finished_at=F("finished_at") - back)
    Event.objects.filter(dedupe_key__startswith=f"run:{run.pk}:").update(created_at=F("created_at") - back)
    Delivery.objects.filter(event__dedupe_key__startswith=f"run:{run.pk}:").update(state="delivered", due_at=None)
    return Run.objects.get(pk=run.pk)


def pruned(*arguments: str) -> dict[str, int]:
    out = StringIO()
    call_command("prune", *arguments, "--json", stdout=out)
    removed: dict[str, int] = json.loads(out.getvalue())["removed"]
    return {kind: count for kind, count in removed.items() if count}


def days_there() -> set[str]:
    return {piece.name[-8:] for piece in raw_store.DAYS.pieces()}


def sound() -> list[str]:
    return [str(violation) for violation in violations()]


def test_a_new_day_is_stored_as_the_net_is_and_no_payload_of_a_page_is_compressed_the_slow_way(today: date) -> None:
    day = today + timedelta(days=40)
    replace(raw_store.DAYS, ahead=1).make_ahead(day)
    payloads = [json.dumps({"words": "as it came " * length}) for length in (20, 300, 3_000)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO ingest_rawdiamond
                (received_on, run_id, partition_id, diamond_id, supplier_stone_id, payload, payload_hash, observed_at)
            SELECT %s, 1, 0, gen_random_uuid(), 'S', payload::json, decode(md5(payload), 'hex'), now()
            FROM unnest(%s::text[]) AS payload
            """,
            [day, payloads],
        )
        cursor.execute(
            "SELECT pg_column_compression(payload) FROM ingest_rawdiamond WHERE received_on = %s ORDER BY id", [day]
        )
        compressed = [how for (how,) in cursor.fetchall()]
        cursor.execute(
            "SELECT relname, reloptions FROM pg_class WHERE relname IN ('ingest_rawdiamond_default', %s)",
            [raw_store.DAYS.piece(day).name],
        )
        options = dict(cursor.fetchall())

    assert compressed[0] is None
    assert compressed[1] in (None, "lz4")
    assert compressed[2] in ("lz4", "pglz")
    assert len(options) == 2
    assert options.popitem()[1] == options.popitem()[1]


def test_old_days_go_and_what_live_diamonds_were_mapped_from_is_carried_over(
    supplier: MemorySupplier, settings: Any, today: date
) -> None:
    settings.RAW_RETENTION_DAYS = 30
    run_days_ago(60)
    supplier.shelf = [again(stone, price=stone.price + 100) for stone in supplier.shelf[:10]] + supplier.shelf[10:]
    recent = run_days_ago(20)
    Diamond.objects.filter(supplier_stone_id="S-00039").update(availability="delisted")
    first_day = f"{today - timedelta(days=60):%Y%m%d}"
    assert first_day in days_there()

    would = pruned("--dry-run")
    removed = pruned()

    assert (would["raw_payloads"], would["carried_over"]) == (40, 29)
    assert (removed["raw_payloads"], removed["carried_over"], removed["ledgers"]) == (40, 29, 2)
    assert first_day not in days_there()
    assert f"{today - timedelta(days=20):%Y%m%d}" in days_there()
    assert RawDiamond.objects.filter(run_id=recent.pk).count() == 10
    assert RawDiamond.objects.filter(partition_id=0, received_on=today).count() == 29
    assert not sound()
    done = remapping.dry_run("memory", selection="all")
    assert (done["looked_at"], done["unchanged"], done["pruned"]) == (39, 39, 0)


def test_pruning_again_removes_nothing_more(supplier: MemorySupplier) -> None:
    run_days_ago(60)
    pruned()

    assert pruned() == {}
    assert not sound()


def test_a_carried_payload_is_carried_again_when_its_new_day_is_old(supplier: MemorySupplier, today: date) -> None:
    run_days_ago(90)
    pruned()
    with connection.cursor() as cursor:
        raw_store.make_days_ahead(today - timedelta(days=40))
        cursor.execute("UPDATE ingest_rawdiamond SET received_on = %s", [today - timedelta(days=40)])

    removed = pruned()

    assert removed["carried_over"] == 40
    assert RawDiamond.objects.filter(received_on=today).count() == 40


def test_days_of_runs_that_are_not_over_stay(supplier: MemorySupplier) -> None:
    run = run_days_ago(60)
    Run.objects.filter(pk=run.pk).update(state="in_review")

    assert pruned() == {}

    assert RawDiamond.objects.filter(run_id=run.pk).count() == 40
    assert Page.objects.filter(run_id=run.pk).exists()


def test_an_old_ledger_is_folded_into_sums_that_every_report_still_shows(supplier: MemorySupplier) -> None:
    run = run_days_ago(10)
    before, shown = report(run), progress(run)

    removed = pruned()

    run.refresh_from_db()
    assert removed == {"ledgers": 1, "pages": before["pages"]}
    assert not Page.objects.filter(run_id=run.pk).exists()
    assert run.archived_at is not None
    assert report(run) == before
    assert progress(run).received == shown.received == 40
    assert not sound()


def test_a_failed_run_gets_a_summary_when_it_is_archived_and_is_not_retried_any_more(supplier: MemorySupplier) -> None:
    run = run_days_ago(10)
    Run.objects.filter(pk=run.pk).update(state="failed", summary={})
    run.events.create(from_state="completed", to_state="failed", actor="eve", at=run.created_at)
    Partition.objects.filter(run=run).update(state="failed")

    pruned()

    run.refresh_from_db()
    assert run.summary["received"] == run.summary["ledger"]["received"] >= 40
    with pytest.raises(runs.NothingToDo, match="archived"):
        runs.retry_partitions(run.pk, actor="eve")


def test_a_run_that_is_being_retried_keeps_its_ledger(supplier: MemorySupplier) -> None:
    run = run_days_ago(10)
    Run.objects.filter(pk=run.pk).update(state="ingesting", finished_at=None)

    assert archiving.archive(run.pk) is None
    assert Page.objects.filter(run_id=run.pk).exists()


def test_the_sweep_makes_one_pruning_a_day_and_days_ahead_however_many_beats_there_are(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch, today: date
) -> None:
    monkeypatch.setattr(pruning, "ring", lambda _task, _pk: None)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS ingest_rawdiamond_{today + timedelta(days=1):%Y%m%d}")

    failures = [error for error in at_once(*[pruning.ring_due] * 4) if error is not None]

    assert not failures
    assert Pruning.objects.filter(day=today).count() == 1
    assert f"{today + timedelta(days=1):%Y%m%d}" in days_there()
    (made,) = Pruning.objects.all()
    assert all(at_once(*[lambda: pruning.prune(made.pk) or True] * 3))
    made.refresh_from_db()
    assert (made.state, made.started_by) == ("completed", "schedule")
    last = pruning.last()
    assert last is not None
    assert last.pk == made.pk


def test_what_the_net_caught_moves_into_its_day_when_that_is_made(supplier: MemorySupplier, today: date) -> None:
    settled()
    name = f"ingest_rawdiamond_{today:%Y%m%d}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE ingest_rawdiamond DETACH PARTITION {name}")
        cursor.execute(f"INSERT INTO ingest_rawdiamond SELECT * FROM {name}")
        cursor.execute(f"DROP TABLE {name}")
        cursor.execute("SELECT count(*) FROM ingest_rawdiamond_default")
        assert cursor.fetchone() == (40,)

    raw_store.make_days_ahead()

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT (SELECT count(*) FROM ingest_rawdiamond_default), (SELECT count(*) FROM {name})")
        assert cursor.fetchone() == (0, 40)
    assert len(listed()) == 40


def test_a_day_that_others_read_is_put_off_and_nothing_is_lost(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_days_ago(60)

    def busy(_piece: object) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    with monkeypatch.context() as patched:
        patched.setattr(type(raw_store.DAYS), "drop", lambda _table, piece: busy(piece))
        made = pruning.start(started_by="olga")
        assert not pruning.prune(made.pk)
    made.refresh_from_db()
    assert (made.state, made.lease_expires_at) == ("ready", None)
    assert made.due_at is not None
    assert made.due_at > datetime.now(UTC)

    removed = pruned()

    assert removed["raw_payloads"] == 80 - 40
    assert RawDiamond.objects.count() == 40


def test_old_histories_go_and_what_is_open_or_young_stays(supplier: MemorySupplier, settings: Any, today: date) -> None:
    settings.HISTORY_RETENTION_DAYS = 100
    settings.LETTER_RETENTION_DAYS = 90
    old, young = run_days_ago(200), run_days_ago(50)
    closed = rows.dead_letter(old, state="discarded")
    DeadLetter.objects.filter(pk=closed.pk).update(closed_at=datetime.now(UTC) - timedelta(days=95))
    waiting, fresh = rows.dead_letter(old), rows.dead_letter(young, state="discarded")
    DeadLetter.objects.filter(pk=fresh.pk).update(closed_at=datetime.now(UTC) - timedelta(days=10))
    month = dead_letters.ATTEMPTS.make_ahead(today - timedelta(days=200))[0]

    removed = pruned()

    assert (removed["letters"], removed["alerts"]) == (1, 1)
    assert removed["attempt_months"] >= 1
    assert removed["run_events"] == 5
    assert set(DeadLetter.objects.values_list("pk", flat=True)) == {waiting.pk, fresh.pk}
    assert set(RunEvent.objects.values_list("run_id", flat=True)) == {young.pk}
    assert month not in {piece.name for piece in dead_letters.ATTEMPTS.pieces()}
    assert not sound()


def test_slots_of_long_ago_go_but_never_a_schedules_last_one(supplier: MemorySupplier, settings: Any) -> None:
    settings.HISTORY_RETENTION_DAYS = 100
    feed = run_days_ago(50).feed
    now = datetime.now(UTC)
    ScheduleSlot.objects.bulk_create(
        ScheduleSlot(
            feed=feed, kind=kind, due_at=now - timedelta(days=days), state="skipped", reason="late", created_at=now
        )
        for kind, ages in (("full", (300, 200)), ("incremental", (150, 120, 10)))
        for days in ages
    )

    removed = pruned()

    left = [(slot.kind, (now - slot.due_at).days) for slot in ScheduleSlot.objects.order_by("due_at")]
    assert removed["slots"] == 3
    assert left == [("full", 200), ("incremental", 10)]
    assert pruning.would_remove()["slots"] == 0


def test_repricings_of_long_ago_go_with_their_batches_but_never_the_last_one(
    supplier: MemorySupplier, settings: Any
) -> None:
    settings.HISTORY_RETENTION_DAYS = 100
    run_days_ago(50)
    for days in (400, 300, 200):
        repricing = reprice.start(cause="test", actor="test")
        reprice.work(repricing.pk)
        moment = datetime.now(UTC) - timedelta(days=days)
        Repricing.objects.filter(pk=repricing.pk).update(finished_at=moment, cause=f"{days} days ago")
    Repricing.objects.filter(cause="300 days ago").update(state="cancelled")

    removed = pruned()

    assert removed["repricings"] == 2
    assert [repricing.cause for repricing in Repricing.objects.all()] == ["200 days ago"]
    assert RepricingBatch.objects.count() == 1
    assert pruning.would_remove()["repricings"] == 0


def test_alerts_on_their_way_stay(supplier: MemorySupplier, settings: Any) -> None:
    settings.HISTORY_RETENTION_DAYS = 100
    run_days_ago(200)
    Delivery.objects.update(state="pending")

    pruned()

    assert Event.objects.count() == Delivery.objects.count() == 1

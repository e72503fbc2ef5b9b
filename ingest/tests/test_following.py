"""Whoever prices stones while other prices are put in force is followed by a repricing, however that ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

import msgspec
import pytest
from django.db import DatabaseError, connection, transaction

from catalog.models import Diamond
from diamondhub.tests.patience import HANG_SECONDS
from diamondhub.tests.threads import at_once
from ingest import consolidation, ending, remapping, replaying, runs
from ingest.invariants import violations
from ingest.models import Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from pricing import experiments, in_force, publishing, reprice
from pricing.models import Experiment, Repricing
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


def publish() -> None:
    """Publish another rule set and price all that others see by it."""
    draft = a_draft(margin_natural=90, margin_lab_grown=90, margin_fancy=90)
    reprice.work(publishing.publish(draft.pk, actor="maria", reason="dearer").pk)


def dearer() -> None:
    """Publish in a connection of its own."""
    (error,) = at_once(publish)
    assert error is None
    assert not Repricing.objects.filter(state="ready").exists()


class Publisher(threading.Thread):
    """Somebody who publishes while something else is under way, and is seen to wait for that."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.waited = False

    def run(self) -> None:
        """Publish, in a connection of its own."""
        try:
            publish()
        except Exception as error:  # noqa: BLE001 - handed to the test
            self.error = error
        finally:
            connection.close()

    def begin(self) -> None:
        """Begin, and go on when the publisher waits, or is done."""
        self.start()
        end = monotonic() + 180
        while self.is_alive() and not self.waited and monotonic() < end:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'advisory' AND NOT l.granted"
                    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
                )
                (self.waited,) = cursor.fetchone()

    def has_ended(self) -> bool:
        """Whether the publication is over by now, or soon."""
        self.join(timeout=HANG_SECONDS)
        return not self.is_alive()

    def has_published(self) -> bool:
        """Whether the publication, which had to wait, is over and well."""
        return self.has_ended() and self.waited and self.error is None


def once(call: Callable[[], None]) -> Callable[[bytes], None]:
    """The call as something that is done before the first of the stones is mapped."""
    calls = [call]
    return lambda _item: calls.pop()() if calls else None


def all_dearer() -> bool:
    """Whether every stone is priced by what is in force, after the repricing that is live."""
    live = Repricing.objects.filter(state="ready").first()
    if live is not None:
        reprice.work(live.pk)
    return all(
        price == (cost * 190 + 50) // 100 for cost, price in Diamond.objects.values_list("cost_cents", "price_cents")
    )


def consolidated(supplier: MemorySupplier) -> Run:
    """A run whose batches were consolidated after something else was published."""
    run = factories.drive(factories.start(), until="consolidating")
    dearer()
    while run.batches.filter(state="ready").exists():
        consolidation.consolidate_batch(factories.claim_batch(run))
    return run


@pytest.mark.parametrize("end", ["cancelled", "failed", "completed"])
def test_a_run_that_was_overtaken_however_it_ends(supplier: MemorySupplier, end: str) -> None:
    run = consolidated(supplier)

    if end == "cancelled":
        runs.cancel_run(run.pk, actor="eve", reason="wrong currency")
    elif end == "failed":
        ending.fail_run(run, "it broke")
    else:
        factories.drive(run)

    run.refresh_from_db()
    assert run.state == end
    assert Repricing.objects.get(state="ready").cause == f"run {run.pk} was overtaken"
    assert all_dearer()


def test_who_publishes_during_a_replay_waits_and_misses_no_stone(supplier: MemorySupplier) -> None:
    publisher = Publisher()
    broken = {stone.id for stone in supplier.shelf[:5]}

    def stumble(item: bytes) -> None:
        if msgspec.json.decode(item)["id"] in broken:
            raise ValueError(item)

    supplier.before_mapping = stumble
    run = factories.settled(error_budget=1.0)
    supplier.before_mapping = once(publisher.begin)

    replaying.replay(replaying.select(run=run.pk), actor="olga")

    assert publisher.has_published()
    assert len(factories.listed()) == 40
    assert all_dearer()


def test_a_replay_of_many_prices_each_chunk_by_what_is_in_force_then(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(item: bytes) -> None:
        raise ValueError(item)

    supplier.before_mapping = stumble
    run = factories.settled(error_budget=1.0)
    monkeypatch.setattr(replaying, "CHUNK", 10)
    publisher = Publisher()
    supplier.before_mapping = once(publisher.begin)

    report = replaying.replay(replaying.select(run=run.pk), actor="olga")

    assert publisher.has_published()
    assert report.outcomes == {"inserted": 40}
    assert all_dearer()


def from_antwerp(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new mapper that reads every stone otherwise."""
    old = supplier.to_diamond
    monkeypatch.setattr(supplier, "mapper_version", "memory-mapper-2")
    monkeypatch.setattr(
        supplier, "to_diamond", lambda item: msgspec.structs.replace(old(item), country_of_origin="Antwerp")
    )


def test_a_remap_that_was_overtaken(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.settled()
    from_antwerp(supplier, monkeypatch)
    remap = remapping.start("memory", selection="stale", started_by="olga")
    dearer()

    assert remapping.work(remap.pk)

    assert set(Diamond.objects.values_list("country_of_origin", flat=True)) == {"Antwerp"}
    assert all_dearer()


def test_a_remap_that_was_overtaken_and_abandoned(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.settled()
    from_antwerp(supplier, monkeypatch)
    monkeypatch.setattr(remapping, "CHUNK", 10)
    abandoned = remapping.start("memory", selection="stale", started_by="olga")
    dearer()
    remapping.work(abandoned.pk, seconds=0)
    monkeypatch.setattr(supplier, "mapper_version", "memory-mapper-3")

    remapping.start("memory", selection="stale", started_by="otto")

    abandoned.refresh_from_db()
    assert (abandoned.state, abandoned.changed) == ("abandoned", 10)
    assert all_dearer()


def test_who_publishes_while_one_stone_is_mapped_again_waits_and_does_not_miss_it(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.settled()
    from_antwerp(supplier, monkeypatch)
    publisher = Publisher()
    supplier.before_mapping = once(publisher.begin)

    assert remapping.remap_stone("memory", "S-00039")["changed"] == 1

    assert publisher.has_published()
    assert all_dearer()


def test_who_hangs_while_holding_what_prices_stones_keeps_nobody_from_publishing(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.settled()
    monkeypatch.setattr(in_force, "HOLD_SECONDS", 0.5)
    publisher = Publisher()

    def hang() -> None:
        with transaction.atomic():
            in_force.held_pricing()
            publisher.start()
            assert publisher.has_ended()
            Diamond.objects.count()

    # Where the machine itself hangs for so long, the transaction is ended before it holds anything.
    while publisher.ident is None:
        with pytest.raises(DatabaseError):
            hang()
        connection.close()

    assert publisher.error is None
    assert all_dearer()


def test_a_run_that_began_while_an_experiment_was_about_to_prices_without_it_and_is_followed(
    supplier: MemorySupplier,
) -> None:
    run = factories.start()
    treatment = a_draft(margin_natural=90, margin_lab_grown=90, margin_fancy=90)
    experiment = Experiment.objects.create(slug="dearer", rule_set=treatment, share=50, salt="pepper")
    # Its transaction had begun before the run, and is committed after that.
    moment = run.created_at - timedelta(milliseconds=5)
    experiments.start(experiment.pk, actor="maria")
    Experiment.objects.filter(pk=experiment.pk).update(started_at=moment)
    Repricing.objects.update(created_at=moment)
    reprice.work(Repricing.objects.get(state="ready").pk)

    run = factories.drive(run)

    assert run.experiment is None
    assert not Diamond.objects.filter(experiment_arm="dearer").exists()
    reprice.work(Repricing.objects.get(state="ready", cause=f"run {run.pk} was overtaken").pk)
    assert 5 < Diamond.objects.filter(experiment_arm="dearer").count() < 35
    assert not list(violations())

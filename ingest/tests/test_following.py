"""Whoever prices stones while other prices are put in force is followed by a repricing, however that ends."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from catalog.models import Diamond
from ingest import consolidation, failing, remapping, replaying, runs
from ingest.models import Run
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from pricing import drafts, reprice
from pricing.models import Repricing
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


def dearer() -> None:
    """Publish another rule set and price all that others see by it, in a connection of its own."""

    def publish() -> None:
        draft = a_draft(margin_natural=90, margin_lab_grown=90, margin_fancy=90)
        reprice.work(drafts.publish(draft.pk, actor="maria", reason="dearer").pk)

    (error,) = factories.at_once(publish)
    assert error is None
    assert not Repricing.objects.filter(state="ready").exists()


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
        failing.fail_run(run, "it broke")
    else:
        factories.drive(run)

    run.refresh_from_db()
    assert run.state == end
    assert Repricing.objects.get(state="ready").cause == f"run {run.pk} was overtaken"
    assert all_dearer()


def test_a_replay_that_was_overtaken(supplier: MemorySupplier) -> None:
    broken = {stone.id for stone in supplier.shelf[:5]}

    def stumble(item: bytes) -> None:
        if msgspec.json.decode(item)["id"] in broken:
            raise ValueError(item)

    supplier.before_mapping = stumble
    run = factories.settled(error_budget=1.0)
    supplier.before_mapping = once(dearer)

    replaying.replay(replaying.select(run=run.pk), actor="olga")

    assert len(factories.listed()) == 40
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
    remapping.work(abandoned.pk, seconds=0.001)
    monkeypatch.setattr(supplier, "mapper_version", "memory-mapper-3")

    remapping.start("memory", selection="stale", started_by="otto")

    abandoned.refresh_from_db()
    assert (abandoned.state, abandoned.changed) == ("abandoned", 10)
    assert all_dearer()


def test_one_stone_whose_remap_was_overtaken(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.settled()
    from_antwerp(supplier, monkeypatch)
    supplier.before_mapping = once(dearer)

    assert remapping.remap_stone("memory", "S-00039")["changed"] == 1

    assert all_dearer()

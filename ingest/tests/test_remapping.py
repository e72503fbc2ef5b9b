"""Remaps: stones mapped again from what is stored, by whoever is there, writing only what changes and nothing newer."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from catalog.models import DatasetVersion, Diamond
from catalog.rows import StoneFacts
from diamondhub import leases
from ingest import remapping, replaying
from ingest.errors import MappingError
from ingest.invariants import violations
from ingest.models import DeadLetter, RawDiamond, Remap
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier, again, listed, settled, stones, supplying

pytestmark = pytest.mark.django_db(transaction=True)

FEED = "memory"


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    made = supplying(monkeypatch, MemorySupplier(stones(40)))
    settled()
    return made


def new_mapper(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch, *, version: str = "memory-mapper-2") -> None:
    """From now on dear stones come from Antwerp."""
    old = supplier.to_diamond

    def to_diamond(item: bytes) -> StoneFacts:
        facts = old(item)
        dear = facts.cost_cents >= 250_000
        return msgspec.structs.replace(facts, country_of_origin="Antwerp" if dear else facts.country_of_origin)

    monkeypatch.setattr(supplier, "mapper_version", version)
    monkeypatch.setattr(supplier, "to_diamond", to_diamond)


def remapped(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    try:
        call_command("remap", FEED, *arguments, "--json", stdout=out, stderr=StringIO())
    except CommandError as error:
        return {**json.loads(out.getvalue() or "{}"), "error": str(error)}
    return {**json.loads(out.getvalue()), "error": ""}


def from_antwerp() -> int:
    return Diamond.objects.filter(country_of_origin="Antwerp").count()


def sound() -> list[str]:
    return [str(one) for one in violations() if one.invariant not in (3, 10)]


def test_a_new_mapper_changes_what_it_reads_otherwise_and_asks_nobody(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_mapper(supplier, monkeypatch)
    asked, version = len(supplier.asked), DatasetVersion.current()
    untouched = set(Diamond.objects.filter(cost_cents__lt=250_000).values_list("pk", "changed_at"))

    done = remapped()

    assert (done["looked_at"], done["changed"], done["unchanged"], done["error"]) == (40, 20, 20, "")
    assert from_antwerp() == 20
    assert set(Diamond.objects.filter(cost_cents__lt=250_000).values_list("pk", "changed_at")) == untouched
    assert len(supplier.asked) == asked
    assert DatasetVersion.current() == version + 1
    assert not sound()


def test_columns_that_a_mapper_did_not_know_are_filled_from_payloads_that_are_kept(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = supplier.to_diamond
    told = {"cut": 0, "growth_method": "CVD", "girdle_from": 3, "girdle_to": 5, "culet_size": 1, "blue": False,
            "gray": True, "bowtie": 1, "key_to_symbols": "Feather", "location_country": "India",
            "location_city": "Surat", "return_days": 14}  # fmt: skip
    monkeypatch.setattr(supplier, "mapper_version", "memory-mapper-2")
    monkeypatch.setattr(supplier, "to_diamond", lambda item: msgspec.structs.replace(old(item), **told))
    prices = dict(Diamond.objects.values_list("pk", "price_cents"))

    done = remapped()

    assert (done["changed"], done["error"]) == (40, "")
    assert set(Diamond.objects.values_list(*told)) == {tuple(told.values())}
    assert dict(Diamond.objects.values_list("pk", "price_cents")) == prices
    assert not sound()


def test_stones_that_this_mapper_mapped_already_are_skipped(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remapped()["skipped"] == 40
    new_mapper(supplier, monkeypatch)
    remapped()

    again_ = remapped()
    everything = remapped("--all")

    assert (again_["skipped"], again_["looked_at"]) == (40, 0)
    assert (everything["looked_at"], everything["changed"]) == (40, 0)


def test_going_back_to_the_old_mapper_maps_all_that_the_new_one_did(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as new:
        new_mapper(supplier, new)
        remapped()

    done = remapped()

    assert (done["looked_at"], done["changed"]) == (40, 20)
    assert from_antwerp() == 0


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_mapper(supplier, monkeypatch)
    version = DatasetVersion.current()

    done = remapped("--dry-run")

    assert (done["changed"], done["unchanged"]) == (20, 20)
    assert (from_antwerp(), DatasetVersion.current(), Remap.objects.count()) == (0, version, 0)


def test_one_stone_is_mapped_again_by_its_id(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    new_mapper(supplier, monkeypatch)

    done = remapped("--stone", "S-00039")

    assert (done["changed"], from_antwerp()) == (1, 1)
    assert "has no stone" in remapped("--stone", "S-99999")["error"]


def test_a_remap_whose_worker_died_goes_on_where_it_was(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_mapper(supplier, monkeypatch)
    monkeypatch.setattr(remapping, "CHUNK", 10)
    remap = remapping.start(FEED, selection="stale", started_by="olga")
    lease = leases.claim_one(Remap, remap.pk, state="ready", seconds=60)
    assert lease is not None
    remapping.chunk(lease)
    factories.expire(lease)
    mapped: list[bytes] = []
    supplier.before_mapping = mapped.append

    resumed = remapping.start(FEED, selection="stale", started_by="otto")
    assert remapping.work(resumed.pk)

    resumed.refresh_from_db()
    assert (resumed.pk, resumed.state, resumed.looked_at, len(mapped)) == (remap.pk, "completed", 40, 30)
    assert from_antwerp() == 20
    with pytest.raises(leases.LeaseLost):
        remapping.chunk(lease)


def test_what_a_dead_worker_left_is_rung_for_by_the_sweep(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    remap = remapping.start(FEED, selection="all", started_by="olga")
    rung: list[tuple[str, int]] = []
    monkeypatch.setattr(remapping, "ring", lambda task, pk: rung.append((task, pk)))

    remapping.ring_due()

    assert rung == [("ingest.tasks.remap", remap.pk)]


def test_a_stone_that_does_not_map_any_more_is_one_letter_and_stays_as_it_was(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_mapper(supplier, monkeypatch)

    def stumble(item: bytes) -> None:
        if json.loads(item)["id"] == "S-00039":
            raise MappingError("shape", "is a riddle")

    supplier.before_mapping = stumble

    first = remapped("--all")
    second = remapped("--all")

    assert (first["dead"], second["dead"]) == (1, 1)
    assert "1 stones could not be mapped again" in first["error"]
    letter = DeadLetter.objects.get()
    assert (letter.mapper_version, letter.state) == ("memory-mapper-2", "open")
    assert len(listed()) == 40
    assert from_antwerp() == 19
    # A full run that shows the stone as before does not close the letter: the mapper is still at odds with it.
    settled()
    letter.refresh_from_db()
    assert letter.state == "open"
    supplier.before_mapping = lambda _item: None

    report = replaying.replay(replaying.select(letter=letter.pk), actor="olga")

    assert report.outcomes == {"updated": 1}
    assert from_antwerp() == 20
    assert not sound()


def test_a_diamond_that_got_newer_meanwhile_is_left_alone(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_mapper(supplier, monkeypatch)
    newest = Diamond.objects.get(supplier_stone_id="S-00039")

    def overtake(item: bytes) -> None:
        if json.loads(item)["id"] == "S-00039":
            Diamond.objects.filter(pk=newest.pk).update(raw_id=newest.raw_id + 1_000_000, cost_cents=1)

    supplier.before_mapping = overtake

    done = remapped("--all")

    assert (done["changed"], done["newer"]) == (19, 1)
    assert Diamond.objects.get(pk=newest.pk).cost_cents == 1


def test_delisted_stones_stay_delisted(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    new_mapper(supplier, monkeypatch)
    Diamond.objects.filter(supplier_stone_id="S-00039").update(availability="delisted")

    done = remapped()

    assert done["looked_at"] == 39
    assert Diamond.objects.get(supplier_stone_id="S-00039").availability == "delisted"


def test_a_payload_that_is_gone_is_counted_and_said(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    new_mapper(supplier, monkeypatch)
    raw = RawDiamond.objects.filter(pk__in=Diamond.objects.values("raw_id")).values_list("pk", flat=True)[:3]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ingest_rawdiamond WHERE id = ANY(%s)", [list(raw)])

    done = remapped()

    assert (done["pruned"], done["looked_at"]) == (3, 40)
    assert "3 stones could not be mapped again" in done["error"]


def test_a_remap_for_an_older_mapper_is_abandoned_by_the_next(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_mapper(supplier, monkeypatch)
    stuck = remapping.start(FEED, selection="stale", started_by="olga")
    monkeypatch.setattr(supplier, "mapper_version", "memory-mapper-3")

    done = remapped()

    stuck.refresh_from_db()
    assert (stuck.state, done["looked_at"]) == ("abandoned", 40)


def test_stones_of_a_live_run_are_left_to_it(supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch) -> None:
    supplier.shelf[39] = again(supplier.shelf[39], price=999_900)
    run = factories.drive(factories.start(), until="consolidating")
    new_mapper(supplier, monkeypatch)
    remap = remapping.start(FEED, selection="stale", started_by="olga")
    factories.drive(run)

    remapping.work(remap.pk)

    remap.refresh_from_db()
    assert (remap.looked_at, remap.newer) == (40, 1)


def test_the_mapper_of_an_interrupted_pass_is_not_believed(
    supplier: MemorySupplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remapping, "CHUNK", 10)
    with monkeypatch.context() as new:
        new_mapper(supplier, new)
        remap = remapping.start(FEED, selection="stale", started_by="olga")
        lease = leases.claim_one(Remap, remap.pk, state="ready", seconds=60)
        assert lease is not None
        remapping.chunk(lease)

    done = remapped()

    assert done["looked_at"] == 40
    assert from_antwerp() == 0

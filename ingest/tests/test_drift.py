"""Schema drift: what suppliers send that is new, gone or not understood, counted once and told when it jumps."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from catalog import upsert
from catalog.models import diamond_id
from catalog.rows import StoneFacts
from catalog.tests.facts import facts
from diamondhub import leases
from diamondhub.operations.models import Problem
from ingest import consolidation, drift, runs
from ingest.drift import Counts, find_jumps
from ingest.feeds.adapter import Look
from ingest.models import DeadLetter, Run
from ingest.report import report
from ingest.tests.factories import (
    MemorySupplier,
    Stone,
    again,
    claim_batch,
    drive,
    expire,
    feed,
    listed,
    settled,
    start,
    stones,
    supplying,
)


class Watched(MemorySupplier):
    """A supplier whose adapter can say what it does not know: fields and cuts that a test puts on the shelf."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        #: Stock number → the fields and the cut that are strange about it.
        self.strange: dict[str, Look] = {}

    def look(self, item: bytes) -> Look:
        return self.strange.get(json.loads(item)["id"], Look((), ()))


def in_catalogue(stone: str, mapped: StoneFacts) -> upsert.MappedStone:
    return upsert.MappedStone(diamond_id("memory", stone), "memory", stone, b"hash", 1, datetime.now(UTC), mapped)


def counts(mapped: int = 1_000, looked_at: int = 1_000, **found: Any) -> Counts:
    return Counts(
        mapped,
        looked_at,
        Counter(found.get("unknown", {})),
        Counter(found.get("fields", {})),
        {column: Counter(values) for column, values in found.get("values", {}).items()},
    )


@pytest.mark.parametrize(
    ("now", "before", "jumps"),
    [
        (counts(), counts(), []),
        (
            counts(unknown={"cut": 160}),
            counts(unknown={"cut": 50}),
            ["cut is unknown on 16.0% of stones, before on 5.0%"],
        ),
        (counts(unknown={"cut": 149}), counts(unknown={"cut": 50}), []),
        (counts(unknown={"cut": 50}), counts(unknown={"cut": 900}), []),
        (counts(mapped=90, unknown={"cut": 90}), counts(), []),
        (counts(fields={"halo": 11}), counts(), ["field halo is new, on 1.1% of stones"]),
        (counts(fields={"halo": 10}), counts(), []),
        (counts(fields={"halo": 900}), counts(fields={"halo": 1}), []),
        (counts(looked_at=20, fields={"halo": 2}), counts(), []),
        (counts(values={"cut": {"SUPER": 6}}), counts(), ["cut 'SUPER' is not understood, on 0.6% of stones"]),
        (counts(values={"cut": {"SUPER": 5}}), counts(), []),
        (counts(values={"cut": {"SUPER": 300}}), counts(values={"cut": {"SUPER": 298}}), []),
        (counts(looked_at=20, values={"cut": {"A": 1, "B": 1}}), counts(), []),
        (
            counts(unknown={"cut": 200, "polish": 900}, fields={"halo": 500}),
            counts(),
            [
                "polish is unknown on 90.0% of stones, before on 0.0%",
                "field halo is new, on 50.0% of stones",
                "cut is unknown on 20.0% of stones, before on 0.0%",
            ],
        ),
    ],
)
def test_a_jump_is_more_than_chance(now: Counts, before: Counts, jumps: list[str]) -> None:
    assert list(find_jumps(now, before).values()) == jumps


def test_a_batch_counts_unknown_columns_of_all_its_stones_and_looks_at_few() -> None:
    supplier = Watched()
    shelf = stones(2_000)
    supplier.strange = {stone.id: Look(("halo", "halo"), (("cut", "A\0B" + "x" * 99),)) for stone in shelf}
    mapped = [facts(cut=None if number % 4 else 1) for number in range(2_000)]

    counted = drift.count(supplier, drift.unknown_of(mapped), [stone.payload() for stone in shelf])

    assert counted["mapped"] == 2_000
    assert counted["unknown"]["cut"] == 1_500
    assert "offer_id" not in counted["unknown"]
    assert counted["looked_at"] == 40
    assert counted["strange_fields"] == {"halo": 40}
    assert counted["strange_values"] == {"cut": {"A�B" + "x" * 57: 40}}


def test_the_rows_of_a_batch_know_what_is_unknown_of_its_stones() -> None:
    mapped = [
        facts(cut=None if number % 4 else 1, girdle=("\\N", "", None)[number % 3], table_pct=None, images=[])
        for number in range(2_500)
    ]

    in_rows = drift.unknown_in(upsert.rows_of([in_catalogue(str(number), of) for number, of in enumerate(mapped)]))

    assert in_rows == drift.unknown_of(mapped)
    assert (in_rows.mapped, in_rows.unknown["girdle"], in_rows.unknown["table_pct"]) == (2_500, 833, 2_500)
    assert drift.unknown_in(upsert.rows_of([])) == drift.unknown_of([])


def test_a_batch_of_nothing_counts_nothing() -> None:
    assert drift.count(MemorySupplier(), drift.unknown_of([]), [])["mapped"] == 0


def test_names_that_a_supplier_makes_up_do_not_fill_the_table() -> None:
    supplier = Watched()
    shelf = stones(500)
    supplier.strange = {
        stone.id: Look(tuple(f"{stone.id}-{field}" for field in range(50)), (("cut", stone.id),)) for stone in shelf
    }

    counted = drift.count(supplier, drift.unknown_of([facts()] * 500), [stone.payload() for stone in shelf])

    assert len(counted["strange_fields"]) == 100
    assert len(counted["strange_values"]["cut"]) == 20


def changed(shelf: list[Stone], **says: Any) -> list[Stone]:
    """The shelf with every stone dearer, so that all are consolidated again, and saying something else."""
    return [again(stone, price=stone.price + 100, says=says) for stone in shelf]


@pytest.mark.django_db(transaction=True)
class TestRuns:
    """Runs over a supplier whose data change."""

    def test_a_first_run_has_nothing_to_be_held_against(self, monkeypatch: pytest.MonkeyPatch) -> None:
        supplying(monkeypatch, Watched([again(stone, says={"cut": None}) for stone in stones(120)]))

        run = settled()

        assert (run.drift["mapped"], run.drift["unknown"]["cut"], run.drift["jumps"]) == (120, 120, [])
        assert not Problem.objects.filter(kind="schema-drift").exists()

    def test_a_field_that_is_no_longer_sent_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        supplier = supplying(monkeypatch, Watched(stones(120)))
        first = settled()
        supplier.shelf = changed(supplier.shelf, shape=None)

        run = settled()

        assert run.state == Run.State.COMPLETED
        assert run.drift["compared_with"] == [first.pk]
        assert run.summary["drift"]["jumps"] == ["shape is unknown on 100.0% of stones, before on 0.0%"]
        event = Problem.objects.get(kind="schema-drift")
        assert "shape is unknown on 100.0% of stones" in event.subject
        assert event.severity == "warning"

    def test_columns_that_the_mapper_before_did_not_read_are_none_that_are_gone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        supplier = supplying(monkeypatch, Watched([again(stone, says={"cut": None}) for stone in stones(120)]))
        settled()
        supplier.shelf = changed(supplier.shelf, shape=None, cut=None)
        monkeypatch.setattr(supplier, "mapper_version", "memory-mapper-2")

        run = settled()

        assert (run.drift["unknown"]["shape"], run.drift["compared_with"], run.drift["jumps"]) == (120, [], [])
        assert "No earlier full run by mapper memory-mapper-2" in drift.comparison(run)

    def test_runs_of_the_other_kind_say_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        supplier = supplying(monkeypatch, Watched(stones(120)))
        full = settled()
        supplier.shelf = changed(supplier.shelf, shape=None)

        incremental = settled(kind=Run.Kind.INCREMENTAL)
        supplier.shelf = changed(supplier.shelf, shape=None)
        later = settled()

        assert (incremental.drift["compared_with"], incremental.drift["jumps"]) == ([], [])
        assert later.drift["compared_with"] == [full.pk]
        assert later.drift["jumps"] == ["shape is unknown on 100.0% of stones, before on 0.0%"]

    def test_the_report_of_a_run_that_was_held_against_all_kinds_says_no_kind(self) -> None:
        old = Run(drift={"mapped": 120, "compared_with": [4, 3], "before": {"mapped": 240}})

        assert drift.comparison(old).startswith(
            "120 stones with a new payload, compared with those of the last 2 runs (3, 4)."
        )

    def test_new_fields_and_grades_are_told_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        supplier = Watched(stones(120))
        supplying(monkeypatch, supplier)
        settled()
        supplier.shelf = changed(supplier.shelf)
        supplier.strange = {stone.id: Look(("diamond.halo",), (("cut", "SUPER"),)) for stone in supplier.shelf}

        told = settled()
        supplier.shelf = changed(supplier.shelf)
        known = settled()

        assert told.drift["jumps"] == [
            "field diamond.halo is new, on 100.0% of stones",
            "cut 'SUPER' is not understood, on 100.0% of stones",
        ]
        assert known.drift["strange_fields"]["diamond.halo"] > 0
        assert not any(jump.startswith("field") for jump in known.drift["jumps"])

    def test_a_batch_that_is_done_again_counts_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        supplying(monkeypatch, MemorySupplier(stones(120)))
        run = drive(start(), until=Run.State.CONSOLIDATING)
        dead_worker = claim_batch(run)
        expire(dead_worker)
        again = claim_batch(run)
        consolidation.consolidate_batch(again)
        with pytest.raises(leases.LeaseLost):
            consolidation.consolidate_batch(dead_worker)

        run = drive(run)

        assert run.drift["mapped"] == 120

    @pytest.mark.parametrize(("without", "state"), [(1, "completed"), (3, "in_review")])
    def test_many_stones_without_a_required_field_wait_for_a_person(
        self, monkeypatch: pytest.MonkeyPatch, without: int, state: str
    ) -> None:
        shelf = stones(150)
        for stone in shelf[:without]:
            stone.says["cost_cents"] = 0
        supplying(monkeypatch, MemorySupplier(shelf))

        run = settled(error_budget=1.0)

        assert run.state == state
        assert DeadLetter.objects.filter(reason=drift.IS_MISSING).count() == without
        if state == "in_review":
            assert run.events.latest("id").reason == "price is missing on 3 of 150 stones, more than 1%"
            runs.approve_run(run.pk, actor="eve", reason="they are not for sale")
            assert drive(run).state == "completed"
        assert len(listed()) == 150 - without

    def test_a_run_shows_what_is_strange_on_its_page_and_in_its_report(self, monkeypatch: pytest.MonkeyPatch) -> None:
        supplier = Watched(stones(120))
        supplying(monkeypatch, supplier)
        settled()
        supplier.shelf = changed(supplier.shelf, shape=None)
        supplier.strange = {stone.id: Look(("<b>halo</b>",), (("cut", "SUPER"),)) for stone in supplier.shelf}
        run = settled()
        browser = Client()
        browser.force_login(User.objects.create_superuser("root-person"))

        page = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()

        assert "What the supplier sends" in page
        assert "field &lt;b&gt;halo&lt;/b&gt; is not known" in page
        assert "cut not understood: &#x27;SUPER&#x27;" in page
        assert "shape unknown" in page
        assert report(run)["drift"]["strange_values"]["cut"]["SUPER"] > 0

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            (0, "No payload was new, so there is nothing to compare."),
            (1, "Only 1 stone came with a new payload: too few to compare with earlier runs."),
            (99, "Only 99 stones came with a new payload: too few to compare with earlier runs."),
        ],
    )
    def test_a_run_with_few_new_payloads_says_so_and_compares_no_shares(
        self, monkeypatch: pytest.MonkeyPatch, changes: int, said: str
    ) -> None:
        supplier = supplying(monkeypatch, Watched([again(stone, says={"cut": None}) for stone in stones(120)]))
        settled()
        supplier.shelf = changed(supplier.shelf[:changes]) + supplier.shelf[changes:]
        run = settled()
        browser = Client()
        browser.force_login(User.objects.create_superuser("root-person"))

        page = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()

        assert said in page
        assert "0.0%" not in page
        assert drift.lines(run) == []

    def test_a_run_that_differs_in_nothing_says_what_it_was_compared_with(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        supplier = supplying(monkeypatch, Watched(stones(120)))
        first = settled()
        supplier.shelf = changed(supplier.shelf)

        run = settled()

        alike = "full run by mapper memory-mapper-1"
        assert drift.comparison(first) == f"No earlier {alike} brought enough stones to compare with."
        assert drift.comparison(run) == (
            f"120 stones with a new payload, compared with those of the last {alike} ({first.pk}). Nothing differs."
        )

    def test_strange_values_of_few_stones_are_shown_without_a_comparison(self, monkeypatch: pytest.MonkeyPatch) -> None:
        supplier = Watched(stones(120))
        supplying(monkeypatch, supplier)
        settled()
        supplier.shelf = changed(supplier.shelf[:4]) + supplier.shelf[4:]
        supplier.strange = {stone.id: Look((), (("cut", "SUPER"),)) for stone in supplier.shelf}

        run = settled()

        assert [(line.what, line.now, line.before, line.jumped) for line in drift.lines(run)] == [
            ("cut not understood: 'SUPER'", 1.0, None, False)
        ]

    def test_runs_of_other_feeds_say_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        supplier = supplying(monkeypatch, Watched(stones(120)))
        settled()
        other = feed().runs.get()
        other.feed = type(other.feed).objects.create(slug="other", name="Other", adapter="memory")
        other.save()
        supplier.shelf = changed(supplier.shelf, delivery_days_min=None)

        run = settled()

        assert (run.drift["compared_with"], run.drift["jumps"]) == ([], [])

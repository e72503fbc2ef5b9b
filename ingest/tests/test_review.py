"""What a person is shown of a run that waits: which stones, by cause, after the software has looked for itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from catalog.models import Diamond
from ingest import brakes, review, runs
from ingest.invariants import violations
from ingest.models import Feed, Run
from ingest.review import Held
from ingest.sandbox.faults import Poison, Settings
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import InventoryChange, Options
from ingest.tests import factories
from ingest.tests.factories import MemorySupplier
from ingest.walking import stage as walking

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(monkeypatch: pytest.MonkeyPatch) -> MemorySupplier:
    return factories.supplying(monkeypatch, MemorySupplier(factories.stones(40)))


@pytest.fixture
def pulled() -> Iterator[tuple[Sandbox, Feed]]:
    """A sandbox supplier of some 400 lab-grown stones, all of which the catalogue has."""
    with factories.sandbox_feed(Options(stones=600, short_pages=0.0)) as (sandbox, feed):
        assert full_run(feed).state == "completed"
        yield sandbox, feed


def full_run(feed: Feed) -> Run:
    return factories.drive(runs.start_run(feed.slug, kind="full", started_by="eve"))


def share_of(feed: Feed, share: float) -> int:
    return round(share * Diamond.objects.filter(feed=feed.slug, availability="available").count())


def delisted() -> set[str]:
    return set(Diamond.objects.filter(availability="delisted").values_list("supplier_stone_id", flat=True))


def only_held(run: Run) -> Held:
    (held,) = review.read(run).held
    return held


def parts(held: Held) -> dict[str, int]:
    return {part.cause: part.stones for part in held.parts}


class TestDelisting:
    def test_stones_that_changed_just_before_the_run_are_no_reason_to_brake(self, pulled: tuple[Sandbox, Feed]) -> None:
        sandbox, feed = pulled
        listed = factories.listed()
        number = share_of(feed, 0.3)
        # Within the lag that the window's end keeps to the supplier's clock.
        changed = sandbox.supplier.change_inventory(InventoryChange(change=number, feed="labgrown"))["changed"]

        run = full_run(feed)

        costs = dict(
            Diamond.objects.filter(supplier_stone_id__in=changed).values_list("supplier_stone_id", "cost_cents")
        )
        items = sandbox.supplier.items(labgrown=True, availability=None)
        assert run.state == "completed"
        assert (run.summary["unseen"], run.summary["delisted"]) == ({"changed": number}, 0)
        assert factories.listed() == listed
        assert costs == {item["diamond"]["id"]: item["price"] for item in items if item["diamond"]["id"] in costs}
        assert violations() == []

    def test_stones_that_are_gone_wait_for_a_person_who_sees_them_by_cause_and_takes_off_no_others(
        self, pulled: tuple[Sandbox, Feed]
    ) -> None:
        sandbox, feed = pulled
        known = share_of(feed, 1.0)
        wanted = InventoryChange(
            vanish=share_of(feed, 0.3), change=share_of(feed, 0.1), hold=share_of(feed, 0.05), feed="labgrown"
        )
        done = sandbox.supplier.change_inventory(wanted)

        held_run = full_run(feed)
        untouched = delisted()
        held = only_held(held_run)
        runs.approve_run(held_run.pk, actor="adam", reason="the supplier closed a branch")
        run = factories.drive(held_run)

        gone = next(part for part in held.parts if part.cause == "gone")
        assert held_run.state == "in_review"
        assert untouched == set()
        assert parts(held) == {"gone": wanted.vanish, "changed": wanted.change, "on_hold": wanted.hold}
        assert held.looked == (
            f"{wanted.vanish + wanted.change + wanted.hold} stones that no page showed were asked for by id; "
            f"the supplier knows {wanted.change + wanted.hold} of them"
        )
        assert {example.stone for example in gone.examples} <= set(done["vanished"])
        assert run.state == "completed"
        assert delisted() == set(done["vanished"])
        assert len(factories.listed()) == known - wanted.vanish - wanted.hold
        assert run.summary["unseen"] == parts(held)
        assert violations() == []

    def test_stones_that_change_and_vanish_while_the_pages_are_read_are_told_apart(
        self, supplier: MemorySupplier
    ) -> None:
        factories.settled(max_partition_stones=10)
        run = factories.drive(factories.start(), until="ingesting")
        for stone in supplier.shelf[:12]:
            stone.updated = datetime.now(UTC)
        for stone in supplier.shelf[12:15]:
            stone.availability, stone.updated = "sold", datetime.now(UTC)
        gone = {stone.id for stone in supplier.shelf[15:26]}
        del supplier.shelf[15:26]

        run = factories.drive(run)

        assert run.state == "in_review"
        assert parts(only_held(run)) == {"changed": 12, "gone": 11, "sold": 3}
        assert {
            example.stone for part in only_held(run).parts if part.cause == "gone" for example in part.examples
        } <= gone

    @pytest.mark.parametrize("brake", ["delisting", "median", "dead_letters"])
    def test_stones_are_asked_for_again_before_they_go_if_the_approval_took_long_whatever_was_approved(
        self, supplier: MemorySupplier, brake: str
    ) -> None:
        factories.settled()
        gone = supplier.shelf[: 12 if brake == "delisting" else 3]
        del supplier.shelf[: len(gone)]
        for stone in supplier.shelf if brake == "median" else supplier.shelf[:2]:
            stone.price *= 100 if brake == "median" else 1
            stone.says = {"length_mm": "1e99"} if brake == "dead_letters" else {}
        held_run = factories.settled()
        asked = held_run.partitions.filter(kind="confirm")
        asked.update(completed_at=Now() - timedelta(seconds=brakes.ANSWERS_HOLD_SECONDS + 1))
        supplier.shelf.insert(0, gone[0])

        runs.approve_run(held_run.pk, actor="adam", reason="as agreed")
        run = factories.drive(held_run)

        assert only_held(held_run).kind == brake
        assert run.state == "completed"
        assert delisted() == {stone.id for stone in gone[1:]}
        assert violations() == []

    def test_an_answer_that_could_not_be_processed_is_a_cause_of_its_own(self, supplier: MemorySupplier) -> None:
        factories.settled()
        unread, *_ = supplier.shelf
        unread.updated, unread.says = datetime.now(UTC), {"length_mm": "1e99"}
        del supplier.shelf[1:12]

        run = factories.settled()

        assert run.state == "in_review"
        assert parts(only_held(run)) == {"gone": 11, "unread": 1}


class TestMedian:
    def test_costs_that_move_by_one_factor_are_called_a_unit_and_asked_for_again(
        self, supplier: MemorySupplier
    ) -> None:
        factories.settled()
        for stone in supplier.shelf:
            stone.price *= 100

        held = only_held(factories.settled())

        moved = held.parts[0]
        assert held.kind == "median"
        assert moved.stones == 40
        assert "100% of them 100 times as much: cents taken for dollars" in moved.words
        assert "the supplier says the new cost of 10, the old one of 0" in held.looked
        assert all(example.brought == example.again == 100 * (example.cost or 0) for example in moved.examples)

    def test_costs_that_the_supplier_takes_back_when_asked_again_are_told(self, supplier: MemorySupplier) -> None:
        factories.settled()
        for stone in supplier.shelf:
            stone.price *= 2
        run = factories.drive(factories.start(), until="ingesting")
        walking.walk(run.pk)
        for stone in supplier.shelf:
            stone.price //= 2

        held = only_held(factories.drive(run))

        assert "the supplier says the new cost of 0, the old one of 10" in held.looked
        assert "100% of them 2 times as much: another currency, or a general change of prices" in held.parts[0].words

    def test_a_few_stones_that_move_each_by_its_own_factor_are_shown_the_biggest_first(
        self, supplier: MemorySupplier
    ) -> None:
        factories.settled()
        for place, stone in enumerate(supplier.shelf[:24]):
            stone.price *= 20 + place

        held = only_held(factories.settled())

        moved = held.parts[0]
        assert moved.stones == 24
        assert "each by a factor of its own" in moved.words
        assert [example.stone for example in moved.examples[:2]] == ["S-00023", "S-00022"]
        assert parts(held) == {"moved": 24, "dearer": 24}


class TestDeadLetters:
    def test_poisoned_stones_are_shown_by_cause_each_counted_once(self, pulled: tuple[Sandbox, Feed]) -> None:
        sandbox, feed = pulled
        # Each of five poisons in turn; those without an id are seen by pages and again by their ids.
        sandbox.supplier.set_faults(Settings(poison=Poison(stones=40, feed="labgrown")))

        run = full_run(feed)

        held = {held.kind: held for held in review.read(run).held}
        assert run.state == "in_review"
        assert run.dead_letters.count() == 40
        assert "40 of" in held["dead_letters"].why
        assert sum(parts(held["dead_letters"]).values()) <= 40
        assert [part.stones for part in held["dead_letters"].parts] == [8] * 5
        assert all(example.letter for part in held["dead_letters"].parts for example in part.examples)
        assert "the supplier sends the same fault of 32" in held["dead_letters"].looked
        assert {part.cause: part.stones for part in held["required_missing"].parts} == {"price": 8, "diamond.id": 8}
        assert run.summary == {}

    def test_stones_that_are_sound_when_asked_again_are_told(self, supplier: MemorySupplier) -> None:
        for stone in supplier.shelf[:5]:
            stone.says = {"cost_cents": 0}
        run = factories.drive(factories.start(), until="ingesting")
        walking.walk(run.pk)
        for stone in supplier.shelf[:4]:
            stone.says = {}

        run = factories.drive(run)

        held = {held.kind: held.looked for held in review.read(run).held}
        assert held["required_missing"] == held["dead_letters"]
        assert "the same fault of 1, another of 0, sound stones of 4 and nothing of 0" in held["dead_letters"]


def test_every_brake_that_makes_a_run_wait_has_a_look_of_its_own() -> None:
    waits = {kind for kind, brake in brakes.BRAKES.items() if brake.then == "held"}

    assert waits == set(review.LOOKS)


class TestShowing:
    @pytest.fixture
    def held(self, supplier: MemorySupplier) -> Run:
        factories.settled()
        for stone in supplier.shelf[:5]:
            stone.says = {"cost_cents": 0}
        del supplier.shelf[30:]
        return factories.settled(delist_brake=0.1)

    def test_the_page_links_to_stones_letters_and_causes(self, held: Run) -> None:
        browser = Client()
        browser.force_login(User.objects.create_superuser("root-person"))

        page = browser.get(reverse("admin:ingest_run_change", args=[held.pk])).content.decode()

        gone = Diamond.objects.get(supplier_stone_id="S-00035")
        letter = held.dead_letters.earliest("pk")
        assert reverse("admin:catalog_diamond_change", args=[gone.pk]) in page
        assert reverse("admin:ingest_deadletter_change", args=[letter.pk]) in page
        assert f"?run={held.pk}&amp;fingerprint={letter.fingerprint}" in page
        assert "the supplier no longer knows the id: these would be delisted" in page
        assert "10 stones that no page showed were asked for by id; the supplier knows 0 of them" in page

    def test_what_a_run_was_held_for_stays_on_its_page_when_it_is_over(self, held: Run) -> None:
        runs.approve_run(held.pk, actor="adam", reason="fine")
        run = factories.drive(held)
        browser = Client()
        browser.force_login(User.objects.create_superuser("root-person"))

        page = browser.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()

        assert run.state == "completed"
        assert "Was held: delisting" in page

    def test_watch_run_shows_it_in_words_and_as_json(self, held: Run) -> None:
        text, written = StringIO(), StringIO()

        for out, options in ((text, []), (written, ["--json"])):
            with pytest.raises(CommandError, match="in_review"):
                call_command("watch_run", str(held.pk), *options, stdout=out)

        report = json.loads(written.getvalue())
        by_kind = {entry["kind"]: entry for entry in report["review"]}
        (gone,) = by_kind["delisting"]["parts"]
        assert "delisting: it would delist 10 of 40 stones" in text.getvalue()
        assert "10 (100.0%) the supplier no longer knows the id: these would be delisted" in text.getvalue()
        assert (gone["cause"], gone["stones"], len(gone["examples"])) == ("gone", 10, 10)
        assert report["unseen"] == {"gone": 10}

    def test_approve_run_says_what_was_approved(self, held: Run) -> None:
        out = StringIO()

        call_command("approve_run", str(held.pk), "--reason", "fine", "--json", stdout=out)

        assert {entry["kind"] for entry in json.loads(out.getvalue())["review"]} == set(held.held)

    def test_a_run_that_was_held_before_there_were_reviews_is_shown_and_approved_all_the_same(self, held: Run) -> None:
        Run.objects.filter(pk=held.pk).update(review={})
        out = StringIO()

        call_command("approve_run", str(held.pk), "--reason", "fine", stdout=out)

        assert out.getvalue().strip() == f"run {held.pk} is approved and goes on"

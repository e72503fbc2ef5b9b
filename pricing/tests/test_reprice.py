"""Repricing: batches, what they write and what they leave alone, their history, cancelling, and what they follow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from catalog.models import DatasetVersion, Diamond
from catalog.tests.factories import build_diamond
from diamondhub import leases
from diamondhub.alerts.models import Event
from diamondhub.tests.patience import HANG_SECONDS
from pricing import batches, publishing, reprice
from pricing.errors import ReasonMissing, RepricingOver
from pricing.in_force import current_pricing, held_pricing, pinned_pricing, published_rule_set
from pricing.models import Experiment, PriceChange, Repricing, RepricingBatch
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db(transaction=True)


def stones(number: int, **changes: Any) -> list[Diamond]:
    """Stones of $1,000 that are priced as the first rule set says."""
    made = [build_diamond(cost_cents=100_000, price_cents=140_000, rating=None, **changes) for _ in range(number)]
    Diamond.objects.bulk_create(made)
    return made


def published(*rules: dict[str, Any], **changes: Any) -> Repricing:
    return publishing.publish(a_draft(*rules, **changes).pk, actor="maria", reason="spring", below_cost_confirmed=True)


def done(repricing: Repricing) -> Repricing:
    reprice.work(repricing.pk)
    repricing.refresh_from_db()
    return repricing


def do_one(repricing: Repricing) -> None:
    """Do the first batch that is not done yet."""
    batch = repricing.batches.filter(state="ready").earliest("pk")
    lease = leases.claim_one(RepricingBatch, batch.pk, state="ready", seconds=30)
    assert lease is not None
    batches.do(lease, batches.pricing_of(repricing))


def test_it_writes_what_changes_with_its_history_and_leaves_the_rest_alone() -> None:
    stones(3, shape="OVAL")
    rounds = stones(2, shape="ROUND")
    untouched = Diamond.objects.get(pk=rounds[0].pk)

    repricing = done(published({"modifier": Decimal("7.5"), "rating": 8, "clauses": [{"shapes": ["OVAL"]}]}))

    version = repricing.rule_set.version
    ovals = Diamond.objects.filter(shape="OVAL")
    assert set(ovals.values_list("price_cents", "rating", "rule", "rule_set")) == {(147_500, 8, 1, version)}
    assert Diamond.objects.get(pk=untouched.pk).changed_at == untouched.changed_at
    assert Diamond.objects.get(pk=untouched.pk).rule_set == 1
    assert reprice.totals(repricing) == {"batches": 1, "done": 1, "stones": 5, "changed": 3, "repriced": 3}
    change = PriceChange.objects.first()
    assert PriceChange.objects.count() == 3
    assert change is not None
    assert (change.old_price_cents, change.new_price_cents, change.new_cost_cents) == (140_000, 147_500, 100_000)
    assert (change.old_rule_set, change.new_rule_set, change.old_rule, change.new_rule) == (1, version, None, 1)
    assert (change.cause, change.cause_id, change.actor) == ("repricing", repricing.pk, "maria")


def test_it_ends_with_the_version_that_has_all_its_prices_and_one_alert() -> None:
    stones(3)

    repricing = done(published(margin_natural=50))

    assert (repricing.state, repricing.dataset_version) == ("completed", DatasetVersion.current())
    assert DatasetVersion.objects.get(cause=f"repricing {repricing.pk}").version == DatasetVersion.current()
    assert Event.objects.filter(kind="repricing_completed").count() == 1


def test_what_comes_to_the_same_is_not_written() -> None:
    stones(3)
    before = DatasetVersion.current()

    repricing = done(published(notes="the same again"))

    assert (repricing.state, repricing.dataset_version) == ("completed", None)
    assert reprice.totals(repricing)["changed"] == 0
    assert DatasetVersion.current() == before
    assert set(Diamond.objects.values_list("rule_set", flat=True)) == {1}


def test_a_rule_of_another_number_or_rating_is_written_but_is_no_change_of_price() -> None:
    stones(2)

    repricing = done(published({"rating": 3, "number": 12}))

    assert reprice.totals(repricing)["changed"] == 2
    assert reprice.totals(repricing)["repriced"] == 0
    assert not PriceChange.objects.exists()
    assert set(Diamond.objects.values_list("rule", "rating")) == {(12, 3)}


def test_many_batches_cover_every_stone_once(settings: Any) -> None:
    stones(200)
    settings.REPRICING_BATCH_STONES = 10
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_diamond")

    repricing = done(published(margin_natural=50))

    totals = reprice.totals(repricing)
    # The survey is one more.
    assert totals["batches"] == 21
    assert (totals["stones"], totals["changed"]) == (200, 200)
    assert set(Diamond.objects.values_list("price_cents", flat=True)) == {150_000}


def test_a_survey_names_the_few_diamonds_that_change(settings: Any) -> None:
    settings.REPRICING_BATCH_STONES = 3
    stones(190, shape="ROUND")
    ovals = stones(10, shape="OVAL")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_diamond")

    repricing = published({"modifier": Decimal(10), "clauses": [{"shapes": ["OVAL"]}]})
    do_one(repricing)
    named = [pk for batch in repricing.batches.filter(kind="named").order_by("ordinal") for pk in batch.named or []]
    done(repricing)

    assert named == sorted(stone.pk for stone in ovals)
    own = list(repricing.batches.order_by("ordinal").values_list("kind", "stones", "changed", "named"))
    assert own == [("survey", 200, 0, None), *[("named", 0, 3, None)] * 3, ("named", 0, 1, None)]
    assert set(Diamond.objects.filter(shape="OVAL").values_list("price_cents", flat=True)) == {150_000}
    assert reprice.totals(repricing) == {"batches": 5, "done": 5, "stones": 200, "changed": 10, "repriced": 10}


def test_a_survey_of_a_catalogue_that_is_priced_right_ends_the_repricing(settings: Any) -> None:
    settings.REPRICING_BATCH_STONES = 3
    stones(20)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_diamond")

    repricing = done(published(notes="the same again"))

    assert (repricing.state, repricing.dataset_version) == ("completed", None)
    assert reprice.totals(repricing) == {"batches": 1, "done": 1, "stones": 20, "changed": 0, "repriced": 0}


def test_what_others_changed_since_the_survey_is_priced_as_it_is_now(settings: Any) -> None:
    settings.REPRICING_BATCH_STONES = 3
    stones(30, shape="ROUND")
    first, second, third = stones(3, shape="OVAL")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_diamond")
    repricing = published({"modifier": Decimal(10), "clauses": [{"shapes": ["OVAL"]}]})
    do_one(repricing)
    Diamond.objects.filter(pk=first.pk).update(shape="ROUND")
    Diamond.objects.filter(pk=second.pk).update(cost_cents=200_000)
    Diamond.objects.filter(pk=third.pk).delete()

    done(repricing)

    assert Diamond.objects.get(pk=first.pk).price_cents == 140_000
    assert Diamond.objects.get(pk=second.pk).price_cents == 300_000
    assert reprice.totals(repricing) == {"batches": 2, "done": 2, "stones": 33, "changed": 1, "repriced": 1}


def test_a_later_one_supersedes_a_live_one() -> None:
    stones(1)
    first = published(margin_natural=50)

    second = published(margin_natural=60)

    first.refresh_from_db()
    assert (first.state, first.cancelled_reason) == ("cancelled", f"superseded: {second.cause}")
    reprice.work(first.pk)
    assert Diamond.objects.get().price_cents == 140_000
    done(second)
    assert Diamond.objects.get().price_cents == 160_000


def test_a_cancelled_one_keeps_what_is_done_and_says_so(settings: Any) -> None:
    stones(50)
    settings.REPRICING_BATCH_STONES = 10
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_diamond")
    repricing = published(margin_natural=50)
    for _survey_and_first in range(2):
        do_one(repricing)

    with pytest.raises(ReasonMissing):
        reprice.cancel(repricing.pk, actor="olga", reason=" ")
    cancelled = reprice.cancel(repricing.pk, actor="olga", reason="wrong margins")

    assert (cancelled.state, cancelled.cancelled_by, cancelled.cancelled_reason) == (
        "cancelled",
        "olga",
        "wrong margins",
    )
    assert cancelled.dataset_version == DatasetVersion.current()
    assert DatasetVersion.objects.filter(cause=f"repricing {repricing.pk}").count() == 1
    reprice.work(repricing.pk)
    assert 0 < Diamond.objects.filter(price_cents=150_000).count() < 50
    with pytest.raises(RepricingOver, match="cancelled already"):
        reprice.cancel(repricing.pk, actor="olga", reason="again")


def test_a_worker_whose_batch_was_taken_back_keeps_nothing() -> None:
    stones(3)
    repricing = published(margin_natural=50)
    lease = leases.claim_one(RepricingBatch, repricing.batches.get().pk, state="ready", seconds=30)
    assert lease is not None
    reprice.cancel(repricing.pk, actor="olga", reason="wrong")

    with pytest.raises(leases.LeaseLost):
        batches.do(lease, batches.pricing_of(repricing))

    assert set(Diamond.objects.values_list("price_cents", flat=True)) == {140_000}
    assert not PriceChange.objects.exists()


@contextmanager
def elsewhere(statement: str, *, hold: float) -> Iterator[None]:
    """Run a statement in another connection's transaction that commits `hold` seconds after the block began."""
    ready = threading.Event()

    def other() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            ready.set()
            time.sleep(hold)
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    assert ready.wait(HANG_SECONDS)
    yield
    thread.join()


def test_a_stone_that_somebody_is_just_writing_is_priced_by_what_they_wrote() -> None:
    (stone, *_others) = stones(3)
    repricing = published(margin_natural=50)

    with elsewhere(
        f"UPDATE catalog_diamond SET cost_cents = 200000, price_cents = 280000 WHERE id = '{stone.pk}'", hold=0.5
    ):
        done(repricing)

    stone.refresh_from_db()
    assert (stone.cost_cents, stone.price_cents) == (200_000, 300_000)
    assert reprice.totals(repricing)["changed"] == 3
    mine = PriceChange.objects.filter(diamond_id=stone.pk).order_by("id")
    assert [(one.cause, one.old_price_cents, one.new_price_cents) for one in mine] == [
        ("sql", 140_000, 280_000),
        ("repricing", 280_000, 300_000),
    ]


def test_what_is_priced_after_a_run_that_was_overtaken() -> None:
    since = timezone.now()
    first = current_pricing(since)
    arguments: Any = {"since": since, "cause": "run 7 was overtaken", "actor": "run 7"}
    assert reprice.follow(first, **arguments) is None

    published(margin_natural=50)

    repricing = reprice.follow(first, **arguments)
    assert repricing is not None
    assert repricing.rule_set.version == published_rule_set().version == 2
    assert reprice.follow(current_pricing(since), **arguments) is None
    assert reprice.follow(first, **{**arguments, "since": since + timedelta(hours=1)}) is None


@pytest.mark.parametrize("ended", [False, True])
def test_a_run_during_which_an_experiment_began_or_ended_was_overtaken(ended: bool) -> None:
    now = timezone.now()
    experiment = Experiment.objects.create(
        slug="dearer",
        rule_set=publishing.seal(a_draft({"modifier": 10}).pk),
        share=25,
        salt="pepper",
        state="running",
        started_at=now - timedelta(hours=2),
    )
    began = now - timedelta(hours=1)
    run: Any = {"cause": "run 7 was overtaken", "actor": "run 7"}
    if ended:
        Experiment.objects.filter(pk=experiment.pk).update(state="ended", ended_at=now)
    reprice.start(cause="what prices stones has changed", actor="maria")

    then, since = (experiment.pk, None) if ended else (None, experiment.pk)
    assert reprice.follow(pinned_pricing(1, then, began), since=began, **run) is not None
    assert reprice.follow(pinned_pricing(1, since, now), since=now, **run) is None


def test_an_experiment_runs_that_was_started_by_a_clock_ahead_of_this_one() -> None:
    experiment = Experiment.objects.create(
        slug="dearer",
        rule_set=publishing.seal(a_draft({"modifier": 10}).pk),
        share=25,
        salt="pepper",
        state="running",
        started_at=timezone.now() + timedelta(seconds=5),
    )

    assert reprice.start(cause="on demand", actor="maria").experiment == experiment

    Experiment.objects.update(state="ended", ended_at=timezone.now() + timedelta(seconds=5))
    assert reprice.start(cause="on demand", actor="maria").experiment is None


def test_an_experiment_prices_its_share_and_leaves_with_it() -> None:
    all_stones = stones(60)
    treatment = publishing.seal(a_draft({"modifier": 10}).pk)
    experiment = Experiment.objects.create(
        slug="dearer", rule_set=treatment, share=25, salt="pepper", state="running", started_at=timezone.now()
    )

    done(reprice.start(cause="the experiment begins", actor="maria"))

    dearer = Diamond.objects.filter(experiment_arm="dearer")
    assert 3 <= dearer.count() <= 30
    assert set(dearer.values_list("price_cents", "rule_set")) == {(150_000, treatment.version)}
    others = Diamond.objects.filter(experiment_arm=None)
    assert set(others.values_list("price_cents", "rule_set")) == {(140_000, 1)}
    assert dearer.count() + others.count() == len(all_stones)
    Experiment.objects.filter(pk=experiment.pk).update(state="ended", ended_at=timezone.now())
    done(reprice.start(cause="the experiment ends", actor="maria"))
    assert set(Diamond.objects.values_list("price_cents", "experiment_arm", "rule_set")) == {(140_000, None, 1)}


def test_a_day_on_which_rules_begin_starts_one_and_only_one(today: date) -> None:
    stones(1)
    first = published(
        {"modifier": 1, "valid_to": today - timedelta(days=1)}, {"modifier": 2, "valid_from": today}, {"modifier": 3}
    )
    done(first)
    assert Diamond.objects.get().price_cents == 142_000
    assert reprice.start_on_days() is None
    # As if that had been two days ago.
    Repricing.objects.update(as_of=today - timedelta(days=2))

    again = reprice.start_on_days()

    assert again is not None
    assert again.as_of == today
    assert reprice.start_on_days() is None


def test_the_day_is_the_databases_and_not_that_of_a_host_whose_clock_is_behind(
    today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = timezone.now() - timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: behind)

    with transaction.atomic():
        held = held_pricing()

    assert held.as_of == reprice.start(cause="on demand", actor="maria").as_of == today

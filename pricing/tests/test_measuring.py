"""What came of an experiment: which stones count, at which price they were sold, and what may be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone
from psycopg.errors import QueryCanceled

from catalog.models import Diamond
from catalog.tests.factories import a_diamond, build_diamond
from pricing import experiments
from pricing.api.experiment_answers import FullExperimentAnswer
from pricing.measuring import measure
from pricing.models import Experiment
from pricing.tests.admin_pages import EDITOR, PUBLISHER, messages_of, signed_in
from pricing.tests.factories import a_draft
from pricing.tests.test_past import changed

pytestmark = pytest.mark.django_db


def prepared(share: int = 50, **rule: Any) -> Experiment:
    return experiments.new("dearer", a_draft({"modifier": 10, **rule}), Decimal(share))


def running(days: int = 10) -> Experiment:
    """An experiment that has run for so many days: it was started before what a test changes."""
    experiment = prepared()
    experiments.start(experiment.pk, actor="maria", reason="to see")
    Experiment.objects.filter(pk=experiment.pk).update(started_at=timezone.now() - timedelta(days=days))
    experiment.refresh_from_db()
    return experiment


def by_share(experiment: Experiment, stones: int, *, dearer_by: int = 0) -> tuple[list[UUID], list[UUID]]:
    """Stones that were for sale at the start: those of the share, and the others."""
    built = [build_diamond(cost_cents=100_000, price_cents=140_000) for _place in range(stones)]
    within = [stone.pk for stone in built if experiments.in_share(experiment, stone.pk)]
    for stone in built:
        stone.price_cents += dearer_by if stone.pk in within else 0
    Diamond.objects.bulk_create(built)
    return within, [stone.pk for stone in built if stone.pk not in within]


def become(stones: Sequence[UUID], availability: str) -> None:
    Diamond.objects.filter(pk__in=stones).update(availability=availability)


def of(measured: dict[str, Any], what: str) -> dict[str, Any]:
    comparisons: list[dict[str, Any]] = [each for each in measured["comparisons"] if each["what"] == what]
    (only,) = comparisons
    return only


def test_stones_that_were_for_sale_at_the_start_are_counted_by_what_became_of_them() -> None:
    experiment = running()
    share, others = by_share(experiment, 60)
    become(share[:3], "sold")
    become(share[3:5], "delisted")
    become(others[:1], "unavailable")
    become(others[1:2], "on_hold")

    measured = measure(experiment, timezone.now())

    assert measured["days"] == pytest.approx(10, abs=0.1)
    assert [(arm["arm"], arm["stones"], arm["sold"], arm["gone"]) for arm in measured["arms"]] == [
        ("dearer", len(share), 3, 5),
        (None, len(others), 0, 1),
    ]


def test_stones_that_came_later_or_were_not_for_sale_do_not_count() -> None:
    experiment = running()
    a_diamond(first_seen_at=timezone.now() - timedelta(days=1), availability="sold")
    a_diamond(availability="sold")
    come_back = a_diamond(availability="unavailable")
    become([come_back.pk], "available")

    assert [arm["stones"] for arm in measure(experiment, timezone.now())["arms"]] == [0, 0]


def test_a_stone_is_sold_for_what_it_was_offered_for_then() -> None:
    experiment = running()
    share, others = by_share(experiment, 40)
    become(share[:1], "sold")
    become(others[:1], "sold")
    # Priced anew after it was sold.
    stone = Diamond.objects.get(pk=share[0])
    changed(stone, 0, old_price_cents=150_000, new_price_cents=1, old_cost_cents=100_000, new_cost_cents=1)
    # Priced anew before.
    changed(Diamond.objects.get(pk=others[0]), 5, old_price_cents=7, new_price_cents=140_000)

    arms = measure(experiment, timezone.now())["arms"]

    assert [(arm["revenue_cents"], arm["margin_cents"]) for arm in arms] == [(150_000, 50_000), (140_000, 40_000)]


def test_few_sold_stones_are_said_to_be_too_few() -> None:
    experiment = running()
    share, others = by_share(experiment, 80)
    become(share[:9], "sold")
    become(others[:2], "sold")

    measured = measure(experiment, timezone.now())

    assert {each["verdict"] for each in measured["comparisons"]} == {"too_few"}
    assert {each["low"] for each in measured["comparisons"]} == {None}


def test_many_sold_stones_say_what_is_certain_and_what_is_not() -> None:
    experiment = running()
    share, others = by_share(experiment, 300, dearer_by=10_000)
    become(share[:35], "sold")
    become(others[:100], "sold")

    measured = measure(experiment, timezone.now())

    assert of(measured, "share_sold")["verdict"] == "lower"
    assert of(measured, "share_sold")["high"] < 0
    assert of(measured, "margin_of_sold") == {
        "what": "margin_of_sold",
        "arm": 0.5,
        "others": 0.4,
        "difference": 0.1,
        "low": 0.1,
        "high": 0.1,
        "verdict": "higher",
    }
    assert of(measured, "revenue_per_stone")["arm"] == pytest.approx(35 * 150_000 / len(share), rel=1e-6)


def test_a_start_keeps_its_reason_and_what_the_simulation_says() -> None:
    Diamond.objects.bulk_create(build_diamond(cost_cents=100_000, price_cents=140_000) for _ in range(40))
    experiment = prepared()
    stones = sum(experiments.in_share(experiment, stone) for stone in Diamond.objects.values_list("pk", flat=True))

    experiments.start(experiment.pk, actor="maria", reason=" to see ")

    experiment.refresh_from_db()
    assert experiment.started_reason == "to see"
    assert experiments.results(experiment)["expected"] == {
        "stones": stones,
        "changed": stones,
        "below_cost": 0,
        "cost_cents": stones * 100_000,
        "old_cents": stones * 140_000,
        "new_cents": stones * 150_000,
    }


def test_an_experiment_ends_also_where_measuring_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = running()

    def too_long(*_: Any) -> None:
        raise OperationalError from QueryCanceled()

    monkeypatch.setattr(experiments, "measure", too_long)
    experiments.end(experiment.pk, actor="maria", reason="enough")

    experiment.refresh_from_db()
    assert (experiment.state, experiment.results["measured"]) == ("ended", None)
    assert experiment.results["expected"] is not None


def test_the_api_shows_what_was_expected_and_measured_also_of_experiments_of_long_ago() -> None:
    experiment = running()
    now: Any = FullExperimentAnswer(experiment).data
    Experiment.objects.filter(pk=experiment.pk).update(
        state="ended",
        ended_at=timezone.now(),
        results={"since": "2026-01-01T00:00:00+00:00", "counted_at": "2026-01-02T00:00:00+00:00", "arms": []},
    )
    old: Any = FullExperimentAnswer(Experiment.objects.get()).data

    assert now["started_reason"] == "to see"
    assert [arm["revenue"] for arm in now["results"]["measured"]["arms"]] == ["0.00", "0.00"]
    assert now["results"]["expected"]["stones"] == 0
    assert (old["results"]["measured"], old["results"]["expected"]) == (None, None)


# --- in the admin ------------------------------------------------------------------------------------------------------


def url(name: str, experiment: Experiment) -> str:
    return reverse(f"admin:pricing_experiment_{name}", args=[experiment.pk])


def test_a_start_begins_with_a_simulation_of_the_share_and_needs_a_reason() -> None:
    Diamond.objects.bulk_create(build_diamond(cost_cents=100_000, price_cents=140_000) for _ in range(40))
    experiment, browser = prepared(), signed_in(*PUBLISHER)
    stones = sum(experiments.in_share(experiment, stone) for stone in Diamond.objects.values_list("pk", flat=True))

    prepared_page = browser.get(url("change", experiment)).content.decode()
    page = browser.get(url("simulate", experiment)).content.decode()
    seen = page.split('name="seen" value="')[1].split('"')[0]
    without = browser.post(url("start", experiment), {"seen": seen, "reason": " "}, follow=True)

    assert url("simulate", experiment) in prepared_page
    assert f"<strong>{stones}</strong>" in page
    assert "too few to ever say anything of margins" in page
    assert "Say why" in messages_of(without)
    assert Experiment.objects.get().state == "prepared"
    assert Experiment.objects.get().rule_set.is_draft


def test_the_simulation_of_an_experiment_is_seen_but_not_started_by_who_may_only_edit() -> None:
    experiment = prepared()
    browser = signed_in(*EDITOR, name="editor")

    page = browser.get(url("simulate", experiment))

    assert page.status_code == 200
    assert 'name="reason"' not in page.content.decode()
    assert browser.post(url("start", experiment), {"reason": "x"}).status_code == 403
    assert browser.post(url("simulate", experiment)).status_code == 405
    assert signed_in("view_diamond", name="buyer").get(url("simulate", experiment)).status_code == 403


def test_the_page_of_an_experiment_says_how_sure_one_can_be() -> None:
    experiment = running()
    share, others = by_share(experiment, 300)
    become(share[:35], "sold")
    become(others[:100], "sold")
    browser = signed_in(*PUBLISHER)

    page = browser.get(url("change", experiment)).content.decode()
    gone_on = browser.get(url("simulate", experiment), follow=True)

    assert "lower in the share" in page
    assert "no difference that chance does not explain" in page
    assert "Expected by the simulation at the start" in page
    assert "Measured over 10 days" in page
    assert "its results are here" in messages_of(gone_on)

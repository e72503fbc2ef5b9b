"""Simulation at its edges: nothing changes, few and many movers, movers alike, bounds of bars, a running experiment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from catalog.models import Diamond
from catalog.tests.factories import build_diamond
from diamondhub.database import psycopg_cursor
from pricing import publishing, reprice, simulate
from pricing.in_force import current_pricing
from pricing.models import Experiment
from pricing.simulate import MOVERS, Simulation
from pricing.tests.factories import a_draft

pytestmark = pytest.mark.django_db


def stones(number: int, **changes: Any) -> list[Diamond]:
    """Stones of $1,000 that are priced as the first rule set says, in the order of their ids."""
    given = {"cost_cents": 100_000, "price_cents": 140_000, "rating": None, **changes}
    return sorted(Diamond.objects.bulk_create(build_diamond(**given) for _ in range(number)), key=lambda one: one.pk)


def simulated(*rules: dict[str, Any], **changes: Any) -> Simulation:
    return simulate.simulate(a_draft(*rules, **changes))


def test_an_empty_catalogue_and_one_of_delisted_stones_come_to_nothing() -> None:
    for _catalogue in range(2):
        found = simulated({})
        assert (found.total.stones, found.total.effect_cents, found.up, found.down) == (0, 0, [], [])
        stones(3, availability="delisted")


def test_where_nothing_changes_nothing_moves() -> None:
    stones(3)

    found = simulated()

    assert (found.total.stones, found.total.changed, found.total.old_cents, found.total.new_cents) == (
        3,
        0,
        420_000,
        420_000,
    )
    assert (found.up, found.down, sum(bar.stones for bar in found.histogram)) == ([], [], 0)
    assert [(one.rule, one.stones) for one in found.rules] == [(None, 3)]


def test_fewer_movers_than_there_is_room_for_are_all_named() -> None:
    (up,), (down,) = stones(1, price_cents=139_999), stones(1, price_cents=140_001)
    stones(3)

    found = simulated()

    assert [(one.diamond_id, one.effect_cents) for one in found.up] == [(up.pk, 1)]
    assert [(one.diamond_id, one.effect_cents) for one in found.down] == [(down.pk, -1)]


@pytest.mark.parametrize("sampled", [0, 100])
def test_of_movers_alike_the_lowest_ids_are_named_behind_those_that_go_further(
    sampled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate, "SAMPLED", sampled)
    alike = stones(50)
    further = stones(2, price_cents=130_000)

    found = simulated({"fixed_cents": 1_000})

    assert [one.diamond_id for one in found.up] == [one.pk for one in (*further, *alike)][:MOVERS]
    assert (found.total.changed, found.total.effect_cents, found.down) == (52, 50 * 1_000 + 2 * 11_000, [])


def test_movers_alike_are_not_all_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "SAMPLED", 100)
    compared: list[int] = []
    furthest = simulate._furthest

    def counting(movers: Any) -> Any:
        compared.append(len(movers))
        return furthest(movers)

    monkeypatch.setattr(simulate, "_furthest", counting)
    stones(50)

    simulated({"fixed_cents": 1_000})

    # None but the furthest of the sample.
    assert compared == [MOVERS]


def test_the_first_look_does_not_read_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    scans = "SELECT seq_scan + idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'catalog_diamond'"
    monkeypatch.setattr(simulate, "SAMPLED", 100)
    stones(50)
    pricing = current_pricing(timezone.now(), a_draft({"fixed_cents": 1_000}))

    with psycopg_cursor() as cursor:
        (before,) = cursor.execute(scans).fetchone() or (0,)
        _, _, moves = simulate._sampled(cursor, pricing, of_share=False)
        (after,) = cursor.execute(scans).fetchone() or (0,)

    # Pages of a sample are no scan.
    assert after == before
    assert len(moves) == MOVERS


@pytest.mark.parametrize("sampled", [0, 30, 100])
def test_the_furthest_are_named_wherever_a_first_look_finds_them(sampled: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "SAMPLED", sampled)
    moved = [stones(1, price_cents=140_000 - cents)[0] for cents in range(1, 31)]
    moved += [stones(1, price_cents=140_000 + cents)[0] for cents in range(1, 31)]

    found = simulated()

    assert [one.diamond_id for one in found.up] == [one.pk for one in moved[29:19:-1]]
    assert [one.diamond_id for one in found.down] == [one.pk for one in moved[59:49:-1]]


@pytest.mark.parametrize(
    ("new", "bar"),
    [
        (1, (None, -50)),
        (49_999, (None, -50)),
        (50_000, (-50, -20)),
        (79_999, (-50, -20)),
        (99_999, (-2, 0)),
        (100_001, (0, 2)),
        (101_999, (0, 2)),
        (102_000, (2, 5)),
        (149_999, (20, 50)),
        (150_000, (50, None)),
        (10_000_000, (50, None)),
    ],
)
def test_a_bar_takes_its_lower_bound_and_not_its_upper(new: int, bar: tuple[int | None, int | None]) -> None:
    stones(1, cost_cents=new, price_cents=100_000)

    found = simulated({"modifier": Decimal(-40)})

    assert [(one.low, one.high) for one in found.histogram if one.stones] == [bar]


def test_an_experiment_that_runs_goes_on_with_its_share() -> None:
    stones(60)
    Experiment.objects.create(
        slug="dearer",
        rule_set=publishing.seal(a_draft({"number": 7, "modifier": 10}).pk),
        share=25,
        salt="pepper",
        state="running",
        started_at=timezone.now(),
    )
    reprice.work(reprice.start(cause="the experiment begins", actor="maria").pk)
    others = Diamond.objects.filter(experiment_arm=None).count()
    assert 0 < others < 60

    found = simulated({"number": 7, "modifier": 20})

    assert (found.total.stones, found.total.changed) == (60, others)
    assert found.total.effect_cents == others * 20_000
    assert [(one.rule and one.rule.number, one.stones) for one in found.rules] == [(7, others), (None, 0)]

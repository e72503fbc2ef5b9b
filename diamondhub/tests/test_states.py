"""State machines as tables, shown on that of deliveries."""

from __future__ import annotations

import pytest

from diamondhub.alerts.models import DELIVERY_STATES, Delivery
from diamondhub.alerts.outbox import announce
from diamondhub.states import IllegalMove, StateMachine

MACHINE = StateMachine({"draft": frozenset({"open"}), "open": frozenset({"draft", "closed"}), "closed": frozenset()})


@pytest.fixture
def delivery(db: None) -> Delivery:
    return announce(dedupe_key="one", kind="news", severity="info", subject="News").deliveries.get()


def test_states_without_followers_are_final_and_the_others_live() -> None:
    assert MACHINE.final == {"closed"}
    assert MACHINE.live == {"draft", "open"}


def test_a_move_writes_state_and_changes_together(delivery: Delivery) -> None:
    moved = DELIVERY_STATES.move(delivery, "dead", last_error="nobody answers")

    kept = Delivery.objects.get(pk=delivery.pk)
    assert moved
    assert (delivery.state, delivery.last_error) == ("dead", "nobody answers")
    assert (kept.state, kept.last_error) == ("dead", "nobody answers")


def test_who_comes_second_changes_nothing(delivery: Delivery) -> None:
    stale = Delivery.objects.get(pk=delivery.pk)
    DELIVERY_STATES.move(delivery, "delivered")

    moved = DELIVERY_STATES.move(stale, "dead", last_error="late")

    kept = Delivery.objects.get(pk=delivery.pk)
    assert not moved
    assert (stale.state, stale.last_error) == ("pending", "")
    assert (kept.state, kept.last_error) == ("delivered", "")


def test_a_move_that_the_table_does_not_allow_names_row_and_move(delivery: Delivery) -> None:
    DELIVERY_STATES.move(delivery, "delivered")

    with pytest.raises(IllegalMove, match=f"Delivery {delivery.pk}: delivered → dead"):
        DELIVERY_STATES.move(delivery, "dead")

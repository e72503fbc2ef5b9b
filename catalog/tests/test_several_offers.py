"""A stone's other offers in the admin: on its page, and in the explorer."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from catalog import index, offers
from catalog.admin import several_offers
from catalog.certificates import PROVING, proving
from catalog.index.snapshot import Snapshot
from catalog.index.tests.factories import snapshot_of
from catalog.models import Diamond
from catalog.tests.factories import a_diamond

pytestmark = pytest.mark.django_db
NUMBERS = [
    "2141438171",
    "lg 2141-438171",
    "0",
    "NA",
    "PENDING",
    "-",
    "",
    "0000000000",
    "12",
    "1234",
    "12345",
    "LG12345",
]


@pytest.fixture
def stones() -> list[Diamond]:
    """Two offers of a stone, a row that contradicts them, a sold one, one without proof, and another stone."""
    certified = {"certificate_number": "2141438171", "carats": Decimal(1)}
    return [
        a_diamond(**certified, price_cents=5000_00, supplier_stone_id="SA-1"),
        a_diamond(**certified, price_cents=4700_00, supplier_stone_id="SB-9", feed="rosy"),
        a_diamond(**{**certified, "carats": Decimal("1.5")}, supplier_stone_id="heavy"),
        a_diamond(**certified, price_cents=4000_00, availability="sold", supplier_stone_id="sold"),
        a_diamond(certificate_number="PENDING", supplier_stone_id="pending"),
        a_diamond(supplier_stone_id="other"),
    ]


@pytest.mark.parametrize("number", NUMBERS)
def test_what_proves_something_is_the_same_in_sql(number: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {PROVING} FROM (SELECT %s::varchar AS certificate_number) AS certificate", [number])
        in_sql = cursor.fetchone()

    assert in_sql == (proving(number),)


def test_the_page_of_a_stone_shows_its_other_offers_and_what_contradicts_it(
    admin_client: Client, stones: list[Diamond]
) -> None:
    page = admin_client.get(reverse("admin:catalog_diamond_change", args=[stones[0].pk])).content.decode()

    assert "Other offers with this certificate" in page
    for other in stones[1:4]:
        assert reverse("admin:catalog_diamond_change", args=[other.pk]) in page
    assert "$4,700.00" in page
    assert "No proof of the same stone: it weighs 1.5 ct, not 1." in page
    assert [offer.diamond.supplier_stone_id for offer in offers.others(stones[0])] == ["SB-9", "heavy", "sold"]
    alone = admin_client.get(reverse("admin:catalog_diamond_change", args=[stones[4].pk])).content.decode()
    assert "Other offers" not in alone


@pytest.mark.parametrize("by_index", [False, True])
def test_the_explorer_shows_the_stones_with_several_offers_on_sale(
    admin_client: Client, stones: list[Diamond], by_index: bool, tmp_path: Path
) -> None:
    snapshot: Snapshot | None = snapshot_of(stones, tmp_path) if by_index else None

    with mock.patch.object(index, "current", return_value=snapshot):
        answer = admin_client.get(several_offers.address())
        wrong = admin_client.get(several_offers.address().replace("yes", "no"))

    page = answer.content.decode()
    assert answer.status_code == 200
    shown = {stone.supplier_stone_id for stone in stones if str(stone.pk) in page}
    assert shown == {"SA-1", "SB-9"}
    assert wrong.status_code == 400

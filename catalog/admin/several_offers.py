"""Stones with several offers in the admin: on a stone's page its other offers, in the explorer `?several_offers=yes`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
from django.db import OperationalError, connection
from django.http import HttpRequest
from django.urls import reverse

from catalog import index, offers
from catalog.admin.stones import show_below_diamonds
from catalog.explorer.among import Among, NotTold, tell_by
from catalog.index.snapshot import Snapshot, ids_at
from catalog.models import Availability, Diamond
from catalog.searching.conditions import AnyOf
from catalog.searching.pages import SEARCH_SECONDS
from diamondhub.admin.base import bounded
from diamondhub.admin.display import Table, badge, dollars, link

PARAMETER = "several_offers"
#: Offers that the explorer tells at most, the cheapest ones of all.
MAX_TOLD = 2_000


def address() -> str:
    """The explorer's page of stones on sale that have several offers."""
    return f"{reverse('admin:catalog_diamond_changelist')}?{PARAMETER}=yes"


def others_of(request: HttpRequest, diamond: Diamond) -> Table | None:
    """The other rows with the certificate of a stone; None if there are none."""
    rows: list[tuple[Any, ...]] = [
        (
            link(reverse("admin:catalog_diamond_change", args=[other.diamond.pk]), other.diamond.supplier_stone_id),
            other.diamond.feed,
            dollars(other.diamond.price_cents),
            dollars(other.diamond.cost_cents),
            badge(other.diamond.availability),
            f"No proof of the same stone: {other.contradicts}." if other.contradicts else "the same stone",
        )
        for other in offers.others(diamond)
    ]
    if rows:
        rows.append(("", "", "", "", "", link(address(), "all stones with several offers")))
    headers = ("stock number", "feed", "price", "cost", "availability", "what it is")
    return Table("Other offers with this certificate", headers, rows) if rows else None


def told(request: HttpRequest, text: str) -> Among:
    """The stones on sale that have several offers."""
    if text != "yes":
        raise NotTold("must be yes")
    snapshot = index.current()
    ids = _by_sql() if snapshot is None else _by_index(snapshot)
    most = f", the cheapest {MAX_TOLD:,} of them" if len(ids) == MAX_TOLD else ""
    return Among(
        title=f"Offers of stones that have several on sale{most}",
        url=address(),
        condition=AnyOf("id", tuple(ids)),
        words="by their certificates",
    )


def _by_index(snapshot: Snapshot) -> list[UUID]:
    words = snapshot.words["availability"]
    if Availability.AVAILABLE not in words:
        return []
    rows, stones = snapshot.shared_rows, snapshot.shared_certificate
    on_sale = snapshot.columns["availability"][rows] == words.index(Availability.AVAILABLE)
    rows, stones = rows[on_sale], stones[on_sale]
    several = np.bincount(stones, minlength=snapshot.certificates)[stones] > 1
    # Rows lie in the order of the price.
    return ids_at(snapshot.stones, rows[several][:MAX_TOLD])


def _by_sql() -> list[UUID]:
    try:
        with bounded(SEARCH_SECONDS), connection.cursor() as cursor:
            cursor.execute(
                f"""
                /* Reads the table once; takes no locks. */
                WITH alike AS MATERIALIZED ({offers.grouped("availability = 'available'")})
                SELECT d.id
                FROM (SELECT id, count(*) OVER (PARTITION BY stone) AS several FROM alike) AS counted
                JOIN catalog_diamond AS d ON d.id = counted.id
                WHERE several > 1
                ORDER BY d.price_cents, d.id
                LIMIT %s
                """,
                [MAX_TOLD],
            )
            return [stone for (stone,) in cursor.fetchall()]
    except OperationalError as error:
        raise NotTold("takes too long while there is no index: try again in a minute") from error


show_below_diamonds(others_of)
tell_by(PARAMETER, told)

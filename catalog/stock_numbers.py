"""Which stone a supplier's number means: as a rule its id is made of it, but suppliers renumber their stock.

A stone that got another number keeps its id, its history and its price: the new number is noted here with the id. A number
that such a stone gave up, and that another stone has now, makes another id for that one.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable

from django.db import connection
from django.db.models import Q

from catalog.models import DIAMOND_NAMESPACE, StockNumber, diamond_id


def ids_of(feed: str, names: Collection[str]) -> dict[str, uuid.UUID]:
    """The ids of the stones that a feed's numbers mean."""
    return {name: stone for (_, name), stone in ids_of_each((feed, name) for name in names).items()}


def ids_of_each(numbers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], uuid.UUID]:
    """The ids of the stones that feeds' numbers mean; one query by two indexes where nothing was renumbered."""
    ids = {(feed, name): diamond_id(feed, name) for feed, name in numbers}
    noted: dict[tuple[str, str], uuid.UUID] = {}
    # Few numbers are made anew, and hardly ever one twice.
    unsure = {number for number in ids if "\0" not in number[1]}
    while unsure:
        feeds, names = zip(*unsure, strict=True)
        rows = StockNumber.objects.filter(
            Q(feed__in={*feeds}, supplier_stone_id__in={*names}) | Q(diamond_id__in=[ids[number] for number in unsure])
        )
        taken = set()
        for feed, name, stone in rows.values_list("feed", "supplier_stone_id", "diamond_id"):
            taken.add(stone)
            noted[feed, name] = stone
        ids.update({number: noted[number] for number in unsure & noted.keys()})
        unsure = {number for number in unsure - noted.keys() if ids[number] in taken}
        for number in unsure:
            ids[number] = uuid.uuid5(DIAMOND_NAMESPACE, f"{ids[number]}:{':'.join(number)}")
    return ids


def note(feed: str, ids: Iterable[tuple[str, uuid.UUID]]) -> None:
    """Note stones' new numbers; what was noted of these numbers and of these stones before is forgotten."""
    names, stones = zip(*ids, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            /* Both unique indexes. */
            DELETE FROM catalog_stocknumber
            WHERE feed = %(feed)s AND (supplier_stone_id = ANY(%(names)s) OR diamond_id = ANY(%(stones)s))
            """,
            {"feed": feed, "names": list(names), "stones": list(stones)},
        )
        cursor.execute(
            """
            INSERT INTO catalog_stocknumber (feed, supplier_stone_id, diamond_id)
            SELECT %(feed)s, * FROM unnest(%(names)s::text[], %(stones)s::uuid[])
            """,
            {"feed": feed, "names": list(names), "stones": list(stones)},
        )

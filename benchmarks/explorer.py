"""The explorer's pages, whole and as the part that comes anew, over everything that a page can be narrowed by.

Asked by a superuser over HTTP of a web process that does nothing else, so that it is what a person waits for: the index, the
database's 50 rows, all facets, the pictures and the HTML. The first page is that of a process that has served none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from benchmarks import built, catalogue
from benchmarks.result import Figure
from benchmarks.shoppers import Web
from catalog.models import DatasetVersion

#: What a page may take (milliseconds).
GOAL_MS = 100.0
#: What is looked at: everything, each kind of filter, many at once, and orders that the index does not lie in.
QUERIES = {
    "all": "",
    "one box": "shape=ROUND",
    "several boxes": "shape=ROUND&shape=OVAL&color=D&color=E&cut=EXCELLENT",
    "a slider": "carats_min=0.9&carats_max=1.2",
    "both sliders": "carats_min=0.5&carats_max=2&price_min=1000&price_max=20000",
    "seven filters": "lab_grown=false&shape=ROUND&color=D&color=E&color=F&clarity=VS1&clarity=VS2&cut=EXCELLENT&lab=GIA"
    "&carats_min=0.9&carats_max=1.6",
    "measures": "length_mm_min=6.2&length_mm_max=6.8&table_min=56&table_max=60&depth_min=59&depth_max=63",
    "what few have": "eye_clean=true&has_video=true&country=India&fancy_color=YELLOW",
    "in another order": "lab_grown=true&sort=-carats",
    "newest": "sort=newest",
    "all columns": "lab_grown=true&columns=shape&columns=carats&columns=color&columns=clarity&columns=cut&columns=price"
    "&columns=supplier_name&columns=cost&columns=certificate_number&columns=country_of_origin&columns=ratio&columns=table_pct&columns=depth_pct",
    "a few stones": "shape=ROUND&carats_min=1.51&carats_max=1.51&color=D&clarity=IF",
    "nothing": "shape=ROUND&carats_min=2.9&price_max=100",
}
#: Times that each is asked.
ROUNDS = 20


def measure(number: int) -> list[Figure]:
    """Fill the catalogue with `number` stones, and look at it by every query."""
    catalogue.fill(number)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) catalog_diamond")
    User.objects.filter(username="explorer-bench").delete()
    client = Client()
    client.force_login(User.objects.create_superuser("explorer-bench"))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    with tempfile.TemporaryDirectory(dir=built.memory()) as folder:
        settings.INDEX_DIR = Path(folder)
        with built.builder(folder):
            built.until_found(DatasetVersion.current())
            with Web(
                processes=1, redis_url=settings.REDIS_URL, log=Path(folder) / "web.log", DIAMONDHUB_INDEX_DIR=folder
            ) as web:
                return list(_figures(web, session, number))


def _figures(web: Web, session: str, number: int) -> Iterator[Figure]:
    first = _milliseconds(web, session, "", {})
    yield Figure(
        "the first page of a process",
        first / GOAL_MS,
        of=f"{GOAL_MS:g} ms",
        detail=f"{first:.0f} ms; {number:,} stones; once for each process that is started",
    )
    for words, headers in (("a whole page", {}), ("the part that comes anew", {"HX-Request": "true"})):
        _milliseconds(web, session, "", headers)
        taken = {
            name: [_milliseconds(web, session, query, headers) for _ in range(ROUNDS)]
            for name, query in QUERIES.items()
        }
        every = [time for times in taken.values() for time in times]
        each = ", ".join(f"{name} {median(times):.0f}" for name, times in taken.items())
        detail = f"of {len(every)} median {median(every):.0f} ms, slowest {max(every):.0f}; {each}"
        yield _figure(f"{words}, the slowest of a hundred", quantiles(every, n=100)[-1], detail)


def _milliseconds(web: Web, session: str, query: str, headers: dict[str, str]) -> float:
    """What a page takes, to its last byte."""
    asked = web.ask(
        f"{reverse('admin:catalog_diamond_changelist')}?{query}",
        headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}", **headers},
    )
    assert asked.status == 200, (asked.status, query)
    assert b"by the index" in asked.body, query
    return 1000 * (asked.received - asked.sent)


def _figure(name: str, milliseconds: float, detail: str) -> Figure:
    return Figure(name, milliseconds / GOAL_MS, of=f"{GOAL_MS:g} ms", goal=1.0, at_most=True, detail=detail)

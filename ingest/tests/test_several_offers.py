"""One stone in several rows or lists: a run says so, health counts it, and no proof is taken for one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test.utils import override_settings

from catalog.tests.factories import a_diamond
from diamondhub.database import psycopg_cursor
from ingest import runs, several_offers
from ingest.admin import run_page
from ingest.feeds import adapters
from ingest.models import Feed, Run
from ingest.report import report
from ingest.tests import rows
from ingest.tests.factories import drive, feed

CASES = Path(__file__).parents[1] / "feeds" / "pricelist" / "tests" / "cases"
FULL = {"rows": 0, "within": 0, "feeds": {}, "contradicting": 0}


def counted(kind: str = "full") -> dict[str, Any]:
    return several_offers.count(rows.run(feed=rows.feed("nivoda-natural"), kind=kind))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    feed()
    for name in "ab":
        shutil.copy(CASES / f"same-cert-{name}.csv", tmp_path / f"{name}.csv")
        Feed.objects.create(slug=name, name=name, adapter="pricelist", parameters={"source": f"{name}.csv"})
    with override_settings(PRICELIST_DIR=tmp_path, VAR_DIR=tmp_path / "var"):
        adapters._build.cache_clear()
        yield tmp_path
    adapters._build.cache_clear()


def pull(slug: str, kind: str = "full") -> Run:
    return drive(runs.start_run(slug, kind=kind, started_by="eve"))


@pytest.mark.django_db(transaction=True)
def test_one_certificate_in_two_rows_and_two_lists_is_told_by_the_runs_and_by_health(folder: Path) -> None:
    first, second = pull("a"), pull("b")
    incremental = pull("a", "incremental")

    assert first.summary["several_offers"] == {
        "rows": 2,
        "within": 2,
        "feeds": {},
        "contradicting": 0,
        "catalogue": {"stones": 1, "offers": 2, "contradicting": 0},
    }
    assert second.summary["several_offers"] == {
        "rows": 1,
        "within": 0,
        "feeds": {"a": 1},
        "contradicting": 0,
        "catalogue": {"stones": 1, "offers": 3, "contradicting": 0},
    }
    # Nothing that it brought is new.
    assert incremental.summary["several_offers"] == FULL
    assert report(second)["several_offers"] == second.summary["several_offers"]
    assert ("several offers", "1", "1 in a") in run_page.numbers(second, second.summary)
    with psycopg_cursor() as cursor:
        health = several_offers.in_health(cursor)
    assert health.ok
    assert health.detail == (
        f"1 stones have 3 offers, 0 rows contradict another with their certificate (run {second.pk})"
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("other", "told"),
    [
        pytest.param({}, {"rows": 2, "within": 2}, id="the same"),
        pytest.param({"certificate_number": "LG 21-41 438171"}, {"rows": 2, "within": 2}, id="written otherwise"),
        pytest.param({"feed": "b"}, {"rows": 1, "feeds": {"b": 1}}, id="in another feed"),
        pytest.param({"carats": Decimal("1.01")}, {"rows": 2, "within": 2}, id="a hundredth heavier"),
        pytest.param({"carats": Decimal("1.02")}, {"contradicting": 2}, id="heavier"),
        pytest.param({"shape": "OVAL"}, {"contradicting": 2}, id="another shape"),
        pytest.param({"lab_grown": True}, {"contradicting": 2}, id="grown"),
        pytest.param({"lab": "IGI"}, {}, id="another laboratory"),
        pytest.param({"availability": "sold"}, {}, id="sold"),
    ],
)
def test_rows_of_one_certificate_are_one_stone_unless_they_contradict_each_other(
    other: dict[str, Any], told: dict[str, Any]
) -> None:
    stone = {"certificate_number": "2141438171", "carats": Decimal(1)}
    a_diamond(**stone)
    a_diamond(**{**stone, **other})
    a_diamond()

    counts = counted()
    catalogue = counts.pop("catalogue")

    assert counts == {**FULL, **told}
    assert catalogue["stones"] == int("rows" in told)
    assert catalogue["contradicting"] == told.get("contradicting", 0)


@pytest.mark.django_db
@pytest.mark.parametrize("placeholder", ["0", "NA", "PENDING", "-", "0000000000", "1111111111", "12", "LG00000", None])
def test_a_placeholder_identifies_nothing(placeholder: str | None) -> None:
    for _ in range(3):
        a_diamond(certificate_number=placeholder)

    counts = counted()

    assert counts["catalogue"] == {"stones": 0, "offers": 0, "contradicting": 0}


@pytest.mark.django_db(transaction=True)
def test_a_stone_that_the_run_takes_off_is_no_offer_any_more(folder: Path) -> None:
    head, row, *_ = (folder / "b.csv").read_text().splitlines()
    number, certificate = row.split(",")[0], row.split(",")[-1]
    others = [row.replace(number, f"SB-{n}").replace(certificate, f"21400001{n}") for n in range(10, 22)]
    rows = [head, row, row.replace(number, "SB-again"), *others]
    (folder / "b.csv").write_text("\n".join(rows) + "\n")
    twice = pull("b")
    (folder / "b.csv").write_text("\n".join([*rows[:2], *others]) + "\n")

    once = pull("b")

    assert twice.summary["several_offers"]["rows"] == 2
    assert (once.state, once.summary["delisted"]) == ("completed", 1)
    assert once.summary["several_offers"]["rows"] == 0
    assert once.summary["several_offers"]["catalogue"]["offers"] == 0

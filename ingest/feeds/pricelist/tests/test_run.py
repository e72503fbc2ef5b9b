"""Whole runs over price lists, by the same planner, walk and consolidation as any supplier's."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test.utils import override_settings

from catalog.models import Diamond
from ingest import runs
from ingest.feeds import adapters
from ingest.feeds.pricelist.example import HEADERS, example_rows, write_example
from ingest.feeds.pricelist.tests.lists import stone, stones, text
from ingest.models import DeadLetter, Feed, Run
from ingest.tests.factories import drive, feed, listed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    feed()
    Feed.objects.update_or_create(
        slug="rosy",
        defaults={
            "name": "Rosy Blue",
            "adapter": "pricelist",
            "parameters": {"source": "list.csv", "supplier": "Rosy"},
        },
    )
    with override_settings(PRICELIST_DIR=tmp_path, VAR_DIR=tmp_path / "var"):
        adapters._build.cache_clear()
        yield tmp_path
    adapters._build.cache_clear()


def pull(kind: str = "full") -> Run:
    """A whole run of the feed."""
    return drive(runs.start_run("rosy", kind=kind, started_by="eve"))


def test_the_real_stones_come_from_a_price_list_to_the_catalogue(folder: Path) -> None:
    number = write_example(folder / "list.csv")

    run = pull()

    assert run.state == Run.State.COMPLETED, run.failure
    assert (run.summary["inserted"], run.summary["dead_letters"], run.summary["missing"]) == (number, 0, 0)
    assert run.plan.difference == 0
    assert run.plan.largest <= run.feed.max_partition_stones
    assert run.plan.requests <= 20
    total = 100 * sum(int(row[HEADERS.index("Total Price")].replace(",", "")) for row in example_rows())
    assert sum(Diamond.objects.values_list("cost_cents", flat=True)) == total
    stone = Diamond.objects.get(supplier_stone_id="EX-00001")
    assert (stone.shape, str(stone.carats), stone.cost_cents, stone.supplier_name) == ("ROUND", "0.230", 32_600, "Rosy")
    assert Feed.objects.get(slug="rosy").watermark == run.window_to


def test_a_new_list_changes_adds_holds_and_takes_off_stones(folder: Path) -> None:
    rows = [{**row, "Status": ""} for row in stones(40)]
    (folder / "list.csv").write_text(text(rows))
    pull()
    rows[0]["Total Price"] = "9,999"
    rows[1]["Status"] = "Memo"
    del rows[2]
    (folder / "list.csv").write_text(text([*rows, {**stone(**{"Stock #": "new"}), "Status": ""}]))

    run = pull()

    assert run.state == Run.State.COMPLETED
    found = dict(Diamond.objects.values_list("supplier_stone_id", "availability"))
    assert (found["A-2"], found["A-3"], found["new"]) == ("on_hold", "delisted", "available")
    assert Diamond.objects.get(supplier_stone_id="A-1").cost_cents == 999_900
    assert (run.summary["inserted"], run.summary["updated"], run.summary["delisted"]) == (1, 2, 1)


def test_an_incremental_run_over_the_same_list_changes_nothing(folder: Path) -> None:
    (folder / "list.csv").write_text(text(stones(40)))
    pull()

    run = pull("incremental")

    assert run.state == Run.State.COMPLETED
    assert (run.summary["received"], run.summary["unchanged"], run.summary["stones_stored"]) == (40, 40, 0)


def test_a_list_that_changes_during_a_run_is_read_as_it_was(folder: Path) -> None:
    (folder / "list.csv").write_text(text(stones(1_200)))
    run = drive(runs.start_run("rosy", kind="full", started_by="eve"), until=Run.State.INGESTING)
    (folder / "list.csv").write_text(text(stones(100)))

    run = drive(run)

    assert run.state == Run.State.COMPLETED
    assert len(listed()) == 1_200


def test_dirt_becomes_dead_letters_and_the_rest_goes_through(folder: Path) -> None:
    rows = [*stones(1_300), stone(**{"Stock #": ""}), stone(**{"Stock #": "dear", "Total Price": "on request"})]
    (folder / "list.csv").write_text(text(rows) + "A-9999,Round,1.00,G,VS1,5,000\r\n")

    run = pull()

    assert run.state == Run.State.COMPLETED
    assert len(listed()) == 1_300
    assert set(DeadLetter.objects.values_list("kind", "field")) == {
        ("item", "Stock #"),
        ("stone", "Total Price"),
        ("stone", "row"),
    }


def test_ruined_numbers_parcels_and_contradictions_are_dead_letters_and_sums_are_neither_sold_nor_letters(
    folder: Path,
) -> None:
    rows = [
        *stones(1_300),
        *(stone(**{"Stock #": "2.14E+09", "Weight": weight}) for weight in ("0.70", "0.90", "1.10")),
        *(stone(**{"Stock #": "twin", "Weight": weight}) for weight in ("0.70", "0.90")),
    ]
    rows = [{**row, "Type": "", "Parcel Stones": ""} for row in rows]
    rows.append({**stone(**{"Stock #": "parcel"}), "Type": "", "Parcel Stones": "25"})
    rows.append({**stone(**{"Stock #": "LG 1", "Shape": "LG Round"}), "Type": "Natural", "Parcel Stones": ""})
    (folder / "list.csv").write_text(text(rows) + "TOTAL,,1304.00,,,900000,,\r\n")

    run = pull()

    assert run.state == Run.State.COMPLETED
    assert len(listed()) == 1_300
    letters = DeadLetter.objects.values_list("kind", "field")
    assert Counter(letters) == {("item", "Stock #"): 5, ("stone", "Parcel Stones"): 1, ("stone", "Shape"): 1}


def test_a_list_in_which_many_stones_have_no_number_waits_for_a_person(folder: Path) -> None:
    nameless = [stone(**{"Stock #": "", "Total Price": f"{number}"}) for number in range(1, 701)]
    (folder / "list.csv").write_text(text([*stones(2_000), *nameless]))

    run = pull()

    assert run.state == Run.State.IN_REVIEW
    reason = run.events.latest("id").reason
    assert reason.startswith("Stock # is missing on 700 of "), reason
    assert DeadLetter.objects.count() == 700
    assert len(listed()) == 2_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no price list list.csv"),
        (b"", "the price list is empty"),
        (b"\0\1\2" * 1000, "no text and no workbook but binary"),
        (b"Stock #,Weight\nA-1,1.00\n", "no price column"),
    ],
)
def test_a_list_that_cannot_be_read_fails_the_run_with_its_reason(
    folder: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (folder / "list.csv").write_bytes(content)

    run = pull()

    assert run.state == Run.State.FAILED
    assert says in run.failure


def test_the_example_is_a_list_of_the_trade() -> None:
    out = io.StringIO()
    csv.writer(out).writerow(next(example_rows()))

    assert out.getvalue().strip() == ('EX-00001,Available,Round,0.23,E,SI2,ID,3.95-3.98x2.43,61.5,55,"1,417.39",326,')

"""Snapshots: one list for a whole run, shared by processes, whatever becomes of the file."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from diamondhub.tests.threads import at_once
from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist.errors import ListAway, ListRefused, SnapshotGone, WrongParameters
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.spool import KEPT
from ingest.feeds.pricelist.tests.lists import adapter, put, stone, stones, text


def names(items: list[bytes]) -> list[str]:
    """The stock numbers of a page."""
    return [json.loads(item)["Stock #"] for item in items]


def window(of: object) -> StoneQuery:
    """The window of a run that starts now, with the lag of a feed."""
    moment: datetime = of.server_time()  # type: ignore[attr-defined]  # an adapter
    return StoneQuery(window_to=moment.replace(second=(moment.second + 30) % 60))


def test_a_payload_is_the_row_word_for_word(tmp_path: Path) -> None:
    row = stone(Comments='  "as it is", ½ ')
    put(tmp_path, text([row]))
    reader = adapter(tmp_path)

    (item,) = reader.page(window(reader), 0, 10).items

    assert json.loads(item) == row


def test_a_run_reads_the_list_that_it_was_planned_with(tmp_path: Path) -> None:
    put(tmp_path, text(stones(3)))
    planner, walker = adapter(tmp_path), adapter(tmp_path)
    query = window(planner)
    put(tmp_path, text(stones(2, first=7)))

    after = window(planner)

    assert walker.count([query, after]) == [3, 3]
    assert names(walker.page(query, 0, 10).items) == ["A-1", "A-2", "A-3"]
    assert names(walker.page(after, 0, 10).items) == ["A-7", "A-8"]


def test_a_host_without_the_runs_snapshot_makes_it_or_says_that_the_list_has_changed(tmp_path: Path) -> None:
    put(tmp_path, text(stones(3)))
    planner = adapter(tmp_path)
    query = window(planner)
    for path in (tmp_path / "spool").iterdir():
        path.unlink()

    again = adapter(tmp_path).count([query])
    for path in (tmp_path / "spool").iterdir():
        path.unlink()
    put(tmp_path, text(stones(2)))

    assert again == [3]
    with pytest.raises(SnapshotGone, match="start a new run"):
        adapter(tmp_path).page(query, 0, 10)


def test_the_window_ends_when_the_list_was_changed(tmp_path: Path) -> None:
    path = put(tmp_path, text(stones(1)))
    os.utime(path, (1_750_000_000, 1_750_000_000))

    moment = adapter(tmp_path).server_time()

    assert moment.replace(microsecond=0) == datetime.fromtimestamp(1_750_000_000, UTC)


def test_a_list_from_the_future_is_of_now(tmp_path: Path) -> None:
    path = put(tmp_path, text(stones(1)))
    os.utime(path, (4_000_000_000, 4_000_000_000))

    assert adapter(tmp_path).server_time().year < 2090


def test_an_incremental_run_shows_all_rows_and_none_of_an_older_list(tmp_path: Path) -> None:
    put(tmp_path, text([stone(Status="Memo")]))
    reader = adapter(tmp_path)
    end = window(reader).window_to
    assert end is not None

    counts = reader.count(
        [
            StoneQuery(window_to=end),
            StoneQuery(window_to=end, available_only=False),
            StoneQuery(window_from=end, window_to=end, available_only=False),
        ]
    )

    assert counts == [0, 1, 0]
    assert reader.page(StoneQuery(window_from=end, window_to=end), 0, 10).items == []


def test_slices_by_whole_dollars_and_hundredths_lose_nothing(tmp_path: Path) -> None:
    rows = [
        {"Stock #": f"A-{number}", "Weight": f"1.00{number}", "Price/Ct": f"100.{number}0"} for number in range(10)
    ] + [{"Stock #": "heavy", "Weight": "2.5", "Price/Ct": "100"}, {"Stock #": "odd", "Weight": "", "Price/Ct": "9"}]
    put(tmp_path, text(rows))
    reader = adapter(tmp_path)
    query = window(reader)

    def part(price_from: int, price_to: int | None, *carats: str) -> StoneQuery:
        low, high = (Decimal(one) for one in carats) if carats else (None, None)
        return StoneQuery(
            window_to=query.window_to, price_from=price_from, price_to=price_to, carats_from=low, carats_to=high
        )

    counts = reader.count([part(0, 99), part(100, 100), part(101, None), part(100, 100, "1.00", "1.00")])

    assert counts == [1, 11, 0, 10]


def test_stones_are_looked_up_whatever_their_availability(tmp_path: Path) -> None:
    rows = [{**row, "Status": "Available"} for row in stones(5)]
    put(tmp_path, text([*rows, stone(**{"Stock #": "held", "Status": "Memo"})]))
    reader = adapter(tmp_path)
    reader.server_time()

    page = reader.lookup(["A-2", "held", "nobody's", "A-2'; DROP TABLE stones"])

    assert names(page.items) == ["A-2", "held"]


def test_the_last_row_of_a_stock_number_wins(tmp_path: Path) -> None:
    first, last = stone(Total_Price="100"), stone(Total_Price="200")
    put(tmp_path, text([first, *stones(2, first=5), last]))
    reader = adapter(tmp_path)

    items = reader.page(window(reader), 0, 10).items

    assert sorted(names(items)) == ["A-1", "A-5", "A-6"]
    assert json.loads(items[0])["Total Price"] == "200"


def test_rows_without_a_stock_number_are_shown_among_others_so_that_they_become_dead_letters(tmp_path: Path) -> None:
    nameless = [stone(**{"Stock #": ""}) for _ in range(40)]
    footer = {**dict.fromkeys(stone(), ""), "Shape": "Total: 100 stones"}
    put(tmp_path, text([*nameless, *stones(60), footer]))
    reader = adapter(tmp_path)
    query = window(reader)

    offset, found = 0, []
    while items := reader.page(query, offset, 10).items:
        assert names(items)[-1]
        found += items
        offset += len(items)

    assert len(found) == 100
    assert sum(not name for name in names(found)) == 40
    with pytest.raises(MappingError, match="Stock #: is missing"):
        reader.identify(next(item for item in found if not names([item])[0]))


def test_a_list_that_names_hardly_any_stone_is_refused(tmp_path: Path) -> None:
    put(tmp_path, text([*stones(2), *(stone(**{"Stock #": ""}) for _ in range(5))]))

    with pytest.raises(ListRefused, match="5 of 7 rows of the price list have no 'Stock #'"):
        adapter(tmp_path).server_time()


def test_processes_that_come_at_once_make_one_snapshot(tmp_path: Path) -> None:
    put(tmp_path, text(stones(200)))
    readers = [adapter(tmp_path) for _ in range(6)]

    moments = at_once(*(reader.server_time for reader in readers))

    assert len(set(moments)) == 1
    assert len(list((tmp_path / "spool").glob("*.sqlite"))) == 1
    assert not list((tmp_path / "spool").glob("making-*"))


def test_old_snapshots_go_those_in_use_stay(tmp_path: Path) -> None:
    put(tmp_path, text(stones(1)))
    reader = adapter(tmp_path)
    used = window(reader)
    for number in range(2, KEPT + 5):
        put(tmp_path, text(stones(number)))
        reader.server_time()
        reader.count([used])

    assert len(list((tmp_path / "spool").glob("*.sqlite"))) == KEPT
    assert reader.count([used]) == [1]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere.csv", "there is no price list nowhere.csv"),
        ("../secret", "is not below"),
        ("/etc/passwd", "is not below"),
        ("link.csv", "is not below"),
        (".", "is a directory"),
        ("pipe", "is no file"),
        ("a\0b", "cannot be read"),
        ("gopher://example.com/list.csv", "no way to fetch"),
    ],
)
def test_nothing_but_files_of_the_folder_can_be_read(tmp_path: Path, source: str, says: str) -> None:
    folder = put(tmp_path, "").parent
    (tmp_path / "secret").write_text(text(stones(1)))
    (folder / "link.csv").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")

    with pytest.raises(ListRefused, match=says):
        adapter(tmp_path, source=source).server_time()


def test_a_list_that_is_being_written_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, text(stones(3)))

    def copy_while_written(read: object, write: object, _size: int) -> None:
        with path.open("a") as more:
            more.write("A-9,Round,1.00,G,VS1,500\r\n")

    monkeypatch.setattr(shutil, "copyfileobj", copy_while_written)

    with pytest.raises(ListAway, match="was written to"):
        adapter(tmp_path).server_time()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({}, "source"),
        ({"source": " "}, "`source` is empty"),
        ({"source": "x", "delimiter": "-"}, "delimiter"),
        ({"source": "x", "columns": {"Ref": "stock"}}, "'Ref' cannot mean 'stock'; fields are: stock_number"),
        ({"source": "x", "sauce": 1}, "sauce"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, object], says: str) -> None:
    with pytest.raises(WrongParameters, match=says):
        parameters_of(parameters)

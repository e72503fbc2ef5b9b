"""A feed's first run: what is wrong with its list from the first day on waits for a person, before anything is sold."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test.utils import override_settings

from catalog.models import Diamond
from ingest import drift, review, rows_of_lists, runs
from ingest.feeds import adapters
from ingest.feeds.pricelist.tests.lists import stone, stones, text
from ingest.models import DeadLetter, Feed, Run
from ingest.tests.factories import MemorySupplier, Stone, drive, feed, supplying

pytestmark = pytest.mark.django_db(transaction=True)

CASES = Path(__file__).parents[1] / "feeds" / "pricelist" / "tests" / "cases"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    feed()
    Feed.objects.update_or_create(
        slug="rosy", defaults={"name": "Rosy", "adapter": "pricelist", "parameters": {"source": "list.csv"}}
    )
    built = adapters._build
    with override_settings(PRICELIST_DIR=tmp_path, VAR_DIR=tmp_path / "var"):
        built.cache_clear()
        yield tmp_path
    built.cache_clear()


def pull(kind: str = "full") -> Run:
    return drive(runs.start_run("rosy", kind=kind, started_by="eve"))


def put(folder: Path, rows: list[dict[str, str]]) -> None:
    (folder / "list.csv").write_text(text(rows))


def causes(run: Run) -> set[str]:
    return {part.cause for held in review.read(run).held for part in held.parts}


def test_a_list_of_which_no_row_is_offered_waits_with_its_words(folder: Path) -> None:
    put(folder, [{**row, "Status": "Blorp"} for row in stones(4)])

    run = pull()

    assert run.state == Run.State.IN_REVIEW
    assert "0 of 4 rows are offered: 'Blorp' (4)" in run.events.latest("id").reason
    assert causes(run) == {"nothing_received", "words:availability"}
    assert not Diamond.objects.exists()


def test_a_list_of_which_most_rows_are_not_offered_waits(folder: Path) -> None:
    put(folder, [{**row, "Status": "Memo" if number % 3 else "G"} for number, row in enumerate(stones(30))])

    run = pull()

    assert (run.state, causes(run)) == (Run.State.IN_REVIEW, {"not_offered"})
    assert "20 of 30 rows are not offered: 'Memo' (20)" in run.events.latest("id").reason


@pytest.mark.parametrize("header", ["Shape", "Weight", "Color", "Clarity"])
def test_a_list_whose_column_of_what_every_stone_has_is_not_known_waits(folder: Path, header: str) -> None:
    put(folder, [{(name if name != header else "Wibble"): cell for name, cell in row.items()} for row in stones(5)])

    run = pull()

    column = {"Weight": "carats"}.get(header, header.lower())
    assert (run.state, causes(run)) == (Run.State.IN_REVIEW, {f"column:{column}"})
    reason = run.events.latest("id").reason
    assert f"{column} is unknown on 100% of stones; " in reason
    assert "'Wibble' (5)" in reason


def test_a_short_list_may_lack_a_column_and_a_longer_one_waits(folder: Path) -> None:
    short, long = (
        [{header: cell for header, cell in row.items() if header != "Clarity"} for row in stones(count)]
        for count in (19, 60)
    )

    put(folder, short)
    first = pull()
    put(folder, long)
    second = pull()

    assert (first.state, second.state) == (Run.State.COMPLETED, Run.State.IN_REVIEW)
    assert causes(second) == {"column:clarity"}


@pytest.mark.parametrize(("strange", "of", "state"), [(4, 40, "completed"), (5, 40, "in_review"), (2, 4, "in_review")])
def test_a_few_words_that_nobody_knows_are_chance_unless_they_are_most(
    folder: Path, strange: int, of: int, state: str
) -> None:
    put(folder, [{**row, "Clarity": "QQ7" if n < strange else "VS1"} for n, row in enumerate(stones(of))])

    assert pull().state == state


@pytest.mark.parametrize(
    ("cells", "missed"),
    [
        (("VG", "EX", "Good"), "cut or polish or symmetry"),
        (("GIA", "IGI", "HRD"), "lab"),
        (("6.42-6.45x3.98", "5.10 x 5.12 x 3.11", "4x4x2.5"), "length_mm"),
        (("2140000077", "1140000078", "5140000079"), "certificate_number"),
        (("MB", "FNT", "STG BL"), "fluorescence_intensity"),
        (("nice", "bright", "see video"), ""),
        (("", "", ""), ""),
    ],
)
def test_a_usual_column_is_missed_if_one_that_nobody_knows_seems_to_hold_it(
    folder: Path, cells: tuple[str, ...], missed: str
) -> None:
    put(folder, [{**row, "Wibble": cell} for row, cell in zip(stones(3), cells, strict=True)])

    run = pull()

    assert causes(run) == ({"header:Wibble"} if missed else set())
    assert run.state == (Run.State.IN_REVIEW if missed else Run.State.COMPLETED)
    assert f"may be {missed}, unknown" in run.events.latest("id").reason or not missed


def test_words_of_a_field_that_nobody_knows_on_a_twentieth_of_rows_wait_and_fewer_do_not(folder: Path) -> None:
    put(folder, [{**row, "Clarity": "QQ7" if number < 6 else "VS1"} for number, row in enumerate(stones(100))])

    run = pull()

    assert (run.state, causes(run)) == (Run.State.IN_REVIEW, {"words:clarity"})
    assert "clarity has words that nobody knows on 6 rows: 'QQ7' (6)" in run.events.latest("id").reason

    runs.cancel_run(run.pk, actor="eve")
    put(folder, [{**row, "Clarity": "QQ7" if number < 5 else "VS1"} for number, row in enumerate(stones(100))])

    assert pull().state == Run.State.COMPLETED


def test_an_approved_first_run_goes_on_and_the_next_one_is_held_against_it_alone(folder: Path) -> None:
    put(folder, [{**row, "Clarity": "QQ7"} for row in stones(20)])
    held = pull()

    run = drive(runs.approve_run(held.pk, actor="eve", reason="their own grades"))

    assert run.state == Run.State.COMPLETED
    assert Diamond.objects.filter(clarity=None).count() == 20
    assert pull().state == Run.State.COMPLETED


def test_a_first_run_that_received_next_to_nothing_leaves_the_next_one_a_first_one(folder: Path) -> None:
    put(folder, stones(2))
    assert pull().state == Run.State.COMPLETED
    put(folder, [{**row, "Clarity": "QQ7"} for row in stones(20)])

    assert pull().state == Run.State.IN_REVIEW


def test_what_the_feed_says_of_its_words_ends_the_waiting(folder: Path) -> None:
    put(folder, [{**row, "Clarity": "QQ7", "Status": "Blorp"} for row in stones(20)])
    held = pull()
    runs.cancel_run(held.pk, actor="eve")
    Feed.objects.filter(slug="rosy").update(
        parameters={"source": "list.csv", "words": {"clarity": {"qq7": "SI2"}, "availability": {"blorp": "available"}}}
    )

    run = pull()

    assert run.state == Run.State.COMPLETED
    assert set(Diamond.objects.values_list("clarity", "availability")) == {(8, "available")}


@pytest.mark.usefixtures("folder")
def test_a_supplier_without_a_list_is_held_by_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = [Stone(f"S-{number}", price=50_000 + number, says={"shape": None}) for number in range(30)]

    supplying(monkeypatch, MemorySupplier(shelf))

    run = pull()

    assert (run.state, causes(run)) == (Run.State.IN_REVIEW, {"column:shape"})


@pytest.mark.parametrize("name", ["first-words", "availability-words", "documented-headers"])
def test_lists_in_the_trade_s_own_words_are_read_whole_on_the_first_day(folder: Path, name: str) -> None:
    (folder / "list.csv").write_bytes((CASES / f"{name}.csv").read_bytes())

    run = pull()

    assert run.state == Run.State.COMPLETED, run.events.latest("id").reason
    account = rows_of_lists.account_of(run)
    assert account is not None
    received = {"first-words": 240, "availability-words": 14, "documented-headers": 1}[name]
    assert (account.received, account.letters) == (received, 0)
    assert account.received + sum(account.not_offered.values()) == account.rows


def random_list(chance: random.Random) -> list[dict[str, str]]:
    """A list with everything that can become of a row."""
    rows: list[dict[str, str]] = []
    for number in range(chance.randint(20, 80)):
        row = {
            **stone(**{"Stock #": f"A-{number}", "Total Price": f"{4_000 + 7 * number}"}),
            "Status": "",
            "Wibble": "",
        }
        match chance.randint(0, 11):
            case 0:
                row["Status"] = chance.choice(["Memo", "Hold", "Sold", "Blorp", "In Transit"])
            case 1 if len(rows) > 10:
                row["Stock #"] = ""
            case 2:
                row["Total Price"] = "on request"
            case 3 if rows:
                row = {**rows[-1], "Total Price": "4,321"}
            case 4 if len(rows) > 5:
                row = {**dict.fromkeys(row, ""), "Shape": "Total", "Weight": "12.00", "Total Price": "99,000"}
            case 5:
                row["Wibble"] = "x"
            case 6:
                row["Clarity"] = "QQ7"
        rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_every_row_of_a_list_is_accounted_for(folder: Path, seed: int, kind: str) -> None:
    Feed.objects.filter(slug="rosy").update(error_budget=1.0)
    if kind == "incremental":
        put(folder, stones(100, first=200))
        os.utime(folder / "list.csv", (1_000_000_000, 1_000_000_000))
        pull()
    rows = random_list(random.Random(seed))
    put(folder, rows)

    run = pull(kind)
    if run.state == Run.State.IN_REVIEW:
        run = drive(runs.approve_run(run.pk, actor="eve", reason="a test"))

    account = rows_of_lists.account_of(run)
    assert account is not None
    assert account.rows == len(list(csv.DictReader((folder / "list.csv").open())))
    parts: list[Any] = [account.received, *account.not_offered.values(), *account.left_out.values(), account.not_shown]
    assert sum(parts) == account.rows
    if run.state == Run.State.COMPLETED:
        assert account.not_shown == 0
        named = Diamond.objects.filter(supplier_stone_id__in={row["Stock #"] for row in rows}, availability="available")
        offered_letters = DeadLetter.objects.filter(run=run).count()
        assert account.letters == offered_letters
        assert named.count() + account.letters >= account.received
    assert run.summary.get("rows_of_list") in (None, rows_of_lists.as_json(run))


def test_rows_that_are_suddenly_not_offered_are_told_though_no_page_shows_them(folder: Path) -> None:
    put(folder, [{**row, "Status": "G"} for row in stones(150)])
    pull()
    put(folder, [{**row, "Status": "Blorp" if n < 40 else "G"} for n, row in enumerate(stones(150))])

    run = pull()

    assert run.state == Run.State.COMPLETED
    assert run.drift["jumps"][:2] == [
        "not offered by the list's words 'Blorp'",
        "availability 'Blorp' is not understood in the list",
    ]
    assert [(line.what, round(line.now, 2), line.before) for line in drift.lines(run)][:1] == [
        ("not offered by the list's words 'Blorp'", 0.27, 0.0)
    ]

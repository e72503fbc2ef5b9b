"""Lists that are looked at before they are fed, by the command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Diamond
from ingest.feeds.pricelist.tests.lists import stone, stones
from ingest.models import Run
from ingest.tests.price_lists import folder_of_lists, made, put, rosy
from pricing.models import RuleSet

pytestmark = pytest.mark.django_db(transaction=True)

CASES = Path(__file__).parents[1] / "feeds" / "pricelist" / "tests" / "cases"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with folder_of_lists(tmp_path) as folder:
        yield folder


def inspected(*arguments: str) -> tuple[int, str, str]:
    """The exit status of `inspect_list`, what it printed, and its line of errors."""
    out = StringIO()
    try:
        call_command("inspect_list", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), ""


def as_json(*arguments: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(inspected(*arguments, "--json")[1])
    return shown


def test_a_sound_list_is_shown_whole_and_nothing_is_saved(folder: Path) -> None:
    path = put(folder, stones(50))

    status, out, error = inspected(str(path))

    assert (status, error) == (0, "")
    assert "50 rows, 50 of them offered" in out
    assert re.search(r"Weight +carats \(50 of 50 cells, its header\): 1.00", out)
    assert re.search(r"Total Price +the price of the stone", out)
    assert len(re.findall(r"^  A-\d+: ROUND 1.000 G VS1; costs ", out, re.MULTILINE)) == 20
    assert "A run would read it without asking anybody." in out
    assert [len(made()), Run.objects.count(), Diamond.objects.count()] == [0, 0, 0]


def test_prices_are_those_of_the_rules_in_force(folder: Path) -> None:
    RuleSet.objects.update(margin_natural=40)
    path = put(folder, [stone(**{"Total Price": "5,000"})])

    (shown,) = as_json(str(path))["stones"]

    assert (shown["cost_cents"], shown["price_cents"], shown["color"]) == (500_000, 700_000, "G")


def test_what_nobody_knows_is_shown_with_counts_and_what_a_column_may_hold(folder: Path) -> None:
    path = put(
        folder, [{**row, "Wibble": "VG", "Clarity": "QQ7" if n < 6 else "VS1"} for n, row in enumerate(stones(40))]
    )

    status, out, error = inspected(str(path))

    assert status == 1
    assert "clarity has words that nobody knows on 6 rows: 'QQ7' (6)" in error
    assert re.search(r"Wibble +NOBODY KNOWS, may be cut or polish or symmetry \(40 cells\): VG", out)
    assert re.search(r"6  clarity: QQ7", out)


def test_refusals_are_told_by_reason_and_rows_left_out_by_word(folder: Path) -> None:
    rows = [{**row, "Status": "Memo" if n % 10 == 0 else "G"} for n, row in enumerate(stones(40))]
    rows[5]["Total Price"], rows[6]["Total Price"] = "on request", "38%"
    path = put(folder, [*rows, rows[1]])

    shown = as_json(str(path))

    assert shown["census"]["not_offered"] == {"Memo": 4}
    assert shown["census"]["left_out"] == {"repeated": 1}
    (refusal,) = shown["refusals"]
    assert (refusal["field"], refusal["rows"], refusal["examples"]) == ("Total Price", 2, ["A-6", "A-7"])
    assert refusal["reasons"] == [
        ["'on request' is no amount of US dollars", 1],
        ["'38%' is no amount of US dollars", 1],
    ]
    assert "2 of 36 stones would be dead letters, more than 1%" in shown["faults"]


def test_a_question_and_a_missing_column_are_asked_with_the_columns_that_there_are(folder: Path) -> None:
    rows = [{**stone(**{"Stock #": f"B-{n}", "Weight": f"0.{30 + n}"}), "Price": "900"} for n in range(20)]
    lone = [{header: cell for header, cell in row.items() if header != "Total Price"} for row in rows]

    status, out, error = inspected(str(put(folder, lone)))

    assert status == 1
    assert "price of a carat or of the stone" in error
    assert re.search(r"Price +what nothing proves", out)

    nameless = [{header if header != "Stock #" else "Ref Wibble": cell for header, cell in row.items()} for row in rows]
    status, out, error = inspected(str(put(folder, nameless)))

    assert status == 1
    assert "no stock number column" in error
    assert re.search(r"Ref Wibble +NOBODY KNOWS", out)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["/nowhere/list.csv"], "there is no file /nowhere/list.csv"),
        ([], "name a file or an address"),
        (["--feed", "nobody"], "there is no feed 'nobody'"),
        (["gopher://example.org/list.csv"], "is no way to fetch a price list"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_read_is_one_line_and_status_2(arguments: list[str], says: str) -> None:
    status, out, error = inspected(*arguments)

    assert (status, out) == (2, "")
    assert says in error
    assert "\n" not in error


def test_a_binary_file_is_one_line(folder: Path) -> None:
    path = folder / "list.csv"
    path.write_bytes(b"\0\1\2\3" * 100)

    assert inspected(str(path))[0] == 2


def test_a_feed_s_own_list_is_read_by_its_parameters_and_so_is_a_file(folder: Path) -> None:
    rosy(words={"clarity": {"QQ7": "SI2"}}, columns={"Wibble": "cut"})
    path = put(folder, [{**row, "Clarity": "QQ7", "Wibble": "VG"} for row in stones(10)])
    other = put(folder, [{**row, "Clarity": "qq7", "Wibble": "EX"} for row in stones(5)], "changed.csv")

    own, changed = as_json("--feed", "rosy"), as_json(str(other), "--feed", "rosy")

    assert {(one["clarity"], one["cut"]) for one in own["stones"]} == {("SI2", "VERY_GOOD")}
    assert {(one["clarity"], one["cut"]) for one in changed["stones"]} == {("SI2", "EXCELLENT")}
    assert own["is_fine"], own["faults"]
    assert path.exists()


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("*.csv")))
def test_every_case_of_the_trade_is_shown_and_its_rows_add_up(folder: Path, case: str) -> None:
    status, out, error = inspected(str(CASES / case), "--json")

    assert status in (0, 1), error
    shown = json.loads(out)
    census = shown["census"]
    parts = [census["offered"], *census["not_offered"].values(), *census["left_out"].values()]
    assert shown["question"] or sum(parts) == census["rows"]
    assert shown["question"] or shown["refused"] + (len(shown["stones"])) >= min(20, census["offered"])
    assert len(shown["columns"]) >= 2

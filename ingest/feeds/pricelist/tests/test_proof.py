"""What columns of money hold, worked out from the rows, and the questions where nothing proves it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist import bands
from ingest.feeds.pricelist.example import HEADERS, example_rows
from ingest.feeds.pricelist.tests.lists import adapter, put, text
from ingest.feeds.verdicts import SupplierAsks, Verdict

CASES = Path(__file__).parent / "cases"
#: Weights that tell a carat's price from the stone's.
WEIGHTS = ("0.31", "0.50", "0.72", "1.01", "1.53", "2.04", "3.01")


def stones_of(folder: Path, content: str | bytes, **parameters: Any) -> tuple[dict[str, int | str], Verdict]:
    """What each stone of a list costs in cents, or why it is refused, and the verdict. Raises `SupplierAsks`."""
    put(folder, content)
    reader = adapter(folder, **parameters)
    moment = reader.server_time()
    read: dict[str, int | str] = {}
    for item in reader.page(StoneQuery(window_to=moment, available_only=False), 0, 10_000).items:
        number = msgspec.json.decode(item)["Stock #"]
        try:
            read[number] = reader.to_diamond(item).cost_cents
        except MappingError as error:
            read[number] = f"{error.field}: {error.reason}"
    return read, reader.verdict(moment, Verdict())


def question_of(folder: Path, content: str | bytes, **parameters: Any) -> SupplierAsks:
    """The question that a list asks."""
    with pytest.raises(SupplierAsks) as asked:
        stones_of(folder, content, **parameters)
    return asked.value


def listing(*columns: str, rows: int = 0, **cells: Any) -> str:
    """A list of stones; each column is written by a function of weight and price per carat."""
    chosen = [WEIGHTS[number % len(WEIGHTS)] for number in range(rows or len(WEIGHTS))]
    return text(
        [
            {
                "Stock #": f"S-{number}",
                "Shape": "RB",
                "Weight": weight,
                "Color": "G",
                "Clarity": "VS1",
                **{column: str(cells[column.replace(" ", "_")](float(weight))) for column in columns},
            }
            for number, weight in enumerate(chosen, 1)
        ]
    )


def per_carat(weight: float) -> float:
    """What a carat of a stone costs in these tests, in whole tens of dollars."""
    return round(bands.usual(weight, bands.ORDINARY) or 0, -1)


def totals() -> dict[str, int]:
    """What the stones of `listing` cost, in cents."""
    return {
        f"S-{number}": round(per_carat(float(weight)) * float(weight) * 100) for number, weight in enumerate(WEIGHTS, 1)
    }


def case(name: str) -> bytes:
    return (CASES / f"{name}.csv").read_bytes()


# --- lists of the trade ----------------------------------------------------------------------------------------------


def test_a_lone_price_is_a_carat_s_where_list_and_discount_prove_it(tmp_path: Path) -> None:
    content = case("rapnet-lone-price").replace(b"VendorStockNumber", b"Stock #")

    read, verdict = stones_of(tmp_path, content)

    assert read == {"LP-1": 7_224_000, "LP-2": 75_000}
    column = verdict.column("Price")
    assert column is not None
    assert (column.means, column.rows, column.of, column.proven) == ("per_carat", 2, 2, True)


def test_of_several_price_columns_the_first_filled_one_counts_row_by_row(tmp_path: Path) -> None:
    content = case("rapnet-template").decode() + (
        "RT-3,G,RB,2.00,F,VS1,EX,EX,EX,N,,8.05-8.09x4.98,GIA,2140000003,,,,13000,-0.35,61.7,57,\n"
    )

    read, _ = stones_of(tmp_path, content)

    assert read == {"RT-1": 2_800_000, "RT-2": 1_230_000, "RT-3": 2_600_000}


def test_noise_of_binary_fractions_is_no_part_of_a_price(tmp_path: Path) -> None:
    content = case("float-noise").replace(b"STOCK#", b"Stock #")

    read, _ = stones_of(tmp_path, content)

    assert read == {"FN-1": 225_838, "FN-2": 316_173, "FN-3": 316_173}


def test_what_has_another_unit_than_money_or_no_possible_height_is_no_price(tmp_path: Path) -> None:
    content = case("percent-as-price")

    asked = question_of(tmp_path, content)
    read, _ = stones_of(tmp_path, content, price_means="total")

    assert "the price of a carat or of the stone?" in str(asked)
    prices = {number: cents for number, cents in read.items() if isinstance(cents, int)}
    assert prices == dict.fromkeys(("PP-10", "PP-12", "PP-13", "PP-14", "PP-15", "PP-16"), 620_000)
    assert "is no amount of US dollars" in str(read["PP-0"])
    assert "25.33 dollars a carat is no price of a natural stone of 1.500 carats" in str(read["PP-4"])


# --- every kind of meaning -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ({"Price": lambda w: per_carat(w) * w, "$/ct": per_carat}, {}),
        ({"Price": per_carat, "Total": lambda w: per_carat(w) * w}, {}),
        ({"Price": lambda w: per_carat(w) * w, "Total": lambda w: per_carat(w) * w}, {}),
        ({"Price": per_carat, "$/ct": per_carat}, {}),
        ({"Price": lambda w: per_carat(w) * w, "Cost": per_carat}, {}),
        ({"Price": per_carat, "RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: "-50"}, {}),
        ({"Price": lambda w: per_carat(w) * w, "RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: "-0.50"}, {}),
        ({"Total": per_carat, "RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: "50% off"}, {}),
        ({"Price/Ct": lambda w: per_carat(w) * w, "RapList": lambda w: 2 * per_carat(w), "Disc": lambda w: "50"}, {}),
        ({"Price/Ct": lambda w: per_carat(w) * w, "Total": per_carat}, {}),
        ({"RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: "-50"}, {}),
        ({"RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: "-0.5"}, {}),
        ({"RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: "50 % back"}, {}),
        ({"RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: "-50%"}, {}),
        ({"RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: "(50)"}, {}),
        ({"RapList": lambda w: 2 * per_carat(w), "Discount": lambda w: "50"}, {}),
        ({"RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: "50"}, {"discount_means": "below"}),
        ({"RapList": lambda w: 2 * per_carat(w), "Price": lambda w: "-50"}, {}),
        ({"RapList": lambda w: 2 * per_carat(w), "Price": lambda w: "-0.5"}, {}),
        ({"RapList": lambda w: 2 * per_carat(w), "Price": lambda w: "50% off"}, {}),
        ({"Price": lambda w: per_carat(w) * w * 100}, {"price_means": "total", "price_unit": "cents"}),
        ({"Price": per_carat}, {"price_means": "per_carat"}),
        ({"Price": lambda w: per_carat(w) * w}, {"price_means": "total"}),
        ({"Total": per_carat}, {"columns": {"Total": "price_per_carat"}}),
    ],
)
def test_the_rows_prove_what_a_column_holds_whatever_it_is_called(
    tmp_path: Path, columns: dict[str, Any], cells: dict[str, Any]
) -> None:
    content = listing(*columns, **{name.replace(" ", "_"): write for name, write in columns.items()})

    read, _ = stones_of(tmp_path, content, **cells)

    assert read == totals()


@pytest.mark.parametrize("means", ["total", "per_carat"])
def test_growth_with_weight_proves_a_lone_price_of_many_stones(tmp_path: Path, means: str) -> None:
    random.seed(5)
    rows = random.sample([row for row in example_rows() if row[3] != "1"], 400)
    column = HEADERS.index("Total Price" if means == "total" else "Price/Ct")
    stones = [
        {"Stock #": row[0], "Weight": row[3], "Color": row[4], "Clarity": row[5], "Price": row[column]} for row in rows
    ]

    read, verdict = stones_of(tmp_path, text(stones))

    prices = [cents for cents in read.values() if isinstance(cents, int)]
    expected = [int(row[HEADERS.index("Total Price")].replace(",", "")) * 100 for row in rows]
    assert len(prices) == 400
    assert sum(prices) == pytest.approx(sum(expected), rel=1e-4)
    assert verdict.column("Price").means == means  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("weight", "price", "cents"),
    [
        ("0.05", "25", 2_500),
        ("0.05", "900", 4_500),
        ("20.00", "60,000", 120_000_000),
        ("20.00", "1,200,000", 120_000_000),
    ],
)
def test_levels_prove_a_lone_price_of_melee_and_of_great_stones(
    tmp_path: Path, weight: str, price: str, cents: int
) -> None:
    stones = [{"Stock #": f"S-{number}", "Weight": weight, "Price": price} for number in range(4)]

    read, _ = stones_of(tmp_path, text(stones))

    assert set(read.values()) == {cents}


def test_of_stones_of_one_carat_nothing_need_be_asked(tmp_path: Path) -> None:
    stones = [{"Stock #": f"S-{number}", "Weight": "1.00", "Price": "5,000"} for number in range(4)]

    read, verdict = stones_of(tmp_path, text(stones))

    assert set(read.values()) == {500_000}
    assert verdict.column("Price").means == "either"  # type: ignore[union-attr]


# --- questions -------------------------------------------------------------------------------------------------------


def test_what_nothing_proves_is_asked_with_the_row_that_shows_what_depends_on_it(tmp_path: Path) -> None:
    stones = [
        {"Stock #": "A", "Weight": "0.90", "Price": "4,000"},
        {"Stock #": "B", "Weight": "1.10", "Price": "5,000"},
        {"Stock #": "C", "Weight": "3.01", "Price": "24,000"},
    ]

    asked = question_of(tmp_path, text(stones))

    assert "Row 3: 3.01 ct, 24,000 → the stone costs 24,000.00 or 72,240.00." in str(asked)
    assert [answer.parameters for answer in asked.verdict.question.answers] == [  # type: ignore[union-attr]
        {"price_means": "total"},
        {"price_means": "per_carat"},
    ]


@pytest.mark.parametrize(
    ("columns", "parameters", "says"),
    [
        (
            {"Price": per_carat, "RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: -50},
            {"price_means": "total"},
            "The feed says that 'Price' holds the price of the stone, but 7 of 7 rows prove the other",
        ),
        (
            {"Total": per_carat, "Price": lambda w: per_carat(w) * w},
            {"columns": {"Total": "total_price"}},
            "The feed says that 'Total' holds the price of the stone, but",
        ),
        (
            {"RapList": lambda w: 2 * per_carat(w), "Rap%": lambda w: 50},
            {},
            "the share of it that is paid? Row 1: 50 of",
        ),
        ({"Price": lambda w: -38}, {}, "'Price' holds discounts and no prices"),
        ({"Price": lambda w: "38%"}, {}, "'Price' holds discounts and no prices"),
        ({"Total": lambda w: per_carat(w) * w * 100}, {}, "another currency or cents?"),
        ({"Price/Ct": lambda w: per_carat(w) * 100}, {}, "another currency or cents?"),
        ({"Price/Ct": per_carat, "Total": per_carat}, {}, "hold the same"),
    ],
)
def test_what_rows_contradict_is_asked_and_never_obeyed_in_silence(
    tmp_path: Path, columns: dict[str, Any], parameters: dict[str, Any], says: str
) -> None:
    content = listing(*columns, **{name.replace(" ", "_"): write for name, write in columns.items()})

    asked = question_of(tmp_path, content, **parameters)

    assert says in str(asked)


def test_a_name_that_levels_and_growth_contradict_is_asked(tmp_path: Path) -> None:
    stones = [
        {
            "Stock #": f"S-{number}",
            "Weight": f"{weight:.2f}",
            "Color": "G",
            "Clarity": "VS1",
            "Total": str(per_carat(weight)),
        }
        for number, weight in enumerate(0.3 + 0.05 * step for step in range(60))
    ]

    asked = question_of(tmp_path, text(stones))

    assert "'Total' looks like the price of a carat" in str(asked)


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "cents"),
    [
        ({"Weight": "2.00", "Color": "Fancy Vivid Pink", "Price/Ct": "500,000"}, 100_000_000),
        ({"Weight": "2.00", "Type": "Lab-Grown", "Price/Ct": "150"}, 30_000),
        ({"Weight": "0.05", "Color": "G", "Price/Ct": "300"}, 1_500),
        ({"Weight": "20.00", "Color": "D", "Price/Ct": "120,000"}, 240_000_000),
        ({"Weight": "1.50", "Color": "G", "Total Price": "38"}, None),
        ({"Weight": "1.50", "Color": "G", "Total Price": "0.38"}, None),
        ({"Weight": "2.00", "Color": "G", "Price/Ct": "3,000,000"}, None),
        ({"Weight": "2.00", "Type": "Lab-Grown", "Price/Ct": "500,000"}, None),
    ],
)
def test_a_price_that_no_such_stone_can_have_is_a_letter(
    tmp_path: Path, cells: dict[str, str], cents: int | None
) -> None:
    read, _ = stones_of(tmp_path, text([{"Stock #": "A", **cells}]))

    assert read["A"] == cents if cents else "a carat is no price of a " in str(read["A"])


def test_a_row_whose_list_and_discount_prove_another_meaning_than_its_list_s_is_a_letter(tmp_path: Path) -> None:
    stones = [
        {
            "Stock #": f"S-{weight}",
            "Weight": weight,
            "Price": str(per_carat(float(weight))),
            "RapList": str(2 * per_carat(float(weight))),
            "Rap%": "-50",
        }
        for weight in WEIGHTS * 3
    ]
    for number, row in enumerate(stones):
        row["Stock #"] = f"S-{number}"
    stones[6]["Price"] = str(per_carat(3.01) * 3.01)

    read, _ = stones_of(tmp_path, text(stones))

    assert "list and discount of this row prove that it is the price of the stone" in str(read["S-6"])
    assert sum(isinstance(cents, int) for cents in read.values()) == 20


def test_a_header_of_the_list_cannot_pass_for_what_was_proven(tmp_path: Path) -> None:
    carried = '{"columns":{"Total Price":"price_per_carat"}}'
    rows = [{"Stock #": "A", "Weight": "2.00", "Total Price": "20,000", "(proven of prices)": carried}]

    read, _ = stones_of(tmp_path, text(rows))

    assert read == {"A": 2_000_000}


# --- rows that deny themselves -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "letters"), [(7.8, 2), (0.86, 2), (0.79, 2), (0.95, 0), (0.98, 0), (1.03, 0)])
def test_a_price_that_list_and_discount_of_its_row_deny_is_a_letter_and_a_further_discount_is_none(
    tmp_path: Path, times: float, letters: int
) -> None:
    content = listing(
        "RapList",
        "Rap%",
        "Total",
        rows=14,
        RapList=lambda w: 2 * per_carat(w),
        **{"Rap%": lambda w: "-50"},
        Total=lambda w: f"{per_carat(w) * w * (times if w > 3 else 1):.2f}",
    )

    read, _ = stones_of(tmp_path, content)

    refused = [why for why in read.values() if isinstance(why, str)]
    assert len(refused) == letters
    assert all("list and discount of this row give" in why for why in refused)


@pytest.mark.parametrize(("above", "times"), [("+5", 1.05), ("+10%", 1.1), ("5 above", 1.05)])
def test_a_plus_beside_numbers_without_a_sign_is_above_the_list(tmp_path: Path, above: str, times: float) -> None:
    content = listing(
        "RapList", "Disc", RapList=lambda w: 2 * per_carat(w), Disc=lambda w: above if w == 1.53 else "50"
    )

    read, _ = stones_of(tmp_path, content)

    for number, weight in enumerate(WEIGHTS, 1):
        carats = float(weight)
        share = times if weight == "1.53" else 0.5
        assert read[f"S-{number}"] == pytest.approx(200 * per_carat(carats) * share * carats, abs=1)


def test_a_plus_before_every_discount_is_below_the_list_as_prices_prove(tmp_path: Path) -> None:
    content = listing(
        "RapList",
        "Disc",
        "Price",
        RapList=lambda w: 2 * per_carat(w),
        Disc=lambda w: f"+{50 + round(w)}",
        Price=lambda w: f"{2 * per_carat(w) * (0.5 - round(w) / 100):.2f}",
    )

    read, _ = stones_of(tmp_path, content)

    for number, weight in enumerate(WEIGHTS, 1):
        carats = float(weight)
        expected = 200 * per_carat(carats) * (0.5 - round(carats) / 100) * carats
        assert read[f"S-{number}"] == pytest.approx(expected, abs=2)


# --- shares of the list that are paid ----------------------------------------------------------------------------------


def shares(header: str, **more: Any) -> str:
    """A list at 60 to 72 % of a list price, whose column says that."""
    cells: dict[str, Any] = {"RapList": lambda w: 2 * per_carat(w), header.replace(" ", "_"): _share, **more}
    return listing("RapList", header, *more, **cells)


def _share(weight: float) -> str:
    return f"{60 + 2 * WEIGHTS.index(f'{weight:.2f}')}"


def _paid(weight: float) -> float:
    return 2 * per_carat(weight) * float(_share(weight)) / 100


def test_whether_a_number_is_the_share_of_the_list_that_is_paid_is_asked_and_the_answer_is_taken(
    tmp_path: Path,
) -> None:
    content = shares("Rap %")

    question = question_of(tmp_path, content).verdict.question

    assert question is not None
    assert [answer.parameters["discount_means"] for answer in question.answers] == ["below", "signed", "of"]
    read, _ = stones_of(tmp_path, content, discount_means="of")
    assert read == {
        f"S-{number}": round(_paid(float(weight)) * float(weight) * 100) for number, weight in enumerate(WEIGHTS, 1)
    }


@pytest.mark.parametrize("header", ["% of Rap", "% of List", "Percent of Rap"])
def test_a_column_that_is_called_so_is_read_as_the_share_that_is_paid(tmp_path: Path, header: str) -> None:
    read, _ = stones_of(tmp_path, shares(header))

    assert read["S-1"] == round(_paid(0.31) * 31)


def test_prices_prove_that_a_discount_is_the_share_that_is_paid(tmp_path: Path) -> None:
    content = shares("Disc", Price=_paid)

    read, verdict = stones_of(tmp_path, content)

    column = verdict.column("Price")
    assert column is not None
    assert (column.means, column.proven) == ("per_carat", True)
    assert read["S-1"] == round(_paid(0.31) * 31)

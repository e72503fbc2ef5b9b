"""Headers as the trade spells them."""

from __future__ import annotations

import pytest

from ingest.feeds.pricelist.headers import columns_of, field_of, unknown_headers


@pytest.mark.parametrize(
    ("header", "field"),
    [
        *[
            (header, "stock_number")
            for header in ("Stock #", "Stock No.", "stock_no", "VendorStockNumber", "Lot #", "Ref")
        ],
        *[(header, "carats") for header in ("Weight", "Carat", "Cts", "Carats", "Carat Weight", "CT")],
        *[(header, "cut") for header in ("Cut", "Cut Grade", "CUT_GRADE")],
        *[(header, "symmetry") for header in ("Sym", "Symmetry", "Symm.")],
        *[(header, "fluorescence") for header in ("Fluor", "Fluorescence Intensity", "Fluorescence", "FLO")],
        *[(header, "certificate_number") for header in ("Cert #", "Report No", "Certificate #", "Report Number")],
        *[(header, "measurements") for header in ("Measurements", "Length/Width/Depth", "L x W x D", "Meas. (mm)")][:3],
        *[(header, "depth_pct") for header in ("Depth %", "Depth Percent", "Total Depth (%)", "DepthPct")],
        *[(header, "table_pct") for header in ("Table %", "Table", "Table Percentage")],
        *[(header, "total_price") for header in ("Total Price", "Total Amount", "Amount US$", "Total Price (USD)")],
        *[(header, "price_per_carat") for header in ("Price/Ct", "$/ct", "US$/ct", "Price Per Carat", "P/Ct", "PPC")],
        *[(header, "price_per_carat") for header in ("P/C", "$P/C", "$ P/C", "p/c ($)", "Total $/Ct", "Spl Rate")],
        *[(header, "stones") for header in ("Pc", "PC", "Pcs", "Pc.")],
        *[(header, "total_price") for header in ("Tot Amt", "T.Price", "Tot $")],
        *[(header, "price") for header in ("Price", "Price ($)", "price_usd")],
        *[(header, "price") for header in ("$ PC", "Price P.C.", "Price/Pc", "$/Pcs", "Wholesale Price", "Unit Price")],
        *[(header, "price") for header in ("Asking", "Net $", "Net US$")],
        *[(header, "discount") for header in ("Dis", "Dis.", "R.Dis", "Bk")],
        *[(header, "availability") for header in ("Availability", "Status")],
        *[(header, "lab_grown") for header in ("Lab Grown", "Lab-Grown?", "Type")],
        *[(header, "growth") for header in ("Growth type", "Lab grown type")],
        *[(header, "fancy_color") for header in ("Fancy Color", "Fancy Colour")],
        *[(header, "fancy_intensity") for header in ("Fancy Color Intensity", "Fancy Intensity")],
        *[(header, "clarity") for header in ("Cly", "Pur", "Pu")],
        *[(header, "certificate_number") for header in ("IGI #", "IGI No", "HRD No")],
        *[(header, "fluorescence_color") for header in ("FL COL", "Flr Col", "FLUORO COLOR")],
        ("Ht", "depth_mm"),
        ("Lustre", ""),
        ("Country", "country"),
        ("City", "city"),
        ("Key To Symbols", "key_to_symbols"),
        *[(header, "discount") for header in ("Rap %", "Disc", "% Off", "Rap. Discount")],
        *[(header, "list_price") for header in ("Rap", "RapList", "Rap Price ($)", "Rapaport")],
        *[(header, "") for header in ("Sr. No.",)],
    ],
)
def test_spellings_of_the_trade_are_known(header: str, field: str) -> None:
    found = field_of(header)

    assert found is not None
    assert found[0] == field


@pytest.mark.parametrize(
    "header", ["Price (EUR)", "€/ct", "Total Price GBP", "Price Rs", "Price (RUB)", "HK$/ct", "Цена руб", "C$"]
)
def test_a_price_in_another_currency_is_no_price(header: str) -> None:
    assert field_of(header) is None


def test_of_two_columns_for_one_field_the_better_spelling_is_read() -> None:
    columns = columns_of(["ID", "Stock #", "Certificate #", "Shape", "Cut", "Cut Grade"], {})

    assert columns == {
        "stock_number": "Stock #",
        "certificate_number": "Certificate #",
        "shape": "Shape",
        "cut": "Cut Grade",
    }


@pytest.mark.parametrize("grade", ["Cut Grade", "Cut Quality", "Make", "Make (Cut Grade)"])
def test_a_cut_beside_its_grade_is_the_shape_where_no_other_column_is(grade: str) -> None:
    columns = columns_of(["Stock #", "Cut", grade], {})

    assert columns == {"stock_number": "Stock #", "shape": "Cut", "cut": grade}


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Measurements Length (mm)", "length"),
        ("Depth Percent (%)", "depth_pct"),
        ("Total Depth (mm)", "depth_mm"),
        ("Cr. Height%", "crown_height"),
        ("Pavilion %", "pavilion_depth"),
        ("depthperc", "depth_pct"),
        ("%", "discount"),
        ("Price Percentage", "discount"),
        ("P/Ct", "price_per_carat"),
        ("Вес", "carats"),
    ],
)
def test_a_unit_in_a_header_is_read_for_what_it_is(header: str, field: str) -> None:
    found = field_of(header)

    assert found is not None
    assert found[0] == field


@pytest.mark.parametrize("header", ["Table (Open)", "Price per piece of paper", "Total of lot", "Rate (old)"])
def test_a_name_with_anything_else_beside_it_is_not_known(header: str) -> None:
    assert field_of(header) is None


def test_what_the_feed_says_of_a_column_goes_before_its_spelling() -> None:
    chosen = {"our ref": "stock_number", "cut": "shape", "comment 2": ""}

    columns = columns_of(["Stock #", " Our Ref", "Cut", "Comment 2", "Weird"], chosen)

    assert columns == {"stock_number": " Our Ref", "shape": "Cut"}
    assert unknown_headers(["Stock #", " Our Ref", "Cut", "Comment 2", "Weird"], chosen) == ["Weird"]


@pytest.mark.parametrize(
    "header",
    ["Asking Price ($/ct)", "Net Price/Cts", "net_price_per_carat", "Sale Price (USD/Carat)", "Our Price / ct"],
)
def test_a_price_by_any_of_its_names_that_ends_in_a_carat_is_of_a_carat(header: str) -> None:
    assert columns_of([header], {}) == {"price_per_carat": header}


@pytest.mark.parametrize("header", ["Asking Price (EUR/ct)", "Memo Price/ct", "ct", "Price Cents", "Carat"])
def test_what_only_looks_like_a_price_of_a_carat_is_none(header: str) -> None:
    assert "price_per_carat" not in columns_of([header], {})

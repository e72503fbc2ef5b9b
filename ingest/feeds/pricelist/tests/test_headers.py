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
        *[(header, "price") for header in ("Price", "Price ($)", "price_usd")],
        *[(header, "availability") for header in ("Availability", "Status")],
        *[(header, "lab_grown") for header in ("Lab Grown", "Lab-Grown?", "Type")],
        *[(header, "growth") for header in ("Growth type", "Lab grown type")],
        *[(header, "fancy_color") for header in ("Fancy Color", "Fancy Colour")],
        *[(header, "fancy_intensity") for header in ("Fancy Color Intensity", "Fancy Intensity")],
        ("Country", "country"),
        ("City", "city"),
        ("Key To Symbols", "key_to_symbols"),
        *[(header, "") for header in ("Rap %", "Sr. No.", "Comments")],
    ],
)
def test_spellings_of_the_trade_are_known(header: str, field: str) -> None:
    found = field_of(header)

    assert found is not None
    assert found[0] == field


@pytest.mark.parametrize("header", ["Price (EUR)", "€/ct", "Total Price GBP", "Price Rs"])
def test_a_price_in_another_currency_is_no_price(header: str) -> None:
    assert field_of(header) is None


def test_of_two_columns_for_one_field_the_better_spelling_is_read() -> None:
    columns = columns_of(["ID", "Stock #", "Certificate #", "Cut", "Cut Grade"], {})

    assert columns == {"stock_number": "Stock #", "certificate_number": "Certificate #", "cut": "Cut Grade"}


def test_what_the_feed_says_of_a_column_goes_before_its_spelling() -> None:
    chosen = {"our ref": "stock_number", "cut": "shape", "comment 2": ""}

    columns = columns_of(["Stock #", " Our Ref", "Cut", "Comment 2", "Weird"], chosen)

    assert columns == {"stock_number": " Our Ref", "shape": "Cut"}
    assert unknown_headers(["Stock #", " Our Ref", "Cut", "Comment 2", "Weird"], chosen) == ["Weird"]

"""Titles, footers and names of sheets in the languages of the trade: what they say of all stones, and what a list is."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ingest.feeds import nature
from ingest.feeds.pricelist import currency_words, titles
from ingest.feeds.pricelist.outside import CURRENCY, NATURE, OFFER, PRICES, field_of_header, kind_of
from ingest.feeds.pricelist.tests.natural_stones import STONES, faults, made, stone, table


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(
            (text, CURRENCY)
            for text in [
                "All prices in Dhs.",
                "Dirham",
                "Amounts: RMB",
                "单位：元",
                "价格以港币计",
                "価格は円です",
                "Prices in baht",
                "Price in Rand",
                "Все цены указаны в рублях",
                "כל המחירים בשקלים",
                "Preise in Schweizer Franken",
                "Prix en francs suisses",
                "Prezzi in euro",
                "人民币报价",
                "मूल्य ₹",
            ]
        ),
        *(
            (text, NATURE)
            for text in [
                "培育钻石报价",
                "合成钻石",
                "Labordiamanten November",
                "Lager - Labor-Diamanten",
                "Diamants de synthèse",
                "DIAMANTS DE SYNTHESE",
                "יהלומי מעבדה",
                "Synthetische diamanten",
                "Diamantes de laboratorio",
                "Diamanti sintetici",
                "ラボグロウンダイヤモンド",
                "Лабораторные бриллианты",
                "Behandelte Diamanten",
            ]
        ),
        *(
            (text, PRICES)
            for text in [
                "Prix TTC",
                "Tous nos prix s'entendent TTC",
                "Preise inkl. MwSt.",
                "Prijzen incl. BTW",
                "含税价",
                "税込価格",
                "Retail prices",
                "Prix publics conseillés",
                "零售价",
                "Prices in USD k",
                "Preise in Tausend USD",
                "Preise pro Paar",
                "Цены с НДС",
            ]
        ),
        *(
            (text, OFFER)
            for text in [
                "TAX INVOICE",
                "Invoice no. 4411",
                "Proforma Invoice 2026/17",
                "ACME BV - PROFORMA",
                "Delivery note",
                "Purchase order PO-33",
                "WANTED - please offer",
                "WTB",
                "Buy list",
                "We are looking for: see below",
                "Tender results",
                "POLISHED TENDER MAY 2026 - RESULTS",
                "Offers received",
                "Sales report October",
                "Cancelled orders",
                "Rough diamonds",
                "ROUGH - specials",
                "Pairs",
                "Matched pairs",
                "Layouts",
                "Parcels",
                "Rechnung Nr. 12",
                "Facture n° 33",
                "FACTUUR",
                "发票",
                "請求書",
                "חשבונית מס",
                "Накладная",
                "Lieferschein",
                "求购清单",
                "Gesucht",
                "Rohdiamanten",
                "Diamants bruts",
                "毛坯钻",
                "Paare",
                "זוגות",
            ]
        ),
        ("Stones in transit", "availability"),
        ("Verkaufte Steine", "availability"),
        ("已售", "availability"),
    ],
)
def test_what_a_title_says(text: str, kind: str) -> None:
    assert kind_of(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "Payment within 30 days after invoice",
        "Payment 30 days after invoice",
        "Invoice within 7 days",
        "GST invoice provided",
        "Pairs available on request",
        "Manufacturers of rough and polished diamonds",
        "Without parcels",
        "Keine Labordiamanten",
        "非合成钻石",
        "Pas de diamants de synthèse",
        "Natural diamonds only",
        "Preise in US-Dollar",
        "价格单位：美元",
        "価格：米ドル",
        "Цены в долларах",
        "Stock list 24 November 2026",
        "Delivery in 3-5 days",
        "Certified by GIA, IGI, HRD",
        "Ask for video",
        "Vorrat 3. Mai",
        "Liste de stock",
        "库存表",
        "Lagerliste",
        "Random House Diamonds",
        "Brillanten und Fancy Shapes",
        "Rounds",
        "Setter & Co",
        "All stones subject to prior sale",
        "Trial of strength",
        "Natural fancy colours",
    ],
)
def test_what_is_no_such_title(text: str) -> None:
    assert kind_of(text) == ""


@pytest.mark.parametrize(
    "text", ["TAX INVOICE", "培育钻石库存 - Labordiamanten", "All prices in Dhs.", "Prix TTC", "WANTED - please offer"]
)
def test_a_list_with_such_a_title_is_asked_about_on_the_first_day(tmp_path: Path, text: str) -> None:
    census = made(tmp_path, [[text], *table(STONES)]).census()

    assert census.outside == (text,)
    assert any(repr(text) in fault for fault in faults(census, len(STONES)))


def test_every_phrase_is_written_as_it_is_compared_and_says_what_its_row_has() -> None:
    with Path(titles.__file__).with_name("titles.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert len({row["phrase"] for row in rows}) == len(rows)
    assert {row["says"] for row in rows} <= set(titles.SAYS)
    assert {row["where"] for row in rows} == {"anywhere", "title"}
    assert {row["source"] for row in rows} == {"trade", "terms"}
    for row in rows:
        assert titles.normal(row["phrase"]).strip() == row["phrase"]
        assert titles.says(row["phrase"]), row


def test_every_word_of_a_currency_is_one_of_it() -> None:
    with Path(currency_words.__file__).with_name("currency_words.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert len({row["word"] for row in rows}) == len(rows)
    for row in rows:
        assert currency_words.is_name(row["word"]), row
        assert currency_words.named(row["word"]) == (row["currency"] == "USD", row["currency"] != "USD"), row


@pytest.mark.parametrize("shape", ["Sawable", "Makeable", "OCTAHEDRON", "Maccle", "Cleavage", "Rough"])
def test_a_model_of_rough_in_the_place_of_a_shape_is_no_polished_stone(shape: str) -> None:
    assert nature.of_shape[shape].other == "rough"


@pytest.mark.parametrize("shape", ["Octagon", "Round", "Macro", "Sawyer cut"])
def test_shapes_are_no_rough(shape: str) -> None:
    assert nature.of_shape[shape].other == ""


def test_a_column_of_models_of_rough_is_asked_about(tmp_path: Path) -> None:
    models = ["Sawable", "Crystal", "Makeable", "Maccle"]
    rows = [stone(number, Model=models[number % 4]) for number in range(24)]

    census = made(tmp_path, table(rows)).census()

    assert any("Model" in fault and "rough" in fault for fault in faults(census, len(rows)))
    assert field_of_header("MODEL", ["M-1", "M-2"]) == ()
    assert field_of_header("INCLUSIONS", ["Crystal, Feather", "Cleavage", "Cloud", "Pinpoint"]) == ()

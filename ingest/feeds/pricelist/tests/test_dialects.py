"""A known inventory, written in a random dialect of the trade, is read back the same, or there is a question.

What must never come out is another inventory: a stone that costs something else, weighs otherwise, or is another grade.
"""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from catalog.grades import Clarity, Color, FancyIntensity, LabFinish
from catalog.rows import StoneFacts
from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist import bands
from ingest.feeds.pricelist.tests.lists import adapter, put
from ingest.feeds.verdicts import SupplierAsks

#: Cents that rounding of discounts, per-carat prices and totals may move a stone, as a share.
ROUNDING = Decimal("0.006")

CUTS = {
    LabFinish.EXCELLENT: ("EX", "Excellent", "X", "ex", "3EX", "EXC"),
    LabFinish.VERY_GOOD: ("VG", "Very Good", "V.GOOD", "VG-EX", "VGEX", "V"),
    LabFinish.GOOD: ("GD", "Good", "G", "G-VG"),
}
SHAPES = {
    "ROUND": ("RB", "Round", "BR", "ROUND BRILLIANT", "Rnd Brill", "RBC"),
    "PEAR": ("PS", "Pear", "PEAR SHAPE", "PEAR MODIFIED BRILLIANT"),
    "EMERALD": ("EM", "Emerald", "Emerald Cut", "EC"),
    "CUSHION_MODIFIED": ("CMB", "Cushion Modified", "CUSHION MOD BR", "CUX"),
}
#: Fancy colour and intensity: in one cell, abbreviated, or apart as colour and intensity.
FANCIES: dict[tuple[str, FancyIntensity], tuple[str, ...]] = {
    ("YELLOW", FancyIntensity.FANCY_VIVID): ("Fancy Vivid Yellow", "FVY", "VIVID FANCY YELLOW", "F VIVID YELLOW"),
    ("PINK", FancyIntensity.FANCY_LIGHT): ("Fancy Light Pink", "FLP", "FCY LT PINK", "F.L.PINK"),
    ("ORANGE", FancyIntensity.FANCY_DEEP): ("Fancy Deep Orange", "FDPO", "DEEP FANCY ORANGE"),
}
INTENSITIES = {
    FancyIntensity.FANCY_VIVID: ("Fancy Vivid", "FV", "FCV", "Vivid"),
    FancyIntensity.FANCY_LIGHT: ("Fancy Light", "FL", "FCL"),
    FancyIntensity.FANCY_DEEP: ("Fancy Deep", "FDP", "Deep"),
}
AVAILABILITIES = {
    "available": ("G", "GA", "Available", "In Stock (NY)", "", "1"),
    "on_hold": ("M", "Memo", "On Hold", "Hold - JB", "B"),
    "sold": ("Sold", "S", "Sold Out"),
}
#: Ways to say that a stone was grown: the field of headers, the headers, and what stands there of a grown and another stone.
GROWN: tuple[tuple[str, str, str], ...] = (
    ("Type", "Lab Grown", "Natural"),
    ("Lab Grown", "Y", "N"),
    ("Growth Type", "CVD", ""),
    ("Certificate #", "LG61200%04d", "241000%04d"),
    ("Lab", "IGI-LG", "GIA"),
    ("Report Comments", "This laboratory-grown diamond was created by CVD", ""),
    ("Origin", "LAB-CREATED", ""),
)
HEADERS: dict[str, tuple[str, ...]] = {
    "number": ("Stock #", "Stock No.", "VendorStockNumber", "Lot #", "stock_number"),
    "shape": ("Shape", "SHP", "Shape Name"),
    "carats": ("Weight", "Carat", "Cts", "Sz", "CT"),
    "color": ("Color", "Colour", "COL", "Colr"),
    "clarity": ("Clarity", "Clar", "Purity"),
    "fancy": ("Fancy Color", "FC-Main Body", "Fancy Color Dominant Color"),
    "intensity": ("Fancy Color Intensity", "Fancy Intensity", "FC- Intensity"),
    "availability": ("Availability", "Status", "Avail"),
    "pieces": ("Parcel Stones", "# Stones", "Pcs"),
    "cut": ("Cut Grade", "Cut", "CUT_GRADE"),
    "noise": ("Remarks", "Sparkle", "Sr. No.", "Member Comment"),
}
TOTALS = ("Total Price", "Amount", "Total", "Net Value", "Total Amt ($)")
PER_CARATS = ("Price/Ct", "$/ct", "Rate", "PPC", "RapNet Price", "Price Per Carat")
LONE = ("Price", "Price ($)", "Net Price", "Cost", "Asking Price")
LISTS, DISCOUNTS = ("RapList", "Rap Price", "Rapaport"), ("Rap%", "Disc %", "Rap Discount", "Back")


@dataclass(frozen=True)
class Stone:
    """One stone as it is; cents per carat."""

    number: str
    shape: str
    carats: Decimal
    color: Color
    #: The name and intensity of a fancy one.
    fancy: tuple[str, FancyIntensity] | None
    grown: bool
    availability: str
    clarity: Clarity
    cut: LabFinish
    per_carat: Decimal
    below: int

    @property
    def total(self) -> Decimal:
        return self.per_carat * self.carats

    @property
    def listed(self) -> Decimal:
        return self.per_carat / (1 - Decimal(self.below) / 100)


@st.composite
def stones(draw: st.DrawFn) -> list[Stone]:
    """An inventory at the trade's levels."""
    # Most lists are of one kind.
    kinds = draw(
        st.sampled_from([("natural",), ("natural",), ("grown",), ("natural", "fancy"), ("natural", "grown", "fancy")])
    )
    weights = draw(st.lists(st.integers(18, 600), min_size=1, max_size=draw(st.sampled_from([3, 40]))))
    inventory = []
    for number, hundredths in enumerate(weights):
        color, clarity = draw(st.sampled_from(list(Color)[:9])), draw(st.sampled_from(list(Clarity)[1:9]))
        kind = draw(st.sampled_from(kinds))
        level = bands.usual(hundredths / 100, bands.Kind(lab_grown=kind == "grown")) or 0
        share = draw(st.floats(0.7, 1.3)) * 0.91 ** (color - 4) * 0.88 ** (clarity - 5)
        fancy = draw(st.sampled_from(sorted(FANCIES))) if kind == "fancy" else None
        # A vivid colour is not sold for less, whatever its clarity; the grade of a white stone is none of its.
        least = bands.doubtful_fancy_below(fancy[0]) if fancy else 0
        inventory.append(
            Stone(
                f"N-{number}",
                draw(st.sampled_from(sorted(SHAPES))),
                Decimal(hundredths) / 100,
                Color.FANCY if kind == "fancy" else color,
                fancy,
                kind == "grown",
                draw(st.sampled_from(["available", "available", "on_hold", "sold"])),
                clarity,
                draw(st.sampled_from(sorted(CUTS))),
                Decimal(max(round(level * share), math.ceil(least), 1)),
                draw(st.integers(5, 60)),
            )
        )
    return inventory


@dataclass(frozen=True)
class Dialect:
    """One way of writing a list."""

    headers: dict[str, str]
    #: Header → what it holds.
    money: dict[str, str]
    order: list[str]
    comma: bool
    grouped: bool
    money_sign: str
    decimals: int
    #: How discounts are written, and whether as fractions.
    discount: str
    noisy: bool
    words: int
    #: Whether fancy colours stand in one cell with their intensity, and the columns that say how stones were grown.
    together: bool
    grown: tuple[tuple[str, str, str], ...]
    #: A further column of the same meaning, empty before the filled one; what stands below the stones.
    doubled: str
    footer: bool
    encoding: str
    delimiter: str

    def write(self, inventory: list[Stone]) -> bytes:
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=self.delimiter)
        writer.writerow(self.order)
        for number, stone in enumerate(inventory):
            cells = {header: self.plain(name, stone) for name, header in self.headers.items()}
            cells |= {header: self.amount(what, stone) for header, what in self.money.items()}
            for header, grown, other in self.grown:
                said = grown if stone.grown else other
                cells[header] = said % number if "%" in said else said
            if self.doubled:
                cells[self.doubled] = ""
            writer.writerow([cells[header] for header in self.order])
        if self.footer:
            total = sum((stone.carats for stone in inventory), Decimal(0))
            below = {self.headers["number"]: "Total", self.headers["carats"]: self.weight(total)}
            writer.writerow([below.get(header, "") for header in self.order])
        return out.getvalue().encode(self.encoding)

    def plain(self, name: str, stone: Stone) -> str:
        match name:
            case "number":
                return stone.number
            case "shape":
                return SHAPES[stone.shape][self.words % len(SHAPES[stone.shape])]
            case "carats":
                return self.weight(stone.carats)
            case "color" | "fancy" | "intensity":
                return self.colored(name, stone)
            case "availability":
                return self.said(AVAILABILITIES[stone.availability])
            case "pieces":
                return ("1", "")[self.words % 2]
            case "clarity":
                return stone.clarity.name
            case "cut":
                return CUTS[stone.cut][self.words % len(CUTS[stone.cut])]
        return "é ½" if self.encoding != "windows-1252" else "é"

    def colored(self, name: str, stone: Stone) -> str:
        """What a stone's colour leaves in one of the columns of colours."""
        if stone.fancy is None:
            return stone.color.name if name == "color" else ""
        if self.together or "fancy" not in self.headers:
            return self.said(FANCIES[stone.fancy]) if name == "color" else ""
        return {
            "color": ("", "Fancy", "*")[self.words % 3],
            "fancy": stone.fancy[0].title(),
            "intensity": self.said(INTENSITIES[stone.fancy[1]]),
        }[name]

    def said(self, words: tuple[str, ...]) -> str:
        """One of several words for a thing, the same all over a list."""
        return words[self.words % len(words)]

    def weight(self, carats: Decimal) -> str:
        written = str(float(carats) + 1e-16) if self.noisy else f"{carats:.2f}"
        return written.replace(".", ",") if self.comma else written

    def amount(self, what: str, stone: Stone) -> str:
        if what == "discount":
            return self.off(stone.below)
        if what == "empty":
            return ""
        dollars = {"total": stone.total, "per_carat": stone.per_carat, "list": stone.listed}[what]
        places = self.decimals if what != "list" else 2
        number = dollars.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        written = f"{number:,}" if self.grouped else f"{number}"
        if self.comma:
            written = written.translate({ord(","): ".", ord("."): ","})
        return f"{self.money_sign}{written}"

    def off(self, below: int) -> str:
        fraction = f"{below / 100:.2f}".replace(".", "," if self.comma else ".")
        return {
            "signed": f"-{below}",
            "fraction": f"-{fraction}",
            "percent": f"-{below}%",
            "back": f"{below} % back",
            "off": f"{below}% off",
            "plain": f"{below}",
            "plain fraction": fraction,
        }[self.discount]


@st.composite
def dialects(draw: st.DrawFn) -> Dialect:
    """Any way of writing that people have, also under wrong names."""
    chosen = {name: draw(st.sampled_from(spellings)) for name, spellings in HEADERS.items()}
    for name in ("shape", "clarity", "cut", "noise", "availability", "pieces"):
        if draw(st.integers(0, 5)) == 0:
            del chosen[name]
    together = draw(st.booleans())
    if together:
        del chosen["fancy"], chosen["intensity"]
    kinds = draw(
        st.sampled_from(
            [
                *(("total",), ("per_carat",), ("total", "per_carat"), ("lone total",), ("lone per_carat",)),
                *(("lone total", "per_carat"), ("total", "lone per_carat"), ("list", "discount")),
                *(("lone total", "list", "discount"), ("lone per_carat", "list", "discount")),
                *(("total", "list", "discount"), ("per_carat", "list", "discount"), ("lone per_carat", "empty")),
                *(("wrong total", "list", "discount"), ("wrong per_carat", "list", "discount")),
                *(
                    ("lone discount", "list"),
                    ("wrong total", "wrong per_carat"),
                    ("total", "per_carat", "list", "discount"),
                ),
            ]
        )
    )
    money: dict[str, str] = {}
    for kind in kinds:
        manner, _, what = kind.rpartition(" ")
        # A column of a wrong name is called by what it does not hold.
        named = {
            "total": TOTALS,
            "per_carat": PER_CARATS,
            "list": LISTS,
            "discount": DISCOUNTS,
            "empty": ("Cash Price",),
        }
        wrongly = {"total": PER_CARATS, "per_carat": TOTALS}
        spellings = LONE if manner == "lone" else wrongly[what] if manner == "wrong" else named[what]
        money[draw(st.sampled_from(spellings))] = what
    comma = draw(st.booleans())
    grown = tuple(draw(st.lists(st.sampled_from(GROWN), min_size=1, max_size=3, unique=True)))
    doubled = draw(st.sampled_from(["", "Carat Weight", "Shape Name", "Colour Grade", "Clarity Grade"]))
    doubled = "" if doubled in chosen.values() else doubled
    said = [header for header, _, _ in grown]
    return Dialect(
        chosen,
        money,
        draw(st.permutations([*chosen.values(), *money, *said, *([doubled] if doubled else [])])),
        comma,
        draw(st.booleans()),
        draw(st.sampled_from(["", "$", "US$ "])),
        draw(st.sampled_from([0, 2])) if not any("per_carat" in kind for kind in kinds) else 2,
        draw(st.sampled_from(["signed", "fraction", "percent", "back", "off", "plain", "plain fraction"])),
        draw(st.booleans()),
        draw(st.integers(0, 5)),
        together,
        grown,
        doubled,
        draw(st.booleans()),
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "windows-1252"])),
        ";" if comma else draw(st.sampled_from([",", ";", "\t", "|"])),
    )


def read_back(content: bytes, header: str, **parameters: Any) -> dict[str, StoneFacts | str]:
    """The stones of a list by number, or why each is refused. Raises `SupplierAsks`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put(folder, content)
        reader = adapter(folder, **parameters)
        items = reader.page(StoneQuery(window_to=reader.server_time(), available_only=False), 0, 1_000).items
        read: dict[str, StoneFacts | str] = {}
        for item in items:
            try:
                read[msgspec.json.decode(item)[header]] = reader.to_diamond(item)
            except MappingError as error:
                read[msgspec.json.decode(item)[header]] = str(error)
        return read


def same(stone: Stone, facts: StoneFacts, dialect: Dialect) -> None:
    """What the list says of a stone is what the stone is."""
    cents = stone.total * 100
    assert abs(facts.cost_cents - cents) <= ROUNDING * cents + 100, (stone, facts.cost_cents, dialect.money)
    assert facts.carats == stone.carats
    expected: dict[str, Callable[[], Any]] = {
        "shape": lambda: (facts.shape, stone.shape),
        "color": lambda: (facts.color, stone.color),
        "clarity": lambda: (facts.clarity, stone.clarity),
        "cut": lambda: (facts.cut, stone.cut),
        "availability": lambda: (facts.availability, stone.availability),
    }
    assert facts.lab_grown is stone.grown
    fancy = None if facts.fancy_color is None else (facts.fancy_color, facts.fancy_intensity)
    assert fancy == stone.fancy, (fancy, stone.fancy, dialect)
    for name, both in expected.items():
        if name in dialect.headers:
            assert both()[0] == both()[1], (name, both(), dialect.headers)


@settings(max_examples=60, deadline=None)
@given(inventory=stones(), dialect=dialects())
def test_an_inventory_in_any_dialect_is_read_back_the_same_or_asked_about(
    inventory: list[Stone], dialect: Dialect
) -> None:
    content = dialect.write(inventory)

    read: dict[str, StoneFacts | str] | None = None
    with suppress(SupplierAsks):
        read = read_back(content, dialect.headers["number"])

    if read is None:
        event(f"asks: {sorted(dialect.money.values())}")
        return
    event(f"reads: {sorted(dialect.money.values())}")
    assert set(read) == {stone.number for stone in inventory}
    for stone in inventory:
        facts = read[stone.number]
        if isinstance(facts, str):
            # One row alone may prove too little for a list, and too much to be sold.
            assert "of this row prove" in facts, (facts, stone, dialect.money)
            continue
        same(stone, facts, dialect)

"""Measures in every writing of the trade, and what of them a weight leaves plausible."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import MappingError
from ingest.feeds.pricelist.measures import judged, written
from ingest.feeds.pricelist.tests.lists import mapped, stone


@pytest.mark.parametrize(
    "cell",
    [
        "6.42-6.45x3.98",
        "6.42 - 6.45 X 3.98 mm",
        "(6.42-6.45)x3.98",
        "(6.42 - 6.45) x 3.98mm",
        "L 6.42 W 6.45 D 3.98",
        "L:6.42 W:6.45 H:3.98",
        "Length 6.42, Width 6.45, Depth 3.98",
        "D 3.98 L 6.42 W 6.45",
        "6.42(L) x 6.45(W) x 3.98(D)",
        "6.42–6.45×3.98",
        "3.98 x 6.42 - 6.45",
        "6,42-6,45x3,98",
        "6.42/6.45/3.98",
        "6.42|6.45|3.98",
        "6.42, 6.45, 3.98",
        "6.42 x 6.45 x 3.98 (61.8%)",
        "642x645x398",
        "0.642 x 0.645 x 0.398 cm",
        "6.420000000000001x6.45x3.98",
    ],
)
def test_one_stone_is_measured_alike_in_every_writing(cell: str) -> None:
    facts = mapped(stone(Measurements=cell))

    assert (facts.length_mm, facts.width_mm, facts.depth_mm) == (Decimal("6.42"), Decimal("6.45"), Decimal("3.98"))


@pytest.mark.parametrize(
    ("cells", "measures"),
    [
        ({"Measurements": "5.45|8.3|0"}, ("5.45", "8.30", None)),
        ({"Measurements": "6.42x6.45"}, ("6.42", "6.45", None)),
        ({"Measurements": "0x0x0"}, (None, None, None)),
        ({"Measurements": "64.2 x 64.5 x 39.8"}, (None, None, None)),
        ({"Measurements": "0.64 x 0.64 x 6.4"}, (None, None, None)),
        ({"Length": "642", "Width": "645", "Depth": "398"}, ("6.42", "6.45", None)),
        ({"Length": "6.42", "Width": "6.45", "Depth (mm)": "3.98"}, ("6.42", "6.45", "3.98")),
        ({"Weight": "0.01", "Total Price": "5", "Measurements": "1.3x1.3x0.8"}, ("1.30", "1.30", "0.80")),
    ],
)
def test_measures_that_no_stone_of_the_weight_has_are_unknown(
    cells: dict[str, str], measures: tuple[str | None, ...]
) -> None:
    facts = mapped({**stone(), **cells})

    assert (facts.length_mm, facts.width_mm, facts.depth_mm) == tuple(side and Decimal(side) for side in measures)


def test_measures_without_a_point_are_unknown_where_no_weight_tells_their_size() -> None:
    row = stone(Measurements="642x645x398")
    del row["Weight"]

    assert mapped(row).length_mm is None


@pytest.mark.parametrize("cell", ["3.00-3.30", "3.00x3.30x1.90", "1.8-2.0"])
def test_a_weight_that_no_stone_of_such_measures_has_is_a_letter(cell: str) -> None:
    with pytest.raises(MappingError, match=r"no stone of such measures weighs 3\.250 carats"):
        mapped(stone(Weight="3.25", Measurements=cell))


_SIDES = st.decimals("2.00", "14.00", places=2)


@given(_SIDES, st.decimals("1.00", "1.80", places=2), st.decimals("0.55", "0.70", places=2), st.data())
def test_any_stone_of_the_trade_keeps_its_measures(
    side: Decimal, ratio: Decimal, deep: Decimal, data: st.DataObject
) -> None:
    width = side.quantize(Decimal("0.01"))
    length, depth = (side * ratio).quantize(Decimal("0.01")), (side * deep).quantize(Decimal("0.01"))
    carats = (length * width * depth * data.draw(st.decimals("0.0050", "0.0100", places=4))).quantize(Decimal("0.001"))
    writing = data.draw(
        st.sampled_from(
            ["{0}-{1}x{2}", "{0} x {1} x {2} mm", "({0} - {1}) x {2}", "L {0} W {1} D {2}", "{0}*{1}*{2}", "{2}|"]
        )
    )
    cell = writing.format(length, width, depth) if writing != "{2}|" else f"{length}/{width}/{depth}"

    sizes = judged(written(cell), carats)

    assert sizes == (length, width, depth, False, False)


@given(
    st.text(max_size=60) | st.from_regex(r"[0-9.,x*LWD()/ -]{0,30}", fullmatch=True),
    st.decimals("0.01", "50", places=2),
)
def test_no_cell_of_measures_breaks_and_none_is_absurd(cell: str, carats: Decimal) -> None:
    sizes = judged(written(cell), carats)

    assert all(side is None or 0 < side < 100 for side in sizes[:3])

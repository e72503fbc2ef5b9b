"""Single cells as lists write them, and what each says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.grades import Color, CuletSize, FancyIntensity, Fluorescence
from catalog.rows import StoneFacts
from ingest.errors import MappingError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist import artefacts, certificates
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.tests.lists import adapter, put, stone

MAPPER = Mapper(parameters_of({"source": "list.csv"}))


def facts(**cells: str) -> StoneFacts:
    return MAPPER.to_diamond(msgspec.json.encode(stone(**cells)))


def told(**cells: str) -> list[tuple[str, str]]:
    return list(MAPPER.look(msgspec.json.encode(stone(**cells))).not_understood)


@pytest.mark.parametrize(
    ("promise", "phrases"),
    [
        ("available", ["In Stock (NY)", "Available (2)", "Ready to ship", "G", "A", "STK", "Office", "Office Stock"]),
        ("available", ["In House", "SHOWROOM", "New Arrival", "NEW GOODS", "STOCK IN HAND", "In Stock-Available"]),
        ("available", ["AVAILABLE NY", "Available Hong Kong", "Available for memo", "NOT ON MEMO", "NOT SOLD"]),
        ("on_hold", ["Hold - JB", "Reserved for a client", "In transit to NY", "B", "M", "H"]),
        ("sold", ["Sold", "Sold to a client", "S"]),
        (
            "unavailable",
            [
                "Available soon",
                "Available for JB",
                "Not on list",
                "NA",
                "Out of stock",
                "Available from Monday",
                "On the web",
                "I",
            ],
        ),
    ],
)
def test_a_phrase_promises_what_its_word_does_and_nothing_that_it_only_begins_with(
    promise: str, phrases: list[str]
) -> None:
    assert {phrase: facts(Availability=phrase).availability for phrase in phrases} == dict.fromkeys(phrases, promise)


@pytest.mark.parametrize(
    ("columns", "promise"),
    [
        ({"Availability": "Available", "Is_Active": "No"}, "unavailable"),
        ({"Availability": "Available", "Status": "Fresh goods"}, "available"),
        ({"Availability": "G", "Status": "Memo"}, "on_hold"),
        ({"Availability": "G", "Locked": "JB"}, "on_hold"),
        ({"Availability": "G", "Locked": "no", "Is_Sold_Out": "0"}, "available"),
        ({"Is_Sold_Out": "YES"}, "sold"),
        ({"Hold": ""}, "available"),
    ],
)
def test_of_all_columns_that_speak_of_a_stone_being_had_the_one_counts_that_promises_least(
    columns: dict[str, str], promise: str
) -> None:
    assert facts(**columns).availability == promise


@pytest.mark.parametrize(
    ("cell", "number", "lab"),
    [
        ("GIA 2140000077 (DOR)", "2140000077", "GIA"),
        ("2140000077 / GIA", "2140000077", "GIA"),
        ("EGL US12345678D", "US12345678D", "EGL"),
        ("#2140000077", "2140000077", None),
        ("No. 2140000077", "2140000077", None),
        ("<a href='https://x.example.org/1.pdf'>2140000077</a>", "2140000077", None),
        ("pending", None, None),
        ("https://x.example.org/1.pdf", None, None),
        ("S2140000077", "S2140000077", None),
        ("GIA Report No. 2141438171", "2141438171", "GIA"),
        ("Cert: IGI 612345678", "612345678", "IGI"),
        ("G.I.A. 2141438171", "2141438171", "GIA"),
        ("GIA Dossier 6373442527", "6373442527", "GIA"),
        ("GIA 2141438171 3EX", "2141438171", "GIA"),
        ("Report 2141438171", "2141438171", None),
        ("2141438171.pdf", "2141438171", None),
        ("GIA2141438171", "2141438171", "GIA"),
        ("GIA 2141 438 171", "2141438171", "GIA"),
        ("https://www.gia.edu/report-check?reportno=6459090974", "6459090974", "GIA"),
        ("https://gia.edu.example.org/report-check?reportno=6459090974", None, None),
        # More than one number, a year, and a name of the supplier's own are no report's number alone.
        ("GIA 2141438171 and 2141438172", "GIA 2141438171 and 2141438172", None),
        ("HRD 12345678 2023", "HRD 12345678 2023", None),
        ("CERT-2021-00045", "CERT-2021-00045", None),
    ],
)
def test_the_number_of_a_certificate_is_read_from_what_is_written_around_it(
    cell: str, number: str | None, lab: str | None
) -> None:
    read = facts(Certificate_No=cell)

    assert (read.certificate_number, read.lab) == (number, lab)


@pytest.mark.parametrize("header", ["Certificate", "Certificate_No", "Lab"])
@pytest.mark.parametrize("around", ["IGI {}", "IGI Report {}", "Cert: IGI {}", "IGI Lab Grown Report No. {}"])
def test_the_number_of_a_grown_stone_is_read_with_what_it_says_of_the_stone(header: str, around: str) -> None:
    read = facts(**{header: around.format("LG612345678")})

    assert (read.certificate_number, read.lab, read.lab_grown) == ("LG612345678", "IGI", True)


@pytest.mark.parametrize("header", ["Certificate", "Certificate_No"])
@pytest.mark.parametrize(
    "cell",
    [
        "IGI Lab Grown 612345678",
        "GIA 2141438171 LG",
        "IGI-612345678-LG",
        "612345678LG.pdf",
        "Report LGD612345678",
        "IGI (CVD) 612345678",
    ],
)
def test_what_stands_around_a_number_is_heard(header: str, cell: str) -> None:
    assert facts(**{header: cell}).lab_grown


def test_one_number_in_two_writings_is_no_disagreement() -> None:
    read = facts(**{"Certificate_No": "2141438171", "Report_#": "GIA Report 2141438171.pdf"})

    assert read.certificate_number == "2141438171"


@given(
    st.integers(10**9, 10**10 - 1),
    st.sampled_from(
        ["GIA {}", "GIA-{}", "{} GIA", "GIA No. {}", "GIA Report # {}", "{}.pdf", "Cert {}", "GIA{}", "{}/GIA"]
    ),
)
def test_every_number_comes_back_from_every_writing(number: int, around: str) -> None:
    assert artefacts.without_lab(around.format(number)) == ("GIA" if "GIA" in around else "", str(number))


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_certificate_and_no_digit_is_added(text: str) -> None:
    _, number = artefacts.without_lab(text)

    assert sum(map(str.isdigit, number)) <= sum(map(str.isdigit, text))


@pytest.mark.parametrize(
    ("cell", "lab", "number"),
    [
        ("GIA 2140000077", "GIA", "2140000077"),
        ("IGI LG612345678", "IGI", "LG612345678"),
        ("GIA-DOR", "GIA", None),
        ("IGI(H&A)", "IGI", None),
        ("EGL IL", "EGL_ISRAEL", None),
        ("In House", None, None),
    ],
)
def test_a_laboratory_is_read_from_what_is_written_around_it(cell: str, lab: str | None, number: str | None) -> None:
    read = facts(Lab=cell)

    assert (read.lab, read.certificate_number) == (lab, number)


@pytest.mark.parametrize("lab", ["GIA pending", "Sent to GIA", "IGI (applied)"])
def test_what_is_with_a_laboratory_has_none(lab: str) -> None:
    assert certificates.lab[lab] is None
    assert certificates.lab["GIA"] == "GIA"


@pytest.mark.parametrize(
    ("cell", "color", "name", "intensity"),
    [
        ("F VIVID YELLOW", Color.FANCY, "YELLOW", FancyIntensity.FANCY_VIVID),
        ("F.L.YELLOW", Color.FANCY, "YELLOW", FancyIntensity.FANCY_LIGHT),
        ("FVPINK", Color.FANCY, "PINK", FancyIntensity.FANCY_VIVID),
        ("VLP", Color.FANCY, "PINK", FancyIntensity.VERY_LIGHT),
        # Fancy, but GY is gray to one and greenish yellow to another, and PP may be either of two.
        ("FGY", Color.FANCY, None, FancyIntensity.FANCY),
        ("FIPP", Color.FANCY, None, FancyIntensity.FANCY_INTENSE),
        ("G (GIA)", Color.G, None, None),
        ("F FAINT BROWN", Color.F, None, None),
        ("K, Light Brown", Color.K, None, None),
    ],
)
def test_a_code_of_a_colour_is_fancy_where_it_says_so(
    cell: str, color: Color, name: str | None, intensity: FancyIntensity | None
) -> None:
    read = facts(Color=cell)

    assert (read.color, read.fancy_color, read.fancy_intensity) == (color, name, intensity)


def test_a_stone_of_which_only_a_fancy_intensity_is_known_is_not_white() -> None:
    read = facts(Color="", Fancy_Color_Intensity="Fancy Vivid")

    assert (read.color, read.fancy_color, read.fancy_intensity) == (Color.FANCY, None, FancyIntensity.FANCY_VIVID)


@pytest.mark.parametrize(
    ("cell", "shape"),
    [
        ("Rnd Brill", "ROUND"),
        ("ROUND H&A", "ROUND"),
        ("Princess (SQ)", "PRINCESS"),
        ("EMERALD 4 STEP", "EMERALD"),
        ("LONG CUSHION MODIFIED", "CUSHION_MODIFIED"),
        ("Cushion (Brilliant)", "CUSHION_BRILLIANT"),
        ("RECTANGULAR CUSHION", "CUSHION"),
        ("EXCELLENT", None),
        ("ASHOKA", "ASHOKA"),
    ],
)
def test_what_stands_beside_a_shape_makes_no_other_of_it(cell: str, shape: str | None) -> None:
    assert facts(Shape=cell).shape == shape


@pytest.mark.parametrize(
    ("columns", "treated"),
    [
        ({"HPHT": "True", "Irradiated": "False"}, True),
        ({"HPHT": "False", "Laser_Drilled": "True"}, True),
        ({"HPHT": "False", "Laser_Drilled": "False"}, False),
        ({"Clarity_Enhanced": "N", "Treatment": "Irradiated"}, True),
        ({"HPHT": "True", "Type": "Lab Grown"}, None),
        ({"Treated_Color": "Blue", "Color": ""}, True),
    ],
)
def test_a_no_to_one_treatment_says_nothing_of_the_others(columns: dict[str, str], treated: bool | None) -> None:
    assert facts(**columns).treated is treated


@pytest.mark.parametrize(
    ("columns", "shades"),
    [
        ({"Shade": "None"}, (False, False, None)),
        ({"Shade": "No BGM"}, (False, False, False)),
        ({"Shade": "Mixed Tinge"}, (None, None, None)),
        ({"Shade": "LB/GRN"}, (True, True, None)),
        ({"Shade": "WH", "BGM": "Light Brown, Milky"}, (True, False, True)),
        ({"Milky": "ML0"}, (None, None, False)),
    ],
)
def test_all_columns_of_shades_count_together(columns: dict[str, str], shades: tuple[Any, ...]) -> None:
    read = facts(**columns)

    assert (read.brown, read.green, read.milky) == shades


@pytest.mark.parametrize(
    ("cell", "days"),
    [("3-5 days", (3, 5)), ("2 weeks", (10, 10)), ("48 hours", (2, 2)), ("7", (7, 7)), ("ready", (None, None))],
)
def test_days_of_delivery_are_read_from_to(cell: str, days: tuple[int | None, int | None]) -> None:
    read = facts(Delivery_Days=cell)

    assert (read.delivery_days_min, read.delivery_days_max) == days


@pytest.mark.parametrize(
    ("columns", "place"),
    [
        ({"Location": "Surat"}, ("India", "Surat")),
        ({"Location": "Antwerp (BE)"}, ("Belgium", "Antwerp")),
        ({"Country": "Mumbai"}, ("India", "Mumbai")),
        *[
            ({"Location": code}, (country, code))
            for code, country in (("BOM", "India"), ("BKK", "Thailand"), ("LA", "USA"))
        ],
        ({"Country_Code": "BEL"}, ("Belgium", None)),
    ],
)
def test_a_town_of_the_trade_says_its_country(columns: dict[str, str], place: tuple[str | None, str | None]) -> None:
    read = facts(**columns)

    assert (read.location_country, read.location_city) == place


def test_several_links_in_a_cell_are_several_links() -> None:
    read = facts(
        Image="https://i.example.org/1.jpg, https://i.example.org/2.jpg", Video="Film: https://v.example.org/1"
    )

    assert read.images == ["https://i.example.org/1.jpg", "https://i.example.org/2.jpg"]
    assert (read.image_url, read.video_url) == ("https://i.example.org/1.jpg", "https://v.example.org/1")


def test_a_culet_and_a_fluorescence_are_read_where_they_stand() -> None:
    read = facts(Culet="Small (Abraded)", Fluorescence_Color="Medium Blue")

    assert read.culet_size == CuletSize.SMALL
    assert (read.fluorescence_intensity, read.fluorescence_color) == (Fluorescence.MEDIUM, "BLUE")


def test_what_is_not_understood_of_a_cell_is_told_and_what_says_nothing_is_not() -> None:
    assert told(Clarity="N", Cut_Grade="N", Eye_Clean="unknown") == []
    assert told(Eye_Clean="very", Shade="B1", Weight="about one") == [
        ("eye_clean", "very"),
        ("shade", "B1"),
        ("carats", "about one"),
    ]


@pytest.mark.parametrize(
    "columns",
    [
        {"Type": "Natural"},
        {"Color": "K"},
        {"Clarity": "I2"},
        {"Treatment": "HPHT"},
        {"Total_Price": "900"},
        {"Type": "Lab Grown"},
    ],
)
def test_a_stone_too_cheap_to_be_natural_is_sold_if_anything_says_why(columns: dict[str, str]) -> None:
    assert facts(**{"Total_Price": "480", **columns}).cost_cents in (48_000, 90_000)


def test_a_stone_too_cheap_to_be_natural_of_which_nothing_says_that_it_is_is_not_sold() -> None:
    with pytest.raises(MappingError, match=r"no column says it, and 480\.00 dollars a carat are far too few"):
        facts(Total_Price="480")


def test_whole_dollars_of_a_small_stone_prove_what_they_round(tmp_path: Path) -> None:
    put(tmp_path, "Stock #,Weight,Price/Ct,RapList,Rap%,Type\nA-1,0.18,33,190.53,5,Lab Grown\n")
    reader = adapter(tmp_path)
    query = StoneQuery(window_to=reader.server_time(), available_only=False)

    (item,) = reader.page(query, 0, 10).items

    # 190.53 less 5 % is 181 a carat, and 0.18 carats of it cost 32.58.
    with pytest.raises(MappingError, match="prove that it is the price of the stone"):
        reader.to_diamond(item)

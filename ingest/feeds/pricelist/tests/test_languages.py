"""Lists in the languages of the trade: headers, shapes and grades by the field's own terms, in any of their encodings."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalog.fluorescence_colors import fluorescence_color
from catalog.grades import Clarity, Color, FancyIntensity, Fluorescence, LabFinish, fold
from catalog.letters import plain
from catalog.shapes import known_shape
from ingest.feeds.fancy import FancyFacts, fancy_facts
from ingest.feeds.fluorescence import fluorescence_facts
from ingest.feeds.pricelist import currency_words, headers, snapshot, words
from ingest.feeds.pricelist.errors import ColumnsMissing
from ingest.feeds.pricelist.headers import field_of
from ingest.feeds.pricelist.mapping import Mapper
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.reading import examine
from ingest.feeds.pricelist.tests.prices import carats_of, unpriced

#: Headers of a list, and its words for an emerald cut, very good, excellent, faint and no fluorescence.
LISTS = {
    "nl": (
        ["Steennummer", "Vorm", "Gewicht (kt)", "Kleur", "Zuiverheid", "Polijst", "Symmetrie", "Fluorescentie",
         "Prijs per karaat (USD)", "Totaalprijs (USD)", "Certificaatnummer", "Afmetingen (mm)"],
        ["Smaragd", "Zeer goed", "Uitstekend", "Zwak", "Geen"],
    ),
    "fr": (
        ["N° de pierre", "Forme", "Poids", "Couleur", "Pureté", "Poli", "Symétrie", "Fluorescence", "Prix/ct (USD)",
         "Prix total (USD)", "Numéro de certificat", "Dimensions"],
        ["Émeraude", "Très bon", "Excellent", "Faible", "Aucune"],
    ),
    "de": (
        ["Lagernummer", "Form", "Gewicht ct", "Farbe", "Reinheit", "Politur", "Symmetrie", "Fluoreszenz",
         "Preis je ct in USD", "Gesamtpreis USD", "Zertifikatsnummer", "Maße"],
        ["Smaragdschliff", "sehr gut", "exzellent", "schwach", "keine"],
    ),
    "it": (
        ["Codice pietra", "Forma", "Peso (ct)", "Colore", "Purezza", "Lucidatura", "Simmetria", "Fluorescenza",
         "Prezzo al carato USD", "Prezzo totale USD", "Numero certificato", "Misure"],
        ["Taglio a smeraldo", "Molto buono", "Eccellente", "Debole", "Nessuna"],
    ),
    "es": (
        ["Nº de piedra", "Forma", "Quilates", "Grado de color", "Pureza", "Pulido", "Simetría", "Fluorescencia",
         "Precio por quilate (dólares)", "Precio total (dólares)", "Nº de certificado", "Medidas"],
        ["Esmeralda", "Muy bueno", "Excelente", "Débil", "Ninguna"],
    ),
    "he": (
        ["מספר אבן", "צורה", "משקל", "צבע", "ניקיון", "ליטוש", "סימטריה", "פלורסנט", "מחיר לקרט $", "סה\"כ דולר",
         "מספר תעודה", "מידות"],
        ["אמרלד", "טוב מאוד", "מצוין", "חלש", "ללא"],
    ),
    "zh": (
        ["货号", "形状", "克拉重量", "颜色", "净度", "抛光", "对称性", "荧光", "美元/克拉",
         "总价（美元）", "证书编号", "尺寸"],
        ["祖母绿形", "优良", "极优", "弱", "无"],
    ),
    "ja": (
        ["品番", "シェイプ", "カラット", "カラー", "クラリティ", "研磨", "対称性", "蛍光性", "カラット単価（ドル）",
         "合計（米ドル）", "鑑定書番号", "寸法"],
        ["エメラルド・カット", "ベリーグッド", "エクセレント", "弱", "なし"],
    ),
    "ru": (
        ["Номер камня", "Форма", "Вес", "Цвет", "Чистота", "Полировка", "Симметрия", "Флуоресценция",
         "Цена за карат, долл.", "Стоимость, $", "Номер сертификата", "Размеры"],
        ["Изумруд", "Очень хорошо", "Отлично", "Слабая", "Нет"],
    ),
}  # fmt: skip
_ROWS = 24


def text_of(language: str) -> str:
    """A list of emerald cuts: very good polish, excellent symmetry, and fluorescence on every second."""
    names, (emerald, very_good, excellent, faint, none) = LISTS[language]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(names)
    for number in range(_ROWS):
        carats, per_carat = 0.7 + number / 20, 3_000 + 97 * number
        glow = faint if number % 2 else none
        writer.writerow(
            [
                *(f"Q{number:03}", emerald, f"{carats:.2f}", "FGH"[number % 3], "VS1", very_good, excellent, glow),
                *(per_carat, f"{carats * per_carat:.2f}", 6_100_000_000 + 7_919 * number, ""),
            ]
        )
    return text.getvalue()


def made(folder: Path, written: bytes, **parameters: Any) -> tuple[snapshot.Snapshot, Mapper]:
    source = folder / "list.csv"
    source.write_bytes(written)
    told = parameters_of({"source": str(source), **parameters})
    snapshot.make(source, folder / "made", told, Mapper(told), most_bytes=10_000_000)
    return snapshot.Snapshot(folder / "made", 1, None), Mapper(told)


def assert_read(kept: snapshot.Snapshot, mapper: Mapper) -> None:
    census = kept.census()
    stones = {stone.offer_id: stone for stone in map(mapper.to_diamond, kept.payloads())}

    assert (len(stones), census.unknown_words) == (_ROWS, {})
    for number in range(_ROWS):
        stone, carats = stones[f"Q{number:03}"], 0.7 + number / 20
        assert (stone.shape, stone.clarity, stone.polish, stone.symmetry) == (
            "EMERALD",
            Clarity.VS1,
            LabFinish.VERY_GOOD,
            LabFinish.EXCELLENT,
        )
        assert stone.fluorescence_intensity == (Fluorescence.FAINT if number % 2 else Fluorescence.NONE)
        assert stone.certificate_number == str(6_100_000_000 + 7_919 * number)
        assert stone.cost_cents == pytest.approx(carats * (3_000 + 97 * number) * 100, abs=60)


@pytest.mark.parametrize("language", LISTS)
def test_a_list_in_another_language_is_read_without_asking(tmp_path: Path, language: str) -> None:
    assert_read(*made(tmp_path, text_of(language).encode("utf-8-sig")))


@pytest.mark.parametrize("language", ["fr", "de", "it", "es"])
def test_accents_may_be_left_out(tmp_path: Path, language: str) -> None:
    text = plain(text_of(language).replace("ß", "ss").replace("°", "o"))

    assert_read(*made(tmp_path, text.encode("ascii")))


def german(folder: Path, prices: str) -> Path:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["Artikel-Nr.", "Form", "Gewicht ct", "Farbe", "Reinheit", "Zertifikat", prices])
    for number in range(24):
        row = unpriced(number)
        price = f"{3_000 * carats_of(row) ** 1.8:,.2f}".translate(str.maketrans(",.", " ,"))
        shape = ("Brillant", "Tropfen", "Herz")[number % 3]
        carats = row["Carat"].replace(".", ",")
        writer.writerow([row["Stock #"], shape, carats, "G", "VS1", f"GIA {row['Report #']}", price])
    source = folder / "liste.csv"
    source.write_text(text.getvalue())
    return source


def test_a_german_list_is_read(tmp_path: Path) -> None:
    told = parameters_of({"source": "x"})
    source = german(tmp_path, "Gesamtpreis USD")
    layout = examine(source, told, most_bytes=1_000_000)

    assert layout.delimiter == ";"
    with source.open(newline="") as file:
        payloads = list(csv.DictReader(file, delimiter=";"))
    facts = [Mapper(told).to_diamond(msgspec.json.encode(payload)) for payload in payloads]
    assert [fact.shape for fact in facts[:3]] == ["ROUND", "PEAR", "HEART"]
    assert (facts[23].carats, facts[23].cost_cents) == (Decimal("0.800"), round(3_000 * 0.8**1.8 * 100))
    assert (facts[0].lab, facts[0].certificate_number) == ("GIA", "6200000000")


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Preis USD", "price"),
        ("Preis/ct", "price_per_carat"),
        ("Gesamtpreis (USD)", "total_price"),
        ("Maße (mm)", "measurements"),
        ("Gewicht (ct)", "carats"),
        ("Zertifikat-Nr.", "certificate_number"),
        ("Tiefe %", "depth_pct"),
        ("Preis EUR", None),
    ],
)
def test_german_headers(header: str, field: str | None) -> None:
    found = field_of(header)

    assert (found and found[0]) == field


@pytest.mark.parametrize(
    ("language", "codec", "named"),
    [
        ("he", "cp1255", "windows-1255"),
        ("ru", "cp1251", "windows-1251"),
        ("zh", "gb18030", "gb18030"),
        ("zh", "gbk", "gb18030"),
        ("ja", "cp932", "shift_jis"),
        ("fr", "cp1252", "windows-1252"),
        ("de", "latin-1", "windows-1252"),
        ("es", "cp1252", "windows-1252"),
    ],
)
def test_the_encoding_of_a_list_is_found_by_its_words(tmp_path: Path, language: str, codec: str, named: str) -> None:
    written = text_of(language).encode(codec)
    source = tmp_path / "list.csv"
    source.write_bytes(written)

    assert examine(source, parameters_of({"source": "x"}), most_bytes=1 << 20).encoding == named
    assert_read(*made(tmp_path, written))
    told = tmp_path / "told"
    told.mkdir()
    assert_read(*made(told, written, encoding=named))


def test_a_list_whose_words_nobody_knows_in_any_encoding_asks_for_it(tmp_path: Path) -> None:
    source = tmp_path / "list.csv"
    source.write_bytes("קפה;תה;חלב\nA1;2;3\nA2;3;4\n".encode("cp1255"))

    with pytest.raises(ColumnsMissing, match="encoding"):
        examine(source, parameters_of({"source": "x"}), most_bytes=1 << 20)


def test_names_with_accents_in_an_english_list_are_western(tmp_path: Path) -> None:
    source = tmp_path / "list.csv"
    source.write_bytes("Stock #;Shape;Carat;Price;Seller\nA1;Round;1.01;5000;Société Générale\n".encode("cp1252"))

    assert examine(source, parameters_of({"source": "x"}), most_bytes=1 << 20).encoding == "windows-1252"


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ("Émeraude", "EMERALD"), ("ÉMERAUDE", "EMERALD"), ("E\u0301meraude", "EMERALD"), ("cœur", "HEART"),
        ("Coeur", "HEART"),
        ("Lágrima", "PEAR"), ("Lagrima", "PEAR"), ("Cojín", "CUSHION"), ("Taille poire", "PEAR"),
        ("taglio a cuore", "HEART"),
        ("Rond Briljant", "ROUND"), ("ＰＲＩＮＣＥＳＳ", "PRINCESS"), ("חיתוך עגול", "ROUND"), ("圆形", "ROUND"),
        ("ラウンド・ブリリアント・カット", "ROUND"), ("ﾗｳﾝﾄﾞ", "ROUND"), ("КР-57", "ROUND"), ("Kissenschliff", "CUSHION"),
    ],
)  # fmt: skip
def test_shapes_in_other_languages(written: str, shape: str) -> None:
    assert known_shape(written) == shape


@pytest.mark.parametrize("written", ["星形", "Étoilée", "ДРУГАЯ ФОРМА", "未知 R", "כוכב"])
def test_a_word_that_no_table_knows_is_no_shape_of_those_that_there_are(written: str) -> None:
    assert known_shape(written) is None
    assert words.shape(written) in (None, "ETOILEE")


@pytest.mark.parametrize(
    ("written", "color", "intensity"),
    [
        ("Fancy Intensiv Gelb", "YELLOW", FancyIntensity.FANCY_INTENSE), ("Jaune", "YELLOW", None), ("Geel", "YELLOW", None),
        ("Fancy Grün", "GREEN", FancyIntensity.FANCY), ("黄色", "YELLOW", None), ("彩黄", "YELLOW", FancyIntensity.FANCY),
        ("浓彩黄", "YELLOW", FancyIntensity.FANCY_INTENSE), ("艳彩粉红", "PINK", FancyIntensity.FANCY_VIVID),
        ("Жёлтый", "YELLOW", None), ("желтый", "YELLOW", None), ("צהוב", "YELLOW", None),
        ("ファンシー・ビビッド・ピンク", "PINK", FancyIntensity.FANCY_VIVID), ("イエロー", "YELLOW", None),
    ],
)  # fmt: skip
def test_fancy_colours_in_other_languages(written: str, color: str, intensity: int | None) -> None:
    assert fancy_facts(written, None, None, None) == FancyFacts(Color.FANCY, color, intensity, None)
    assert fancy_facts(None, written, None, None) == FancyFacts(Color.FANCY, color, intensity, None)


@pytest.mark.parametrize(
    ("written", "intensity", "color"),
    [
        ("Forte bleue", Fluorescence.STRONG, "BLUE"), ("Très faible", Fluorescence.FAINT, None),
        ("mittel blau", Fluorescence.MEDIUM, "BLUE"), ("强蓝", Fluorescence.STRONG, "BLUE"),
        ("無し", Fluorescence.NONE, None),
    ],
)  # fmt: skip
def test_fluorescence_and_its_colour_in_one_cell(written: str, intensity: int, color: str | None) -> None:
    assert fluorescence_facts(written, None) == (intensity, color)


@pytest.mark.parametrize(
    ("written", "promise"),
    [
        ("verkauft", "sold"), ("Vendu", "sold"), ("已售", "sold"), ("נמכר", "sold"), ("réservé", "on_hold"),
        ("In Kommission", "on_hold"), ("予約済", "on_hold"), ("Disponible", "available"), ("在库", "available"),
        ("Нет в наличии", "unavailable"),
    ],
)  # fmt: skip
def test_words_of_availability(written: str, promise: str) -> None:
    assert words.availability(written) == promise


@pytest.mark.parametrize(("field", "spellings"), headers.SPELLINGS.items())
def test_every_header_of_the_table_is_folded_and_means_its_field(field: str, spellings: tuple[str, ...]) -> None:
    assert [spelling for spelling in spellings if headers.fold(spelling) != spelling] == []
    assert [spelling for spelling in spellings if (headers.field_of(spelling) or ("", 0))[0] != field] == []


def test_a_price_in_dollars_of_any_language_is_no_weight() -> None:
    assert headers.field_of("美元/克拉") == headers.field_of("$/克拉")
    assert (headers.field_of("美元/克拉") or ("", 0))[0] == "price_per_carat"
    assert headers.field_of("克拉 USD") is None or (headers.field_of("克拉 USD") or ("", 0))[0] != "carats"


@pytest.mark.parametrize(
    "text",
    [
        "价格(元)", "人民币", "港币总价", "単価（円）", "Prix (francs suisses)", "מחיר שקל", "Dhs./ct", "Price THB",
        "Rand per carat", "Цена, руб.", "price_eur", "HK $/ct", "Total C$", "香港ドル", "欧元",
    ],
)  # fmt: skip
def test_other_currencies_are_known_in_any_language(text: str) -> None:
    assert currency_words.named(text) == (False, True)
    assert headers.foreign(text)


@pytest.mark.parametrize(
    "text", ["美元", "米ドル", "Preis in US-Dollar", "דולר", "Цена, долл.", "US $", "dólares", "$/ct"]
)
def test_dollars_are_no_other_currency(text: str) -> None:
    assert not currency_words.other(text)


@pytest.mark.parametrize("text", ["Random stock", "Yendo", "Euromax", "Branding", "Operand", "Try our new site"])
def test_words_that_only_contain_a_currency_are_none(text: str) -> None:
    assert currency_words.named(text) == (False, False)


def test_folding_keeps_letters_of_other_scripts() -> None:
    assert [plain(word) for word in ("й", "ガ", "ё", "ק")] == ["й", "ガ", "ё", "ק"]
    assert fold("Purété") == "PURETE"


@pytest.mark.parametrize(
    ("written", "color"), [("蓝色", "BLUE"), ("bleuté", "BLEUTE"), ("Gelb", "YELLOW"), ("---", None)]
)
def test_colours_of_fluorescence_have_one_name(written: str, color: str | None) -> None:
    assert fluorescence_color(written) == color

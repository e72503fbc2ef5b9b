"""The headers of price lists: every spelling that the trade uses for a column, and which field it means.

The table is `headers.csv`: field, spelling after `fold`, and who documents it (see `catalog.words`); an empty field is known
and not read. It is in the order of preference: of several columns for one field each row is read by the first of them that
it fills.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path

from catalog.letters import plain
from ingest.feeds.pricelist import currency_words


def _rows() -> list[dict[str, str]]:
    with Path(__file__).with_name("headers.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _table(rows: Sequence[Mapping[str, str]]) -> Mapping[str, tuple[str, ...]]:
    spellings: dict[str, list[str]] = {}
    for row in rows:
        spellings.setdefault(row["field"], []).append(row["header"])
    return {field: tuple(headers) for field, headers in spellings.items()}


_ROWS = _rows()
_TABLE = _table(_ROWS)
#: Field → its spellings after `fold`, the preferred ones first.
SPELLINGS: Mapping[str, tuple[str, ...]] = {field: headers for field, headers in _TABLE.items() if field}
#: What a list can be priced from: a list price is one with its discount.
PRICES = ("total_price", "price_per_carat", "price")
LIST_PRICE, DISCOUNT = "list_price", "discount"
#: All fields that have to do with money.
OF_MONEY = (*PRICES, LIST_PRICE, DISCOUNT)

#: How the columns of a format are called that is alone in saying what some names of prices mean, by its source.
_CALLED_AFTER = {"rapaport": "RAPNET"}
#: Such names, which do not say themselves that the price is of a carat, with what the format's other columns are called.
_BY_ONE_FORMAT = {
    row["header"]: _CALLED_AFTER[row["source"]]
    for row in _ROWS
    if row["field"] == "price_per_carat"
    and row["source"] in _CALLED_AFTER
    and not re.search(rf"CARAT|CT|{_CALLED_AFTER[row['source']]}", row["header"])
}
_FIELD_OF = {spelling: field for field, spellings in SPELLINGS.items() for spelling in spellings}
#: Columns that lists have and the catalogue does not.
_IGNORED = frozenset(_TABLE[""])
_RANK = {spelling: rank for spellings in SPELLINGS.values() for rank, spelling in enumerate(spellings)}
#: Columns that hold the grade of a cut where "Cut" stands for the shape.
_GRADES_OF_CUT = frozenset({"MAKE", "MAKECUTGRADE", "CUTGRADE", "CUTQUALITY", "CUTGRD", "FINALCUTGRADE"})
#: What `reading` puts behind the name of a column that has the name of another one.
REPEATED = re.compile(r" \((\d+)\)$", re.ASCII)
#: Rank of a column that repeats another one's name: behind all that have a name of their own.
_REPEATED = 10_000
#: Rupees and Turkish lira, whose codes say something else in sentences.
_CODES_OF_OTHERS = re.compile(r"\b(?:RS|TRY)\b")
#: "Stock #", "Certificat n°", "Nº de piedra", "№ камня".
_NUMBER = re.compile(r"[#№]|(?<!\w)N[°º](?=\W|$)")
#: What is left by `fold` of a price whose name ends in its unit.
_OF_A_CARAT = re.compile(
    r"(.+?)(?:USD)?(?:PER|PAR|PRO|JE|AL|POR)?(?:CARATS?|CTS?|CRTS?|KT|KARAA?T|CARATO|QUILATES?)(?:IN)?(?:USD)?"
)
#: A share by its sign or in full: `P/Ct` and `%` are one after `fold`, but a carat is no percentage.
_SHARE = re.compile(r"%|PERCENT")
#: A price of a carat by its letters; "Pc" without a stroke is a piece.
_LETTERS_OF_A_CARAT = re.compile(r"(?:(?:US)?\$\s*|USD\s*)?P\s*/\s*C\.?(?:\s*\(?(?:US)?\s*[$D]?\)?)?")
_SHARE_OF_A_PRICE = frozenset({"PCT", "PRICEPCT"})
#: Units in a header, in brackets or behind it.
_UNIT = re.compile(
    r"[(\[]?(?:\b(?:IN )?MM\b|%|°|\bPERCENT(?:AGE)?\b|\bDEG(?:REES?)?\b|\b(?:CTS?|KT)\b\.?)[)\]]?|[(\[]\s*[)\]]"
)
_MILLIMETRES = re.compile(r"\bMM\b")
#: Names of objects within a stone's that hold columns of its own, or of its certificate.
_CONTAINERS = frozenset(
    {"NODE", "STONE", "DIAMOND", "ITEM", "ATTRIBUTES", "DETAILS", "SPECS", "SPECIFICATIONS", "PROPERTIES", "GRADING"}
    | {"GRADES", "MEDIA"}
)
_OF_CERTIFICATES = frozenset({"CERTIFICATE", "CERT", "REPORT", "LABREPORT"})
#: What a certificate has of its own, and a stone otherwise.
_NOT_OF_A_CERTIFICATE = frozenset({*OF_MONEY, "stock_number", "availability", "off_market", "image", "video"}) | {
    *("supplier_name", "location", "country", "city", "currency", "delivery_days")
}
_OF_MILLIMETRES = frozenset({"length", "width", "depth_mm", "measurements"})


def key(header: str) -> str:
    """A header as feeds name it: in any case, on one line."""
    return " ".join(header.split()).casefold()


def fold(header: str) -> str:
    """A header without what people vary: `"Stock No."`, `"stock_number"` and `"Stock #"` become `"STOCKNO"`."""
    words = currency_words.DOLLARS.sub(" USD ", plain(_NUMBER.sub(" NO ", header.upper())).upper())
    words = re.sub(r"PERCENTAGE|PERCENT|%", " PCT ", words.replace("COLOUR", "COLOR"))
    return re.sub(r"[\W_]+", "", words.replace("NUMBER", "NO"))


@lru_cache(maxsize=4096)
def field_of(header: str) -> tuple[str, int] | None:
    """The field that a header means and how good a spelling it is (0 is best); an empty field is known and not read.

    None if it is no header that we know. Whatever names another currency than US dollars is none.
    """
    if foreign(header):
        return None
    again = REPEATED.search(header)
    if again and (first := field_of(header[: again.start()])):
        # Which of two columns called "Price" is the total, their name does not say.
        return None if first[0] in PRICES else (first[0], first[1] + _REPEATED)
    if _LETTERS_OF_A_CARAT.fullmatch(header.strip().upper()):
        return "price_per_carat", len(SPELLINGS["price_per_carat"])
    folded = fold(header)
    if folded in _SHARE_OF_A_PRICE and _SHARE.search(header.upper()):
        return DISCOUNT, len(SPELLINGS[DISCOUNT])
    # "Price (USD)" is "Price"; "$/ct" needs its dollar.
    for spelling in (folded, folded.replace("INUSD", ""), folded.replace("USD", "")):
        # "美元/克拉", dollars a carat, is no weight, and dollars a piece are no pieces.
        if (field := _FIELD_OF.get(spelling)) and (spelling == folded or field not in ("carats", "stones")):
            return field, _RANK[spelling]
    if folded in _IGNORED:
        return "", 0
    return _price_of_a_carat(folded) or _without_unit(header, folded) or _of_container(header)


def is_price_by_one_format(header: str, headers: Sequence[str]) -> bool:
    """Whether one format alone says that a header ("Cash Price") is of a carat, and no other column is that format's."""
    called = _BY_ONE_FORMAT.get(fold(header).replace("INUSD", "").replace("USD", ""))
    return called is not None and not any(called in fold(other) for other in headers)


def _price_of_a_carat(folded: str) -> tuple[str, int] | None:
    """A price by any of its names that says that it is of a carat: "Asking Price ($/ct)", "Net Price/Cts"."""
    named = _OF_A_CARAT.fullmatch(folded)
    if named is None or _FIELD_OF.get(named[1]) != "price":
        return None
    return "price_per_carat", len(SPELLINGS["price_per_carat"])


def _of_container(header: str) -> tuple[str, int] | None:
    """The field of a path in JSON whose first name only holds what belongs to the stone: "attributes.lab_grown"."""
    container, dot, inner = header.partition(".")
    folded = fold(container)
    if not dot or folded not in _CONTAINERS | _OF_CERTIFICATES:
        return None
    found = field_of(inner)
    if found is None or (folded in _OF_CERTIFICATES and found[0] in _NOT_OF_A_CERTIFICATE):
        return None
    return found[0], found[1] + _REPEATED // 2


def _without_unit(header: str, folded: str) -> tuple[str, int] | None:
    """The field of a header that no table has, by what is left without its unit: "Measurements Length (mm)".

    What money means is never read from a name that nobody knows.
    """
    millimetres = _MILLIMETRES.search(header.upper()) is not None
    plain = fold(_UNIT.sub(" ", header.upper())).replace("MEASUREMENTS", "MEASUREMENT")
    for spelling in (f"{plain}PCT" if _SHARE.search(header.upper()) else plain, plain, folded.replace("PERC", "PCT")):
        if spelling in _IGNORED:
            return "", 0
        field = _FIELD_OF.get(spelling)
        if field in ("depth", "depth_pct") and millimetres:
            field = "depth_mm"
        if field and field not in OF_MONEY and (not millimetres or field in _OF_MILLIMETRES):
            return field, _RANK[spelling] + _REPEATED // 2
    return None


def foreign(header: str) -> bool:
    """Whether a header names another currency than US dollars."""
    return currency_words.other(header) or _CODES_OF_OTHERS.search(header.upper()) is not None


def columns_of(headers: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Field → the header of its column. `chosen` says it for some headers, by name; an empty field leaves one out."""
    ranked: dict[str, list[tuple[int, str]]] = {}
    for header in headers:
        said = chosen.get(key(header))
        meaning = (said, -1) if said is not None else field_of(header)
        if meaning is not None and meaning[0]:
            ranked.setdefault(meaning[0], []).append((meaning[1], header))
    columns = {field: min(of_field, key=itemgetter(0))[1] for field, of_field in ranked.items()}
    if "shape" not in columns:
        _take_cut_as_shape(columns, [header for rank, header in ranked.get("cut", ()) if rank >= 0])
    return columns


def has_price(columns: Mapping[str, str]) -> bool:
    """Whether a list with these columns says what its stones cost."""
    return any(price in columns for price in PRICES) or (LIST_PRICE in columns and DISCOUNT in columns)


def _take_cut_as_shape(columns: dict[str, str], cuts: Sequence[str]) -> None:
    """In lists without a shape, a column "Cut" beside one of the grade ("Make") holds the shape, as IDEX writes it.

    What names only a grade there is no shape: see `words.shape`.
    """
    shapes = [header for header in cuts if fold(header) == "CUT"]
    others = [header for header in cuts if fold(header) in _GRADES_OF_CUT]
    if len(shapes) == 1 and others:
        columns["shape"] = shapes[0]
        columns["cut"] = min(others, key=lambda header: _RANK[fold(header)])


def ranked_columns(headers: Sequence[str], chosen: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Field → the headers of all its columns, that of `columns_of` first and then by their spelling."""
    columns = columns_of(headers, chosen)
    best = {header: field for field, header in columns.items()}
    ranked: dict[str, list[tuple[int, int, str]]] = {}
    for place, header in enumerate(headers):
        said = chosen.get(key(header))
        meaning = (best[header], -2) if header in best else (said, -1) if said is not None else field_of(header)
        if meaning is not None and meaning[0] in columns:
            ranked.setdefault(meaning[0], []).append((meaning[1], place, header))
    return {field: tuple(header for _, _, header in sorted(listed)) for field, listed in ranked.items()}


def unknown_headers(headers: Sequence[str], chosen: Mapping[str, str]) -> list[str]:
    """The headers that mean nothing to us, and that nobody said anything about."""
    return [header for header in headers if field_of(header) is None and key(header) not in chosen]

"""What a list says outside of its rows of stones, and may mean for all of them: a title, a heading of a part, a footer.

"All prices in EURO", "LAB GROWN DIAMONDS (CVD)", "ON MEMO" are no cells of a stone, so no column has them; nor is what a
JSON document says beside its array ("meta.currency: EUR"). Which rows they are meant for only a person can tell, who is
asked on the first day (`ingest.first_day`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from catalog.grades import fold
from catalog.models import Availability
from ingest.feeds import nature, values
from ingest.feeds.census import storable
from ingest.feeds.pricelist import words
from ingest.feeds.pricelist.discounts import discount
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.verdicts import Answer, Question, SupplierAsks, Verdict

#: What a text may say.
CURRENCY, NATURE, AVAILABILITY, PRICES = "currency", "nature", "availability", "prices"
#: Texts that are kept of one list, and the longest that are looked at (characters).
MAX_TEXTS, MAX_LENGTH = 10, 300
#: Other currencies by their codes, names and signs, as words of their own.
_OTHER_CURRENCY = re.compile(
    r"\b(?:EUR|EUROS?|GBP|HKD|INR|CHF|AUD|CAD|ILS|NIS|JPY|CNY|RMB|AED|ZAR|SGD|RUPEES?|POUNDS?|SHEKELS?|YEN|STERLING)\b|[€£₹₪¥]"
    r"|(?<![A-Z])(?:AU?|CA?|HK|SG?|NZ)\s?\$|\bRS\.|\b(?:IN|RATES?|PRICES?)\s+RS\b",
    re.IGNORECASE,
)
#: Hundredths of any currency.
_HUNDREDTHS = re.compile(r"\b(?:CENTS|PENCE|PAISE|AGOROT|MINOR[ _]UNITS?)\b", re.IGNORECASE)
#: What makes of prices of stones something else: a share more or less, a tax, another unit, several stones.
_OF_PRICES = re.compile(
    r"\d\s?%.*\b(?:LESS|ADDITIONAL|EXTRA|FURTHER|DISCOUNTS?|OFF|BACK|SURCHARGE|VAT|GST|TAX|MARK-?UP|PREMIUM|MORE|HIGHER)\b"
    r"|\b(?:LESS|ADDITIONAL|EXTRA|FURTHER|DISCOUNTS?|PLUS|ADD|SURCHARGE|VAT|GST|TAX|INCL\w*)\b.*\d\s?%|[+-]\s?\d+(?:\.\d+)?\s?%"
    r"|\bINCL\w*\.?\s+(?:OF\s+)?(?:VAT|GST|TAX)|\bMEMO\s+(?:PRICES?|RATES?)|\b(?:PRICES?|RATES?)\b.*\b(?:MEMO|CONSIGNMENT)"
    r"|\b(?:PRICES?|RATES?|AMOUNTS?|VALUES?|USD|FIGURES?)\b.*(?:\b(?:THOUSANDS?|HUNDREDS?|LAKHS?|CRORES?)\b|\bX\s?\d|'000)"
    r"|\bPER\s+(?:PAIR|PARCEL|LOT|SET|POINT)\b|\b(?:PARCELS?|PAIRS?|LOTS?|SETS?)\s+OF\s+\d|\b\d+\s*(?:PCS?|PIECES)\.?\s+EACH\b",
    re.IGNORECASE,
)
_DOLLARS = re.compile(r"\bUSD\b|\bUS\s?\$|\bUS DOLLARS?\b", re.IGNORECASE)
#: A legend of what rows look like, of their marks or codes: "Stones in RED are on memo", "struck out = sold", "2 - on memo".
_LOOKS = (
    r"\b(?:RED|YELLOW|GREEN|BLUE|ORANGE|PINK|GR[AE]Y|COLOU?RED|SHADED|HIGHLIGHTED|BOLD|ITALICS?|STRUCK|STRIKE\w*|CROSSED"
    r"|MARKED|UNDERLINED)\b|[*#†^]|(?<![\d.,])\d\s*[-=:](?=\s*[A-Z])"
)
_GONE = r"\b(?:SOLD|MEMO|HOLD|ON (?:SHOW|JANGAD|CONSIGNMENT)|RESERVED|NOT (?:AVAILABLE|FOR SALE)|UNAVAILABLE)\b"
_LEGEND = re.compile(
    rf"(?:{_LOOKS}).*{_GONE}|{_GONE}.*(?:{_LOOKS})|^(?:THE )?SOLD (?:LIST|STOCK|STONES|GOODS|ITEMS)\b"
    r"|\bOUT (?:ON|AT) (?:MEMO|SHOW|JANGAD)\b",
    re.IGNORECASE,
)
#: Headers of columns that may say that a stone is not to be had, how it was made or in which currency it is priced.
_OF_AVAILABILITY = re.compile(
    r"MEMO|SOLD|HOLD|RESERV|BLOCK|PUBLISH|VISIB|INVOICE|AVAIL|DISCONTINU|CUSTOMER|CLIENT|BUYER|(?:ISSUED|GIVEN|LENT)TO"
    r"|DISPOSITION|LOCKED|DELETED|CONSIGN|JANGAD"
)
_OF_NATURE = re.compile(r"GROWN|SYNTHE|MANMADE|TREAT|ENHANC")
_OF_FURTHER = re.compile(r"(?:EXTRA|ADDITIONAL|ADDL?|FURTHER|SPECIAL|CASH)(?:DISC|LESS|OFF)|MARKUP|SURCHARGE")
#: The same by short names, of columns that hold shares: "Less 1", "Disc 2", "Extra %", "Final %", "CC", "Broker %", "Comm".
_OF_SHARES = re.compile(
    r"(?:RAP|CASH|NEW|MY|YOUR|OUR|CLIENT|PARTY|CUSTOMER|MEMBER|VIP|SPL|SPECIAL|SPCL|SP|ADD|ADDL?|ADDITIONAL|ADDN|EXTRA|EXT|FURTHER"
    r"|FINAL|FIN|NET|TOTAL|BONUS|PLUS|COD|TERMS?|CREDIT|CC|CD|TD|VOLUME|QTY|QUANTITY|TRADE|PREMIUM|LOYALTY|PROMO|OFFER"
    r"|DISC|DISCOUNT|DIS|LESS|OFF|BACK|BK|REBATE|BROK(?:ER(?:AGE)?)?|COMM(?:ISSION)?|DALALI|MARKUP|SURCHARGE|ALLOWANCE)+"
    r"(?:RATE|PER)?\d?(?:PCT)?\d?"
)
#: What of a stone is measured in shares of it or of light, and so no share of its price, in a header of percents.
_OF_STONES = re.compile(
    r"DEPTH|TABLE|TBL|CROWN|CRN|PAV|GIRD|STAR|LOWER|UPPER|HALF|HALVES|^[LSU]H|CULET|LENGTH|WIDTH|HEIGHT|RATIO|ANGLE"
    r"|CLEAN|LIGHT|BRILL|FIRE|SCINT|SPARK|SYMM|SCORE|GRADE|SPREAD|LUST|MILK|CRH|PAVD|STRLN|PAINT|DIGG|OPEN|INCL|WEIGHT|YIELD"
)
_OF_CURRENCY = re.compile(r"CURRENC")
#: Of these headers a no keeps a stone from being offered.
_OFFERED = re.compile(r"PUBLISH|VISIB|AVAIL")
#: A value with its name, as heads of documents and titles have them.
_NAMED = re.compile(r"([^:]{1,100}): (.+)")
_IN_DOLLARS = re.compile(rf"^\$$|{_DOLLARS.pattern}", re.IGNORECASE)
#: No share that is added to a price or taken off it is more (percent).
_MOST_PERCENT = 100
#: What has so few letters is a code of anything.
_MIN_CODE = 2


def speaks(text: str) -> bool:
    """Whether a text may say of stones in which currency they are priced, what they are, or that they are not to be had."""
    return bool(kind_of(text))


def kind_of(text: str) -> str:
    """Which of these a text says: `CURRENCY`, `PRICES`, `NATURE`, `AVAILABILITY`, or nothing."""
    text = " ".join(text.split())[:MAX_LENGTH]
    if _HUNDREDTHS.search(text):
        return CURRENCY
    if (named := _NAMED.fullmatch(text)) and (by_name := _kind_by_name(named[1], named[2])) is not None:
        return by_name
    if _OTHER_CURRENCY.search(text) and not _DOLLARS.search(text):
        return CURRENCY
    said = nature.of_text[text]
    if said.grown or said.unclear or said.treated:
        return NATURE
    if _OF_PRICES.search(text):
        return PRICES
    hides = words.is_availability(text) and words.availability(text) != Availability.AVAILABLE.value
    return AVAILABILITY if hides or _LEGEND.search(text) else ""


def _kind_by_name(name: str, value: str) -> str | None:
    """The same of a value with a name: "currency: THB", "labgrown: true", "type: lab"; None if the name says nothing."""
    folded, said = fold(name), values.yes_or_no(value)
    if _OF_CURRENCY.search(folded) and any(map(str.isalpha, value)):
        return "" if _IN_DOLLARS.search(value) else CURRENCY
    if said is not None:
        if _OF_NATURE.search(folded):
            return NATURE if said else ""
        if _OF_AVAILABILITY.search(folded):
            return AVAILABILITY if said is (_OFFERED.search(folded) is None) else ""
        return NATURE if "NATURAL" in folded and not said else ""
    of_value = nature.of_text[value]
    if of_value.grown or of_value.treated:
        return NATURE
    is_word = len(value) > _MIN_CODE and words.is_availability(value)
    return AVAILABILITY if is_word and words.availability(value) != Availability.AVAILABLE.value else None


def telling(texts: Iterable[str]) -> tuple[str, ...]:
    """Those of the texts that speak, each once."""
    return tuple(dict.fromkeys(text.strip()[:MAX_LENGTH] for text in texts if text.strip() and speaks(text)))[
        :MAX_TEXTS
    ]


def field_of_header(folded: str, cells: Iterable[str]) -> tuple[str, ...]:
    """The field that a column with an unknown header may be, by that header or by what its cells say; () for others.

    `folded` is the header as `headers.fold` has it, `cells` those that say something.
    """
    cells = list(cells)
    if not cells:
        return ()
    if _OF_CURRENCY.search(folded) or all(
        _OTHER_CURRENCY.fullmatch(cell) or _DOLLARS.fullmatch(cell) for cell in cells
    ):
        return ("currency",)
    if _OF_FURTHER.search(folded) or _holds_shares_of_prices(folded, cells):
        return ("price",)
    if _OF_AVAILABILITY.search(folded):
        return ("availability",)
    if _OF_NATURE.search(folded) or any(nature.of_text[cell].grown or nature.of_text[cell].treated for cell in cells):
        return ("lab_grown",)
    return ()


def _holds_shares_of_prices(folded: str, cells: Iterable[str]) -> bool:
    """Whether a column seems to hold percents that are added to a price or taken off it: by its name, or by its sign."""
    named = _OF_SHARES.fullmatch(folded) or ("PCT" in folded and not _OF_STONES.search(folded))
    if not named:
        return False
    said = [discount(cell) for cell in cells if cell.strip("0.,%+- ")]
    return bool(said) and all(share is not None and abs(share.number) <= _MOST_PERCENT for share in said)


def by_kind(texts: Iterable[str]) -> dict[str, str]:
    """What texts say, each with the first text that says it."""
    found: dict[str, str] = {}
    for text in telling(texts):
        found.setdefault(kind_of(text), storable(text))
    return found


def refuse_change(before: Verdict, now: Verdict, parameters: Parameters) -> None:
    """Raise `SupplierAsks` if a list says of currency or nature what the list before did not, and the feed does not say it.

    A heading of stones that are not to be had comes and goes, and no parameter could answer it.
    """
    if before.outside is None:
        return
    for kind, text in (now.outside or {}).items():
        if kind not in before.outside and (asks := _asks(kind, text, parameters)) is not None:
            raise SupplierAsks(msgspec.structs.replace(now, question=asks))


def _asks(kind: str, text: str, parameters: Parameters) -> Question | None:
    says = f"Outside of its rows the list says {text!r}, which the list before did not"
    if kind == CURRENCY and parameters.price_unit is None:
        cents = (Answer("They are cents", {"price_unit": "cents"}),) if _HUNDREDTHS.search(text) else ()
        dollars = Answer("They are dollars", {"price_unit": "dollars"})
        return Question(f"{says}: are its prices US dollars?", (*cents, dollars))
    if kind == NATURE and parameters.labgrown is None:
        answers = Answer("They are lab-grown", {"labgrown": True}), Answer("They are natural", {"labgrown": False})
        return Question(f"{says}: what are the stones of which no column says it?", answers)
    return None

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
from ingest.feeds.pricelist import currency_words, titles, words
from ingest.feeds.pricelist.discounts import discount
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.verdicts import Answer, Question, SupplierAsks, Verdict

#: What a text may say.
CURRENCY, NATURE, AVAILABILITY, PRICES = "currency", "nature", "availability", "prices"
#: That it is something else than stones for sale: an invoice, wanted stones, rough.
OFFER = "offer"
#: Texts that are kept of one list, and the longest that are looked at (characters).
MAX_TEXTS, MAX_LENGTH = 10, 300
#: Rupees, where their code is no word of a sentence.
_RUPEES = re.compile(r"\b(?:IN|RATES?|PRICES?)\s+RS\b", re.IGNORECASE)
#: Hundredths of any currency.
_HUNDREDTHS = re.compile(r"\b(?:CENTS|PENCE|PAISE|AGOROT|MINOR[ _]UNITS?)\b", re.IGNORECASE)
#: What makes of prices of stones something else: a share more or less, a tax, another unit, several stones.
_OF_PRICES = re.compile(
    r"\d\s?%.*\b(?:LESS|ADDITIONAL|EXTRA|FURTHER|DISCOUNTS?|OFF|BACK|SURCHARGE|VAT|GST|TAX|MARK-?UP|PREMIUM|MORE|HIGHER)\b"
    r"|\b(?:LESS|ADDITIONAL|EXTRA|FURTHER|DISCOUNTS?|PLUS|ADD|SURCHARGE|VAT|GST|TAX|INCL\w*)\b.*\d\s?%|[+-]\s?\d+(?:\.\d+)?\s?%"
    r"|\bINCL\w*\.?\s+(?:OF\s+)?(?:VAT|GST|TAX)"
    r"|\b(?:VAT|GST|TAX(?:ES)?)\W+(?:(?:IS|ARE|WILL BE|AS)\s+)?(?:EXTRA|ADDITIONAL|ON TOP)\b"
    r"|(?:\bPLUS|\+)\s*(?:VAT|GST|TAX(?:ES)?)\b|\bMEMO\s+(?:PRICES?|RATES?)|\b(?:PRICES?|RATES?)\b.*\b(?:MEMO|CONSIGNMENT)"
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
_OF_LOOKS = re.compile(rf"(?:{_LOOKS}).*{_GONE}|{_GONE}.*(?:{_LOOKS})", re.IGNORECASE)
_LEGEND = re.compile(
    rf"{_OF_LOOKS.pattern}|^(?:THE )?SOLD (?:LIST|STOCK|STONES|GOODS|ITEMS)\b"
    r"|\bOUT (?:ON|AT) (?:MEMO|SHOW|JANGAD)\b",
    re.IGNORECASE,
)
#: On which terms stones are lent or held, and of whom both kinds of stones are bought.
_TERMS = re.compile(
    r"\b(?:WELCOME|POSSIBLE|ALLOWED|ACCEPTED|OFFERED|ON REQUEST|UP ?TO \d|FOR UP TO|MAX(?:IMUM)?\b.*\d|TERMS?|POLICY)\b",
    re.IGNORECASE,
)
_NATURAL = re.compile(r"(?<!NOT )(?<!NON-)\b(?:NATURALS?|MINED)\b", re.IGNORECASE)
_OF_A_HOUSE = re.compile(
    r"\b(?:WE|OUR|US|DEAL(?:ERS?|S|ING)|MANUFACTUR\w+|SUPPL(?:Y|IERS?)|WHOLESALERS?|(?:IM|EX)PORTERS?|SPECIALI[SZ]\w+)\b",
    re.IGNORECASE,
)
#: Headers of columns that may say that a stone is not to be had, how it was made or in which currency it is priced.
_OF_AVAILABILITY = re.compile(
    r"MEMO|SOLD|HOLD|RESERV|BLOCK|PUBLISH|VISIB|INVOICE|AVAIL|DISCONTINU|CUSTOMER|CLIENT|BUYER|(?:ISSUED|GIVEN|LENT)TO"
    r"|^(?:ISSUE|SENT|OUT|BILL(?:ED)?|ASSIGN(?:ED)?|ALLOT(?:T?ED)?|ALLOCATED|TRANSFER(?:RED)?|DELIVERED|SHIPPED)TO$"
    r"|^(?:TAKEN|HELD|KEPT)BY$"
    r"|DISPOSITION|LOCKED|DELETED|CONSIGN|JANGAD|^OUT(?:WITH|BY|FOR)?$|^(?:BOOK|BOOKING|ISSUED?|LENT|LOAN)(?:NO|DATE|STATUS|FOR)?$"
)
#: Those that may hold many things besides, but never what is passed over: a status, and the stage that a stone is at.
_OF_STATUS = re.compile(r"STATUS|СТАТУС|סטטוס|状态|狀態")
_OF_STAGE = re.compile(r"(?:STONE|STOCK|STK|DIAMOND)?(?:STAGE|PROCESS|POSITION|FLAG|MODE)|ZUSTAND|LAGE|WEB")
_OF_NATURE = re.compile(r"GROWN|SYNTHE|MANMADE|TREAT|ENHANC|CVD|HPHT")
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
#: What of a text is another one every day, and signs that vary.
_MONTH = (
    r"(?:JAN(?:UARY)?|FEB(?:RUARY)?|MAR(?:CH)?|APR(?:IL)?|MAY|JUNE?|JULY?|AUG(?:UST)?|SEPT?(?:EMBER)?|OCT(?:OBER)?"
    r"|NOV(?:EMBER)?|DEC(?:EMBER)?)"
)
_DATES = re.compile(
    r"\b\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}\b|\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[AP]M\b)?|\b20\d\d\b"
    rf"|\b(?:\d{{1,2}}(?:ST|ND|RD|TH)?[\s-]+)?{_MONTH}\b\.?(?:[\s-]+\d{{1,2}}(?:ST|ND|RD|TH)?\b(?!\s?%))?"
)
_SIGNS = re.compile(r"[^\w%.+]+|\.(?!\d)")
_IN_DOLLARS = re.compile(rf"^\$$|{_DOLLARS.pattern}", re.IGNORECASE)
#: No share that is added to a price or taken off it is more (percent).
_MOST_PERCENT = 100
#: What has so few letters is a code of anything.
_MIN_CODE = 2


def speaks(text: str) -> bool:
    """Whether a text may say of stones in which currency they are priced, what they are, or that they are not to be had."""
    return bool(kind_of(text))


def kind_of(text: str) -> str:
    """Which of these a text says: `CURRENCY`, `PRICES`, `NATURE`, `AVAILABILITY`, `OFFER`, or nothing."""
    text = " ".join(text.split())[:MAX_LENGTH]
    if _HUNDREDTHS.search(text):
        return CURRENCY
    if (named := _NAMED.fullmatch(text)) and (by_name := _kind_by_name(named[1], named[2])) is not None:
        return by_name
    of_dollars, of_others = currency_words.named(text)
    if not of_dollars and (of_others or _RUPEES.search(text)):
        return CURRENCY
    said = nature.of_text[text]
    if said.grown or said.unclear or said.treated:
        deals_in_both = _NATURAL.search(text) and _OF_A_HOUSE.search(text)
        return "" if deals_in_both else NATURE
    if _OF_PRICES.search(text):
        return PRICES
    # A code of so few letters may be the name of a sheet.
    known = len(text) > _MIN_CODE and words.is_availability(text)
    hides = known and words.availability(text) != Availability.AVAILABLE.value and not _TERMS.search(text)
    return AVAILABILITY if hides or _LEGEND.search(text) else titles.says(text)


def is_legend(text: str) -> bool:
    """Whether a text says what the looks of rows, or their marks, mean: it is true of some rows, wherever it stands."""
    return _OF_LOOKS.search(text) is not None


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
    if _OF_CURRENCY.search(folded) or all(currency_words.is_name(cell) for cell in cells):
        return ("currency",)
    if _OF_FURTHER.search(folded) or _holds_shares_of_prices(folded, cells):
        return ("price",)
    if _OF_AVAILABILITY.search(folded) or any(words.typed_over[cell] is not None for cell in cells):
        return ("availability",)
    if _OF_STATUS.search(folded):
        return ("availability",)
    if _OF_NATURE.search(folded) or any(map(_speaks_of_kind, cells)):
        return ("lab_grown",)
    if sum(map(nature.is_model_of_rough, cells)) * 2 > len(cells):
        return ("material",)
    if _OF_STAGE.fullmatch(folded) and any(_is_name(cell) for cell in cells):
        return ("availability",)
    return ()


def _holds_shares_of_prices(folded: str, cells: Iterable[str]) -> bool:
    """Whether a column seems to hold percents that are added to a price or taken off it: by its name, or by its sign."""
    named = _OF_SHARES.fullmatch(folded) or ("PCT" in folded and not _OF_STONES.search(folded))
    if not named:
        return False
    said = [discount(cell) for cell in cells if cell.strip("0.,%+- ")]
    return bool(said) and all(share is not None and abs(share.number) <= _MOST_PERCENT for share in said)


def _is_name(cell: str) -> bool:
    """Whether a cell is a word or a name that promises nothing."""
    return len(fold(cell)) > _MIN_CODE and not any(map(str.isdigit, cell)) and not words.promises(cell)


def _speaks_of_kind(cell: str) -> bool:
    said = nature.of_text[cell]
    return bool(said.grown or said.treated or said.unclear)


def by_kind(texts: Iterable[str]) -> dict[str, str]:
    """What texts say, each with the first text that says it."""
    found: dict[str, str] = {}
    for text in telling(texts):
        found.setdefault(kind_of(text), storable(text))
    return found


def said_of(texts: Iterable[str]) -> tuple[str, ...]:
    """All that texts say of what a later list is held against: currency, nature and prices."""
    return tuple(storable(text) for text in telling(texts) if kind_of(text) in (CURRENCY, NATURE, PRICES))


def as_known(text: str) -> str:
    """A text as it is compared with that of another day, without dates: "Less 2%, valid 3 May 2026" → "LESS 2% VALID"."""
    return " ".join(_SIGNS.sub(" ", _DATES.sub(" ", text.upper())).split()).replace(" %", "%")


def refuse_change(before: Verdict, now: Verdict, parameters: Parameters) -> None:
    """Raise `SupplierAsks` if a list says of currency, nature or prices what the list before did not, nor the feed itself.

    A heading of stones that are not to be had comes and goes, and no parameter could answer it.
    """
    if before.outside is None:
        return
    known = None if before.said is None else set(map(as_known, before.said))
    for text in now.said or ():
        kind = kind_of(text)
        is_new = kind not in before.outside if known is None else as_known(text) not in known
        if is_new and (asks := _asks(kind, text, parameters)) is not None:
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
    if kind == PRICES and as_known(text) not in map(as_known, parameters.known_remarks):
        paid = Answer("They are paid as they are written", {"known_remarks": {as_known(text): "known"}})
        return Question(
            f"{says}: are its prices paid as they are written? If not, ask the supplier for those that are.", (paid,)
        )
    return None

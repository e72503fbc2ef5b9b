"""What a list says outside of its rows of stones, and may mean for all of them: a title, a heading of a part, a footer.

"All prices in EURO", "LAB GROWN DIAMONDS (CVD)", "ON MEMO" are no cells of a stone, so no column has them; nor is what a
JSON document says beside its array ("meta.currency: EUR"). Which rows they are meant for only a person can tell, who is
asked on the first day (`ingest.first_day`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from catalog.grades import fold
from catalog.models import Availability
from ingest.feeds import nature, values
from ingest.feeds.pricelist import words

#: Texts that are kept of one list, and the longest that are looked at (characters).
MAX_TEXTS, MAX_LENGTH = 10, 300
#: Other currencies by their codes, names and signs, as words of their own.
_OTHER_CURRENCY = re.compile(
    r"\b(?:EUR|EUROS?|GBP|HKD|INR|CHF|AUD|CAD|ILS|NIS|JPY|CNY|RMB|AED|ZAR|SGD|RUPEES?|POUNDS?|SHEKELS?|YEN)\b|[€£₹₪¥]|HK\s?\$",
    re.IGNORECASE,
)
#: Hundredths of any currency.
_HUNDREDTHS = re.compile(r"\b(?:CENTS|PENCE|PAISE|AGOROT|MINOR[ _]UNITS?)\b", re.IGNORECASE)
_DOLLARS = re.compile(r"\bUSD\b|\bUS\s?\$|\bUS DOLLARS?\b", re.IGNORECASE)
#: Headers of columns that may say that a stone is not to be had, how it was made or in which currency it is priced.
_OF_AVAILABILITY = re.compile(r"MEMO|SOLD|HOLD|RESERV|BLOCK|PUBLISH|VISIB|INVOICE|AVAIL|DISCONTINU")
_OF_NATURE = re.compile(r"GROWN|SYNTHE|MANMADE|TREAT|ENHANC")
_OF_CURRENCY = re.compile(r"CURRENC")
#: Of these headers a no keeps a stone from being offered.
_OFFERED = re.compile(r"PUBLISH|VISIB|AVAIL")
#: A value with its name, as heads of documents and titles have them.
_NAMED = re.compile(r"([^:]{1,100}): (.+)")
_IN_DOLLARS = re.compile(rf"^\$$|{_DOLLARS.pattern}", re.IGNORECASE)
#: What has so few letters is a code of anything.
_MIN_CODE = 2


def speaks(text: str) -> bool:
    """Whether a text may say of stones in which currency they are priced, what they are, or that they are not to be had."""
    text = " ".join(text.split())[:MAX_LENGTH]
    if _HUNDREDTHS.search(text):
        return True
    if (named := _NAMED.fullmatch(text)) and (by_name := _speaks_by_name(named[1], named[2])) is not None:
        return by_name
    if _OTHER_CURRENCY.search(text) and not _DOLLARS.search(text):
        return True
    said = nature.of_text[text]
    if said.grown or said.unclear or said.treated:
        return True
    return words.is_availability(text) and words.availability(text) != Availability.AVAILABLE.value


def _speaks_by_name(name: str, value: str) -> bool | None:
    """The same of a value with a name: "currency: THB", "labgrown: true", "type: lab"; None if the name says nothing."""
    folded, said = fold(name), values.yes_or_no(value)
    if _OF_CURRENCY.search(folded) and any(map(str.isalpha, value)):
        return not _IN_DOLLARS.search(value)
    if said is not None:
        if _OF_NATURE.search(folded) or _OF_AVAILABILITY.search(folded):
            return said is (_OFFERED.search(folded) is None)
        return "NATURAL" in folded and not said
    of_value = nature.of_text[value]
    is_word = len(value) > _MIN_CODE and words.is_availability(value)
    speaks_of_stones = is_word and words.availability(value) != Availability.AVAILABLE.value
    return True if of_value.grown or of_value.treated or speaks_of_stones else None


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
    if _OF_AVAILABILITY.search(folded):
        return ("availability",)
    if _OF_NATURE.search(folded) or any(nature.of_text[cell].grown or nature.of_text[cell].treated for cell in cells):
        return ("lab_grown",)
    return ()

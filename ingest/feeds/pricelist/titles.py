"""What titles, footers and names of sheets say of a list in the languages of the trade: `titles.csv`.

Some phrases say the same wherever they stand ("Prix TTC", "Labordiamanten"). Others name what a list is, an invoice, wanted
stones, pairs, rough, only where they are its title, and not within a sentence ("payment 30 days after invoice").
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from catalog.letters import plain

#: What a phrase may say: what the list is, how its stones were made, whether they are to be had, what is paid.
SAYS = ("offer", "nature", "availability", "prices")
_TITLE = "title"
#: A title has no more words; more of them are a sentence, unless they begin with what the list is.
_MOST_WORDS = 5
#: Where one part of a text ends: "POLISHED TENDER - RESULTS", "Invoice no. 4411 (paid)".
_PARTS = re.compile(r"\s[-–—|/]\s|[:;.,()\[\]|\n。，：；（）、]")
_WORD = re.compile(r"[^\W_]+")
#: Before a phrase these deny it, or make it part of a sentence.
_DENYING = frozenset(
    {
        "NO",
        "NOT",
        "NON",
        "WITHOUT",
        "KEINE",
        "KEIN",
        "NICHT",
        "OHNE",
        "PAS",
        "SANS",
        "GEEN",
        "NIET",
        "ZONDER",
        "SENZA",
        "SIN",
    }
    | {"НЕ", "БЕЗ", "לא", "ללא"}
)
_LEADING = _DENYING | {"ON", "AFTER", "FROM", "BY", "WITH", "UPON", "BEFORE", "PER", "AGAINST", "EXCEPT", "EXCLUDING"}
_DENYING_SIGNS = "非无無未不"
#: What is said of terms, and of the house that writes the list, is no title of one.
_OF_TERMS = re.compile(
    r"\b(?:AVAILABLE|REQUEST(?!ED|\s+LIST)|WELCOME|POSSIBLE|ACCEPTED|ALLOWED|INCLUDED|PROVIDED|ISSUED|WITHIN|DAYS?|PLEASE|ASK"
    r"|MANUFACTUR\w*|DEALERS?|IMPORT\w*|EXPORT\w*|SUPPLIERS?|WHOLESALERS?|LTD|LLC|INC|BV|BVBA|GMBH|COMPANY|AND POLISHED)\b"
)


def normal(text: str) -> str:
    """A text as phrases are compared with it: its words in capitals, without accents, a space around each."""
    return f" {' '.join(_WORD.findall(plain(text).upper()))} "


def _table() -> dict[str, tuple[str, bool]]:
    with Path(__file__).with_name("titles.csv").open(newline="", encoding="utf-8") as file:
        return {row["phrase"]: (row["says"], row["where"] == _TITLE) for row in csv.DictReader(file)}


#: Phrase → what it says, and whether only as a title; the longest first.
PHRASES = dict(sorted(_table().items(), key=lambda entry: -len(entry[0])))


def says(text: str) -> str:
    """What a text says by its phrases, one of `SAYS`; empty if it says nothing."""
    parts = [part for part in map(normal, _PARTS.split(plain(text))) if part.strip()]
    found = {what for part in [*parts, normal(text)] for what in _said_in(part, is_whole=part in parts)}
    return next((what for what in ("nature", "prices", "availability", "offer") if what in found), "")


def _said_in(part: str, *, is_whole: bool) -> Iterator[str]:
    """What one part of a text says; only of a whole part is it known whether it is a title."""
    is_of_terms = _OF_TERMS.search(part) is not None
    is_short = sum(word.isalpha() for word in part.split()) <= _MOST_WORDS
    for phrase, (what, only_title) in PHRASES.items():
        if only_title and (is_of_terms or not is_whole):
            continue
        before = _before(part, phrase)
        if before is None or before[-1:] in tuple(_DENYING_SIGNS):
            continue
        leading = before.split()[-3:]
        if (not only_title and not _DENYING.intersection(leading)) or (
            only_title and (not leading or (is_short and not _LEADING.intersection(leading[-1:])))
        ):
            yield what


def _before(part: str, phrase: str) -> str | None:
    """What stands before a phrase, which is made of whole words where a script parts words; None if it is not there."""
    whole = phrase if ord(phrase[0]) >= 0x0E00 else f" {phrase} "
    at = part.find(whole)
    return None if at < 0 else part[:at].rstrip()
